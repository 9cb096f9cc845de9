"""A long life of one cluster, a rolling upgrade in it: what a node keeps and says does not grow with the hours.

`PYTHONPATH=services:tests python3 -m sim.soak --hours 24` prints a row for each piece of it, and the exit code is 1
where the second half is larger than the first one.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from random import Random
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from sim.scripts import quiet
from sim.world import World
from standfast.configuration.model import Configuration
from standfast.resourced.codec import decode
from standfast.resourced.messages import Message, WishKind

MINUTE_MS = 60_000
CALM_MS = 20_000  # before each look: what was under way is over
GROWS = 1.15  # in the second half, to the first one
FEW = 60  # of anything: a failure more that is remembered is no growth
PASSED_BY = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType, Configuration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """At the cluster after one piece of its life; of several nodes or messages the largest."""

    minute: float
    record_bytes: int
    remembered: int  # objects that a core holds, beside its configuration
    message_bytes: int
    largest: str  # the kind of that message
    faults: int


def live(hours: float, seed: int = 1, pieces: int = 24) -> Iterator[Look]:
    """The life, with a look after each of its pieces; after a quarter an upgrade goes around, and the first
    node's process lives from then on."""
    world, random = quiet(seed, 3), Random(f"soak {seed}")
    sizes: Counter[str] = Counter()
    world.provoke = lambda _, data: _weigh(sizes, data)
    piece_ms = int(hours * 60 * MINUTE_MS / pieces)
    for piece in range(1, pieces + 1):
        faults = 0
        if piece == pieces // 4:
            _upgrade(world)
        while world.now < piece * piece_ms - CALM_MS:
            random.choice(FAULTS)(world, random)
            faults += 1
            world.run(world.now + random.randint(8_000, 30_000))
        for name in world.names:
            world.power_on(name)
        world.cut(dict.fromkeys(world.names, 0))
        world.run(max(world.now, piece * piece_ms))
        yield _look(world, sizes, faults)
        sizes.clear()


def _look(world: World, sizes: Counter[str], faults: int) -> Look:
    machines = world.machines.values()
    (largest, size), *_ = sizes.most_common(1) or [("", 0)]
    return Look(
        minute=world.now / MINUTE_MS,
        record_bytes=max(len(machine.disk) for machine in machines),
        remembered=max(remembered(machine.core) for machine in machines if machine.core is not None),
        message_bytes=size,
        largest=largest,
        faults=faults,
    )


def _weigh(sizes: Counter[str], data: bytes) -> None:
    kind = type(decode(Message, data)).__name__
    sizes[kind] = max(sizes[kind], len(data))


def remembered(root: object) -> int:
    """How many objects it holds, at any depth."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or one is None or isinstance(one, PASSED_BY):
            continue
        seen.add(id(one))
        waiting += _parts(one)
    return len(seen)


def _parts(one: object) -> list[object]:
    if isinstance(one, str | bytes | int | float):
        return []
    if isinstance(one, dict):
        return [*one.keys(), *one.values()]
    if isinstance(one, Iterator):
        return []
    if isinstance(one, list | tuple | set | frozenset):
        return list(one)
    if is_dataclass(one):
        return [getattr(one, field.name) for field in fields(one)]
    return list(getattr(one, "__dict__", {}).values())


# What goes wrong: never so much that nobody is left


def _all_on(world: World) -> bool:
    return all(machine.powered and machine.core is not None for machine in world.machines.values())


def kill_daemon(world: World, random: Random) -> None:
    """Never the first node's."""
    world.kill_daemon(random.choice(world.names[1:]))


def power(world: World, random: Random) -> None:
    name = random.choice(world.names[1:])
    if _all_on(world):
        world.power_off(name)
        world.after(random.randint(500, 10_000), world.power_on, name)


def cut(world: World, random: Random) -> None:
    if _all_on(world):
        world.cut({name: int(name == world.names[2]) for name in world.names})
        world.after(random.randint(500, 4_000), world.cut, dict.fromkeys(world.names, 0))


def fail(world: World, random: Random) -> None:
    world.units.fail(random.choice(world.names))


def relocate(world: World, random: Random) -> None:
    world.operators.wish(world.names[0], WishKind.RELOCATE, "webserv", random.choice(world.names))


def standby(world: World, random: Random) -> None:
    name = random.choice(world.names)
    world.operators.wish(world.names[0], WishKind.STANDBY, name)
    world.after(5_000, world.operators.wish, world.names[0], WishKind.RESUME, name)


FAULTS: tuple[Callable[[World, Random], None], ...] = (kill_daemon, power, cut, fail, relocate, standby)


def _upgrade(world: World) -> None:
    """The next release, which speaks a later version, on one node after the other."""
    for number, name in enumerate(world.names):
        world.machines[name].speaks = 2
        world.after(number * 5_000, world.kill_daemon, name)


# The verdict


def grown(looks: list[Look]) -> list[str]:
    """What is larger in the second half of a life, the first of its looks aside."""
    half = len(looks) // 2
    found = []
    for name in ("record_bytes", "remembered", "message_bytes"):
        first = max(getattr(look, name) for look in looks[1:half])
        second = max(getattr(look, name) for look in looks[half:])
        if second > first * GROWS + FEW:
            found.append(f"{name}: {first} at most in the first half, {second} in the second")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{'minute':>8} {'faults':>7} {'record':>8} {'remembered':>11} {'largest message':>16}")
    looks = []
    for look in live(asked.hours, asked.seed):
        looks.append(look)
        print(
            f"{look.minute:>8.0f} {look.faults:>7} {look.record_bytes:>8} {look.remembered:>11} "
            f"{look.message_bytes:>16} {look.largest}",
            flush=True,
        )
    found = grown(looks)
    print("\n".join(found) or "nothing grows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
