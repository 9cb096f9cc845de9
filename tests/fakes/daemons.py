"""The four daemons of one node as the command line sees them: published values, and wishes that come true."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from standfast.bus import Bus, BusError, Call, Server, escape, interface_file
from standfast.quorumd.arbiter import NO_ARBITER
from standfast.quorumd.looking import NO_HEURISTICS
from standfast.quorumd.watch import NO_WATCHDOG
from standfast.resourced.showing import NO_DRILL

ROOT = "/org/standfast"
SINCE = "2026-01-01T00:00:00Z"  # when every link began to be what it is
NODES = ("node1", "node2", "node3")
RESOURCES = ("standfast-ip@192.0.2.100.service", "apache2.service")
NO_FENCING = {"Attempts": [], "Problems": [], "Unsafe": [], "Unfenced": True, "SlowestOff": 0}
ALL = ("org.standfast.Membership", "org.standfast.Quorum", "org.standfast.Fencing", "org.standfast.Groups")


class Cluster:
    """Three nodes, one group; tests change the values with `publish` and answer wishes with `on_wish`."""

    def __init__(self, nodes: tuple[str, ...] = NODES) -> None:
        self.nodes = nodes
        self.servers = {name: Server(interface_file(name)) for name in ALL}
        self.wishes: list[tuple[str, tuple[Any, ...]]] = []
        self.foreseen = '{"steps": [], "groups": []}'  # what `simulate`, `explain` and `probe --on` are answered
        self.on_wish: Callable[[str, tuple[Any, ...]], Awaitable[None]] | None = None
        self._buses: dict[str, Bus] = {}
        self._publish_membership()
        self._publish_record()
        for method in ("Start", "Stop", "Relocate", "Restart", "Enable", "Disable", "Freeze", "Thaw"):
            self.servers[ALL[3]].handle("org.standfast.Group1", method, self._wished)
        for method in ("SetStandby", "SetMaintenance", "StartAlone"):
            self.servers[ALL[3]].handle("org.standfast.Groups1", method, self._wished)
        for method in ("Simulate", "SimulateConfiguration", "SimulateWish", "Probe", "Explain"):
            self.servers[ALL[3]].handle("org.standfast.Groups1", method, self._simulated)

    def _publish_membership(self) -> None:
        membership, quorum, fencing = (self.servers[name] for name in ALL[:3])
        root = {"Cluster": "webha", "Node": "node1", "View": "1.12", "Members": list(self.nodes), "Problems": []}
        membership.handle("org.standfast.Membership1", "Rejoin", self._wished)
        membership.publish(
            ROOT,
            "org.standfast.Membership1",
            root | {"DetectWithinMilliseconds": 2200, "Configuration": "c0ffee", "Withdrawn": ""},
        )
        for number, name in enumerate(self.nodes, 1):
            links = [] if name == "node1" else [(0, True, SINCE), (1, name != "node3", SINCE)]
            values = {"Name": name, "Id": number, "Votes": 1, "Addresses": [f"192.0.2.{10 + number}"], "InRing": True}
            membership.publish(
                f"{ROOT}/node/{name}",
                "org.standfast.Node1",
                values | {"Incarnation": f"boot{number}/1", "Links": links},
            )
        count = len(self.nodes)
        votes = {"Votes": count, "ExpectedVotes": count, "QuorumVotes": count // 2 + 1, "Flags": []}
        votes |= NO_WATCHDOG | NO_ARBITER | NO_HEURISTICS
        quorum.publish(ROOT, "org.standfast.Quorum1", {"Quorate": True, "View": "1.12"} | votes)
        fencing.publish(ROOT, "org.standfast.Fencing1", NO_FENCING)
        for name in self.nodes:
            values = {"Name": f"bmc-{name}", "Agent": "fence_redfish", "LastTest": "2026-01-01T00:00:00Z"}
            values["LastAnswer"] = values["LastTest"]
            fencing.publish(
                f"{ROOT}/device/{escape('bmc-' + name)}",
                "org.standfast.FenceDevice1",
                values | {"Ok": True, "Answer": "on", "Verified": True, "Nodes": [name]},
            )

    def _publish_record(self) -> None:
        record = {"Cluster": "webha", "Node": "node1", "Term": 7, "Coordinator": "node1", "Quorate": "yes"}
        record["Members"] = list(self.nodes)
        record |= {"Position": "7.3", "RecordDigest": "d", "Configuration": "c0ffee", "ConfigurationVersion": 4}
        record |= {"Versions": {}, "History": [], "Unconfirmed": ("", 0), "Drill": NO_DRILL, "LastDrill": ""}
        self.publish(ROOT, "Groups1", **record, NoTerm="", Losses=[], Without=[], Safe=True, Maintenance=False)
        for number, name in enumerate(self.nodes, 1):
            values = {"State": "online", "Standby": False, "Healthy": True, "Drifted": False, "Edited": []}
            self.publish(f"{ROOT}/node/{name}", "Member1", Name=name, Incarnation=f"boot{number}/1", **values)
        self.group(Name="webserv", Phase="started", Flags=[], Owner="node1", LastOwner="", Reason="node1 is first")
        for place, (unit, probe) in enumerate(zip(RESOURCES, ("none", "good"), strict=True), 1):
            path = f"{ROOT}/group/webserv/resource/{escape(unit)}"
            self.publish(path, "Resource1", Unit=unit, Place=place, State="active", Probe=probe, Cause="")

    def publish(self, path: str, interface: str, **values: Any) -> None:
        """resourced shows these properties."""
        self.servers[ALL[3]].publish(path, f"org.standfast.{interface}", values)

    def group(self, since: str = "2026-01-01T00:00:00Z", **values: Any) -> None:
        """The group webserv has these properties; a change of its phase begins at `since`."""
        self.publish(
            f"{ROOT}/group/webserv", "Group1", Since=since, **{"WantedOn": "", "Drilled": ("", "", 0), **values}
        )

    async def _wished(self, call: Call) -> tuple[Any, ...]:
        self.wishes.append((call.member, call.arguments))
        if self.on_wish is not None:
            await self.on_wish(call.member, call.arguments)
        return ()

    async def _simulated(self, call: Call) -> tuple[Any, ...]:
        await self._wished(call)
        return (self.foreseen,)

    def refuse(self, name: str, text: str) -> None:
        """From now on every wish is answered with this error."""

        async def refuse(_: str, __: tuple[Any, ...]) -> None:
            raise BusError(name, text)

        self.on_wish = refuse

    async def start(self, name: str) -> None:
        """The daemon with this bus name runs."""
        self._buses[name] = await Bus.connect()
        await self.servers[name].attach(self._buses[name], name)

    async def kill(self, name: str) -> None:
        """The daemon is gone; a method that it runs gets no answer any more."""
        self.servers[name].cancel_calls()
        await self._buses.pop(name).close()

    @contextlib.asynccontextmanager
    async def running(self, names: Iterable[str] = ALL) -> AsyncIterator["Cluster"]:
        """These daemons run."""
        for name in names:
            await self.start(name)
        try:
            yield self
        finally:
            for name in tuple(self._buses):
                await self.kill(name)
