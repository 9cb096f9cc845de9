"""Random histories full of versions that change units: `PYTHONPATH=services:tests python3 -m sim.moves FIRST LAST`."""

import sys
from collections.abc import Callable
from dataclasses import replace
from random import Random

from sim import configurations
from sim.audit import Violation
from sim.scripts import recover
from sim.world import World
from standfast.resourced.messages import WishKind

STORM_MS = 200_000
COUNTS = (1, 2, 3, 3)


def storm(seed: int) -> World:
    """Versions follow each other, some before the last one is in place, while daemons die and units fail, are slow, do
    not stop, or are frozen."""
    random = Random(f"moves {seed}")
    names = [f"n{index + 1}" for index in range(random.choice(COUNTS))]
    world = World(seed, names, configurations.drawn(random, names))
    world.command = f"python3 -m sim.moves {seed} {seed + 1}"
    for name in names:
        world.power_on(name)
    world.run(20_000)
    faults: tuple[Callable[[str, str], object], ...] = (
        lambda name, _: world.kill_daemon(name),
        lambda name, _: setattr(world.machines[name], "break_off", random.randint(1, 5)),
        lambda name, _: setattr(world.machines[name], "slow_until", world.now + 20_000),
        lambda name, _: setattr(world.machines[name], "failing_until", world.now + 1_000),
        world.units.fail,
        world.units.hang,
        lambda name, group: world.units.harden(name, random.choice(("hangs", "wedged")), group),
        lambda name, group: world.operators.wish(name, random.choice((WishKind.FREEZE, WishKind.THAW)), group),
        lambda name, group: world.operators.wish(name, WishKind.RESTART, group),
        lambda name, group: world.operators.wish(name, WishKind.STOP, group),
        lambda name, group: world.operators.wish(name, WishKind.START, group),
    )
    busy = random.choice((0.0, 0.2, 0.5))
    while world.now < STORM_MS:
        _push(world, random, random.choice(names))
        for _ in range(random.randint(1, 6)):
            world.run(world.now + random.randint(50, 2_000))
            if random.random() < busy:
                random.choice(faults)(random.choice(names), random.choice(world.configuration.groups).name)
    return world


def _push(world: World, random: Random, name: str) -> None:
    """All have prepared it; now and then nobody confirms it."""
    core = world.machines[name].core
    if core is None or core.record is None:
        return
    base, digest = core.record.configuration, f"d{len(world.files.versions) + 1}"
    new = configurations.redefined(random, world.files.versions[base])
    world.files.versions[digest] = replace(new, digest=digest)
    for machine in world.machines.values():
        world.files._comes(machine, machine.life, digest)
    world.run(world.now + 1_000)
    world.operators.configure(name, digest, base, confirm_ms=random.choice((0, 0, 0, 3_000)))


def main() -> int:
    moved = 0
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            world = storm(seed)
            recover(world)
        except Violation as violation:
            print(f"seed {seed}: {violation}")
            return 1
        moved += world.changes.stopped
    print(f"no invariant was broken; {moved} units were stopped for a version")
    return 0


if __name__ == "__main__":
    sys.exit(main())
