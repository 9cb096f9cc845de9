"""A random history: faults for a while, then calm, then it must have recovered. `python3 -m tests.sim.walk SEED [NODES]`."""

import sys
from random import Random

from tests.sim.world import World

FAULTS_MS = 90_000
CALM_MS = 200_000


def fault(world: World, random: Random) -> None:
    """One fault, or one wish of an operator."""
    name = random.choice(world.names)
    other = random.choice(world.names)
    match random.choice(
        (
            "power",
            "kill",
            "kill",
            "cut",
            "cut",
            "heal",
            "corosync",
            "hang",
            "unit",
            "unit",
            "wish",
            "wish",
            "leave",
            "all",
        )
    ):
        case "power":
            world.power_off(name)
            if random.random() < 0.5:
                world.after(random.randint(500, 20_000), lambda: world.power_on(name))
        case "kill":
            world.kill_daemon(name)
        case "cut":
            world.cut({name: random.randint(0, 2) for name in world.names})
        case "heal":
            world.cut(dict.fromkeys(world.names, 0))
        case "corosync":
            world.corosync_dies(name)
        case "hang":
            hang(world, name, random.randint(500, 8_000))
        case "unit":
            world.unit_fails(name)
        case "wish":
            world.wish_standby(name, other, random.random() < 0.5)
        case "leave":
            world.leave(name)
        case "all" if random.random() < 0.3:
            for each in world.names:
                world.power_off(each)


def hang(world: World, name: str, lasts: int) -> None:
    machine = world.machines[name]
    if machine.core is None:
        return
    world.note(f"resourced on {name} hangs for {lasts} ms")
    machine.hung, life = True, machine.life

    def resume() -> None:
        if machine.core is not None and machine.life == life and machine.hung:
            machine.hung = False
            world._read(name)
            world._word(name)
            world.fencing(name)
            world.observe(name)

    world.after(lasts, resume)


def calm(world: World) -> None:
    """Everything is mended: power, network, daemons; nobody is in standby."""
    world.calm, world.fails = True, 0.0
    world.cut(dict.fromkeys(world.names, 0))
    for name in world.names:
        world.after(1000, lambda name=name: world.power_on(name))  # type: ignore[misc]
    for delay in (30_000, 60_000, 90_000):
        for name in world.names:
            world.after(delay, lambda name=name: resume(world, name))  # type: ignore[misc]
    for delay in range(5_000, 60_000, 5_000):
        for name in world.names:
            world.after(delay, lambda name=name: world.power_on(name))  # type: ignore[misc]


def resume(world: World, name: str) -> None:
    for on in world.names:
        core = world.machines[on].core
        if core is not None and core.terms.term is not None and core.record is not None:
            if core.record.nodes[name].standby:
                world.wish_standby(on, name, False)
            return


def walk(seed: int, count: int = 3) -> World:
    """Run one history; raises Violation, also when the group is not served again after the calm."""
    world = World(seed, [f"n{index + 1}" for index in range(count)])
    random = world.random
    world.fails = random.choice((0.0, 0.0, 0.1))
    for name in world.names:
        world.after(random.randint(0, 3000), lambda name=name: world.power_on(name))  # type: ignore[misc]
    at = 10_000
    while at < FAULTS_MS:
        world.after(at, lambda: fault(world, random))
        at += random.choice((300, 2_000, 6_000, 15_000))
    world.run(FAULTS_MS + 1_000)
    calm(world)
    world.run(world.now + CALM_MS)
    if len(world.serving()) != 1:
        world.fail(f"invariant 8: after the calm webserv is served by {world.serving() or 'nobody'}")
    return world


if __name__ == "__main__":
    done = walk(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
    print("\n".join(done.journal))
    print(f"{done.steps} steps, {done.now / 1000:.0f} s, served by {done.serving()}")
