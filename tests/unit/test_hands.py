"""What a node does with one group: orders and observed units go in, acts come out."""

from dataclasses import replace
from typing import Any

import pytest

from sim.machine import UNITS, configuration
from standfast.configuration.model import Resource
from standfast.resourced.changing import make_hands
from standfast.resourced.events import Act, Verb
from standfast.resourced.hands import KILL_MARGIN_MS, Hand
from standfast.resourced.messages import OrderKind
from standfast.resourced.stages import Gate, Stage
from standfast.vocabulary import Cause, Holding, ProbeState, UnitState

GROUP = replace(configuration(["n1"]).groups[0], in_place=False)
TARGET = GROUP.target
IP, WEB = UNITS


def unit(name: str, active: str, **more: Any) -> UnitState:
    alive = active in ("active", "activating", "deactivating")
    cause = Cause(kind="signal", text=f"{name} was killed") if active == "failed" else None
    known = {"load": "loaded", "job": "", "processes": alive, "cause": cause, **more}
    return UnitState(unit=name, active=active, **known)


def both(ip: str, web: str, **web_has: Any) -> tuple[UnitState, ...]:
    return (unit(IP, ip), unit(WEB, web, **web_has))


GONE, UP = both("inactive", "inactive"), both("active", "active")
STARTING = (unit(IP, "active"), unit(WEB, "inactive", job="start"))


class Bench:
    """One hand, the gate before it, and what it did since it was last asked."""

    def __init__(self, gate: Gate = Gate.OPEN, **settings: Any) -> None:
        self.gate = gate
        self.acts: list[Act] = []
        self.hand = Hand(replace(GROUP, **settings), self.acts.append, lambda: self.gate)

    def did(self) -> list[str]:
        done = [f"{act.verb.value} {act.unit}".strip() for act in self.acts]
        self.acts.clear()
        return done

    def at(self, stage: Stage) -> bool:
        return self.hand.stage is stage

    def has(self, holding: Holding) -> bool:
        return self.hand.holding is holding

    def running(self) -> "Bench":
        self.hand.ordered(OrderKind.START, 1, 0)
        self.hand.observed(UP, 0)
        self.acts.clear()
        return self

    def breaks(self, states: tuple[UnitState, ...]) -> "Bench":
        self.hand.observed(states, 1_000)
        assert self.hand.failed
        return self


# Starting


def test_a_start_holds_grants_and_starts_the_target_then_serves() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    assert bench.did() == ["hold", "grant", f"start {TARGET}"]
    assert (bench.hand.holding, bench.hand.busy) == (Holding.QUEUED, True)
    bench.hand.observed(STARTING, 10)
    assert bench.did() == []
    bench.hand.observed(UP, 20)
    assert bench.did() == ["probe"]
    assert (bench.hand.holding, bench.hand.busy, bench.hand.failed) == (Holding.RUNNING, False, "")


def test_a_start_is_over_when_the_probes_are_good() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(both("active", "active", probe=ProbeState.UNKNOWN), 10)
    assert bench.hand.busy
    bench.hand.observed(both("active", "active", probe=ProbeState.GOOD), 20)
    assert not bench.hand.busy


def test_a_start_that_fails_is_stopped_again_and_says_why() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(both("active", "active", probe=ProbeState.UNKNOWN), 10)
    bench.did()
    bench.hand.job_done(TARGET, Verb.START, 20)
    bench.hand.observed(both("active", "failed"), 20)
    assert bench.did() == ["rest", "revoke", f"stop {IP}", f"stop {TARGET}"]
    assert bench.has(Holding.STOPPING)
    bench.hand.observed(GONE, 30)
    assert bench.did() == []
    bench.hand.job_done(TARGET, Verb.STOP, 40)
    assert bench.did() == ["release"]
    assert (bench.hand.holding, bench.hand.busy) == (Holding.NOTHING, False)
    assert WEB in bench.hand.failed


BAD = both("active", "active", probe=ProbeState.BAD, bad_probes=("page",), doubt=True)
UNKNOWN = both("active", "active", probe=ProbeState.UNKNOWN)


def test_a_start_whose_probes_turn_bad_is_over_and_goes_on_running_as_one_that_failed_of_them() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(UNKNOWN, 10)
    bench.did()
    bench.hand.observed(BAD, 20)
    assert (bench.did(), bench.hand.busy) == ([], False)
    held = bench.hand.held()
    assert (held.holding, held.probes, held.doubt) == (Holding.RUNNING, (f"{WEB}/page",), True)
    assert held.failed


def test_a_start_that_only_waits_for_probes_is_over_in_time_as_unknown_is_not_bad() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(UNKNOWN, 10)
    bench.hand.time_passed(GROUP.start_timeout_ms - 1)
    assert bench.at(Stage.STARTING)
    bench.hand.time_passed(GROUP.start_timeout_ms)
    assert (bench.hand.holding, bench.hand.busy, bench.hand.failed) == (Holding.RUNNING, False, "")


def test_what_failed_of_more_than_its_probes_names_none() -> None:
    bench = Bench().running()
    bench.hand.observed((unit(IP, "failed"), BAD[1]), 10)
    assert (bench.hand.failed_units, bench.hand.held().probes) == ((IP, WEB), ())


def test_a_group_whose_probes_are_good_again_serves_again_without_an_order() -> None:
    bench = Bench().running()
    bench.hand.observed(BAD, 10)
    assert bench.hand.failed
    bench.hand.observed(UP, 20)
    held = bench.hand.held()
    assert (held.failed, held.units, held.probes, held.doubt, bench.did()) == ("", (), (), False, [])


BY_HAND = both("active", "inactive", by_hand=True)


def test_what_an_administrator_stopped_is_no_failure_and_its_probes_begin_anew_when_it_is_up_again() -> None:
    bench = Bench().running()
    bench.hand.observed(BY_HAND, 10)
    held = bench.hand.held()
    assert (held.holding, held.failed, held.partial, held.by_hand) == (Holding.RUNNING, "", (), (WEB,))
    assert bench.did() == ["rest"]
    bench.hand.observed(UP, 20)
    assert (bench.hand.held().by_hand, bench.did()) == ((), ["probe"])


@pytest.mark.parametrize("job", ["stop", "restart", "start"])
def test_probes_rest_while_somebody_stops_or_restarts_a_unit(job: str) -> None:
    """Its page is bad for as long as that takes: no failure."""
    bench = Bench().running()
    bench.hand.observed(both("active", "deactivating", job=job, probe=ProbeState.BAD), 10)
    assert (bench.hand.failed, bench.did()) == ("", ["rest"])
    bench.hand.observed(UP, 20)
    assert (bench.hand.failed, bench.did()) == ("", ["probe"])


def test_probes_of_what_only_reloads_go_on() -> None:
    bench = Bench().running()
    bench.hand.observed(both("active", "reloading", job="reload", probe=ProbeState.BAD), 10)
    assert bench.hand.failed_units == (WEB,)


def test_what_fails_beside_it_is_a_failure() -> None:
    bench = Bench().running()
    bench.hand.observed((unit(IP, "failed"), BY_HAND[1]), 10)
    assert (bench.hand.failed_units, bench.hand.held().by_hand) == ((IP,), (WEB,))


@pytest.mark.parametrize("states", [BY_HAND, tuple(replace(state, active="inactive", by_hand=True) for state in GONE)])
def test_a_daemon_that_restarts_takes_over_what_is_held_by_hand(states: tuple[UnitState, ...]) -> None:
    bench = Bench()
    bench.hand.adopt(True, True, states, 0)
    assert (bench.did(), bench.hand.holding, bench.hand.failed) == ([], Holding.RUNNING, "")


def test_a_start_goes_on_without_what_an_administrator_stopped_meanwhile() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(BY_HAND, 10)
    assert (bench.hand.busy, bench.hand.held().by_hand) == (False, (WEB,))


def test_a_restart_of_what_is_held_by_hand_starts_all_of_it_anew() -> None:
    bench = Bench(in_place=True).running()
    bench.hand.observed((unit(IP, "failed"), BY_HAND[1]), 10)
    bench.did()
    bench.hand.ordered(OrderKind.RESTART, 2, 20)
    assert bench.did()[0] == "revoke"
    assert bench.has(Holding.QUEUED)


def test_what_failed_of_its_probes_is_known_while_it_restarts() -> None:
    bench = Bench().running().breaks(BAD)
    bench.hand.ordered(OrderKind.RESTART, 2, 2_000)
    held = bench.hand.held()
    assert (held.holding, held.probes, held.doubt) == (Holding.QUEUED, (f"{WEB}/page",), False)


def test_a_unit_that_is_still_down_when_the_job_is_over_is_a_failed_start() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(both("active", "inactive"), 10)
    assert bench.at(Stage.STARTING)
    bench.hand.job_done(TARGET, Verb.START, 20)
    bench.hand.observed(both("active", "inactive"), 20)
    assert bench.at(Stage.STOPPING)


def test_a_lost_start_job_is_judged_when_no_unit_has_a_job() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.job_done(TARGET, Verb.START, 10, lost=True)
    bench.hand.observed(STARTING, 10)
    assert bench.at(Stage.STARTING)
    bench.hand.observed(both("active", "inactive"), 20)
    assert bench.at(Stage.STOPPING)


def test_a_start_that_does_not_end_in_time_is_stopped() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(STARTING, 10)
    bench.hand.time_passed(GROUP.start_timeout_ms - 1)
    assert bench.at(Stage.STARTING)
    bench.hand.time_passed(GROUP.start_timeout_ms)
    assert bench.at(Stage.STOPPING)
    assert bench.hand.failed == f"not started within 90 s: {WEB}"


def test_a_unit_that_is_not_critical_neither_holds_up_nor_fails_the_group() -> None:
    resources = tuple(replace(resource, critical=resource.unit == IP) for resource in GROUP.resources)
    bench = Bench(resources=resources).running()
    bench.hand.observed(both("active", "failed"), 10)
    assert bench.hand.failed == ""


# The gate


def test_a_start_waits_at_the_gate_and_begins_when_it_opens() -> None:
    bench = Bench(Gate.WAIT)
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.time_passed(100)
    assert bench.did() == []
    assert bench.has(Holding.NOTHING)
    bench.gate = Gate.OPEN
    bench.hand.time_passed(200)
    assert bench.did() == ["hold", "grant", f"start {TARGET}"]


def test_a_start_at_a_shut_gate_is_refused_aloud() -> None:
    bench = Bench(Gate.SHUT)
    bench.hand.ordered(OrderKind.START, 1, 0)
    assert bench.did() == []
    assert (bench.hand.busy, bench.hand.holding) == (False, Holding.NOTHING)
    assert "not quorate" in bench.hand.refused


def test_a_start_that_waits_is_forgotten_with_its_term_and_one_that_began_goes_on() -> None:
    waiting, begun = Bench(Gate.WAIT), Bench()
    for bench in (waiting, begun):
        bench.hand.ordered(OrderKind.START, 1, 0)
        bench.hand.term_ended()
        bench.gate = Gate.OPEN
        bench.hand.time_passed(100)
        assert (bench.hand.last_order, bench.hand.busy) == (0, False)
    assert (waiting.hand.stage, begun.hand.stage) == (Stage.IDLE, Stage.STARTING)


def test_a_restart_whose_gate_is_not_open_after_the_stop_ends_as_a_stop() -> None:
    bench = Bench().running().breaks(both("active", "failed"))
    bench.hand.ordered(OrderKind.RESTART, 2, 2_000)
    bench.gate = Gate.WAIT
    bench.hand.observed(GONE, 2_100)
    bench.did()
    bench.hand.job_done(TARGET, Verb.STOP, 2_200)
    assert bench.did() == ["release"]
    assert (bench.hand.holding, bench.hand.busy) == (Holding.NOTHING, False)


# Stopping


def test_a_stop_goes_from_the_last_unit_to_the_first_and_the_lease_goes_first() -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    assert bench.did() == ["rest", "revoke", f"stop {WEB}"]
    bench.hand.observed(both("active", "deactivating"), 10)
    assert bench.did() == []
    bench.hand.observed(both("active", "inactive"), 20)
    assert bench.did() == [f"stop {IP}", f"stop {TARGET}"]


@pytest.mark.parametrize("first", ["its target", "its last unit"])
def test_a_stop_is_over_when_the_last_unit_is_gone_and_the_job_of_its_target_is(first: str) -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    bench.hand.observed(both("active", "inactive"), 20)
    bench.did()
    for what in ("its target", "its last unit") if first == "its target" else ("its last unit", "its target"):
        assert (bench.did(), bench.hand.holding) == ([], Holding.STOPPING)
        if what == "its target":
            bench.hand.job_done(TARGET, Verb.STOP, 40)
        else:
            bench.hand.observed(GONE, 40)
    assert bench.did() == ["release"]
    assert (bench.hand.holding, bench.hand.busy) == (Holding.NOTHING, False)


@pytest.mark.parametrize(
    "rest",
    [{"processes": True}, {"traces": True}, {"job": "stop"}],
    ids=["a process", "a mount or an address", "a job"],
)
def test_an_inactive_unit_is_not_gone_while_it_has(rest: dict[str, Any]) -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    bench.did()
    bench.hand.observed(both("active", "inactive", **rest), 10)
    assert bench.did() == []


def test_the_end_of_a_stop_that_comes_late_stops_nothing_that_was_started_since() -> None:
    bench = Bench().running()
    bench.hand.job_done(TARGET, Verb.STOP, 10)
    assert (bench.did(), bench.hand.holding) == ([], Holding.RUNNING)


def test_the_end_of_another_stop_lets_nothing_go_that_runs() -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    bench.did()
    bench.hand.job_done(TARGET, Verb.STOP, 10)
    assert bench.did() == []
    assert bench.has(Holding.STOPPING)
    bench.hand.observed(GONE, 30)
    assert bench.did() == [f"stop {TARGET}"]
    bench.hand.job_done(TARGET, Verb.STOP, 40)
    assert bench.did() == ["release"]


def test_what_does_not_stop_is_killed_and_if_that_does_not_help_the_stop_has_failed() -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    bench.hand.observed(both("active", "deactivating"), 10)
    bench.did()
    bench.hand.time_passed(GROUP.stop_timeout_ms)
    assert bench.did() == [f"kill {IP}", f"kill {WEB}"]
    bench.hand.time_passed(GROUP.stop_timeout_ms + KILL_MARGIN_MS)
    assert (bench.hand.holding, bench.hand.busy) == (Holding.STOP_FAILED, False)
    assert WEB in bench.hand.failed
    bench.hand.observed(GONE, 60_000)
    assert bench.did() == [f"stop {TARGET}"]
    assert bench.has(Holding.STOPPING)
    bench.hand.job_done(TARGET, Verb.STOP, 60_100)
    assert bench.has(Holding.NOTHING)


def test_a_stop_whose_job_was_lost_is_asked_again() -> None:
    bench = Bench().running()
    bench.hand.ordered(OrderKind.STOP, 2, 0)
    bench.did()
    bench.hand.job_done(WEB, Verb.STOP, 10, lost=True)
    bench.hand.observed(UP, 20)
    assert bench.did() == [f"stop {WEB}"]


def test_a_stop_of_what_is_not_here_is_done_at_once() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.STOP, 1, 0)
    assert bench.did() == []
    assert not bench.hand.busy


def test_a_stop_order_during_a_stop_lets_it_go_on() -> None:
    bench = Bench().running()
    bench.hand.stop(0)
    bench.did()
    bench.hand.ordered(OrderKind.STOP, 2, 10)
    assert bench.did() == []
    assert bench.hand.busy


def test_losing_quorum_stops_and_a_start_in_the_middle_of_it_is_answered() -> None:
    bench = Bench().running()
    bench.hand.stop(100)
    assert bench.did() == ["rest", "revoke", f"stop {WEB}"]
    bench.hand.ordered(OrderKind.START, 2, 200)
    assert (bench.hand.busy, bench.hand.holding) == (False, Holding.STOPPING)


# Restarting


def test_a_restart_stops_everything_and_starts_again_without_letting_go_of_it() -> None:
    bench = Bench().running().breaks(both("active", "failed"))
    bench.hand.ordered(OrderKind.RESTART, 2, 2_000)
    assert bench.did() == ["rest", "revoke", f"stop {IP}", f"stop {TARGET}"]
    assert bench.has(Holding.QUEUED)
    bench.hand.observed(GONE, 2_100)
    bench.hand.job_done(TARGET, Verb.STOP, 2_200)
    assert bench.did() == ["grant", f"start {TARGET}"]
    bench.hand.observed(UP, 2_300)
    assert (bench.hand.holding, bench.hand.busy, bench.hand.failed) == (Holding.RUNNING, False, "")


def test_a_killed_unit_is_restarted_in_place() -> None:
    bench = Bench(in_place=True).running().breaks(both("active", "failed"))
    bench.hand.ordered(OrderKind.RESTART, 2, 2_000)
    assert bench.did() == ["rest", f"restart {WEB}"]
    bench.hand.observed(both("active", "inactive", job="start"), 2_100)
    bench.hand.observed(UP, 2_200)
    assert (bench.hand.holding, bench.hand.busy) == (Holding.RUNNING, False)


def test_a_hung_unit_is_killed_before_it_is_restarted_in_place() -> None:
    hung = both("active", "active", probe=ProbeState.BAD)
    bench = Bench(in_place=True).running().breaks(hung)
    bench.hand.ordered(OrderKind.RESTART, 2, 2_000)
    assert bench.did() == ["rest", f"kill {WEB}"]
    assert bench.has(Holding.RUNNING)
    bench.hand.observed(both("active", "failed", processes=True), 2_100)
    assert bench.did() == []
    bench.hand.observed(both("active", "failed"), 2_200)
    assert bench.did() == [f"restart {WEB}"]


def test_a_hung_unit_that_cannot_be_killed_is_a_failed_stop() -> None:
    bench = Bench(in_place=True).running().breaks(both("active", "active", probe=ProbeState.BAD))
    bench.hand.ordered(OrderKind.RESTART, 2, 0)
    bench.hand.time_passed(GROUP.stop_timeout_ms)
    bench.hand.time_passed(GROUP.stop_timeout_ms + KILL_MARGIN_MS)
    assert bench.has(Holding.STOP_FAILED)


def test_a_restart_of_what_does_not_run_is_answered_at_once() -> None:
    bench = Bench()
    bench.hand.ordered(OrderKind.RESTART, 1, 0)
    assert bench.did() == []
    assert not bench.hand.busy


def test_what_broke_and_came_back_by_itself_has_not_failed() -> None:
    bench = Bench().running().breaks(both("active", "failed"))
    bench.hand.observed(UP, 2_000)
    assert (bench.hand.failed, bench.hand.failed_units) == ("", ())


# A daemon that begins anew


def test_what_runs_and_is_held_is_taken_as_it_is() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, UP, 0)
    assert bench.did() == ["probe"]
    assert (bench.hand.holding, bench.hand.failed) == (Holding.RUNNING, "")


def test_a_start_that_was_under_way_goes_on() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, STARTING, 0)
    assert bench.did() == []
    assert bench.has(Holding.QUEUED)
    bench.hand.observed(UP, 10)
    assert bench.has(Holding.RUNNING)


def test_what_an_order_started_before_anybody_looked_has_come_to_its_end() -> None:
    """A group that is new in force may be ordered before what is here of it was read."""
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.job_done("webserv.target", Verb.START, 0)
    bench.hand.adopt(True, True, UP, 0)
    assert bench.hand.stage is Stage.RUNNING
    assert not bench.hand.busy, "the order is carried out"


def test_what_broke_while_nobody_looked_is_a_failure_and_not_stopped() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, both("active", "failed"), 0)
    assert bench.did() == ["probe"]
    assert bench.has(Holding.RUNNING)
    assert bench.hand.failed == f"{WEB} was killed"


def test_a_stop_that_was_under_way_goes_on() -> None:
    bench = Bench()
    bench.hand.adopt(True, False, both("active", "inactive"), 0)
    assert bench.did() == ["revoke", f"stop {IP}", f"stop {TARGET}"]


def test_what_runs_here_without_being_held_is_held_and_stopped() -> None:
    bench = Bench()
    bench.hand.adopt(False, False, both("active", "inactive"), 0)
    assert bench.did() == ["hold", "revoke", f"stop {IP}", f"stop {TARGET}"]
    assert "without being held" in bench.hand.failed


def test_files_that_nothing_runs_under_are_taken_away() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, GONE, 0)
    assert bench.did() == ["revoke", "release"]
    bench.hand.adopt(False, False, GONE, 0)
    assert bench.did() == []


def test_what_somebody_starts_here_by_hand_is_held_and_stopped() -> None:
    bench = Bench()
    bench.hand.observed(both("active", "inactive"), 0)
    assert bench.did() == ["hold", "revoke", f"stop {IP}", f"stop {TARGET}"]
    assert bench.has(Holding.STOPPING)
    assert "without an order" in bench.hand.failed


@pytest.mark.parametrize(
    "found", [{"active": "active"}, {"active": "activating"}, {"processes": True}, {"traces": True}]
)
def test_whatever_is_there_of_a_unit_without_an_order_is_held_and_stopped(found: dict[str, Any]) -> None:
    """A mount and an address have no process, and what is left of a unit may outlive its state."""
    there: dict[str, Any] = {"active": "inactive", "processes": False} | found
    states = (unit(IP, **there), unit(WEB, "inactive", processes=False))
    bench = Bench()
    bench.hand.observed(states, 0)
    assert bench.did()[:2] == ["hold", "revoke"]
    bench = Bench()
    bench.hand.adopt(False, False, states, 0)
    assert bench.did()[:2] == ["hold", "revoke"]


def test_a_start_by_hand_that_is_only_queued_is_left_to_systemd_which_refuses_it_without_the_lease() -> None:
    """Taken for a start it stopped the group where it served."""
    queued = tuple(replace(state, job="start") for state in both("inactive", "inactive", processes=False))
    bench = Bench()
    bench.hand.observed(queued, 0)
    assert (bench.did(), bench.has(Holding.NOTHING), bench.hand.failed) == ([], True, "")
    bench.hand.adopt(False, False, queued, 0)
    assert (bench.did(), bench.has(Holding.NOTHING), bench.hand.failed) == ([], True, "")
    bench.hand.adopt(False, True, queued, 0)
    assert bench.did() == ["revoke", "release"], "with a lease that nobody holds systemd would let it begin"
    bench.hand.observed(both("activating", "inactive"), 0)
    assert bench.did() == ["hold", "revoke", f"stop {IP}", f"stop {TARGET}"]


def test_a_group_with_new_settings_keeps_its_hand() -> None:
    acts: list[Act] = []
    hands = make_hands((GROUP,), {}, acts.append, lambda _: Gate.OPEN)
    again = make_hands((replace(GROUP, stop_timeout_ms=1),), hands, acts.append, lambda _: Gate.OPEN)
    assert again[GROUP.name] is hands[GROUP.name]
    assert again[GROUP.name].group.stop_timeout_ms == 1


@pytest.mark.parametrize("in_place", [False, True])
def test_what_stays_up_when_all_its_processes_were_killed_is_stopped(in_place: bool) -> None:
    """A unit with RemainAfterExit=yes, as an init script or a resource agent has it, does not go by itself."""
    bench = Bench(in_place=in_place).running().breaks(both("active", "active", probe=ProbeState.BAD))
    bench.did()
    bench.hand.ordered(OrderKind.RESTART, 2, 1_000)
    assert f"kill {WEB}" in bench.did()
    bench.hand.observed(both("active", "active", processes=False, probe=ProbeState.BAD), 1_010)
    assert bench.did() == [f"stop {WEB}"]
    bench.hand.observed(both("active", "deactivating", processes=False), 1_020)
    assert bench.did() == []
    bench.hand.observed(both("active", "inactive"), 1_030)
    assert bench.did() == ([f"restart {WEB}"] if in_place else [f"stop {IP}", f"stop {TARGET}"])


def test_what_has_failed_without_a_process_is_stopped_at_once() -> None:
    bench = Bench().running().breaks(both("active", "active", processes=False, probe=ProbeState.BAD))
    bench.did()
    bench.hand.ordered(OrderKind.RESTART, 2, 1_000)
    assert bench.did()[-1] == f"stop {WEB}"


# Addresses next to each other

ADDRESSES = tuple(Resource(unit=f"standfast-ip@192.0.2.{last}.service") for last in range(1, 4))
BEFORE_WEB = (*ADDRESSES, Resource(unit=WEB))


def addresses(web: str, **others: str) -> tuple[UnitState, ...]:
    return (*(unit(one.unit, others.get(f"a{last}", "active")) for last, one in enumerate(ADDRESSES)), unit(WEB, web))


def test_addresses_next_to_each_other_are_stopped_at_the_same_time_after_what_follows_them() -> None:
    bench = Bench(resources=BEFORE_WEB)
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.hand.observed(addresses("active"), 0)
    bench.did()
    bench.hand.ordered(OrderKind.STOP, 2, 10)
    assert bench.did() == ["rest", "revoke", f"stop {WEB}"]
    bench.hand.observed(addresses("inactive"), 20)
    assert bench.did() == [*(f"stop {one.unit}" for one in ADDRESSES), f"stop {TARGET}"]


def test_two_addresses_that_failed_are_not_mended_by_a_restart_of_the_first_in_its_place() -> None:
    for states, expected in (
        (addresses("active", a1="failed"), [f"restart {ADDRESSES[1].unit}"]),
        (addresses("active", a0="failed", a1="failed"), ["rest", "revoke", f"stop {WEB}"]),
    ):
        bench = Bench(resources=BEFORE_WEB, in_place=True)
        bench.hand.ordered(OrderKind.START, 1, 0)
        bench.hand.observed(addresses("active"), 0)
        bench.hand.observed(states, 10)
        bench.did()
        bench.hand.ordered(OrderKind.RESTART, 2, 20)
        assert bench.did()[-len(expected) :] == expected
