"""The simulator's corosync-qnetd and each node's corosync-qdevice: one vote, given to one side, and often late.

As measured (architecture.md, "Who may act: the votes"): the side that is to have the vote gets it when the other one
was told no, or is missed: qnetd misses a node 1.2 timeouts after its last heartbeat. A node that is cut off from it may
go on casting the vote, also for its new ring, until DetectWithin and sync_timeout are over. Of a new ring votequorum
says nothing before its device has spoken for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from sim.network import DETECT_MS, Formation, Network, Station

if TYPE_CHECKING:
    from sim.world import World

TIMEOUT_MS = 2 * DETECT_MS  # of the device
SYNC_MS = 2 * TIMEOUT_MS  # so long a new ring waits for the device
MISSES_MS = (TIMEOUT_MS * 4 // 10, TIMEOUT_MS * 12 // 10)  # qnetd a node: a heartbeat of 0.8 timeouts may just be over
LINGERS_MS = (4_600, DETECT_MS + SYNC_MS)  # the vote on a node that does not reach qnetd
EARLY = 0.4  # how often a device speaks for a new ring at once, with the vote that it had in the last one


@dataclass(slots=True)
class Device:
    """corosync-qdevice on one node, and what qnetd knows of it."""

    runs: bool = False
    linked: bool = False  # it takes itself for connected
    casts: bool = False
    spoken: Formation | None = None  # votequorum has its word for this ring, or waits no more
    asked: Formation | None = None
    believed: Formation | None = None  # the ring that qnetd knows of it; None: it is not there
    cut: bool = False  # nothing passes between it and qnetd
    changes: int = 0  # of its connection: what an older one still wants to do is void


class Arbiter:
    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self.network = network
        self.random = Random(f"arbiter {world.seed}")
        self.devices = {name: Device() for name in world.names}
        self.up = True
        self.judgements = 0
        self.misses_ms, self.lingers_ms, self.early = MISSES_MS, LINGERS_MS, EARLY

    def vote(self, station: Station) -> int | None:
        """What votequorum counts for its device; None: it waits for that before it says anything of this ring."""
        device = self.devices[station.name]
        waits = device.spoken is not station.formation or station.frozen
        return None if waits else int(device.casts)

    # Nodes

    def starts(self, name: str) -> None:
        """Corosync runs; its device comes a little later, and until then votequorum does without."""
        device, station = self.devices[name], self.network.stations[name]
        device.runs = device.linked = device.casts = False
        device.spoken = device.asked = station.formation
        self._changed(device)
        self._after((300, 3_000), name, self._connects)
        if device.believed is not None:
            self._after(self.misses_ms, name, self._is_missed)

    def stops(self, name: str) -> None:
        """Corosync is gone and its device with it. Of a machine without power nobody hears that it is gone."""
        device = self.devices[name]
        device.runs = device.linked = device.casts = False
        self._changed(device)
        told = self.world.machines[name].powered and self._reaches(name)
        self._after((1, 50) if told else self.misses_ms, name, self._is_missed)

    def formed(self) -> None:
        """Rings are new: whoever takes itself for connected waits for an answer, for a while."""
        for station in self.network.all:
            device = self.devices[station.name]
            if not station.up or station.frozen or station.stalled or device.asked is station.formation:
                continue
            device.asked = station.formation
            if not device.linked or self.random.random() < self.early:
                self._speaks(station.name, casts=device.linked and device.casts)
            self.world.after(SYNC_MS, self._waits_no_more, station.name, station.formation)
            self.world.after(self.random.randint(5, 50), self._reports, station.name, station.formation)

    def _waits_no_more(self, name: str, formation: Formation) -> None:
        device = self.devices[name]
        if device.asked is formation and device.spoken is not formation:
            self._speaks(name, casts=False)

    # Connections

    def cut_off(self, name: str) -> None:
        device = self.devices[name]
        if not device.cut:
            self.world.note(f"{name} is cut off from the arbiter")
            device.cut = True
            if self.up:
                self._is_severed(name)

    def heal(self, name: str) -> None:
        device = self.devices[name]
        if device.cut:
            device.cut = False
            if self.up:
                self._is_joined(name)

    def dies(self, *, told: bool) -> None:
        """qnetd ends. `told`: its machine goes on and closes the connections."""
        if not self.up:
            return
        self.world.note("the arbiter is killed" if told else "the arbiter loses power")
        self.up = False
        for name, device in self.devices.items():
            device.believed = None
            self._changed(device)
            self._after((20, 200) if told else self.lingers_ms, name, self._notices)

    def returns(self) -> None:
        if not self.up:
            self.world.note("the arbiter is back")
            self.up = True
            for name, device in self.devices.items():
                if not device.cut:
                    self._is_joined(name)

    def mend(self) -> None:
        self.returns()
        for name in self.devices:
            self.heal(name)

    def _is_severed(self, name: str) -> None:
        self._changed(self.devices[name])
        self._after(self.lingers_ms, name, self._notices)
        self._after(self.misses_ms, name, self._is_missed)

    def _is_joined(self, name: str) -> None:
        self._changed(self.devices[name])
        self._after((100, 2_000), name, self._connects)

    def _changed(self, device: Device) -> None:
        device.changes += 1

    def _after(self, span_ms: tuple[int, int], name: str, act: Callable[[str], None]) -> None:
        self.world.after(self.random.randint(*span_ms), self._if_still, name, self.devices[name].changes, act)

    def _if_still(self, name: str, changes: int, act: Callable[[str], None]) -> None:
        if self.devices[name].changes == changes:
            act(name)

    def _reaches(self, name: str) -> bool:
        return self.up and not self.devices[name].cut

    def _connects(self, name: str) -> None:
        device, station = self.devices[name], self.network.stations[name]
        if not station.up:
            self._is_missed(name)
        if not station.up or not self._reaches(name):
            return
        self._changed(device)
        device.runs = device.linked = True
        device.believed = station.formation
        self._judge()

    def _notices(self, name: str) -> None:
        """The device misses an answer: it has no vote any more."""
        device = self.devices[name]
        device.linked = False
        if device.runs:
            self._speaks(name, casts=False)

    def _is_missed(self, name: str) -> None:
        if self.devices[name].believed is not None:
            self.devices[name].believed = None
            self._judge()

    # qnetd's algorithm: ffsplit

    def _reports(self, name: str, formation: Formation) -> None:
        device, station = self.devices[name], self.network.stations[name]
        if device.linked and self._reaches(name) and station.formation is formation:
            device.believed = formation
            self._judge()

    def _judge(self) -> None:
        """The largest part has the vote (of equals that with the lowest node) once all the others were told no."""
        known = {name: device.believed for name, device in self.devices.items() if device.believed is not None}
        if not self.up or any(known.get(other, ring) is not ring for ring in known.values() for other in ring.nodes):
            return  # somebody has not reported its new ring yet, or is not missed yet
        self.judgements += 1
        number, sizes = self.judgements, Counter(known.values())
        winner = max(sizes, key=lambda ring: (sizes[ring], -self.world.names.index(ring.nodes[0])), default=None)
        losers = [name for name, ring in known.items() if ring is not winner]
        for name in losers:
            if self._reaches(name):
                self.world.after(self.random.randint(1, 20), self._told, number, name, False)
        if all(self._reaches(name) for name in losers):
            for name, ring in known.items():
                if ring is winner:
                    self.world.after(self.random.randint(30, 200), self._told, number, name, True)

    def _told(self, number: int, name: str, votes: bool) -> None:
        device, station = self.devices[name], self.network.stations[name]
        good = number == self.judgements and device.linked and self._reaches(name)
        if good and station.formation is device.believed:
            self._speaks(name, casts=votes)

    def _speaks(self, name: str, *, casts: bool) -> None:
        """votequorum is polled for the ring that is there now."""
        device, station = self.devices[name], self.network.stations[name]
        if not station.up or station.frozen:
            device.casts &= casts
            return
        device.casts, device.spoken = casts, station.formation
        self.world.after(self.random.randint(1, 30), self.world.tell_quorum, name)
