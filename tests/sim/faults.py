"""What goes wrong in a walk: one fault or one operator's wish at a time, and strikes that follow a message."""

from collections.abc import Callable
from random import Random

from sim.world import World
from standfast.resourced.messages import WishKind

Fault = Callable[[World, Random, str, str], None]
STRUCK = ("OrderGiven", "Wish", "Members", "Proven", "Marked", "Reported", "Open")  # messages that a strike may follow


def fault(world: World, random: Random) -> None:
    """One fault, or one wish of an operator."""
    name, other = random.choice(world.names), random.choice(world.names)
    (chosen,) = random.choices(list(FAULTS), weights=list(FAULTS.values()))
    chosen(world, random, name, other)


def strikes(world: World, random: Random, often: float) -> Callable[[str, bytes], None]:
    """Looks at every message that is sent; at some of those that matter something breaks right after."""

    def provoke(name: str, data: bytes) -> None:
        if world.calm or not any(f'"is":"{kind}"'.encode() in data for kind in STRUCK) or random.random() >= often:
            return
        struck = name if random.random() < 0.6 else random.choice(world.names)
        strike = random.choice((isolate, isolate, isolate, blink, blink, kill, freeze, hang))
        world.after(random.randint(0, 12), lambda: strike(world, random, struck, struck))

    return provoke


def power(world: World, random: Random, name: str, _: str) -> None:
    world.power_off(name)
    if random.random() < 0.5:
        world.after(random.randint(500, 20_000), lambda: world.power_on(name))


def boot(world: World, _: Random, name: str, __: str) -> None:
    world.power_on(name)


def blink(world: World, random: Random, name: str, _: str) -> None:
    """Power goes and comes back at once, often before the others notice."""
    world.power_off(name)
    world.after(random.randint(50, 1_500), lambda: world.power_on(name))


def outage(world: World, random: Random, *_: str) -> None:
    """The power of all goes; most come back soon, one of them may be late."""
    late = random.choice((*world.names, ""))
    for name in world.names:
        world.power_off(name)
        wait = random.randint(5_000, 30_000) if name == late else random.randint(100, 2_000)
        world.after(wait, lambda name=name: world.power_on(name))  # type: ignore[misc]


def kill(world: World, _: Random, name: str, __: str) -> None:
    world.kill_daemon(name)


def cut(world: World, random: Random, *_: str) -> None:
    world.cut({name: random.randint(0, 2) for name in world.names})


def isolate(world: World, random: Random, name: str, _: str) -> None:
    """One node is cut off, sometimes for a moment only."""
    world.cut({other: int(other == name) for other in world.names})
    if random.random() < 0.5:
        world.after(random.randint(100, 8_000), lambda: world.cut(dict.fromkeys(world.names, 0)))


def heal(world: World, *_: object) -> None:
    world.cut(dict.fromkeys(world.names, 0))


def corosync(world: World, _: Random, name: str, __: str) -> None:
    world.corosync_dies(name)


def freeze(world: World, random: Random, name: str, _: str) -> None:
    world.freeze_corosync(name, random.choice((random.randint(200, 2_000), random.randint(2_000, 15_000))))


def hang(world: World, random: Random, name: str, _: str) -> None:
    """resourced hangs; systemd's watchdog is left out, so it comes back by itself."""
    machine = world.machines[name]
    if machine.core is None or machine.hung:
        return
    lasts = random.randint(500, 8_000)
    world.note(f"resourced on {name} hangs for {lasts} ms")
    machine.hung, life = True, machine.life

    def resume() -> None:
        if machine.core is not None and machine.life == life and machine.hung:
            world.resume(name)

    world.after(lasts, resume)


def unit(world: World, _: Random, name: str, __: str) -> None:
    world.units.fail(name)


def stubborn(world: World, random: Random, name: str, _: str) -> None:
    if world.machines[name].powered:
        world.units.harden(name, random.choice(("hangs", "hangs", "wedged")))


def standby(world: World, random: Random, name: str, other: str) -> None:
    world.operators.wish(name, random.choice((WishKind.STANDBY, WishKind.RESUME)), other)


def group(world: World, random: Random, name: str, other: str) -> None:
    kind = random.choice((WishKind.STOP, WishKind.START, WishKind.START, WishKind.RELOCATE, WishKind.RELOCATE))
    world.operators.wish(name, kind, "webserv", other if kind is WishKind.RELOCATE else "")


def leave(world: World, _: Random, name: str, __: str) -> None:
    world.leave(name)


FAULTS: dict[Fault, int] = {
    power: 3,
    boot: 6,
    blink: 3,
    outage: 1,
    kill: 6,
    cut: 4,
    isolate: 4,
    heal: 6,
    corosync: 3,
    freeze: 3,
    hang: 3,
    unit: 6,
    stubborn: 1,
    standby: 5,
    group: 5,
    leave: 3,
}
