"""Faulty links and trouble with the arbiter, drawn from a stream of their own: no other fault of a seed changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from standfast.configuration.model import Configuration

if TYPE_CHECKING:
    from sim.faults import Fault
    from sim.world import World

OFTEN = 0.3  # how often a walk knows faulty links


def faulty_link(world: World, random: Random, fault: Fault) -> None:
    """Two nodes do not hear each other."""
    other = next(name for name in (fault.other, *world.names) if name != fault.node)
    world.links.fail([(fault.node, other)], _lasts(random))


def faulty_links(world: World, random: Random, _: Fault) -> None:
    """Several pairs at once; sometimes one node is in most of them."""
    pairs = list(combinations(world.names, 2))
    if random.random() < 0.5:
        middle = random.choice(world.names)
        pairs = [pair for pair in pairs if middle in pair]
    world.links.fail(random.sample(pairs, random.randint(1, len(pairs))), _lasts(random))


def mend_links(world: World, _: Random, __: Fault) -> None:
    world.links.mend()


def arbiter_dies(world: World, random: Random, _: Fault) -> None:
    if world.arbiter is not None:
        world.arbiter.dies(told=random.random() < 0.5)
        world.after(random.choice((1_000, 10_000, 60_000)), world.arbiter.returns)


def arbiter_cut(world: World, random: Random, fault: Fault) -> None:
    """One node, or every node, does not reach it any more."""
    for name in world.names if random.random() < 0.3 else (fault.node,):
        if world.arbiter is not None:
            world.arbiter.cut_off(name)
            world.after(random.choice((1_000, 8_000, 30_000)), world.arbiter.heal, name)


def alone(world: World, random: Random, fault: Fault) -> None:
    """One node hears nobody, not even the arbiter, and sometimes its units do not stop."""
    if world.arbiter is None:
        return
    world.cut({name: int(name == fault.node) for name in world.names})
    world.arbiter.cut_off(fault.node)
    if random.random() < 0.3:
        world.units.harden(fault.node, "wedged", fault.group)
    lasts = random.choice((3_000, 8_000, 15_000, 50_000))
    world.after(lasts, world.arbiter.heal, fault.node)
    world.after(lasts + random.choice((0, 5_000)), world.cut, dict.fromkeys(world.names, 0))


def _lasts(random: Random) -> int:
    """ms; 0: until somebody mends it."""
    return random.choice((0, 1_500, 5_000, 12_000, 30_000))


OF_LINKS: dict[str, tuple[int, Callable[[World, Random, Fault], None]]] = {
    "faulty-link": (4, faulty_link),
    "faulty-links": (2, faulty_links),
    "mend-links": (2, mend_links),
}
OF_THE_ARBITER: dict[str, tuple[int, Callable[[World, Random, Fault], None]]] = {
    "arbiter-dies": (2, arbiter_dies),
    "arbiter-cut": (3, arbiter_cut),
    "alone": (4, alone),
}


def drawn_kinds(random: Random, names: list[str], configuration: Configuration, until: int) -> list[tuple[int, str]]:
    """What happens and when (ms): some walks know one to four faults of links; with an arbiter there are some of it."""
    kinds: list[str] = []
    if len(names) > 2 and random.random() < OFTEN:
        weights = [weight for weight, _ in OF_LINKS.values()]
        kinds += random.choices(list(OF_LINKS), weights, k=random.randint(1, 4))
    if configuration.cluster.arbiter:
        weights = [weight for weight, _ in OF_THE_ARBITER.values()]
        kinds += random.choices(list(OF_THE_ARBITER), weights, k=random.randint(1, 6))
    return [(random.randint(5_000, until), kind) for kind in kinds]
