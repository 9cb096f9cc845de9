"""The simulated network itself: what faulty links make of a side, and who has the arbiter's vote when."""

import pytest

from sim.arbiter import LINGERS_MS, SYNC_MS, TIMEOUT_MS, Arbiter
from sim.faulty import Parts, divide
from sim.network import DETECT_MS
from sim.scripts import isolate, members, quiet, run_until
from sim.world import World

NAMES = ("n1", "n2", "n3", "n4")
LATEST_RING_MS = DETECT_MS + 400


def parts(*pairs: str, names: tuple[str, ...] = NAMES, blamed: tuple[str, ...] = NAMES) -> Parts:
    """parts("n1-n2"): these do not hear each other."""
    return divide({0: names}, [frozenset(pair.split("-")) for pair in pairs], blamed)


@pytest.mark.parametrize(
    ("pairs", "blamed", "odd", "stuck"),
    [
        (("n1-n2",), NAMES, {"n2"}, {"n1", "n3", "n4"}),
        (("n1-n2",), ("n2", "n1", "n3", "n4"), {"n1"}, {"n2", "n3", "n4"}),
        (("n1-n2", "n3-n4"), NAMES, {"n2", "n4"}, {"n1", "n3"}),
        (("n1-n2", "n1-n3", "n1-n4"), NAMES, set(), set()),  # n1 is cut off
    ],
)
def test_who_is_alone_in_new_rings_and_who_is_stuck(
    pairs: tuple[str, ...], blamed: tuple[str, ...], odd: set[str], stuck: set[str]
) -> None:
    found = parts(*pairs, blamed=blamed)
    assert (set(found.odd), set(found.stuck)) == (odd, stuck)


def test_nodes_that_no_good_link_joins_are_parted() -> None:
    reach = parts("n1-n3", "n1-n4", "n2-n3", "n2-n4").reach
    assert reach["n1"] == reach["n2"] != reach["n3"] == reach["n4"]


def test_a_fault_of_a_node_that_is_off_is_none() -> None:
    assert parts("n1-n2", names=("n1", "n3", "n4")) == Parts()


def with_arbiter(count: int) -> tuple[World, Arbiter]:
    world = quiet(61, count, arbiter=True)
    world.run(20_000)
    assert world.arbiter is not None
    assert members(world, "n1") == tuple(world.names)
    return world, world.arbiter


def votes(world: World, arbiter: Arbiter) -> set[str]:
    """Who has the arbiter's vote for its present ring."""
    return {name for name in world.names if arbiter.vote(world.network.stations[name])}


def test_who_is_left_has_the_vote_when_the_other_one_is_missed() -> None:
    world, arbiter = with_arbiter(2)
    since = world.now
    world.power_off("n1")
    run_until(world, lambda: world.network.stations["n2"].ring_nodes == ("n2",))
    run_until(world, lambda: votes(world, arbiter) == {"n2"})
    assert world.now - since <= max(LATEST_RING_MS, TIMEOUT_MS * 12 // 10) + 500


def test_the_half_with_the_lowest_node_has_the_vote_and_the_other_one_is_told_no() -> None:
    world, arbiter = with_arbiter(4)
    world.cut({"n1": 0, "n4": 0, "n2": 1, "n3": 1})
    world.run(world.now + LATEST_RING_MS + 1_000)
    assert votes(world, arbiter) == {"n1", "n4"}


def test_who_is_cut_off_from_everybody_keeps_the_vote_for_a_while() -> None:
    world, arbiter = with_arbiter(2)
    arbiter.early = 1.0
    since = world.now
    isolate(world, "n1")
    arbiter.cut_off("n1")
    run_until(world, lambda: votes(world, arbiter) == {"n1", "n2"} and members(world, "n2") == ("n2",))
    run_until(world, lambda: votes(world, arbiter) == {"n2"})
    assert world.now - since <= LINGERS_MS[1]


def test_a_ring_waits_for_an_arbiter_that_does_not_answer_and_then_goes_without() -> None:
    world, arbiter = with_arbiter(2)
    arbiter.early, arbiter.lingers_ms = 0.0, (60_000, 60_000)
    arbiter.dies(told=False)
    world.power_off("n2")
    station = world.network.stations["n1"]
    run_until(world, lambda: station.ring_nodes == ("n1",))
    since = world.now
    assert arbiter.vote(station) is None
    run_until(world, lambda: arbiter.vote(station) is not None)
    assert world.now - since == SYNC_MS
    assert votes(world, arbiter) == set()
