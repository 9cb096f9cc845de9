"""What a plan says of an interruption, and the interruption that a client then sees."""

from dataclasses import replace
from random import Random
from typing import Final

import pytest

from sim.operators import PATIENCE_MS
from sim.scripts import quiet
from sim.world import World
from standfast.configuration.model import Domain
from standfast.resourced.changes_planned import Effect, EffectKind, effects
from standfast.resourced.durations import UNMEASURED, Measuring
from standfast.resourced.events import Event
from standfast.resourced.messages import WishKind

UNITS_TAKE: Final = {(5, 300): 240, (2, 200): 110}  # to start and to stop, ms


class Steady(Random):
    """Units take as long each time, as real ones nearly do."""

    def randint(self, a: int, b: int) -> int:
        return UNITS_TAKE.get((a, b)) or super().randint(a, b)


class Measured:
    """A cluster in which every node measures, as the daemon does."""

    def __init__(self, seed: int) -> None:
        self.world = quiet(seed, 3)
        self.world.random = Steady(seed)
        self.measuring = {name: Measuring(UNMEASURED) for name in self.world.names}
        self._give, self.world.give = self.world.give, self._look_after  # type: ignore[method-assign]

    def _look_after(self, name: str, event: Event) -> None:
        self._give(name, event)
        core = self.world.machines[name].core
        if core is not None:
            term = core.terms.term
            self.measuring[name].look(core.record, term.nonce if term else "", core.now)

    def move(self, node: str) -> int:
        """The group is moved by an operator; for how long nobody served, ms."""
        world = self.world
        world.operators.wish("n1", WishKind.RELOCATE, "webserv", node)
        ended = _when(world, [])
        return _when(world, [node]) - ended

    def planned(self, asked: str, node: str) -> Effect:
        """What `asked` says of a version in which the group goes home to `node`."""
        core = self.world.machines[asked].core
        assert core is not None
        assert core.record is not None
        situation = core.coordinator.situation(core.knowledge)
        assert situation is not None
        known = core.configuration
        rest = tuple(name for name in self.world.names if name != node)
        home = Domain(name="web", nodes=(node, *rest), ordered=True, failback=True)
        new = replace(known, digest="d2", domains=(home,))
        (effect,) = effects(core.record, known, new, situation, self.measuring[asked].durations)
        return effect


def _when(world: World, serving: list[str]) -> int:
    until = world.now + 60_000
    while world.serving() != serving:
        assert world.now < until
        world.run(world.queue[0][0])
    return world.now


@pytest.mark.parametrize("seed", range(3))
def test_every_node_names_the_interruption_of_a_move_within_a_factor_of_two(seed: int) -> None:
    cluster = Measured(seed)
    cluster.world.run(20_000)
    (owner,) = cluster.world.serving()
    other = next(name for name in cluster.world.names if name != owner)
    for node in (other, owner, other, owner):
        cluster.move(node)
        cluster.world.run(cluster.world.now + PATIENCE_MS)
    planned = {name: cluster.planned(name, other) for name in cluster.world.names}
    took_ms = cluster.move(other)
    for effect in planned.values():
        assert (effect.kind, effect.source, effect.target) == (EffectKind.MOVE, owner, other)
        assert effect.reason.startswith(f"goes home to {other}")
        assert effect.interruption_ms is not None
        assert took_ms / 2 <= effect.interruption_ms <= took_ms * 2, (took_ms, effect.measured)
