"""What the tries of one probe mean, and what several probes of a unit say together: pure."""

from collections.abc import Iterable
from typing import Final

from standfast.configuration.model import Level, Probe
from standfast.probes.verdict import Outcome, Try
from standfast.vocabulary import ProbeState

FIRST_RETRY_MS: Final = 50  # before the first success, doubled up to the interval: a start is seen at once
FLAPS: Final = 4  # changes between good and bad within WINDOW_MS, as of links
WINDOW_MS: Final = 60_000
_TOLD: Final = 3  # probes of one unit whose words are told together
_NEEDED: Final = (Level.STARTUP, Level.LIVE)  # without them a unit does not serve


class Judge:
    """What the tries of one probe mean.

    Before the first success bad tries do not count until the start timeout is over. Then `fail_after` bad ones in a
    row are bad, `pass_after` good ones in a row are good. A try that could not be made begins both counts anew.

    After FLAPS changes between good and bad within WINDOW_MS it flaps: it is held at the state that it had before the
    first of them until it has not changed for WINDOW_MS. Unknown is told also then.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._good = self._bad = 0
        self._succeeded = False
        self._seen = ProbeState.UNKNOWN
        self._mind = ProbeState.UNKNOWN  # good or bad, whichever was seen last
        self._held = ProbeState.UNKNOWN
        self._changes_ms: list[float] = []  # of mind, the last FLAPS
        self.flaps = False
        self.spoke = False  # a try has said something, and be it that it could not be made
        self.text = ""

    @property
    def state(self) -> ProbeState:
        """What counts."""
        return self._held if self.flaps and self._seen is not ProbeState.UNKNOWN else self._seen

    @property
    def over(self) -> bool:
        """Nothing more is to be seen: a start succeeds once."""
        return self.probe.level is Level.STARTUP and self._seen is ProbeState.GOOD

    def tried(self, one: Try, since_start_ms: float) -> ProbeState:
        """The state after this try, begun so long after the probe's start."""
        self.text = one.text
        self._count(one, since_start_ms)
        self.spoke |= one.outcome is Outcome.UNKNOWN or self._seen is not ProbeState.UNKNOWN
        self._damp(since_start_ms)
        return self.state

    def _count(self, one: Try, since_start_ms: float) -> None:
        match one.outcome:
            case Outcome.UNKNOWN:
                self._good = self._bad = 0
                self._seen = ProbeState.UNKNOWN
            case Outcome.GOOD:
                self._good, self._bad, self._succeeded = self._good + 1, 0, True
                if self._good >= self.probe.pass_after:
                    self._seen = ProbeState.GOOD
            case Outcome.BAD:
                self._good = 0
                if self._succeeded or since_start_ms >= self.probe.start_timeout_ms:
                    self._bad += 1
                if self._bad >= self.probe.fail_after:
                    self._seen = ProbeState.BAD

    def _damp(self, now_ms: float) -> None:
        before, self._mind = self._mind, self._mind if self._seen is ProbeState.UNKNOWN else self._seen
        if before not in (ProbeState.UNKNOWN, self._mind):
            self._changes_ms = [*self._changes_ms, now_ms][-FLAPS:]
        lately = [at for at in self._changes_ms if now_ms - at <= WINDOW_MS]
        if len(lately) == FLAPS and not self.flaps:
            self.flaps = True
            self._held = self._mind  # FLAPS is even: it was the same before the first of these changes
        elif not lately:
            self.flaps = False

    def pause_ms(self, one: Try, tries: int) -> int:
        """From the begin of this try, the `tries`-th, to the next one's."""
        if not self._succeeded:
            return int(min(FIRST_RETRY_MS << min(tries - 1, 20), self.probe.interval_ms))
        if one.outcome is Outcome.BAD and self.probe.fast_interval_ms is not None:
            return self.probe.fast_interval_ms
        return self.probe.interval_ms


def combine(judges: Iterable[Judge]) -> tuple[ProbeState, str]:
    """What the probes of one unit say together, the worst first, and what those saw that decide it.

    Of ready and degraded probes only what is bad is told, and it stands below everything that live ones say.
    """
    several = tuple(judges)
    needed = [judge for judge in several if judge.probe.level in _NEEDED]
    shown = [judge for judge in several if judge.state is ProbeState.BAD]
    for state, deciding in (
        (ProbeState.BAD, [judge for judge in needed if judge.state is ProbeState.BAD]),
        (ProbeState.UNKNOWN, [judge for judge in needed if judge.state is ProbeState.UNKNOWN]),
        (ProbeState.NOT_READY, [judge for judge in shown if judge.probe.level is Level.READY]),
        (ProbeState.DEGRADED, [judge for judge in shown if judge.probe.level is Level.DEGRADED]),
        (ProbeState.GOOD, [judge for judge in several if judge.state is ProbeState.GOOD]),
    ):
        if deciding:
            more = [f"{len(deciding) - _TOLD} more"] if len(deciding) > _TOLD else []
            return state, "; ".join([*(judge.text for judge in deciding[:_TOLD]), *more])
    return ProbeState.NONE, ""
