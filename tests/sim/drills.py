"""Fire drills of the simulator: their updates; their faults are those that happen anyway."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from standfast.resourced.drill_checks import subject_of
from standfast.resourced.drills import Drill, DrillBegun, DrillEnded
from standfast.resourced.events import Wished
from standfast.resourced.messages import Wish, WishKind
from standfast.vocabulary import DrillKind

if TYPE_CHECKING:
    from sim.faults import Fault
    from sim.world import World

LIMIT_MS = 60_000


def begin(world: World, name: str, kind: DrillKind, subject: str) -> str:
    """Somebody on `name` wants a drill; the identity of the wish, "" = `name` cannot ask for it."""
    core = world.machines[name].core
    if core is None or core.record is None or core.terms.term is None:
        return ""
    try:
        node, groups, unit = subject_of(kind, subject, core.record, core.configuration)
    except LookupError:
        return ""
    identity = f"drill of {name} at {world.now}"
    drill = Drill(
        id=identity,
        kind=kind,
        node=node,
        groups=groups,
        unit=unit,
        leader=name,
        by=f"uid 0 on {name}",
        at="",
        limit_ms=LIMIT_MS,
    )
    _wish(world, name, identity, subject, DrillBegun(drill=drill, again=True))
    return identity


def end(world: World, name: str, identity: str) -> None:
    core = world.machines[name].core
    if core is not None:
        _wish(world, name, f"end of {identity}", "", DrillEnded(id=identity))


def _wish(world: World, name: str, identity: str, subject: str, wanted: DrillBegun | DrillEnded) -> None:
    world.note(f"operator on {name}: {type(wanted).__name__} ({identity})")
    world.give(name, Wished(wish=Wish(id=identity, kind=WishKind.DRILL, subject=subject, drill=wanted)))


def strike(world: World, random: Random, fault: Fault) -> None:
    """Drills in a storm: their faults are the storm's own."""
    kind = random.choice(list(DrillKind))
    subject = fault.other if kind in (DrillKind.POWER, DrillKind.CUT) else fault.group
    identity = begin(world, fault.node, kind, subject)
    if identity and random.random() < 0.5:
        world.after(random.randint(1_000, 40_000), end, world, fault.node, identity)
