"""Which files of /etc/standfast this node offers: good ones whose fence devices their agents know.

The loader runs no program. So this node's fenced is asked, which asks the agents, before files that are not in force
are offered: a configuration comes into force only where every node offers it.
"""

from collections.abc import Awaitable, Callable

from standfast.bus import BusError
from standfast.configuration.model import Configuration

Ask = Callable[[], Awaitable[tuple[str, tuple[str, ...]]]]  # the digest of the files, and what speaks against them


class Offering:
    """`waits`: what `offered` was asked for last is not judged yet, as fenced was away or read other files."""

    def __init__(self, ask: Ask, tell: Callable[[str], None]) -> None:
        self._ask = ask
        self._tell = tell  # gets a sentence for each problem, FILE:LINE first
        self._good = self._refused = ""  # digests of what was judged last
        self.waits = False

    def offered(self, files: Configuration | None, in_force: str) -> Configuration | None:
        """`files`, if they may come into force or are it; `in_force` is the record's digest, "" = unknown."""
        may = files is not None and (not in_force or files.digest in (in_force, self._good))
        self.waits = files is not None and not may and files.digest != self._refused
        return files if may else None

    async def judge(self, files: Configuration | None, in_force: str) -> None:
        """fenced was asked about `files` where that is needed; what speaks against them is told."""
        if files is None or self.offered(files, in_force) is not None:
            return
        try:
            digest, problems = await self._ask()
        except BusError:
            return
        if digest != files.digest:
            return
        for problem in problems:
            self._tell(problem)
        self._good, self._refused = ("", digest) if problems else (digest, "")
