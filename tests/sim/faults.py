"""What goes wrong in a walk: faults and operators' wishes, drawn as a list before the walk begins.

A fault knows the nodes and the group that it strikes and has a `dice` of its own, so that the others stay as they are
when one is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from sim import configurations, drills, returns
from sim.agents import MOODS
from sim.faults_links import OF_LINKS, OF_THE_ARBITER, drawn_kinds
from sim.operators import OF_NODES, OF_THE_CLUSTER
from sim.world import World
from standfast.configuration.model import Configuration
from standfast.resourced.coordinator import JUDGED_AT_REST
from standfast.resourced.messages import WishKind

STRUCK = ("OrderGiven", "Wish", "Members", "Proven", "Marked", "Reported", "Open", "Stored", "Call", "LossDeclared")
SELDOM_MS = (5_000, 90_000)
MORE_STEPS = 40  # a daemon breaks off within so many steps that act


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    at: int  # ms
    kind: str
    node: str
    other: str
    group: str
    dice: int

    def __str__(self) -> str:
        return f"{self.at / 1000:.1f} s {self.kind} {self.node} {self.other} {self.group}"


def drawn(random: Random, names: list[str], configuration: Configuration, until: int) -> list[Fault]:
    """What will go wrong: sometimes much at once, sometimes little; some walks know only a few kinds."""
    kinds = list(KINDS)
    if random.random() < 0.4:
        kinds = random.sample(kinds, random.randint(3, 10))
    weights = [KINDS[kind][0] for kind in kinds]
    groups = [group.name for group in configuration.groups]
    pauses = random.choice(((300, 2_000, 6_000, 15_000), (50, 300, 2_000), (4_000, 9_000, 20_000)))
    faults = []
    at = random.choice((10_000, 3_000))
    while at < until:
        faults.append(
            Fault(
                at=at,
                kind=random.choices(kinds, weights)[0],
                node=random.choice(names),
                other=random.choice(names),
                group=random.choice(groups),
                dice=random.getrandbits(32),
            )
        )
        at += random.choice(pauses)
    return faults


def drawn_further(random: Random, names: list[str], configuration: Configuration, until: int) -> list[Fault]:
    """What else will go wrong: faults of links and of the arbiter."""
    return [
        Fault(
            at=at,
            kind=kind,
            node=random.choice(names),
            other=random.choice(names),
            group=random.choice(configuration.groups).name,
            dice=random.getrandbits(32),
        )
        for at, kind in drawn_kinds(random, names, configuration, until)
    ]


def drawn_seldom(random: Random, names: list[str], configuration: Configuration, kinds: tuple[str, ...]) -> list[Fault]:
    """In some walks, a few faults of these kinds."""
    if random.random() < 0.7:
        return []
    return [
        Fault(
            at=random.randint(*SELDOM_MS),
            kind=random.choice(kinds),
            node=random.choice(names),
            other=random.choice(names),
            group=random.choice(configuration.groups).name,
            dice=random.getrandbits(32),
        )
        for _ in range(random.randint(1, 4))
    ]


def strike(world: World, fault: Fault) -> None:
    """The fault happens now; one whose node was left out does not."""
    if fault.node in world.machines and fault.other in world.machines:
        world.note(f"fault: {fault}")
        ALL_KINDS[fault.kind][1](world, Random(fault.dice), fault)


# Power


def power(world: World, random: Random, fault: Fault) -> None:
    world.power_off(fault.node)
    if random.random() < 0.5:
        world.after(random.randint(500, 20_000), world.power_on, fault.node)


def boot(world: World, _: Random, fault: Fault) -> None:
    world.power_on(fault.node)


def blink(world: World, random: Random, fault: Fault) -> None:
    """Power goes and comes back at once, often before the others notice."""
    world.power_off(fault.node)
    world.after(random.randint(50, 1_500), world.power_on, fault.node)


def outage(world: World, random: Random, fault: Fault) -> None:
    """The power of all goes; most come back soon, one of them may be late."""
    late = random.random() < 0.7
    for name in world.names:
        world.power_off(name)
        wait = random.randint(5_000, 30_000) if late and name == fault.node else random.randint(100, 2_000)
        world.after(wait, world.power_on, name)


# Daemons


def kill(world: World, _: Random, fault: Fault) -> None:
    world.kill_daemon(fault.node)


def kill_all(world: World, _: Random, __: Fault) -> None:
    for name in world.names:
        world.kill_daemon(name)


def kill_fenced(world: World, random: Random, fault: Fault) -> None:
    world.agents.die(fault.node, random.choice((200, 2_000, 10_000)))


def hang(world: World, random: Random, fault: Fault) -> None:
    """resourced hangs and goes on by itself."""
    _hang(world, fault.node, random.randint(500, 8_000))


def hang_watched(world: World, _: Random, fault: Fault) -> None:
    """resourced hangs and systemd's watchdog kills it after 3 s."""
    machine = world.machines[fault.node]
    life = machine.life
    _hang(world, fault.node, 60_000)
    world.after(3_000, lambda: world.kill_daemon(fault.node) if machine.life == life and machine.hung else None)


def _hang(world: World, name: str, lasts: int) -> None:
    machine = world.machines[name]
    if machine.core is None or machine.hung:
        return
    world.note(f"resourced on {name} hangs for {lasts} ms")
    machine.hung, life = True, machine.life

    def resume() -> None:
        if machine.core is not None and machine.life == life and machine.hung:
            world.resume(name)

    world.after(lasts, resume)


def break_off(world: World, random: Random, fault: Fault) -> None:
    """In the middle of one of its next steps the daemon, or the machine, dies."""
    world.machines[fault.node].break_off = random.randint(1, MORE_STEPS)


def torn_write(world: World, random: Random, fault: Fault) -> None:
    """The power goes in the middle of the next write of the record."""
    world.machines[fault.node].torn = random.choice(("old", "new"))


def bad_disk(world: World, random: Random, fault: Fault) -> None:
    machine = world.machines[fault.node]
    machine.disk_bad = True
    world.after(random.choice((2_000, 20_000, 50_000)), setattr, machine, "disk_bad", False)


def clock(world: World, random: Random, fault: Fault) -> None:
    world.machines[fault.node].wall += random.choice((-86_400_000, -3_000, 3_000, 86_400_000))


# Network


def cut(world: World, random: Random, _: Fault) -> None:
    world.cut({name: random.randint(0, 2) for name in world.names})


def isolate(world: World, random: Random, fault: Fault) -> None:
    """One node is cut off, sometimes for a moment only."""
    world.cut({name: int(name == fault.node) for name in world.names})
    if random.random() < 0.5:
        world.after(random.randint(100, 8_000), world.cut, dict.fromkeys(world.names, 0))


def heal(world: World, _: Random, __: Fault) -> None:
    world.cut(dict.fromkeys(world.names, 0))


def churn(world: World, random: Random, fault: Fault) -> None:
    world.corosync.churn(fault.node, random.choice((3_000, 8_000, 20_000)))


def corosync(world: World, _: Random, fault: Fault) -> None:
    world.corosync_dies(fault.node)


def freeze(world: World, random: Random, fault: Fault) -> None:
    lasts = random.choice((random.randint(200, 2_000), random.randint(2_000, 15_000)))
    watched = any(node.watchdog for node in world.configuration.nodes)
    world.freeze_corosync(fault.node, 4 * lasts if watched else lasts)  # as long as a watchdog waits


STRIKES: tuple[Callable[[World, Random, Fault], None], ...] = (
    isolate,
    isolate,
    blink,
    blink,
    kill,
    freeze,
    hang,
    torn_write,
)


def after_message(world: World, random: Random, fault: Fault) -> None:
    """The next message of a certain kind is followed by a strike at its sender, or at another node."""
    kind = f'"{random.choice(STRUCK)}"'.encode()
    struck, waits = random.choice(STRIKES), random.randint(0, 12)
    skips, at_sender = [None] * random.randint(0, 3), random.random() < 0.6

    def strike(target: Fault) -> None:
        if not world.calm:
            struck(world, random, target)

    def watch(name: str, data: bytes) -> bool:
        if world.calm or kind not in data:
            return world.calm
        if skips:
            skips.pop()
            return False
        node = name if at_sender else fault.node
        target = Fault(at=world.now, kind="strike", node=node, other=node, group=fault.group, dice=fault.dice)
        world.after(waits, strike, target)
        return True

    world.watchers.append(watch)


# Units, agents


def fail_unit(world: World, _: Random, fault: Fault) -> None:
    """Where it runs."""
    for name in world.serving(fault.group):
        world.units.fail(name, fault.group)


def hang_unit(world: World, _: Random, fault: Fault) -> None:
    for name in world.serving(fault.group):
        world.units.hang(name, fault.group)


def stubborn(world: World, random: Random, fault: Fault) -> None:
    name = next(iter(world.serving(fault.group)), fault.node)
    if world.machines[name].powered:
        world.units.harden(name, random.choice(("hangs", "hangs", "wedged")), fault.group)


def slow(world: World, random: Random, fault: Fault) -> None:
    world.machines[fault.node].slow_until = world.now + random.randint(5_000, 30_000)


def failing(world: World, random: Random, fault: Fault) -> None:
    world.machines[fault.node].failing_until = world.now + random.randint(2_000, 20_000)


def agents(world: World, random: Random, fault: Fault) -> None:
    world.agents.disturb(fault.node, random.choice(MOODS), random.randint(5_000, 60_000))


def outage_of_probes(world: World, random: Random, _: Fault) -> None:
    world.outside.fails_everywhere(random.choice((8_000, 20_000, 60_000)), random)


def sick(world: World, random: Random, fault: Fault) -> None:
    """What the group's probe asks fails on one node only."""
    world.outside.fails(fault.node, fault.group)
    world.after(random.choice((5_000, 40_000)), world.outside.mends, fault.node, fault.group)


# People


def by_hand(world: World, random: Random, fault: Fault) -> None:
    """Stopped where it runs, and as often as not started again there."""
    for name in world.serving(fault.group):
        world.administrators.stop(name, fault.group, random)
        if random.random() < 0.5:
            world.after(random.choice((300, 5_000, 40_000)), world.administrators.start, name, fault.group)


def wish(world: World, random: Random, fault: Fault) -> None:
    kind = random.choice([kind for kind in WishKind if kind not in JUDGED_AT_REST])
    subject = fault.other if kind in OF_NODES else "" if kind in OF_THE_CLUSTER else fault.group
    where = kind is WishKind.RELOCATE or (kind is WishKind.START and random.random() < 0.3)
    world.operators.wish(fault.node, kind, subject, fault.other if where else "")


def leave(world: World, _: Random, fault: Fault) -> None:
    world.leave(fault.node)


def leave_all(world: World, random: Random, _: Fault) -> None:
    for name in world.names:
        world.after(random.choice((0, random.randint(0, 2_000))), world.leave, name)


def upgrade(world: World, _: Random, fault: Fault) -> None:
    """The next release is installed, and its daemon restarted: two versions side by side until all have it."""
    world.machines[fault.node].speaks = 2
    world.kill_daemon(fault.node)


def configure(world: World, random: Random, fault: Fault) -> None:
    """Somebody pushes a version, now and then made of one that is not in force any more; what it takes away is stopped
    before, or not."""
    files, core = world.files, world.machines[fault.node].core
    if core is None or core.record is None:
        return
    stale = random.random() < 0.15
    base = random.choice(list(files.versions)) if stale else core.record.configuration
    before = files.versions[base]
    new = configurations.changed(random, before, f"d{len(files.versions) + 1}")
    if random.random() < 0.25:
        new = configurations.revoted(random, new)
    files.fails, files.lost, files.objects = (random.choice((0.0, 0.0, 0.3)) for _ in range(3))
    for group in sorted({one.name for one in before.groups} - {one.name for one in new.groups}):
        if random.random() < 0.8:
            world.operators.wish(fault.node, WishKind.STOP, group)
    absent = tuple(name for name, node in core.record.nodes.items() if not node.present)
    without = absent if random.random() < 0.5 else ()
    confirm_ms = random.choice((0, 0, 15_000))
    files.push(fault.node, new, base, confirm_ms=confirm_ms, without=without, random=random)
    if confirm_ms and random.random() < 0.5:
        wait = random.randint(5_000, 25_000)
        world.after(wait, world.operators.wish, fault.other, WishKind.KEEP, "")


KINDS: dict[str, tuple[int, Callable[[World, Random, Fault], None]]] = {
    "power": (3, power),
    "boot": (6, boot),
    "blink": (3, blink),
    "outage": (1, outage),
    "kill": (6, kill),
    "kill-all": (1, kill_all),
    "kill-fenced": (2, kill_fenced),
    "hang": (3, hang),
    "hang-watched": (2, hang_watched),
    "break-off": (5, break_off),
    "torn-write": (2, torn_write),
    "bad-disk": (2, bad_disk),
    "clock": (1, clock),
    "cut": (4, cut),
    "isolate": (4, isolate),
    "one-way": (2, isolate),  # one node hears nobody; Corosync makes a clean split of it
    "heal": (6, heal),
    "churn": (2, churn),
    "corosync": (3, corosync),
    "freeze": (3, freeze),
    "after-message": (8, after_message),
    "fail-unit": (6, fail_unit),
    "hang-unit": (2, hang_unit),
    "stubborn": (2, stubborn),
    "slow": (2, slow),
    "failing": (3, failing),
    "agents": (4, agents),
    "wish": (10, wish),
    "leave": (3, leave),
    "leave-all": (1, leave_all),
    "upgrade": (2, upgrade),
    "configure": (3, configure),
}
SELDOM: dict[str, tuple[int, Callable[[World, Random, Fault], None]]] = {
    "outage-of-probes": (2, outage_of_probes),
    "sick": (1, sick),
    "by-hand": (1, by_hand),
    "drill": (1, drills.strike),
    "return": (1, returns.strike),
}
ALL_KINDS = {**KINDS, **OF_LINKS, **OF_THE_ARBITER, **SELDOM}
