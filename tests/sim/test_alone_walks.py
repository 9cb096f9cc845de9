"""Random histories in which operators go on without absent nodes, whether or not they keep what they promise."""

from collections.abc import Callable
from random import Random

import pytest

from sim import configurations
from sim.scripts import isolate, recover, run_until, served_on_the_first, starts, when
from sim.walk import calm
from sim.world import World

SEEDS = {2: 24, 3: 24, 5: 8}
STORM_MS = 150_000
MOODS = ("fails", "slow", "late")


def storm(seed: int, count: int) -> World:
    """Power cuts, cut links, daemons and agents that fail; and whenever somebody finds no term open, start-alone."""
    random = Random(f"alone {seed}")
    names = [f"n{index + 1}" for index in range(count)]
    world = World(seed, names, configurations.example(names))
    world.command = f"alone, seed {seed}, {count} nodes"
    for name in names:
        world.after(random.randint(0, 3_000), world.power_on, name)
    world.run(20_000)
    faults: tuple[Callable[[str], object], ...] = (
        world.power_off,
        world.power_off,
        world.power_on,
        world.power_on,
        world.kill_daemon,
        world.corosync_dies,
        lambda name: world.cut({other: int(random.random() < 0.5) for other in names}),
        lambda name: world.cut(dict.fromkeys(names, 0)),
        lambda name: world.agents.disturb(
            name, random.choice(("fails", "slow", "late")), random.randint(5_000, 40_000)
        ),
        lambda _: list(map(world.power_off, names)),
        lambda name: world.agents.die(name, 3_000),
    )
    while world.now < STORM_MS:
        random.choice(faults)(random.choice(names))
        for _ in range(random.randint(1, 4)):
            world.run(world.now + random.randint(200, 4_000))
            _ask(world, random.choice(names), random)
    return world


def _ask(world: World, name: str, random: Random) -> None:
    """Somebody on this node names whom it does not hear; and vouches for a node that is off, never for another one."""
    core = world.machines[name].core
    if core is None or core.terms.term is not None or world.machines[name].hung:
        return
    heard = {*core.terms.members, *core.terms.ring_nodes}
    if random.random() < 0.7:
        world.operators.start_alone(name, *(other for other in world.names if other not in heard))
    for other, wanted in list(core.alone.wanted.items()):
        if random.random() < 0.3 and not world.machines[other].powered:
            world.operators.confirm(name, other, wanted.loss)


@pytest.mark.parametrize(("seed", "count"), [(seed, count) for count, seeds in SEEDS.items() for seed in range(seeds)])
def test_whatever_operators_go_on_without_breaks_no_invariant(seed: int, count: int) -> None:
    world = storm(seed, count)
    calm(world)
    recover(world)


def test_they_really_go_on_alone() -> None:
    journals = [line for seed in range(8) for line in storm(seed, 2).journal]
    assert any("goes on without" in line and "with the record" in line for line in journals)


def test_who_goes_on_alone_can_be_shut_down() -> None:
    """Its mark cannot be stored as acknowledged: it stops everything, and goes all the same."""
    world = served_on_the_first(70, 3)
    for name in ("n2", "n3"):
        world.power_off(name)
    run_until(world, lambda: world.serving() == [])
    assert world.operators.start_alone("n1", "n2", "n3") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    world.leave("n1")
    run_until(world, lambda: not world.machines["n1"].powered)
    recover(world)


def test_a_broken_promise_ends_with_the_survivor_off_and_no_group_twice() -> None:
    """n2 and n3 boot behind a cut link and open a term from older disks: they start nothing before n1 is proven off."""
    world = served_on_the_first(71, 3)
    for name in ("n2", "n3"):
        world.power_off(name)
    world.run(world.now + 20_000)
    assert world.serving() == []
    assert world.operators.start_alone("n1", "n2", "n3") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    isolate(world, "n1")
    began = world.now
    for name in ("n2", "n3"):
        world.power_on(name)
    world.run(world.now + 50_000)  # PostJoinDelay=
    run_until(world, lambda: len(starts(world, began)) == 1 and world.serving() == starts(world, began))
    (starter,) = starts(world, began)
    assert when(world, "n1 is off", began) < when(world, f"{starter} starts webserv", began)
    recover(world)
