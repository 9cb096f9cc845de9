"""A new version changes a group that runs here: what changed stops as it was defined, and starts as it is."""

from dataclasses import replace
from typing import Any

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, Group, Resource
from standfast.resourced.changing import make_hands, make_way, resume
from standfast.resourced.events import Act, Verb
from standfast.resourced.hands import KILL_MARGIN_MS, Hand
from standfast.resourced.messages import OrderKind
from standfast.resourced.stages import Gate, Stage
from standfast.vocabulary import Cause, Holding, ProbeState, UnitState

OLD, NEW = "old", "new"


def group(*resources: str, name: str = "webserv", **settings: Any) -> Group:
    """`a=1` is unit a with definition 1."""
    pairs = (one.partition("=") for one in resources)
    made = tuple(Resource(unit=unit, definition=defined_as) for unit, _, defined_as in pairs)
    known = configuration(["n1"]).groups[0]
    return replace(known, name=name, resources=made, in_place=False, **settings)


BEFORE = group("a=1", "b=1", "c=1")


def unit(name: str, active: str, **more: Any) -> UnitState:
    cause = Cause(kind="signal", text=f"{name} was killed") if active == "failed" else None
    known = {"load": "loaded", "job": "", "processes": active in ("active", "deactivating"), "cause": cause, **more}
    return UnitState(unit=name, active=active, **known)


def states(**active: str) -> tuple[UnitState, ...]:
    return tuple(unit(name, value) for name, value in active.items())


UP = states(a="active", b="active", c="active")
ONE_LEFT = states(a="active", b="inactive", c="inactive")


class Bench:
    """A node with one group, as it is told of versions; what was done since it was last asked."""

    def __init__(self, before: Group = BEFORE) -> None:
        self.gate = Gate.OPEN
        self.able = True
        self.acts: list[Act] = []
        self.in_force = NEW
        self.hands = self._hands(before)

    def _hands(self, *groups: Group) -> dict[str, Hand]:
        known = getattr(self, "hands", {})
        return make_hands(groups, known, self.acts.append, lambda _: self.gate)

    @property
    def hand(self) -> Hand:
        return self.hands["webserv"]

    def did(self) -> list[str]:
        done = [f"{act.verb.value} {act.unit}".strip() for act in self.acts]
        self.acts.clear()
        return done

    def running(self, seen: tuple[UnitState, ...] = UP) -> "Bench":
        self.hand.ordered(OrderKind.START, 1, 0)
        self.hand.observed(seen, 0)
        self.acts.clear()
        return self

    def version(self, *groups: Group) -> Configuration:
        return replace(configuration(["n1"]), digest=NEW, groups=groups)

    def comes(self, *groups: Group, now: int = 1_000) -> bool:
        """The version with these groups is in force, and was told as offered: may it be put in place?"""
        return make_way(self.hands, self.version(*groups), now, able=self.able)

    def goes_on(self, installed: str, now: int) -> None:
        """Time passes with this version in place."""
        resume(self.hands.values(), now, in_place=installed == self.in_force)

    def in_place(self, *groups: Group, now: int = 2_000) -> "Bench":
        self.hands = self._hands(*groups)
        self.goes_on(NEW, now)
        return self

    def sees(self, **active: str) -> "Bench":
        self.hand.observed(states(**active), 2_000)
        return self


# What stops, and what goes on


@pytest.mark.parametrize(
    ("new", "stops"),
    [
        (group("a=1", "b=1", "c=1", domain="other", max_restarts=0, description="other"), []),
        (group("a=1", "b=1", "c=2"), ["c"]),
        (group("a=1", "b=2", "c=1"), ["c", "b"]),
        (group("a=2", "b=1", "c=1"), ["c", "b", "a"]),
        (group("a=1", "c=1", "b=1"), ["c", "b"]),
        (group("a=1", "b=1"), ["c"]),
        (group("b=1", "c=1"), ["c", "b", "a"]),
        (group("a=1", "b=1", "c=1", "d=1"), []),
    ],
    ids=["policy", "last", "middle", "first", "order", "last one leaves", "first one leaves", "one comes"],
)
def test_what_changed_stops_from_the_end_and_the_rest_goes_on(new: Group, stops: list[str]) -> None:
    bench, active = Bench().running(), dict.fromkeys("abc", "active")
    stopped = []
    for _ in BEFORE.resources:
        ready = bench.comes(new)
        done = [one.removeprefix("stop ") for one in bench.did() if one != "rest"]
        assert ready is not bool(done)
        stopped += done
        active |= dict.fromkeys(done, "inactive")
        bench.sees(**active)
        stopped += [one.removeprefix("stop ") for one in bench.did() if one not in ("rest", "probe")]
        active |= dict.fromkeys(stopped, "inactive")
        bench.sees(**active)
    assert stopped == stops
    assert bench.comes(new)


def test_what_is_new_is_started_with_the_target_when_it_is_in_place_and_was_looked_at() -> None:
    after = group("a=1", "b=1", "c=1", "d=1")
    bench = Bench().running()
    assert bench.comes(after)
    bench.in_place(after)
    assert bench.did() == ["rest"], "nobody knows yet what d is like"
    bench.sees(a="active", b="active", c="active")
    bench.sees(a="active", b="active", c="active", d="inactive").in_place(after)
    assert bench.did() == ["grant", f"start {after.target}"]
    bench.sees(a="active", b="active", c="active", d="active")
    assert (bench.did(), bench.hand.stage) == (["probe"], Stage.RUNNING)


def test_who_runs_what_a_version_does_not_change_is_not_touched() -> None:
    bench = Bench().running()
    after = replace(BEFORE, priority=7)
    assert bench.comes(after)
    bench.in_place(after)
    assert (bench.did(), bench.hand.stage) == ([], Stage.RUNNING)


def test_what_stopped_starts_again_under_the_new_version_and_is_held_all_the_time() -> None:
    after = group("a=1", "b=2", "c=1")
    bench = Bench().running()
    assert not bench.comes(after)
    assert (bench.hand.holding, bench.hand.busy) == (Holding.RUNNING, False)
    bench.sees(a="active", b="active", c="inactive")
    assert not bench.comes(after)
    bench.sees(a="active", b="inactive", c="inactive")
    assert bench.comes(after)
    assert (bench.hand.held().failed, bench.hand.held().partial) == ("", ("b", "c"))
    assert bench.did() == ["rest", "stop c", "stop b"]
    bench.in_place(after)
    assert bench.did() == ["grant", f"start {after.target}"]
    bench.sees(a="active", b="active", c="active")
    assert (bench.hand.holding, bench.hand.held().partial) == (Holding.RUNNING, ())


def test_a_start_under_the_new_version_that_fails_is_a_failed_start() -> None:
    after = group("a=1", "b=1", "c=2")
    bench = Bench().running()
    bench.comes(after)
    bench.sees(a="active", b="active", c="inactive").in_place(after).did()
    bench.sees(a="active", b="active", c="failed")
    assert bench.hand.stage is Stage.STOPPING
    assert bench.hand.failed == "c was killed"


def test_what_stopped_waits_for_the_gate_before_it_starts_again() -> None:
    after = group("a=2", "b=1", "c=1")
    bench = Bench().running()
    bench.comes(after)
    bench.sees(a="inactive", b="inactive", c="inactive").did()
    bench.gate = Gate.WAIT
    assert bench.in_place(after).did() == []
    bench.gate = Gate.OPEN
    assert bench.in_place(after).did() == ["grant", f"start {after.target}"]


def test_nothing_stops_that_could_not_start_again() -> None:
    bench = Bench().running()
    bench.able = False
    assert not bench.comes(group("a=1", "b=1", "c=2"))
    assert bench.did() == []


# What was begun comes to its end first


def test_a_start_that_was_begun_comes_to_its_end_first() -> None:
    after = group("a=1", "b=1", "c=2")
    bench = Bench()
    bench.hand.ordered(OrderKind.START, 1, 0)
    bench.did()
    assert not bench.comes(after)
    assert bench.did() == []
    bench.sees(a="active", b="active", c="active").did()
    assert not bench.comes(after)
    assert bench.did() == ["rest", "stop c"]


def test_a_start_that_was_not_begun_is_refused() -> None:
    bench = Bench()
    bench.gate = Gate.WAIT
    bench.hand.ordered(OrderKind.START, 1, 0)
    assert bench.comes(group("a=2", "b=1", "c=1"))
    assert (bench.hand.stage, bench.hand.busy) == (Stage.IDLE, False)
    assert bench.hand.refused == "a new version of its configuration comes first"


def test_a_stop_that_was_begun_comes_to_its_end_first() -> None:
    after = group("a=1", "b=1")
    bench = Bench().running()
    bench.hand.stop(0)
    assert not bench.comes(after)
    bench.sees(a="inactive", b="inactive", c="inactive")
    bench.hand.job_done(BEFORE.target, Verb.STOP, 10)
    assert bench.comes(after)


def test_what_does_not_stop_and_is_to_leave_keeps_the_version_away() -> None:
    """Nobody would look at it any more: it could start elsewhere while it runs here."""
    bench = Bench().running()
    bench.hand.stop(0)
    for now in (BEFORE.stop_timeout_ms, BEFORE.stop_timeout_ms + KILL_MARGIN_MS):
        bench.hand.time_passed(now)
    assert bench.hand.holding is Holding.STOP_FAILED
    assert not bench.comes(group("a=1", "b=1"))
    assert bench.comes(replace(BEFORE, priority=1))


def test_a_stop_order_makes_a_whole_stop_of_it() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=1", "c=2"))
    bench.did()
    bench.hand.ordered(OrderKind.STOP, 2, 1_100)
    assert bench.did() == ["revoke", "stop c"]
    bench.sees(a="active", b="active", c="inactive")
    assert bench.did() == ["stop b"]
    assert bench.hand.holding is Holding.STOPPING


def test_a_restart_order_stops_all_of_it_and_it_starts_with_the_new_version() -> None:
    after = group("a=1", "b=1", "c=2")
    bench = Bench().running()
    bench.comes(after)
    bench.sees(a="active", b="active", c="inactive").did()
    bench.hand.ordered(OrderKind.RESTART, 2, 1_100)
    assert (bench.did(), bench.hand.busy) == (["stop b"], False)
    bench.sees(a="inactive", b="inactive", c="inactive")
    assert bench.comes(after)
    assert bench.in_place(after).did()[-1] == f"start {after.target}"


# When something goes wrong


def test_what_does_not_stop_is_killed_and_what_goes_on_is_not() -> None:
    after = group("a=1", "b=1", "c=2")
    bench = Bench().running()
    bench.comes(after, now=0)
    bench.did()
    bench.hand.time_passed(BEFORE.stop_timeout_ms)
    assert bench.did() == ["kill c"]
    bench.sees(a="active", b="active", c="failed")
    assert bench.comes(after)
    assert bench.in_place(after).did() == ["grant", f"start {after.target}"]


def test_what_is_not_even_killed_is_a_failed_stop_as_any_other() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=1", "c=2"), now=0)
    bench.hand.time_passed(BEFORE.stop_timeout_ms)
    bench.did()
    bench.hand.time_passed(BEFORE.stop_timeout_ms + KILL_MARGIN_MS)
    assert (bench.hand.holding, bench.did()) == (Holding.STOP_FAILED, ["revoke"])
    bench.sees(a="active", b="active", c="inactive")
    assert bench.did() == ["stop b"], "it ends as a whole stop"


def test_what_goes_on_and_fails_meanwhile_has_failed() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=2", "c=1"))
    bench.sees(a="failed", b="active", c="inactive")
    assert bench.hand.failed == "a was killed"
    assert bench.hand.holding is Holding.RUNNING


def test_what_had_failed_and_is_changed_has_not_failed_any_more() -> None:
    bench = Bench().running()
    bench.sees(a="active", b="active", c="failed")
    assert bench.hand.failed
    assert bench.comes(group("a=1", "b=1", "c=2"))
    assert (bench.hand.failed, bench.hand.failed_units) == ("", ())


def test_a_version_that_does_not_come_into_its_place_is_not_waited_for_for_ever() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=1", "c=2"), now=0)
    bench.sees(a="active", b="active", c="inactive").did()
    longest = BEFORE.stop_timeout_ms + BEFORE.start_timeout_ms
    bench.goes_on(OLD, longest - 1)
    assert bench.did() == []
    bench.goes_on(OLD, longest)
    assert bench.hand.holding is Holding.STOPPING
    assert bench.hand.failed == "a new version of its configuration was not put in place here in time"


def test_a_later_version_that_changes_more_stops_more() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=1", "c=2"))
    bench.sees(a="active", b="active", c="inactive").did()
    assert not bench.comes(group("a=1", "b=2", "c=2"))
    assert bench.did() == ["stop b"]


def test_a_later_version_that_changes_less_stops_no_more() -> None:
    bench = Bench().running()
    bench.comes(group("a=2", "b=1", "c=1"))
    bench.sees(a="active", b="active", c="deactivating").did()
    after = group("a=1", "b=1", "c=2")
    assert not bench.comes(after)
    bench.sees(a="active", b="active", c="inactive")
    assert bench.comes(after)
    assert bench.in_place(after).did() == ["grant", f"start {after.target}"]


def test_going_back_to_the_version_that_is_in_place_starts_what_had_stopped() -> None:
    bench = Bench().running()
    bench.comes(group("a=1", "b=1", "c=2"))
    bench.sees(a="active", b="active", c="inactive").did()
    bench.in_force = OLD
    bench.goes_on(OLD, 2_000)
    assert bench.did() == ["grant", f"start {BEFORE.target}"]


def test_going_back_before_all_of_it_had_stopped_leaves_the_rest_up() -> None:
    bench = Bench().running()
    bench.comes(group("a=2", "b=1", "c=1"))
    bench.sees(a="active", b="active", c="deactivating").did()
    bench.in_force = OLD
    bench.goes_on(OLD, 2_000)
    bench.sees(a="active", b="active", c="inactive")
    bench.goes_on(OLD, 2_000)
    assert bench.did() == ["grant", f"start {BEFORE.target}"]


def test_a_group_that_is_gone_is_stopped_first() -> None:
    bench = Bench().running()
    assert not bench.comes()
    assert bench.did() == ["rest", "revoke", "stop c"]
    bench.sees(a="inactive", b="inactive", c="inactive")
    bench.hand.job_done(BEFORE.target, Verb.STOP, 10)
    assert bench.comes()


# A daemon that begins anew in the middle of it


def test_what_somebody_stopped_in_a_frozen_group_stays_stopped() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, ONE_LEFT, 0, frozen=True)
    bench.goes_on(NEW, 10**9)
    assert (bench.did(), bench.hand.stage) == (["probe"], Stage.RUNNING)


@pytest.mark.parametrize(
    "found",
    [
        ONE_LEFT,
        (*states(a="active"), unit("b", "deactivating", job="stop"), *states(c="inactive")),
        (*states(a="active", b="active"), unit("c", "deactivating")),
    ],
    ids=["it was stopped", "a stop is under way", "another one is"],
)
@pytest.mark.parametrize("installed", [OLD, NEW])
def test_a_daemon_that_begins_anew_takes_up_the_change(found: tuple[UnitState, ...], installed: str) -> None:
    after = group("a=1", "b=2", "c=1")
    bench = Bench(after if installed == NEW else BEFORE)
    bench.hand.adopt(True, True, found, 0)
    assert (bench.hand.holding, bench.hand.failed) == (Holding.RUNNING, "")
    if installed == OLD:
        bench.comes(after)
    bench.hand.observed(ONE_LEFT, 100)
    assert {one.split()[0] for one in bench.did()} <= {"stop"}, "it is neither let go nor begun anew"
    assert bench.comes(after)
    assert bench.in_place(after).did() == ["grant", f"start {after.target}"]
    bench.sees(a="active", b="active", c="active")
    assert bench.hand.holding is Holding.RUNNING


def test_a_unit_that_failed_while_nobody_looked_was_not_stopped_for_a_version() -> None:
    bench = Bench()
    bench.hand.adopt(True, True, (*states(a="active", b="failed"), unit("c", "inactive")), 0)
    assert (bench.hand.stage, bench.hand.failed) == (Stage.RUNNING, "b was killed; c is inactive")


# A stop is judged by the units that the group has


def test_a_stop_is_not_over_before_the_units_of_the_new_version_were_looked_at() -> None:
    after = group("a=1", "b=1", "d=1")
    bench = Bench().running()
    bench.comes(after)
    bench.sees(a="active", b="active", c="inactive").in_place(after).did()
    bench.hand.stop(3_000)
    bench.hand.observed(states(a="inactive", b="inactive", c="inactive"), 3_000)
    bench.hand.job_done(BEFORE.target, Verb.STOP, 3_000)
    assert "release" not in bench.did()
    bench.sees(a="inactive", b="inactive", d="active")
    assert "stop d" in bench.did()


def test_a_hung_unit_that_is_changed_is_killed_at_once() -> None:
    bench = Bench().running()
    bench.hand.observed((*states(a="active", b="active"), unit("c", "active", probe=ProbeState.BAD)), 10)
    bench.comes(group("a=1", "b=1", "c=2"))
    assert bench.did() == ["rest", "kill c"]
