"""Histories told step by step: each once broke an invariant, or shows what a rule is for."""

import pytest

from sim.walk import calm
from sim.world import World
from standfast.resourced.messages import WishKind


def quiet(seed: int, count: int) -> World:
    """A cluster whose nodes boot now, and where nothing breaks but what the history says."""
    world = World(seed, [f"n{index + 1}" for index in range(count)])
    world.crashes = 0.0
    for name in world.names:
        world.power_on(name)
    return world


def run_until_open(world: World, name: str) -> None:
    """The first term is open on `name`, and nothing was read of it yet."""
    while True:
        world.run(world.queue[0][0])
        core = world.machines[name].core
        if core is not None and core.terms.term is not None:
            return


@pytest.mark.parametrize("seed", range(5))
def test_who_opened_a_term_with_a_node_no_longer_believes_that_it_left(seed: int) -> None:
    """Both are marked left; n1 hangs when their term opens, n2 goes on alone; cut off, n1 wakes and goes on alone."""
    world = quiet(seed, 2)
    run_until_open(world, "n2")
    world.machines["n1"].hung = True
    world.run(world.now + 6_000)
    world.cut({"n1": 0, "n2": 1})
    world.after(500, lambda: world.resume("n1"))
    world.run(world.now + 20_000)
    calm(world)
    world.run(world.now + 200_000)
    world.audit.served()


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_was_full_for_a_moment_costs_no_node(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(10_000)
    world.machines["n3"].disk_bad = True
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.run(world.now + 4_000)
    world.machines["n3"].disk_bad = False
    world.run(world.now + 20_000)
    core = world.machines["n1"].core
    assert core is not None
    assert core.terms.term is not None
    assert core.terms.term.members == ("n1", "n2", "n3")
    world.run(world.now + 40_000)
    assert world.machines["n3"].boot == 1
