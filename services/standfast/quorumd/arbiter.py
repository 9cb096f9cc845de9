"""Whether the arbiter votes for this node's view, as votequorum has it from corosync-qdevice."""

from collections.abc import Callable
from typing import Any, Final

from standfast import journal
from standfast.journal import Event, Level

LOOK_S: Final = 2.0  # votequorum tells only what changes the quorum; a vote that comes or goes is looked for
TELL_AFTER_S: Final = 20.0  # it takes some seconds to connect at a start, and to answer a new ring
NO_ARBITER: Final[dict[str, Any]] = {"Arbiter": "", "ArbiterState": ""}


class Arbiter:
    """Its state as properties; the journal has when it falls silent for long and when it votes again."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.host = ""
        self._silent_since_s: float | None = None
        self._told = ""  # "votes" or "silent"

    def configure(self, host: str) -> None:
        """From now on it is this one; "": there is none."""
        if host != self.host:
            self.host, self._silent_since_s, self._told = host, None, ""

    def properties(self, flags: frozenset[str]) -> dict[str, Any]:
        """`flags` are votequorum's; none while Corosync does not run."""
        if not self.host:
            return NO_ARBITER
        state = _state(flags)
        self._tell(state)
        return {"Arbiter": self.host, "ArbiterState": state}

    def _tell(self, state: str) -> None:
        now = self._now_s()
        if state == "votes":
            self._silent_since_s = None
            if self._told != "votes":
                self._told = "votes"
                journal.write(Event.ARBITER_VOTES, Level.NOTICE, f"The arbiter {self.host} votes for this node's view")
            return
        self._silent_since_s = now if self._silent_since_s is None else self._silent_since_s
        if now - self._silent_since_s >= TELL_AFTER_S and self._told != "silent":
            self._told = "silent"
            why = "corosync-qdevice does not run here" if state == "away" else "corosync-qdevice-tool -s says more"
            text = f"The arbiter {self.host} has not voted for this node's view for {TELL_AFTER_S:g} s: {why}"
            journal.write(Event.ARBITER_SILENT, Level.WARNING, text)


def _state(flags: frozenset[str]) -> str:
    if "qdevice_cast_vote" in flags:
        return "votes"
    return "silent" if "qdevice_registered" in flags else "away"
