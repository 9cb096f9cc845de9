"""What this node does with its groups: orders in, acts on files and units out (DESIGN section 7, "On N").

Sans-I/O: the states of the units come in as they are read from systemd, acts go out as data. A stop is judged by what
is observed, never by an exit code. `held` is written before anything of a group may run here and removed only after its
observed stop; the lease lets its units start and goes first.
"""

from collections.abc import Callable, Iterable
from itertools import takewhile

from standfast.configuration.definitions import first_changed
from standfast.configuration.model import Group, OnFail
from standfast.configuration.steps import step_of
from standfast.resourced import unit_states
from standfast.resourced.events import Act, Verb
from standfast.resourced.messages import OrderKind
from standfast.resourced.presence import Held
from standfast.resourced.stages import Gate, Stage, holding
from standfast.resourced.unit_states import SOUND, Fault, by_hand, fault, is_up
from standfast.vocabulary import Holding, UnitState

KILL_MARGIN_MS = 5_000


class Hand:
    """One group on this node."""

    def __init__(self, group: Group, act: Callable[[Act], None], gate: Callable[[], Gate]) -> None:
        self.group = group
        self._act = act
        self._gate = gate
        self.stage = Stage.IDLE
        self.order = 0  # the one that is being carried out, 0 = none
        self.last_order = 0  # the last one read in this term
        self.fault = SOUND
        self.refused = ""  # why the last order was not begun
        self.states: tuple[UnitState, ...] = ()
        self._deadline = 0
        self._probing = False
        self._job_over = self._job_lost = self._target_down = False
        self._asked: dict[str, Verb] = {}  # units whose stop or kill was asked for
        self._again = False  # after this stop the group is started again here
        self._keeps = 0  # so many resources, from the first one, are not stopped
        self._held = Held(holding=Holding.NOTHING)
        self._held_of: tuple[object, ...] = ()  # what it was made of: it is asked at each step

    @property
    def failed(self) -> str:
        return self.fault.text

    @property
    def failed_units(self) -> tuple[str, ...]:
        return self.fault.units

    @property
    def busy(self) -> bool:
        return self.order != 0

    @property
    def holding(self) -> Holding:
        return holding(self.stage, again=self._again)

    def held(self) -> Held:
        made_of = (self.holding, self.stage, self.fault, self.states, self._probing, self.group)
        if made_of != self._held_of:
            self._held, self._held_of = self._make_held(), made_of
        return self._held

    def _make_held(self) -> Held:
        without = unit_states.unserving(self.states, self._critical(), probed=self._probing)
        return Held(
            holding=self.holding,
            failed=self.failed,
            units=self.failed_units,
            probes=self.fault.probes,
            leaves=any(probe.on_fail is OnFail.RELOCATE for probe in self.group.probes_called(self.fault.probes)),
            doubt=self._probing and any(state.doubt for state in self.states),
            partial=without if self.stage in (Stage.RUNNING, Stage.SHORTENING) else (),
            by_hand=by_hand(self.states) if self.stage is Stage.RUNNING else (),
            resources=() if self.holding is Holding.NOTHING else unit_states.reports(self.states),
        )

    # Orders

    def term_ended(self) -> None:
        """Orders of that term are void: what was not begun is forgotten, what was begun goes on and is reported."""
        self.order = self.last_order = 0
        if self.stage is Stage.WAITING:
            self.stage = Stage.IDLE

    def ordered(self, kind: OrderKind, number: int, now: int) -> None:
        self.order, self.last_order, self.refused = number, number, ""
        match kind:
            case OrderKind.START:
                self._ordered_start(now)
            case OrderKind.STOP:
                self._ordered_stop(now)
            case OrderKind.RESTART:
                self._ordered_restart(now)

    def _ordered_start(self, now: int) -> None:
        if self.stage in (Stage.IDLE, Stage.WAITING):
            self.fault = SOUND
            self.stage = Stage.WAITING
            self._begin_start(now)
        elif self.stage is not Stage.STARTING and not self._again:
            self.order = 0

    def _ordered_stop(self, now: int) -> None:
        self._again = False
        if self.stage in (Stage.IDLE, Stage.WAITING):
            self._become_idle()
        elif self.stage is not Stage.STOPPING:
            self.fault = SOUND
            self.stop(now)

    def _ordered_restart(self, now: int) -> None:
        if self.stage is Stage.SHORTENING:
            self._shorten_to(0, now)  # all of it starts anew with the new version
        if self.stage is not Stage.RUNNING:
            self.order = 0
            return
        hung = [state for state in self.states if state.unit in self.failed_units and not state.gone]
        if self._one_restart_will_do():
            self._rest()
            self.stage, self._deadline = Stage.KILLING, now + self.group.stop_timeout_ms
            self._asked = {}
            self._end(hung)
            self._kill_step(now)
        else:
            self._again = True
            self.stop(now)

    # Events

    def adopt(self, held: bool, leased: bool, states: tuple[UnitState, ...], now: int, *, frozen: bool = False) -> None:
        """Take what is found at the daemon's start: nothing that runs is stopped, unless it runs without `held`. Where
        an order came first this is its work (a new group). What is down in a `frozen` one was stopped by somebody."""
        if self.order or self.stage is not Stage.IDLE:
            self.observed(states, now)
            return
        self.states = states
        alive = held and (any(not state.gone for state in states) or (leased and bool(by_hand(states))))
        if not held and (begun := unit_states.begun(states)):
            self._do(Verb.HOLD)
            self._give_up(f"it ran here without being held: {', '.join(begun)}", now)
        elif alive and not leased:
            self.stop(now)  # a stop that had begun goes on
        elif alive and not frozen and (keeps := unit_states.kept(states)) is not None:
            self._shorten_to(keeps, now)
        elif alive:
            jobs = any(state.job or state.active == "activating" for state in states)
            self.stage = Stage.STARTING if jobs else Stage.RUNNING
            self._deadline = now + self.group.start_timeout_ms
            self._job_over = False
            self.observed(states, now)
        elif held or leased:
            self._do(Verb.REVOKE)
            self._do(Verb.RELEASE)

    def observed(self, states: tuple[UnitState, ...], now: int) -> None:
        """The units as they are now, all of the group's, in start order; those of an older version mean nothing."""
        if not self._are_ours(states):
            return
        self.states = states
        match self.stage:
            case Stage.STARTING:
                self._starting(now)
            case Stage.RUNNING:
                self._running()
            case Stage.SHORTENING:
                self._judge()
                self._stop_step(now)
            case Stage.KILLING:
                self._kill_step(now)
            case Stage.STOPPING | Stage.STOP_FAILED:
                self._stop_step(now)
            case Stage.IDLE if begun := unit_states.begun(states):
                self._do(Verb.HOLD)
                self._give_up(f"started here without an order: {', '.join(begun)}", now)

    def job_done(self, unit: str, verb: Verb, now: int, *, lost: bool = False) -> None:
        """A job that was asked for is over, whatever its result, and the units' states follow at once; of a lost one
        nobody knows the end: a stop is asked again, a start is judged when no unit has a job any more."""
        if lost:
            self._asked.pop(unit, None)
            self._job_lost = verb in (Verb.START, Verb.RESTART)
        elif verb is Verb.STOP and unit == self.group.target:
            self._target_down = unit in self._asked
            if self.stage in (Stage.STOPPING, Stage.STOP_FAILED) and self._are_ours(self.states):
                self._stop_step(now)
        elif verb in (Verb.START, Verb.RESTART) and self.stage is Stage.STARTING:
            self._job_over = True

    def time_passed(self, now: int) -> None:
        if self.stage is Stage.WAITING:
            self._begin_start(now)
        elif self.stage is Stage.STARTING and now >= self._deadline:
            self._start_late([unit_states.named(state) for state in self._critical() if not is_up(state)], now)
        elif self.stage in (Stage.STOPPING, Stage.KILLING, Stage.SHORTENING) and now >= self._deadline:
            self._stop_late(self._left(), now)

    def stop(self, now: int) -> None:
        """Stop everything here, in reverse order; the lease goes first."""
        self._rest()
        self._do(Verb.REVOKE)
        self.stage, self._deadline = Stage.STOPPING, now + self.group.stop_timeout_ms
        self._asked, self._keeps, self._target_down = {}, 0, False
        self._stop_step(now)

    # A new version of its configuration

    def shorten(self, new: Group, now: int, *, may_stop: bool) -> bool:
        """True: `new` may be put in place, for what it changes is down, with all behind it. What is not is stopped from
        the end, if it may be. What was begun comes to its end first: ask again."""
        first = first_changed(self.group, new)
        if self.stage is Stage.WAITING and first is not None:
            self.refused = "a new version of its configuration comes first"
            self._become_idle()
        shortening = self.stage is Stage.SHORTENING
        if shortening:
            self._spare(first)
        if first is not None and (first < self._keeps if shortening else self.stage is Stage.RUNNING):
            if not may_stop:
                return False
            self._shorten_to(first, now)
        if self.stage is Stage.SHORTENING:
            return not self._left()
        return first is None or self.stage is Stage.IDLE

    def resume(self, now: int) -> None:
        """The version in force is in place: what was stopped for it starts, when that may be; what is up stays so."""
        if self.stage is Stage.SHORTENING:
            self._spare(None)
            if not self._left() and self._are_ours(self.states) and self._gate() is Gate.OPEN:
                self._start(now)

    def expire(self, now: int) -> None:
        """What was stopped for a new version waits no longer for it than a start may take: then it has failed here."""
        due = self._deadline + self.group.start_timeout_ms
        if self.stage is Stage.SHORTENING and not self._left() and now >= due:
            self._give_up("a new version of its configuration was not put in place here in time", now)

    def _shorten_to(self, keeps: int, now: int) -> None:
        """The lease stays: whoever finds the group like that starts it again."""
        self._rest()
        self.stage, self._deadline = Stage.SHORTENING, now + self.group.stop_timeout_ms
        self._asked, self._keeps, self._target_down = {}, keeps, False
        self._stop_step(now)
        self._judge()

    def _spare(self, first: int | None) -> None:
        """What is up before that place, and was to stop for another version, goes on."""
        up = takewhile(lambda state: is_up(state) and state.unit not in self._asked, self.states[self._keeps : first])
        self._keeps += len(list(up))

    # Steps

    def _do(self, verb: Verb, unit: str = "") -> None:
        self._act(Act(verb=verb, group=self.group.name, unit=unit))

    def _rest(self) -> None:
        if self._probing:
            self._do(Verb.REST)
        self._probing = False

    def _are_ours(self, states: tuple[UnitState, ...]) -> bool:
        return [state.unit for state in states] == [resource.unit for resource in self.group.resources]

    def _critical(self) -> tuple[UnitState, ...]:
        """Those that must serve now."""
        critical = {resource.unit for resource in self.group.resources if resource.critical}
        states = self.states[: self._keeps] if self.stage is Stage.SHORTENING else self.states
        return tuple(state for state in states if state.unit in critical and not state.by_hand)

    def _left(self) -> list[UnitState]:
        """What is still to stop."""
        return [state for state in self.states[self._keeps :] if not state.gone]

    def _begin_start(self, now: int) -> None:
        match self._gate():
            case Gate.SHUT:
                self.refused = "this node leaves, is not quorate, or its ticks are not echoed"
                self._become_idle()
            case Gate.OPEN:
                self._do(Verb.HOLD)
                self._start(now)

    def _start(self, now: int) -> None:
        self._do(Verb.GRANT)
        self.stage, self._deadline = Stage.STARTING, now + self.group.start_timeout_ms
        self._job_over = self._job_lost = self._again = False
        self._keeps = 0
        self._do(Verb.START, self.group.target)

    def _starting(self, now: int) -> None:
        critical = self._critical()
        self._job_over |= self._job_lost and not any(state.job for state in self.states)
        up = all(map(is_up, critical))
        if up:
            self._probe()
        found = fault(critical, probed=self._probing)
        if all(state.serving for state in critical) or (up and found.text):
            self._started()  # a bad probe is no reason to stop what runs: the plan judges it as it does later
        elif found.text and (self._job_over or any(state.active == "failed" and not state.job for state in critical)):
            self.fault = found
            self.stop(now)

    def _started(self) -> None:
        self.stage, self.order = Stage.RUNNING, 0
        self._judge()

    def _start_late(self, waiting: list[str], now: int) -> None:
        """Probes have a StartTimeout= of their own, and what they do not know yet is not bad."""
        if waiting:
            self._give_up(f"not started within {self.group.start_timeout_ms // 1000} s: {', '.join(waiting)}", now)
        else:
            self._started()

    def _give_up(self, why: str, now: int) -> None:
        self._fail(why)
        self.stop(now)

    def _fail(self, why: str) -> None:
        self.fault = Fault(text=why, units=self.failed_units)

    def _running(self) -> None:
        """While an administrator has stopped something, or stops or restarts it, probes rest; then they begin anew."""
        (self._rest if by_hand(self.states) or unit_states.moving(self.states) else self._probe)()
        self._judge()

    def _probe(self) -> None:
        if not self._probing:
            self._probing = True
            self._do(Verb.PROBE)

    def _judge(self) -> None:
        """What has failed of that which must serve."""
        self.fault = fault(self._critical(), probed=self._probing)

    def _kill_step(self, now: int) -> None:
        left = [state for state in self.states if state.unit in self._asked and not state.gone]
        self._end(left)
        if left:
            return
        self.stage, self._deadline = Stage.STARTING, now + self.group.start_timeout_ms
        self._job_over = self._job_lost = False
        self._do(Verb.RESTART, self.failed_units[0])

    def _one_restart_will_do(self) -> bool:
        """InPlace=yes, and all that failed follows its first unit."""
        units = self.failed_units
        beside = step_of(self.group.resources, units[0]).intersection(units) if units else ()
        return self.group.in_place and len(beside) == 1 and not by_hand(self.states)

    def _stop_step(self, now: int) -> None:
        """The target's job goes beside those of the last resources; the stop is over when all of them are."""
        left = self._left()
        step = step_of(self.group.resources, left[-1].unit) if left else ()
        self._end(state for state in left if state.unit in step)
        if self.stage is Stage.SHORTENING or any(state.unit not in step for state in left):
            return
        self.stage = self.stage if left else Stage.STOPPING
        if self.group.target not in self._asked:
            self._asked[self.group.target] = Verb.STOP
            self._do(Verb.STOP, self.group.target)
        elif self._target_down and not left:
            self._stopped(now)

    def _end(self, states: Iterable[UnitState]) -> None:
        """What has failed is killed, not asked. What is up without a process (a mount, RemainAfterExit=) is stopped."""
        for state in states:
            failed = state.unit in self.failed_units
            verb = Verb.KILL if failed and (state.processes or not is_up(state)) else Verb.STOP
            if self._asked.get(state.unit) not in (verb, Verb.STOP):
                self._asked[state.unit] = verb
                self._do(verb, state.unit)

    def _stop_late(self, left: list[UnitState], now: int) -> None:
        if left and "killed" not in self._asked:
            self._asked["killed"] = Verb.KILL
            self.stage = self.stage if self.stage is Stage.SHORTENING else Stage.STOPPING
            self._deadline = now + KILL_MARGIN_MS
            for state in left:
                self._do(Verb.KILL, state.unit)
        elif left:
            if self.stage is Stage.SHORTENING:
                self._do(Verb.REVOKE)
            self.stage, self.order, self._keeps = Stage.STOP_FAILED, 0, 0
            self._fail(f"{', '.join(state.unit for state in left)} did not stop, not even when killed")

    def _stopped(self, now: int) -> None:
        if self._again and self._gate() is Gate.OPEN:
            self._start(now)
            return
        self._do(Verb.RELEASE)
        self._become_idle()

    def _become_idle(self) -> None:
        self.stage, self.order, self._again = Stage.IDLE, 0, False
