"""A cluster in which a configuration is pushed: what membershipd carries and what resourced puts in force."""

import asyncio
from pathlib import Path
from typing import Any, Final

from fakes.daemons import ALL, NODES, ROOT, Cluster
from standfast.bus import Call, Variant
from standfast.configuration import versions
from standfast.configuration.bundle import unpack
from standfast.configuration.tree import Tree, read_tree

KEY: Final = b"\xff\x00the key that nobody may see" * 10
PASSWORD: Final = "hunter2-of-the-bmc"
CLUSTER: Final = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Fence=bmc:1
[Node]
Name=node2
Id=2
Address=192.0.2.12
Fence=bmc:2
[Node]
Name=node3
Id=3
Address=192.0.2.13
Fence=bmc:3
[FenceDevice]
Name=bmc
Agent=fence_test
Option=ip=192.0.2.202
PasswordFile=bmc.secret
"""
TARGET: Final = "[Unit]\nDescription=The site\n[X-Standfast]\nResources=site.service\n"
BEGAN: Final = "2026-01-01T00:00:00Z"
_STEP_S: Final = 0.05


def write_configuration(folder: Path) -> None:
    """A good configuration with two secrets."""
    (folder / "units").mkdir(parents=True)
    for name, content, mode in (
        ("cluster.conf", CLUSTER.encode(), 0o644),
        ("corosync.key", KEY, 0o600),
        ("bmc.secret", PASSWORD.encode(), 0o600),
        ("units/webserv.target", TARGET.encode(), 0o644),
        ("units/site.service", b"[Service]\nExecStart=/bin/true\n", 0o644),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)


class Pushing:
    """Version 1 is in force; every node prepares and installs what it is given, unless it is told not to."""

    def __init__(self, cluster: Cluster, folder: Path, disk: Path) -> None:
        self.cluster, self.disk = cluster, disk
        self.objections: dict[str, tuple[str, ...]] = {}  # by node, to the next version
        self.silent: set[str] = set()  # nodes that never prepare
        self.delays: dict[str, float] = {}  # by node, how many seconds it takes to prepare
        self.idle: set[str] = set()  # nodes that never install
        self.elsewhere: dict[str, Tree] = {}  # what only other nodes have
        self.plan: list[dict[str, Any]] = []
        self.nodes = {name: ["", "", [], []] for name in NODES}
        self.history: list[tuple[int, str, str, str, str, str]] = []
        groups, membership = cluster.servers[ALL[3]], cluster.servers[ALL[0]]
        membership.handle("org.standfast.Membership1", "Share", self._share)
        membership.handle("org.standfast.Membership1", "Want", self._want)
        groups.handle("org.standfast.Groups1", "PutInForce", self._put_in_force)
        for method in ("KeepConfiguration", "TakeBackConfiguration"):
            groups.handle("org.standfast.Groups1", method, cluster._wished)
        groups.handle("org.standfast.Groups1", "PlanConfiguration", self._plan)
        cluster.on_wish = self._wished
        self.install(read_tree(folder), "the first one")

    def install(self, tree: Tree, why: str) -> None:
        """This version is in force on every node."""
        self.store(tree)
        versions.point(tree.digest, self.disk)
        base = self.history[0][1] if self.history else ""
        self._enter(tree.digest, base, why)
        for row in self.nodes.values():
            row[:2] = [tree.digest, tree.digest]
        self.publish()

    def store(self, tree: Tree) -> None:
        versions.store(tree, self.disk)

    def publish(self, **values: Any) -> None:
        """The record shows what it has of versions, and these properties."""
        shown = {"Versions": {name: tuple(row) for name, row in self.nodes.items()}, "History": self.history}
        self.cluster.publish(ROOT, "Groups1", **shown | {"Configuration": self.history[0][1]} | values)

    def _enter(self, digest: str, base: str, why: str) -> None:
        self.history.insert(0, (len(self.history) + 1, digest, base, BEGAN, "root on node1", why))

    async def _share(self, call: Call) -> tuple[Any, ...]:
        tree = unpack(call.arguments[0])
        self.cluster.wishes.append(("Share", (tree.digest,)))
        self.store(tree)
        for number, name in enumerate(NODES, 1):
            if name not in self.silent:
                delay = self.delays.get(name, number * _STEP_S)
                asyncio.get_running_loop().call_later(delay, self._prepared, name, tree.digest)
        return (tree.digest,)

    def _prepared(self, name: str, digest: str) -> None:
        objections = self.objections.get(name, ())
        self.nodes[name][1:3] = ["" if objections else digest, list(objections)]
        self.publish()

    async def _want(self, call: Call) -> tuple[Any, ...]:
        (digest,) = call.arguments
        self.cluster.wishes.append(("Want", call.arguments))
        if digest in self.elsewhere:
            self.store(self.elsewhere[digest])
            bus = self.cluster._buses[ALL[0]]
            asyncio.get_running_loop().call_later(
                _STEP_S, bus.emit, ROOT, "org.standfast.Membership1", "Stored", "s", digest
            )
        return ()

    async def _plan(self, call: Call) -> tuple[Any, ...]:
        self.cluster.wishes.append(("PlanConfiguration", call.arguments))
        return ([{name: _variant(value) for name, value in row.items()} for row in self.plan],)

    async def _put_in_force(self, call: Call) -> tuple[Any, ...]:
        digest, base, _, why, confirm_ms = call.arguments
        await self.cluster._wished(call)
        self._enter(digest, base, why)
        self.publish(Unconfirmed=(base, confirm_ms) if confirm_ms else ("", 0))
        for number, name in enumerate(NODES, 1):
            if name not in self.idle:
                asyncio.get_running_loop().call_later(number * _STEP_S, self._installed, name, digest)
        return ()

    def _installed(self, name: str, digest: str) -> None:
        self.nodes[name][0] = digest
        self.publish()

    async def _wished(self, method: str, _: tuple[Any, ...]) -> None:
        if method == "Stop":
            asyncio.get_running_loop().call_later(_STEP_S, lambda: self.cluster.group(Phase="stopped", Owner=""))


def _variant(value: Any) -> Variant:
    """A value of a row of PlanConfiguration."""
    if isinstance(value, Variant):
        return value
    return Variant("s" if isinstance(value, str) else "x" if isinstance(value, int) else "as", value)
