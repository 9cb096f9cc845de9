"""Corosync as a systemd unit: its file is right, it is started when it does not run, killed only to withdraw."""

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.bus import Bus, BusError
from standfast.files import write_atomic
from standfast.journal import Event, Level
from standfast.manager import MANAGER, MANAGER_PATH, SYSTEMD, kinds_of_jobs

UNIT: Final = "corosync.service"
SLOW_AFTER_S: Final = 15.0
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # after the 1st, 2nd … start; systemd allows 5 in 10 s
_GOOD_AFTER_S: Final = 30.0
_KILL_ASKED_S: Final = 1.0  # a bus that hangs is not waited for

# While one of these is going down, Corosync goes with it (PartOf): to start it would leave it behind, voting.
STOPPED_WITH: Final = ("standfast.target", "standfast-membershipd.service")


class Engine:
    """Counts the starts of Corosync, so that one that dies at once is not started without end."""

    def __init__(self, file: Path, now_s: Callable[[], float]) -> None:
        self._file = file
        self._now_s = now_s
        self._starts = 0
        self._next_s = 0.0
        self._since_s: float | None = None  # when Corosync was first missed
        self._told: set[str] = set()

    @property
    def key_file(self) -> Path:
        """Where Corosync reads its key: a file of its own, which changes with the other and at no other time."""
        return self._file.with_name("corosync.key")

    def write(self, text: str, key: bytes) -> bool:
        """The files hold `text` and `key`; True: there was another text before. Raises OSError."""
        self._file.parent.mkdir(mode=0o755, exist_ok=True)
        if not _holds(self.key_file, key):
            write_atomic(self.key_file, key, 0o600)
        if _holds(self._file, text.encode()):
            return False
        write_atomic(self._file, text.encode(), 0o644)
        return True

    def remove(self) -> None:
        """There is no file, so that systemd starts Corosync for nobody (its unit has a condition).

        Where it cannot be removed, a Corosync that somebody starts is killed again.
        """
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def answers(self) -> None:
        """Corosync runs and answers."""
        self._since_s = None
        self._told.clear()

    def died(self, lived_s: float) -> None:
        """Corosync is gone after `lived_s`; after a long life the next start comes at once."""
        if lived_s >= _GOOD_AFTER_S:
            self._starts, self._next_s = 0, 0.0

    async def start_if_due(self, bus: Bus | None) -> None:
        """systemd was asked to start Corosync, unless it was a moment ago or this node is about to leave."""
        now = self._now_s()
        self._since_s = self._since_s if self._since_s is not None else now
        if now - self._since_s > SLOW_AFTER_S:
            self._tell(f"Corosync does not come up or does not answer: journalctl -b -u {UNIT} says why")
        if now < self._next_s or bus is None or bus.closed.is_set():
            return
        try:
            if await _asked_already(bus):
                return
            await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "StartUnit", "ss", UNIT, "fail")
        except BusError as error:
            self._tell(f"systemd does not start {UNIT}: {error.text}")
        self._next_s = now + _PAUSES_S[min(self._starts, len(_PAUSES_S) - 1)]
        self._starts += 1

    async def kill(self, bus: Bus | None) -> bool:
        """systemd was asked to kill Corosync; False: it cannot be asked, or refuses.

        A stop would wait for its consent, which takes seconds while rings churn: so long the others cannot work.
        """
        if bus is None:
            return False
        arguments = (UNIT, "all", int(signal.SIGKILL))
        try:
            await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "KillUnit", "ssi", *arguments, timeout_s=_KILL_ASKED_S)
        except BusError:
            return False
        return True

    def _tell(self, text: str) -> None:
        """Once until Corosync answers again."""
        if text not in self._told:
            self._told.add(text)
            journal.write(Event.COROSYNC_START_FAILED, Level.ERROR, text)


def _holds(file: Path, data: bytes) -> bool:
    """False also when it cannot be read: it is written anew then."""
    try:
        return file.read_bytes() == data
    except OSError:
        return False


async def _asked_already(bus: Bus) -> bool:
    """A job for Corosync is queued, or what it belongs to is being stopped. Raises BusError."""
    kinds = await kinds_of_jobs(bus)
    return UNIT in kinds or any(kinds.get(unit) in ("stop", "restart") for unit in STOPPED_WITH)
