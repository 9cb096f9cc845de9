"""cluster.conf and its drop-ins: the cluster, its nodes, fence devices and domains."""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from standfast.configuration.health import health_problems
from standfast.configuration.keys import CLUSTER_SCOPES, Scope, Values, did_you_mean, read
from standfast.configuration.model import Cluster, Domain, FenceDevice, Heuristic, Node, Problem, Source
from standfast.configuration.quorum import quorum_problems
from standfast.configuration.unitfile import Entry, Section, effective
from standfast.configuration.watchdogs import check_watchdogs

T = TypeVar("T")

_MOST_LINKS = 8
_SCOPES = {scope.strip("[]"): scope for scope in CLUSTER_SCOPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPart:
    """What cluster.conf says; where something is wrong it is left out and told as a problem."""

    cluster: Cluster | None
    nodes: tuple[Node, ...]  # by id
    devices: tuple[FenceDevice, ...]
    domains: tuple[Domain, ...]
    heuristics: tuple[Heuristic, ...]  # in the order written
    node_names: frozenset[str]  # also of nodes that have a problem
    domain_names: frozenset[str]  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """All sections of one kind with one Name=: the one in cluster.conf and those of drop-ins."""

    name: str
    entries: tuple[Entry, ...]
    begins: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read(Generic[T]):
    """A record as it came out, with the lines that it came from."""

    made: T
    values: Values


def read_cluster(sections: Sequence[Section], problems: list[Problem]) -> ClusterPart:
    """The records of cluster.conf, checked against each other; everything wrong is appended to `problems`."""
    _refuse_unknown_sections(sections, problems)
    values = _cluster_values(sections, problems)
    cluster = _make(Cluster, values) if values.complete else None
    node_records = _records(sections, Scope.NODE, problems)
    device_records = _records(sections, Scope.DEVICE, problems)
    domain_records = _records(sections, Scope.DOMAIN, problems)
    nodes = _read_all(Node, Scope.NODE, node_records, problems)
    devices = _read_all(_make_device, Scope.DEVICE, device_records, problems)
    domains = _read_all(Domain, Scope.DOMAIN, domain_records, problems)
    heuristic_records = _records(sections, Scope.HEURISTIC, problems)
    heuristics = tuple(one.made for one in _read_all(Heuristic, Scope.HEURISTIC, heuristic_records, problems))
    if not node_records:
        problems.append(Problem(source=Source(path="cluster.conf", line=0), text="there is no node; write a [Node]"))
    if cluster and cluster.daemon_grace_ms <= cluster.tick_max_ms:
        source = cluster.sources.get("DaemonGrace") or cluster.sources["TickMax"]
        problems.append(Problem(source=source, text="DaemonGrace= must be longer than TickMax="))
    _check_nodes(nodes, problems)
    _check_fencing(nodes, {record.name for record in device_records}, values, problems)
    readable = len(nodes) == len(node_records) and not any("Watchdog" in node.values.wrong for node in nodes)
    if cluster and readable:
        arbiter = bool(values.by_field.get("arbiter"))
        check_watchdogs(cluster, [node.made for node in nodes], arbiter=arbiter, problems=problems)
    _check_domains(domains, {record.name for record in node_records}, problems)
    if len(heuristics) == len(heuristic_records):
        problems += health_problems(heuristics)
    if cluster and len(nodes) == len(node_records):
        problems += quorum_problems(cluster, [node.made for node in nodes])
    return ClusterPart(
        cluster=cluster,
        nodes=tuple(sorted((node.made for node in nodes), key=lambda node: node.id)),
        devices=tuple(device.made for device in devices),
        domains=tuple(domain.made for domain in domains),
        heuristics=heuristics,
        node_names=frozenset(record.name for record in node_records),
        domain_names=frozenset(record.name for record in domain_records),
    )


def _refuse_unknown_sections(sections: Iterable[Section], problems: list[Problem]) -> None:
    for section in sections:
        if section.name not in _SCOPES and not section.name.startswith("X-"):
            hint = did_you_mean(section.name, _SCOPES, "[{}]")
            problems.append(Problem(source=section.source, text=f"unknown section [{section.name}]{hint}"))


def _cluster_values(sections: Sequence[Section], problems: list[Problem]) -> Values:
    own = [section for section in sections if section.name == "Cluster"]
    begins = own[0].source if own else Source(path="cluster.conf", line=0)
    if not own:
        problems.append(Problem(source=begins, text="there is no [Cluster]; write one with Name="))
        return Values(complete=False)
    return read(Scope.CLUSTER, [entry for section in own for entry in section.entries], begins, problems)


def _records(sections: Iterable[Section], scope: Scope, problems: list[Problem]) -> tuple[_Record, ...]:
    """One record for each Name=: a drop-in adds to it, the same file must not have it twice."""
    found: dict[str, _Record] = {}
    for section in sections:
        if _SCOPES.get(section.name) is not scope:
            continue
        names = effective(section.entries).get("Name")
        if not names:
            problems.append(Problem(source=section.source, text=f"{scope} needs Name="))
            continue
        name, before = names[-1].value, found.get(names[-1].value)
        if before is None:
            found[name] = _Record(name=name, entries=section.entries, begins=section.source)
        elif any(entry.source.path == section.source.path for entry in before.entries):
            problems.append(Problem(source=names[-1].source, text=f"Name={name} is taken at {before.begins}"))
        else:
            found[name] = _Record(name=name, entries=before.entries + section.entries, begins=before.begins)
    return tuple(found.values())


def _make(make: Callable[..., T], values: Values) -> T:
    fields: dict[str, Any] = dict(values.by_field)
    return make(**fields, sources=values.sources)


def _make_device(**fields: Any) -> FenceDevice:
    return FenceDevice(**{"options": {}, **fields})


def _read_all(
    make: Callable[..., T], scope: Scope, records: Iterable[_Record], problems: list[Problem]
) -> tuple[_Read[T], ...]:
    found = (read(scope, record.entries, record.begins, problems) for record in records)
    return tuple(_Read(made=_make(make, values), values=values) for values in found if values.complete)


def _check_nodes(nodes: Sequence[_Read[Node]], problems: list[Problem]) -> None:
    if nodes and not any(node.made.votes for node in nodes):
        problems.append(Problem(source=nodes[0].made.sources["Votes"], text="no node has a vote; one needs Votes=1"))
    ids: dict[int, str] = {}
    owners: dict[str, str] = {}
    for node, values in ((one.made, one.values) for one in nodes):
        if node.id in ids:
            text = f"Id={node.id} is {ids[node.id]}'s; every node needs its own"
            problems.append(Problem(source=node.sources["Id"], text=text))
        ids.setdefault(node.id, node.name)
        for address in node.addresses:
            if address in owners:
                text = f"{address} is {owners[address]}'s already"
                problems.append(Problem(source=values.source_of("Address", address), text=text))
            owners.setdefault(address, node.name)
        _check_links(node, nodes[0].made, problems)
    for one in nodes:
        _check_networks(one, [other.made for other in nodes], problems)


def _check_links(node: Node, first: Node, problems: list[Problem]) -> None:
    """Corosync wants every node on every link, and one IP version on each (corosync.conf(5))."""
    source, count = node.sources["Address"], len(node.addresses)
    if count > _MOST_LINKS:
        problems.append(Problem(source=source, text=f"{node.name} has {count} addresses; {_MOST_LINKS} are the most"))
    if count != len(first.addresses):
        text = f"{node.name} has {count} addresses, {first.name} has {len(first.addresses)}; each link needs every node"
        problems.append(Problem(source=source, text=text))
    for address, other in zip(node.addresses, first.addresses, strict=False):
        if ipaddress.ip_address(address).version != ipaddress.ip_address(other).version:
            text = f"{address} and {first.name}'s {other} are one link; use IPv4 or IPv6 for both"
            problems.append(Problem(source=source, text=text))


def _check_networks(node: _Read[Node], nodes: Sequence[Node], problems: list[Problem]) -> None:
    """An address among those of another link is no second way to the node: one cable or switch takes both."""
    addresses = node.made.addresses
    for link, address in enumerate(addresses):
        for other in range(link):
            network = _network([one.addresses[other] for one in nodes if other < len(one.addresses)])
            if network is not None and address != addresses[other] and ipaddress.ip_address(address) in network:
                text = (
                    f"{address} and {addresses[other]} of {node.made.name} are in one network (other nodes' links "
                    f"say so); a second link needs a network of its own"
                )
                problems.append(Problem(source=node.values.source_of("Address", address), text=text))


def _network(addresses: Sequence[str]) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The smallest network that has all these; None where they are so far apart that routers are between them."""
    found = sorted((one.version, int(one)) for one in map(ipaddress.ip_address, addresses))
    (version, first), (last_version, last) = found[0], found[-1]
    bits = (first ^ last).bit_length()
    if version != last_version or bits > (8 if version == 4 else 64):
        return None
    make = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
    return make((first >> bits << bits, (32 if version == 4 else 128) - bits))


def _check_fencing(nodes: Sequence[_Read[Node]], devices: set[str], cluster: Values, problems: list[Problem]) -> None:
    unsafe = cluster.by_field.get("unsafe", False)
    for node, values in ((one.made, one.values) for one in nodes):
        for word in (word for entry in values.entries.get("Fence", ()) for word in entry.value.split()):
            device = word.partition(":")[0]
            if device not in devices:
                text = f"there is no [FenceDevice] {device}{did_you_mean(device, devices)}"
                problems.append(Problem(source=values.source_of("Fence", word), text=text))
        given = node.fence or node.watchdog or {"Fence", "Watchdog"} & values.wrong
        if not given and len(nodes) > 1 and not unsafe:
            text = (
                f"{node.name} has no Fence= and no Watchdog=; add one, or Unsafe=yes to [Cluster] "
                "if a person is to confirm each loss"
            )
            problems.append(Problem(source=node.sources["Name"], text=text))


def _check_domains(domains: Iterable[_Read[Domain]], nodes: set[str], problems: list[Problem]) -> None:
    for domain, values in ((one.made, one.values) for one in domains):
        for position, name in enumerate(domain.nodes):
            source = values.source_of("Nodes", name)
            if name not in nodes:
                text = f"there is no [Node] {name}{did_you_mean(name, nodes)}"
                problems.append(Problem(source=source, text=text))
            elif name in domain.nodes[:position]:
                problems.append(Problem(source=source, text=f"{name} is in domain {domain.name} twice"))
