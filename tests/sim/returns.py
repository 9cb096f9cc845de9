"""Operators of the simulator who start a node again while it leaves: `systemctl start` before the stop has ended."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.faults import Fault
    from sim.world import World

GOES_MS = 150  # from its mark on a node goes, and is off, within about this


def strike(world: World, random: Random, fault: Fault) -> None:
    """It is stopped, now and then with all others, and started while its groups move, or as it goes."""
    for name in world.names if random.random() < 0.2 else [fault.node]:
        world.leave(name)
    if random.random() < 0.5:
        world.after(random.choice((0, 20, 300, 2_000, 10_000)), world.start_again, fault.node)
        return

    def watch(_: str, data: bytes) -> bool:
        if not world.calm and b'"Marked"' not in data:
            return False
        world.after(random.randint(0, GOES_MS), world.start_again, fault.node)
        return True

    world.watchers.append(watch)
