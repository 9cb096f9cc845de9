"""Random histories full of pushes: `PYTHONPATH=services:tests python3 -m sim.pushes SEED`, or FIRST LAST for many."""

import sys
from collections.abc import Callable
from random import Random

from sim import configurations
from sim.audit import Violation
from sim.faults import Fault, configure, wish
from sim.scripts import recover
from sim.world import World

STORM_MS = 180_000
COUNTS = (2, 3, 3, 4, 5)


def storm(seed: int, count: int | None = None) -> World:
    """Operators push from any node, also at once and on top of what is not in force any more, while nodes die."""
    random = Random(f"pushes {seed}")
    count = count or random.choice(COUNTS)
    names = [f"n{index + 1}" for index in range(count)]
    world = World(seed, names, configurations.drawn(random, names))
    world.command = f"python3 -m sim.pushes {seed}"
    for name in names:
        world.after(random.randint(0, 3_000), world.power_on, name)
    world.run(20_000)
    faults: tuple[Callable[[str], object], ...] = (
        world.power_off,
        world.power_on,
        world.power_on,
        world.kill_daemon,
        world.kill_daemon,
        world.corosync_dies,
        world.leave,
        lambda name: world.cut({other: int(other == name) for other in names}),
        lambda name: world.cut({other: int(random.random() < 0.5) for other in names}),
        lambda _: world.cut(dict.fromkeys(names, 0)),
        lambda _: world.cut(dict.fromkeys(names, 0)),
        lambda name: setattr(world.machines[name], "break_off", random.randint(1, 10)),
        lambda name: setattr(world.machines[name], "torn", random.choice(("old", "new"))),
        lambda name: _bad_disk(world, name, random.choice((2_000, 20_000))),
        lambda _: list(map(world.power_off, names)),
    )
    quiet = random.choice((0.3, 0.6, 0.9))
    while world.now < STORM_MS:
        for name in random.sample(names, random.choice((0, 1, 1, 2))):
            configure(world, random, _fault(world, random, "configure", name))
        wish(world, random, _fault(world, random, "wish", random.choice(names)))
        for _ in range(random.randint(1, 5)):
            if random.random() > quiet:
                random.choice(faults)(random.choice(names))
            world.run(world.now + random.randint(200, 5_000))
    return world


def _fault(world: World, random: Random, kind: str, name: str) -> Fault:
    group = random.choice(world.configuration.groups).name
    return Fault(at=world.now, kind=kind, node=name, other=random.choice(world.names), group=group, dice=0)


def _bad_disk(world: World, name: str, lasts: int) -> None:
    machine = world.machines[name]
    machine.disk_bad = True
    world.after(lasts, setattr, machine, "disk_bad", False)


def main() -> int:
    """One seed with its journal, or the seeds from the first to the last with what became of them."""
    seeds = [int(word) for word in sys.argv[1:]]
    versions = 0
    for seed in seeds[:1] if len(seeds) == 1 else range(seeds[0], seeds[1]):
        try:
            world = storm(seed)
            recover(world)
        except Violation as violation:
            print(f"seed {seed}: {violation}")
            return 1
        versions += len(world.audit.versions.counts)
        if len(seeds) == 1:
            print("\n".join(world.journal))
    print(f"no invariant was broken; {versions} versions came into force")
    return 0


if __name__ == "__main__":
    sys.exit(main())
