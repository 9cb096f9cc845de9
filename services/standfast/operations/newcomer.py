"""A machine that becomes a node: whether it can, and how it does. All of this happens on that machine itself."""

import asyncio
import importlib.metadata
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_interface
from pathlib import Path
from typing import Final

from standfast.addresses.netlink import Netlink
from standfast.bus import Bus
from standfast.configuration import checkout, versions
from standfast.configuration.load import ROOT, check
from standfast.configuration.model import Configuration, ConfigurationError, Node
from standfast.configuration.system import System
from standfast.configuration.tree import Tree, read_tree
from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.ssh import Done

KEY: Final = "corosync.key"
NOTHING: Final = Tree(files={}, problems=())
_RECORD_S: Final = 30.0
_START_S: Final = 30.0  # PID 1 answers nobody while it reads its unit files anew
_TARGET: Final = "standfast.target"
_MANAGER: Final = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")


def own_addresses() -> dict[str, tuple[str, ...]]:
    """The addresses of this machine by interface, loopback's and link-local ones left out. Raises OSError."""
    netlink = Netlink()
    try:
        names = {link.index: link.name for link in netlink.links()}
        found: dict[str, tuple[str, ...]] = {}
        for address in netlink.addresses():
            ip = ip_interface(str(address)).ip
            if not ip.is_loopback and not ip.is_link_local:
                name = names.get(address.index, f"#{address.index}")
                found[name] = (*found.get(name, ()), str(ip))
        return found
    finally:
        netlink.close()


def write_first_record() -> Done:
    """The record of a cluster that never ran is on this machine's disk: resourced's own program wrote it."""
    script = f"exec {shlex.quote(sys.executable)} -s -P -m standfast.resourced.initial"
    return ssh.run("", script, within_s=_RECORD_S)


def start() -> None:
    """systemd starts standfast.target now and at every boot. Raises CommandError."""
    run(_start(), "standfast.target may or may not have been started: systemctl status standfast.target")


async def _start() -> None:
    """The target is ordered after the daemons: when its job is over, they are on the bus or have failed."""
    over: asyncio.Queue[str] = asyncio.Queue()
    async with await Bus.connect() as bus:
        await bus.call(*_MANAGER, "Subscribe", timeout_s=_START_S)
        await bus.subscribe(_MANAGER[0], lambda signal: over.put_nowait(signal.arguments[1]), member="JobRemoved")
        await bus.call(*_MANAGER, "EnableUnitFiles", "asbb", [_TARGET], False, False, timeout_s=_START_S)
        await bus.call(*_MANAGER, "Reload", timeout_s=_START_S)
        (job,) = await bus.call(*_MANAGER, "StartUnit", "ss", _TARGET, "replace", timeout_s=_START_S)
        try:
            async with asyncio.timeout(_START_S):
                while await over.get() != job:
                    pass
        except TimeoutError:
            text = f"{_TARGET} is not up after {_START_S:g} s: systemctl list-jobs"
            raise CommandError(Exit.UNKNOWN, text) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a machine's files are and what it is called."""

    hostname: str = field(default_factory=lambda: os.uname().nodename)
    root: Path = ROOT
    folder: Path = versions.FOLDER
    system: System | None = field(default_factory=System)
    addresses: Callable[[], dict[str, tuple[str, ...]]] = own_addresses
    write_first_record: Callable[[], Done] = write_first_record
    start: Callable[[], None] = start

    @property
    def record(self) -> Path:
        return self.folder / "record"


def node_of(configuration: Configuration, hostname: str) -> Node | None:
    """The [Node] that a machine of this host name is, by the whole name or its first label."""
    names = (hostname, hostname.partition(".")[0])
    return next((node for node in configuration.nodes if node.name in names), None)


def release() -> str:
    """The version of Standfast that is installed here; "" where it runs without being installed."""
    try:
        return importlib.metadata.version("standfast")
    except importlib.metadata.PackageNotFoundError:
        return ""


def examine(tree: Tree, place: Place) -> bytes:
    """What this machine says when it is to become a node by `tree`, as JSON: read by newcomers.examine()."""
    answer = {
        "release": release(),
        "host": place.hostname,
        "clock": time.time(),
        "objections": objections(tree, place),
    }
    return json.dumps(answer).encode()


def objections(tree: Tree, place: Place) -> tuple[str, ...]:
    """Why this machine does not become a node by `tree`, a sentence each; nothing is changed."""
    try:
        configuration = check(tree, system=place.system)
    except ConfigurationError as error:
        return tuple(map(str, error.problems))
    node = node_of(configuration, place.hostname)
    told = list(_foreign(tree, place))
    if node is None:
        names = " or ".join(node.name for node in configuration.nodes)
        told.append(
            f"it is called {place.hostname}, and no [Node] is: hostnamectl hostname NAME, where NAME is {names}"
        )
        return tuple(told)
    here = {address for found in place.addresses().values() for address in found}
    for address in node.addresses:
        if here and address not in here:
            told.append(f"{address} is on no interface of it; it has {', '.join(sorted(here))}")
    return tuple(told)


def belongs(tree: Tree, place: Place) -> bool:
    """This machine has a version of the same cluster in force: one with the same key."""
    before = versions.read_in_force(place.folder)
    return before is not None and before.files.get(KEY) == tree.files.get(KEY)


def _foreign(tree: Tree, place: Place) -> list[str]:
    """Files of another cluster, or of this one as it was before this machine was removed from it."""
    if belongs(tree, place):
        return []
    clear = f"systemctl disable --now standfast.target; rm -r {place.folder}/*; rm -r {place.root}/*"
    if before := versions.read_in_force(place.folder):
        return [f"it has the files of {_cluster(before)}; if they are of no use any more: {clear}"]
    if place.record.exists():
        return [f"it has the record of some cluster ({place.record}); if that is of no use any more: {clear}"]
    mine = read_tree(place.root).files
    others = [name for name in mine if name not in tree.files or mine[name].content != tree.files[name].content]
    if others:
        return [f"it has files of its own in {place.root} ({', '.join(others[:3])}): move them away"]
    return []


def _cluster(tree: Tree) -> str:
    try:
        return f"cluster {check(tree, system=None).cluster.name}"
    except ConfigurationError:
        return "another cluster"


def take(tree: Tree, place: Place, *, first: bool) -> None:
    """The version is in force here, and /etc/standfast is it; `first`: with the first record of a new cluster.

    A node without a record needs none: it takes the others' when a term is opened, and until then it does not count
    where a term is opened from disks alone. A copy of theirs, made now, would count there, as if it knew what they
    acknowledged since. Raises CommandError.
    """
    try:
        if not belongs(tree, place):
            versions.store(tree, place.folder)
            checkout.update(place.root, NOTHING, tree)
            versions.point(tree.digest, place.folder)  # the last: by it the same call again sees that all is done
    except (OSError, ConfigurationError) as error:
        raise CommandError(Exit.REFUSED, f"The configuration cannot be stored here: {error}.") from error
    if first and (done := place.write_first_record()).exit_code:
        why = done.said or f"exit code {done.exit_code}"
        raise CommandError(Exit.REFUSED, f"The first record cannot be written here: {why}.")


def reached_by(host: str, place: Place) -> str:
    """The address from which this machine reaches `host`, else the one of its only or default interface.

    Raises CommandError when there are several to choose from.
    """
    try:
        (family, _, _, _, there), *_ = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(there)  # nothing is sent: the kernel chooses the way
            found = str(probe.getsockname()[0])
            if found in {address for group in place.addresses().values() for address in group}:
                return found
    except OSError:
        pass  # a name that only ssh knows
    return only_address(place)


def only_address(place: Place, routes: Path = Path("/proc/net/route")) -> str:
    """The first address of the interface with the default route, or of the only one. Raises CommandError."""
    found = place.addresses()
    default = [name for name in _default_interfaces(routes) if name in found]
    chosen = default[0] if default else next(iter(found)) if len(found) == 1 else ""
    if not chosen:
        has = ", ".join(f"{name} {' '.join(addresses)}" for name, addresses in found.items()) or "no address at all"
        name = place.hostname.partition(".")[0]
        text = f"By which address do the others reach this machine? It has {has}. Say {name}=ADDRESS."
        raise CommandError(Exit.USAGE, text)
    return found[chosen][0]


def _default_interfaces(routes: Path) -> list[str]:
    """Interfaces with an IPv4 default route, the preferred first (proc(5), /proc/net/route)."""
    try:
        rows = [line.split() for line in routes.read_text().splitlines()[1:]]
    except OSError:
        return []
    found = [(int(row[6]), row[0]) for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"]
    return [name for _, name in sorted(found)]
