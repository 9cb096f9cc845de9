"""A random history: faults, then calm, then recovery: `PYTHONPATH=services:tests python3 -m sim.walk SEED`."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from sim import configurations
from sim.audit import Violation
from sim.faults import Fault, drawn, drawn_further, drawn_seldom, strike
from sim.outside import asking
from sim.world import World
from standfast.configuration.model import Configuration

FAULTS_MS = 90_000
SELDOM = {
    "outages": ("outage-of-probes", "outage-of-probes", "sick"),  # what all probes ask, or one of them on one node
    "administrators": ("by-hand",),
    "drills": ("drill",),  # their updates; their faults are those that happen anyway
    "returns": ("return",),  # a node is started again while it leaves
}
CALM_MS = 420_000
SETTLE_MS = 10_000
LOOK_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a seed says before anything happens."""

    names: tuple[str, ...]
    configuration: Configuration
    fails: float  # how often a start fails
    mishaps: float  # how often a start is slow, and an agent slow or failing
    boots: tuple[int, ...]  # when each node is switched on, ms
    faults: tuple[Fault, ...]


def shape(seed: int, count: int | None = None) -> Shape:
    """The nodes, the configuration and the faults of a seed; `count` overrides how many nodes there are."""
    random = Random(f"shape {seed}")
    nodes = random.choice((2, 2, 3, 3, 3, 4, 5))
    names = tuple(f"n{index + 1}" for index in range(count or nodes))
    configuration = configurations.drawn(random, names)
    configuration = configurations.watched(Random(f"watchdogs {seed}"), configuration)
    configuration = configurations.arbitrated(Random(f"arbiter of {seed}"), configuration)
    configuration = asking(Random(f"probes of {seed}"), configuration, peers=0.3)
    configuration = configurations.copied(Random(f"copies of {seed}"), configuration)
    faults = drawn(Random(f"faults {seed}"), list(names), configuration, FAULTS_MS)
    faults += drawn_further(Random(f"further faults {seed}"), list(names), configuration, FAULTS_MS)
    for about, kinds in SELDOM.items():
        faults += drawn_seldom(Random(f"{about} of {seed}"), list(names), configuration, kinds)
    return Shape(
        names=names,
        configuration=configuration,
        fails=random.choice((0.0, 0.0, 0.1)),
        mishaps=random.choice((0.0, 0.05, 0.1)),
        boots=tuple(random.randint(0, 3_000) for _ in names),
        faults=tuple(faults),
    )


@dataclass(frozen=True, kw_only=True)
class History:
    """A seed, and what of it does not happen."""

    seed: int
    count: int | None = None
    without: frozenset[int] = frozenset()  # faults, by their number
    dropped: frozenset[str] = frozenset()  # nodes

    @cached_property
    def shape(self) -> Shape:
        return shape(self.seed, self.count)

    @property
    def names(self) -> list[str]:
        return [name for name in self.shape.names if name not in self.dropped]

    @property
    def happening(self) -> list[int]:
        return [number for number in range(len(self.shape.faults)) if number not in self.without]

    def less(self, without: Iterable[int], dropped: Iterable[str] = ()) -> "History":
        return replace(self, without=self.without | set(without), dropped=self.dropped | set(dropped))

    @property
    def command(self) -> str:
        """One line that runs it again."""
        words = ["PYTHONPATH=services:tests", "python3", "-m", "sim.walk", str(self.seed)]
        words += ["--nodes", str(self.count)] if self.count else []
        if len(self.without) > len(self.happening):
            words += ["--only", ",".join(map(str, self.happening))]
        elif self.without:
            words += ["--without", ",".join(map(str, sorted(self.without)))]
        words += ["--drop", ",".join(sorted(self.dropped))] if self.dropped else []
        return " ".join(words)


def walk(history: History | int, count: int | None = None, *, log: bool = False) -> World:
    """Run one history; raises Violation, also when a group is not served again after the calm."""
    if isinstance(history, int):
        history = History(seed=history, count=count)
    world = _world(history)
    if log:
        world.keep_log()
    for name, at in zip(history.shape.names, history.shape.boots, strict=True):
        if name in world.machines:
            world.after(at, world.power_on, name)
    for number in history.happening:
        fault = history.shape.faults[number]
        world.after(fault.at, strike, world, fault)
    world.run(FAULTS_MS + 1_000)
    calm(world)
    recover(world)
    return world


def _world(history: History) -> World:
    names = history.names
    world = World(history.seed, names, configurations.reduced(history.shape.configuration, names))
    world.command = history.command
    world.fails, world.mishaps = history.shape.fails, history.shape.mishaps
    return world


def calm(world: World) -> None:
    """Everything is mended: power, network, disks, daemons; nobody is in standby, every group is wanted."""
    world.note("the faults stop")
    world.calm, world.fails = True, 0.0
    world.watchers = []
    world.cut(dict.fromkeys(world.names, 0))
    world.links.mend()
    if world.arbiter is not None:
        world.arbiter.mend()
    for name in world.names:
        machine = world.machines[name]
        machine.disk_bad, machine.torn, machine.break_off = False, "", 0
        machine.slow_until = machine.failing_until = 0
        world.units.soften(name)
        world.outside.mend()
        world.after(1_000, world.power_on, name)
    world.administrators.hand_back(Random(world.now))
    for delay in range(5_000, CALM_MS, 5_000):
        world.after(delay, _mend, world)


def _mend(world: World) -> None:
    """Operators switch on what is off, and take back what was wished in the storm."""
    for name in world.names:
        world.power_on(name)
    for name in world.names:
        core = world.machines[name].core
        if core is not None and core.terms.term is not None and core.record is not None:
            world.operators.mend(name, core.record)
            return


def recover(world: World) -> None:
    """It is calm: every group is served within a bound, and goes on being served."""
    until, well_since = world.now + CALM_MS, -1
    while world.now < until and not (0 <= well_since <= world.now - SETTLE_MS):
        world.run(world.now + LOOK_MS)
        if not _well(world):
            well_since = -1  # also by an agent that acts as late as now
        elif well_since < 0:
            well_since = world.now
    world.audit.served()


def _well(world: World) -> bool:
    machines = world.machines.values()
    if any(machine.core is None or machine.going for machine in machines):
        return False
    terms = [machine.core.terms.term for machine in machines if machine.core is not None]
    if any(term is None or len(term.members) < len(world.names) for term in terms):
        return False
    behind = [
        one for one in machines if one.core and one.core.record and one.installed != one.core.record.configuration
    ]
    return not behind and not world.audit.truth.unserved()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--without", default="", help="numbers of faults that do not happen: 3,7,8")
    parser.add_argument("--only", default="", help="numbers of the only faults that happen")
    parser.add_argument("--drop", default="", help="nodes that do not exist: n4,n5")
    parser.add_argument("--digest", action="store_true", help="end with a digest over every event and action")
    asked = parser.parse_args()
    history = History(seed=asked.seed, count=asked.nodes, dropped=frozenset(filter(None, asked.drop.split(","))))
    history = history.less(int(number) for number in asked.without.split(",") if number)
    if asked.only:
        only = {int(number) for number in asked.only.split(",")}
        history = history.less(number for number in history.happening if number not in only)
    try:
        done = walk(history, log=asked.digest)
    except Violation as violation:
        print("\n".join(violation.journal), file=sys.stderr)
        print(violation, file=sys.stderr)
        return 1
    print("\n".join(done.journal))
    print(f"{done.steps} events, {done.now / 1000:.0f} s, {done.audit.truth.checks} checks by the oracle")
    if asked.digest:
        print(done.log.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
