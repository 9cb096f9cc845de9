"""What the configuration says to this node, and what is wrong with it, told once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.addresses.netlink import Netlink
from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration, Node, Problem, Source
from standfast.configuration.versions import FOLDER, IN_FORCE
from standfast.journal import Event, Level

KEY_NAME: Final = "corosync.key"


Network = IPv4Network | IPv6Network


def own_networks() -> tuple[Network, ...]:
    """The networks that this machine has addresses in; none while the kernel does not tell."""
    try:
        netlink = Netlink()
        try:
            return tuple(ip_interface(str(address)).network for address in netlink.addresses())
        finally:
            netlink.close()
    except OSError:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One reading of what is in force. `node` is None when the configuration does not name this machine."""

    configuration: Configuration | None  # None: there is none here, or it cannot be read
    node: Node | None
    problems: tuple[Problem, ...]
    key: bytes  # Corosync's; empty: it cannot be read

    @property
    def usable(self) -> bool:
        return self.node is not None

    def name_of(self, node: int) -> str:
        """The name of a node id; one that is not configured is shown as #ID."""
        nodes = self.configuration.nodes if self.configuration else ()
        return next((known.name for known in nodes if known.id == node), f"#{node}")

    @property
    def peers(self) -> tuple[int, ...]:
        """The ids of the other configured nodes."""
        nodes = self.configuration.nodes if self.configuration else ()
        return tuple(known.id for known in nodes if self.node is None or known.id != self.node.id)


def read_settings(
    hostname: str, folder: Path = FOLDER, networks: Callable[[], Iterable[Network]] = own_networks
) -> Settings:
    """The configuration in force here, as it concerns this machine and its networks."""
    configuration, problems = load_in_force(folder)
    node = find_node(configuration.nodes, hostname) if configuration else None
    if configuration is not None and node is None:
        text = f'no [Node] has Name={hostname}, as this machine is called: add it, or correct the name in "hostnamectl"'
        problems = (*problems, Problem(source=Source(path="cluster.conf", line=0), text=text))
    elif node is not None:
        problems = (*problems, *_one_network(node, networks()))
    return Settings(configuration=configuration, node=node, problems=problems, key=_key(folder))


def _one_network(node: Node, networks: Iterable[Network]) -> Iterator[Problem]:
    """Two links in one network are no two ways; only the machine itself knows how large its networks are."""
    source = node.sources.get("Address") or Source(path="cluster.conf", line=0)
    for network in sorted(set(networks), key=str):
        inside = [address for address in node.addresses if ip_address(address) in network]
        if len(inside) > 1:
            text = f"{' and '.join(inside)} of {node.name} are in one network ({network}); a second link needs its own"
            yield Problem(source=source, text=text)


def _key(folder: Path) -> bytes:
    try:
        return (folder / IN_FORCE.name / KEY_NAME).read_bytes()
    except OSError:
        return b""  # load_in_force() has told it


def find_node(nodes: Iterable[Node], hostname: str) -> Node | None:
    """The node that is called as this machine: by its full name, else by the part before the first dot."""
    by_name = {node.name: node for node in nodes}
    return by_name.get(hostname) or by_name.get(hostname.partition(".")[0])


def tell_changes(old: Settings | None, new: Settings) -> None:
    """The journal has each problem that is new, that there is nothing to work with, or that all is well again."""
    known = old.problems if old else ()
    if not new.usable:
        if new.problems != known:
            text = f"This node has no configuration to work with: {'; '.join(map(str, new.problems))}"
            journal.write(Event.CONFIGURATION_MISSING, Level.ERROR, text)
        return
    for problem in new.problems:
        if problem not in known:
            journal.write(Event.CONFIGURATION_PROBLEM, Level.ERROR, str(problem), file=str(problem.source))
    if not new.problems and known:
        journal.write(Event.CONFIGURATION_GOOD, Level.NOTICE, "The configuration is good again")
