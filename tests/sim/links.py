"""Faulty links: two nodes do not hear each other, others hear both, and rings churn until one of the two is gone."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from sim.faulty import Pair
from sim.memberships import Memberships
from sim.network import Network

if TYPE_CHECKING:
    from sim.world import World

CHURN_MS = 600  # consensus: how often an odd node makes a new ring


class Links:
    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self.network = network
        self.random = Random(f"links {world.seed}")
        self.memberships = Memberships(world, network, self.random)
        self.formed = dict.fromkeys(world.names, 0)  # rings that were given up before they worked, by node
        self.failures = 0

    def fail(self, pairs: Iterable[tuple[str, str]], lasts: int = 0, *, odd: str = "") -> None:
        """These pairs do not hear each other from now on, for `lasts` ms; 0: until they are mended. `odd`: who is then
        alone in ever new rings, if it is one of them."""
        if self.network.odd:
            return
        new = frozenset(frozenset(pair) for pair in pairs)
        self.world.note("faulty links: " + ", ".join("-".join(sorted(pair)) for pair in sorted(new, key=sorted)))
        self.failures += 1
        blamed = self.random.sample(self.world.names, len(self.world.names))
        self.network.fault(self.network.bad | new, tuple(sorted(blamed, key=odd.__eq__)))
        self.world.corosync.reform(1_500, 2_000)
        self.world.after(2_100, self._churn, self.failures)
        self.memberships.watch()
        if lasts:
            self.world.after(lasts, self._mend, new)

    def mend(self) -> None:
        self._mend(self.network.bad)

    def _mend(self, pairs: frozenset[Pair]) -> None:
        if self.network.bad & pairs:
            self.world.note("links are mended")
            self.network.fault(self.network.bad - pairs, self.network.blamed)
            self.world.corosync.reform(300, 1_300)

    def _churn(self, number: int) -> None:
        """Every odd node is alone in a ring of its own again; for the others one more was given up."""
        if not self.network.bad or number != self.failures:
            return
        parts = self.network.parts
        for name in sorted(parts.odd | parts.stuck):
            self.formed[name] += 1
        for name in sorted(parts.odd):
            self.network.form(self.network.stations[name].reach)
            self.world.after(self.random.randint(0, 60), self.world.tell_quorum, name)
        self.world.corosync.formed()
        self.world.after(CHURN_MS, self._churn, number)
