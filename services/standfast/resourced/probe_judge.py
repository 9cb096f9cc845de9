"""What the tries of one probe mean, and what several probes of a unit say together: pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, Self

from standfast.configuration.model import Level, Probe
from standfast.probes.verdict import Outcome, Try
from standfast.resourced.presence import View
from standfast.vocabulary import ProbeState

FIRST_RETRY_MS: Final = 50  # before the first success, doubled up to the interval: a start is seen at once
FLAPS: Final = 4  # changes between good and bad within WINDOW_MS, as of links
WINDOW_MS: Final = 60_000
_TOLD: Final = 3  # probes of one unit whose words are told together


class Judge:
    """What the tries of one probe mean.

    Before the first success bad tries do not count until the start timeout is over. Then `fail_after` bad ones in a
    row are bad, `pass_after` good ones in a row are good. A try that could not be made begins both counts anew.

    After FLAPS changes between good and bad within WINDOW_MS it flaps: it is held at the state that it had before the
    first of them until it has not changed for WINDOW_MS. Unknown is told also then.

    While one of those that it needs is not good it says nothing, whatever it said before.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.needs: tuple[Self, ...] = ()
        self.tries = 0
        self.latency_ms = 0  # of the last try
        self._good_ms: float | None = None  # when the last good try began, and when the last one
        self._tried_ms = 0.0
        self.blind = False  # its peers are to look, and there is none
        self._good = self._bad = 0
        self._seen = ProbeState.UNKNOWN
        self._mind = ProbeState.UNKNOWN  # good or bad, whichever was seen last
        self._held = ProbeState.UNKNOWN
        self._changes_ms: list[float] = []  # of mind, the last FLAPS
        self._lately: tuple[bool, ...] = ()  # of the last `fail_after` tries: it was bad, and that counted
        self.succeeded = False
        self.flaps = False
        self.spoke = False  # a try has said something, and be it that it could not be made
        self._text = ""

    @property
    def waits_for(self) -> Self | None:
        """One that it needs and that is not good; it is not to be tried."""
        if not self.needs or self.over:
            return None
        return next((need for need in self.needs if need.state is not ProbeState.GOOD), None)

    @property
    def looked_at(self) -> bool:
        """Something is known of it: it was tried, or is held back."""
        return self.tries > 0 or self.held_back

    @property
    def held_back(self) -> bool:
        """It waits for one that was looked at and is not good, or that is held back itself; or nobody can look."""
        need = self.waits_for
        return self.blind if need is None else need.looked_at

    @property
    def text(self) -> str:
        """What it saw last, or why nobody looks."""
        need = self.waits_for
        if need is None and self.blind:
            return "not looked at while no other node is here"
        return f"not looked at while {need.probe.called} is {need.state.value}" if need else self._text

    @property
    def state(self) -> ProbeState:
        """What counts."""
        if self.waits_for is not None:
            return ProbeState.UNKNOWN
        return self._held if self.flaps and self._seen is not ProbeState.UNKNOWN else self._seen

    @property
    def silent_ms(self) -> int | None:
        """From the begin of the last good try to the end of the last one; None: there was no good one."""
        return None if self._good_ms is None else round(self._tried_ms - self._good_ms + self.latency_ms)

    @property
    def doubt(self) -> bool:
        """It is bad, or one of its last tries was: what many probes ask is known to have failed before all are bad."""
        return self.state is ProbeState.BAD or (not self.over and any(self._lately))

    @property
    def over(self) -> bool:
        """Nothing more is to be seen: a start succeeds once."""
        return self.probe.level is Level.STARTUP and self._seen is ProbeState.GOOD

    def tried(self, one: Try, since_start_ms: float) -> ProbeState:
        """The state after this try, begun so long after the probe's start."""
        bad = self._bad
        self._looked(one)
        self._tried_ms = since_start_ms
        if one.outcome is Outcome.GOOD:
            self._good_ms = since_start_ms
        self._count(one, since_start_ms)
        self._lately = (*self._lately, self._bad > bad)[-self.probe.fail_after :]
        failed = one.outcome is Outcome.UNKNOWN and not self.probe.peers  # peers just may not have spoken yet
        self.spoke |= failed or self._seen is not ProbeState.UNKNOWN
        self._damp(since_start_ms)
        return self.state

    def _count(self, one: Try, since_start_ms: float) -> None:
        match one.outcome:
            case Outcome.UNKNOWN:
                self._good = self._bad = 0
                self._seen = ProbeState.UNKNOWN
            case Outcome.GOOD:
                self._good, self._bad, self.succeeded = self._good + 1, 0, True
                if self._good >= self.probe.pass_after:
                    self._seen = ProbeState.GOOD
            case Outcome.BAD:
                self._good = 0
                if self.succeeded or since_start_ms >= self.probe.start_timeout_ms:
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

    def ignored(self, one: Try) -> None:
        """This try says nothing; it begins the counts anew."""
        self._looked(one)
        self._good = self._bad = 0

    def _looked(self, one: Try) -> None:
        self.tries += 1
        self._text, self.latency_ms = one.text, one.latency_ms

    def rested(self) -> None:
        """It was not looked at for a while: what it saw before is old."""
        self._good = self._bad = 0
        self._lately = ()
        self._seen = ProbeState.UNKNOWN

    def pause_ms(self, one: Try) -> int:
        """From the begin of this try, the last one, to the next one's."""
        if not self.succeeded:
            return int(min(FIRST_RETRY_MS << min(max(self.tries - 1, 0), 20), self.probe.interval_ms))
        if one.outcome is Outcome.BAD and self.probe.fast_interval_ms is not None:
            return self.probe.fast_interval_ms
        return self.probe.interval_ms


def linked(probes: Iterable[Probe]) -> list[Judge]:
    """One for each probe of a unit, with those that it needs."""
    by_name = {probe.name: Judge(_counted(probe)) for probe in probes}
    for judge in by_name.values():
        judge.needs = tuple(by_name[name] for name in judge.probe.needs if name in by_name)
    return list(by_name.values())


def _counted(probe: Probe) -> Probe:
    """What is taken from elsewhere was counted there."""
    return replace(probe, fail_after=1, pass_after=1, start_timeout_ms=0) if probe.is_taken else probe


def seen_by_peers(probe: Probe, views: Mapping[str, View]) -> Try:
    """What a probe with From=peers says: good if anybody sees it good, bad if all who have seen it say bad."""
    good = [name for name, view in views.items() if probe.full_name in view.good]
    bad = [name for name, view in views.items() if probe.full_name in view.bad]
    told = [f"good from {', '.join(good)}"] if good else []
    told += [f"bad from {', '.join(bad)}"] if bad else []
    outcome = Outcome.GOOD if good else Outcome.BAD if bad else Outcome.UNKNOWN
    return Try(outcome=outcome, text=" and ".join(told) or "no other node has seen it yet")


def combine(several: Collection[Judge]) -> tuple[ProbeState, str]:
    """What the probes of one unit say together, the worst first, and what those saw that decide it.

    Of ready and degraded probes, and of all with OnFail=alert, only what is bad is told, and it stands below everything
    that the others say. One of those that is held back makes the unit degraded: it serves as far as anybody can see.
    """
    deciding = [judge for judge in several if judge.probe.decides]
    bad = [judge for judge in several if judge.state is ProbeState.BAD]
    not_ready = [judge for judge in bad if judge.probe.level is Level.READY]
    held_back = [judge for judge in deciding if judge.held_back]
    for state, told in (
        (ProbeState.BAD, [judge for judge in bad if judge.probe.decides]),
        (
            ProbeState.UNKNOWN,
            [judge for judge in deciding if judge.state is ProbeState.UNKNOWN and not judge.held_back],
        ),
        (ProbeState.NOT_READY, not_ready),
        (ProbeState.DEGRADED, [*bad, *held_back]),
        (ProbeState.GOOD, [judge for judge in several if judge.state is ProbeState.GOOD]),
    ):
        if told:
            more = [f"{len(told) - _TOLD} more"] if len(told) > _TOLD else []
            return state, "; ".join([*(_say(judge) for judge in told[:_TOLD]), *more])
    return ProbeState.NONE, ""


def _say(judge: Judge) -> str:
    return f"{judge.probe.called} is {judge.text}" if judge.held_back else judge.text


def against(judges: Iterable[Judge]) -> tuple[tuple[str, ...], bool]:
    """The names of the needed probes of a unit that are bad, and whether one of them is in doubt."""
    needed = [judge for judge in judges if judge.probe.decides]
    return tuple(judge.probe.name for judge in needed if judge.state is ProbeState.BAD), any(
        judge.doubt for judge in needed
    )
