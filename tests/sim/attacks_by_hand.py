"""Attacks on what an administrator stopped: it is no failure, and is not fought (DESIGN section 7)."""

from contextlib import AbstractContextManager
from dataclasses import replace
from random import Random

from sim.planted import Bug, _replaced
from sim.scripts import record_of, recover, run_until, served_on_the_first, starts
from sim.world import World
from standfast.resourced import unit_states
from standfast.resourced.hands import Hand
from standfast.resourced.messages import WishKind
from standfast.resourced.presence import Held
from standfast.vocabulary import UnitState

LONG_MS = 300_000


def _stopped_on_the_first(seed: int, count: int = 3) -> World:
    world = served_on_the_first(seed, count)
    world.administrators.stop("n1", "webserv", Random(seed))
    assert _by_hand(world)
    return world


def _by_hand(world: World) -> set[str]:
    return world.machines["n1"].places["webserv"].by_hand


def what_is_stopped_by_hand_stays_so() -> None:
    """Through new terms, a restart of the owner's daemon and of the coordinator's; then it is started there."""
    for seed in range(4):
        world = _stopped_on_the_first(seed)
        stopped, since = set(_by_hand(world)), world.now
        for name in ("n2", "n1", "n3"):
            world.run(world.now + LONG_MS)
            world.kill_daemon(name)
        world.run(world.now + LONG_MS)
        assert (_by_hand(world), starts(world, since)) == (stopped, [])
        world.administrators.start("n1", "webserv")
        world.run(world.now + 10_000)
        assert (world.serving(), starts(world, since)) == (["n1"], [])
        recover(world)


def something_else_fails_meanwhile() -> None:
    """Nothing is done before it is handed back; then what failed is a failure."""
    world = served_on_the_first(1, 3)
    place = world.machines["n1"].places["webserv"]
    since, (first, last) = world.now, place.units
    place.active[last] = "inactive"
    place.by_hand.add(last)
    world.units.observe("n1", "webserv")
    place.active[first] = "failed"
    world.units.observe("n1", "webserv")
    world.run(world.now + LONG_MS)
    assert (place.by_hand, starts(world, since)) == ({last}, [])
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 20_000)
    assert world.serving() == ["n1"]
    recover(world)


def owner_is_lost_meanwhile() -> None:
    """What was stopped by hand on a node that is gone starts elsewhere."""
    world = _stopped_on_the_first(2)
    world.run(world.now + 10_000)
    world.power_off("n1")
    run_until(world, lambda: world.serving() in (["n2"], ["n3"]))
    recover(world)


def owner_is_cut_off_meanwhile() -> None:
    """The others start it only when the owner, which still holds it, is proven off."""
    world = _stopped_on_the_first(3)
    world.cut({"n1": 1, "n2": 0, "n3": 0})
    run_until(world, lambda: world.serving() in (["n2"], ["n3"]))
    assert record_of(world, world.serving()[0]).losses["n1"].proof
    recover(world)


# Bugs


def stopped_by_hand_is_a_failure() -> AbstractContextManager[None]:
    observed = Hand.observed

    def rule(hand: Hand, states: tuple[UnitState, ...], now: int) -> None:
        observed(hand, tuple(replace(state, by_hand=False) for state in states), now)

    return _replaced(Hand, "observed", rule)


def daemon_that_begins_anew_starts_it() -> AbstractContextManager[None]:
    """What is down under its lease was stopped for a new version, whoever stopped it."""
    kept = unit_states.kept

    def rule(states: tuple[UnitState, ...]) -> int | None:
        return kept(tuple(replace(state, by_hand=False) for state in states))

    return _replaced(unit_states, "kept", rule)


def what_fails_beside_it_is_mended() -> AbstractContextManager[None]:
    """The others are not told that it is held by hand."""
    made = Hand._make_held

    def rule(hand: Hand) -> Held:
        return replace(made(hand), by_hand=())

    return _replaced(Hand, "_make_held", rule)


BUGS: tuple[Bug, ...] = (
    stopped_by_hand_is_a_failure,
    daemon_that_begins_anew_starts_it,
    what_fails_beside_it_is_mended,
)
