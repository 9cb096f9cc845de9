"""A random history: faults, then calm, then recovery: `PYTHONPATH=services:tests python3 -m sim.walk SEED [NODES]`."""

import sys

from sim.faults import fault, strikes
from sim.world import World
from standfast.resourced.messages import WishKind

FAULTS_MS = 90_000
CALM_MS = 200_000


def calm(world: World) -> None:
    """Everything is mended: power, network, disks, daemons; nobody is in standby, the group is wanted."""
    world.calm, world.fails = True, 0.0
    world.cut(dict.fromkeys(world.names, 0))
    for name in world.names:
        world.machines[name].disk_bad = False
        world.units.soften(name)
        world.after(1000, lambda name=name: world.power_on(name))  # type: ignore[misc]
        for delay in (30_000, 60_000, 90_000):
            world.after(delay, lambda name=name: resume(world, name))  # type: ignore[misc]
        for delay in range(5_000, 60_000, 5_000):
            world.after(delay, lambda name=name: world.power_on(name))  # type: ignore[misc]


def resume(world: World, name: str) -> None:
    """An operator takes back what was wished in the storm, where a term is open."""
    for on in world.names:
        core = world.machines[on].core
        if core is not None and core.terms.term is not None and core.record is not None:
            if core.record.nodes[name].standby:
                world.operators.wish(on, WishKind.RESUME, name)
            if core.record.groups["webserv"].stopped:
                world.operators.wish(on, WishKind.START, "webserv")
            return


def walk(seed: int, count: int = 3) -> World:
    """Run one history; raises Violation, also when the group is not served again after the calm."""
    world = World(seed, [f"n{index + 1}" for index in range(count)])
    random = world.random
    world.fails = random.choice((0.0, 0.0, 0.1))
    world.crashes = random.choice((0.0, 0.0005, 0.003))
    world.provoke = strikes(world, random, random.choice((0.0, 0.01, 0.05)))
    for name in world.names:
        world.after(random.randint(0, 3000), lambda name=name: world.power_on(name))  # type: ignore[misc]
    at = 10_000
    while at < FAULTS_MS:
        world.after(at, lambda: fault(world, random))
        at += random.choice((300, 2_000, 6_000, 15_000))
    world.run(FAULTS_MS + 1_000)
    calm(world)
    world.run(world.now + CALM_MS)
    world.audit.served()
    return world


if __name__ == "__main__":
    done = walk(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
    print("\n".join(done.journal))
    print(f"{done.steps} steps, {done.now / 1000:.0f} s, served by {done.serving()}")
