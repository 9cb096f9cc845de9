"""This node's own withdrawal: in force until its pause is over or an operator ends it, and kept on disk."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standfast import journal
from standfast.files import boottime_ms, sync_folder, write_atomic
from standfast.journal import Event, Level
from standfast.membershipd import pause
from standfast.membershipd.pause import Pause, PauseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the pause is kept, and the node's life in which it is counted."""

    file: Path
    incarnation: str


class Away:
    """Whether this node has withdrawn. `on_change` is called when `text` is another one."""

    def __init__(self, place: Place, on_change: Callable[[], None]) -> None:
        self.text = ""  # why, and until when; "": it has not withdrawn
        self._place = place
        self._on_change = on_change
        self._over = asyncio.Event()
        self._writes = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause = self._read()
        self._show()
        if not self.here:
            self._save()  # after a boot: from when it is counted now

    @property
    def here(self) -> bool:
        """It takes part, or tries to."""
        return self._pause is None or self._pause.over

    def withdraw(self, reason: str) -> str:
        """From now on it is away; what happens next, as a sentence. The disk has it a moment later."""
        self._set(pause.begin(self._pause, reason, self._place.incarnation, boottime_ms()))
        assert self._pause is not None
        length_s = self._pause.length_ms // 1000
        return f"its Corosync is started again in {length_s} s, or at once by: standfast node rejoin"

    def end(self, text: str) -> None:
        """It takes part again from now on; the next withdrawal is longer, until this one is forgotten."""
        assert self._pause is not None
        self._set(replace(self._pause, over=True))
        journal.write(Event.WITHDRAWAL_OVER, Level.NOTICE, text)
        self._over.set()

    def forget(self) -> None:
        """The faults are over: the next withdrawal begins with the shortest pause again."""
        if self._pause is not None and self._pause.over:
            self._set(None)

    async def wait(self, timeout_s: float) -> None:
        """Its pause is over, or `timeout_s` is."""
        if self._pause is None or self._pause.over:
            return
        self._over.clear()
        left_s = (self._pause.due_ms - boottime_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(left_s, 0.0), timeout_s)):
                await self._over.wait()
        if not self.here and self._pause.due_ms <= boottime_ms():
            self.end("The pause of this node's withdrawal is over: its Corosync is started again")

    def _set(self, new: Pause | None) -> None:
        self._pause = new
        self._show()
        self._save()
        self._on_change()

    def _save(self) -> None:
        task = asyncio.get_running_loop().create_task(self._store())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _show(self) -> None:
        if self._pause is None or self._pause.over:
            self.text = ""
            return
        until = datetime.now(UTC) + timedelta(milliseconds=self._pause.due_ms - boottime_ms())
        self.text = (
            f"{self._pause.reason}; its Corosync is started again at {until:%Y-%m-%dT%H:%M:%SZ}, "
            "or at once by: standfast node rejoin"
        )

    # the disk, which may be full or hang

    def _read(self) -> Pause | None:
        file = self._place.file
        try:
            return pause.resume(pause.decode(file.read_bytes()), self._place.incarnation, boottime_ms())
        except FileNotFoundError:
            return None
        except (OSError, PauseError) as error:
            text = f"{file} cannot be read ({error}): this node takes part as if it had never withdrawn"
            journal.write(Event.WITHDRAWAL_UNSTORED, Level.ERROR, text)
            return None

    async def _store(self) -> None:
        async with self._writes:  # what is newest is written last
            try:
                await asyncio.to_thread(_store, self._place.file, self._pause)
            except OSError as error:
                text = (
                    f"{self._place.file} cannot be written ({error}): a restart of membershipd forgets the withdrawal"
                )
                journal.write(Event.WITHDRAWAL_UNSTORED, Level.ERROR, text)


def _store(file: Path, new: Pause | None) -> None:
    """Raises OSError."""
    if new is None:
        file.unlink(missing_ok=True)
        sync_folder(file.parent)
        return
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomic(file, pause.encode(new))
