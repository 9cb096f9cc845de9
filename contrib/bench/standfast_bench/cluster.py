"""A cluster of many nodes and groups, as its record and configuration are in several situations."""

from dataclasses import dataclass

from standfast.configuration.model import Cluster, Configuration, Domain, Group, Node, Plug, Resource
from standfast.resourced.apply import apply
from standfast.resourced.messages import Content, LossDeclared, Members, Proven, Update
from standfast.resourced.presence import Held, Member, ResourceReport
from standfast.resourced.record import Record, initial
from standfast.resourced.situation import Situation
from standfast.vocabulary import Holding
from standfast_bench.samples import sample

DIGEST = "d" * 64
TERM = 7
AT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    nodes: int = 16
    groups: int = 500

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"node{index + 1:02}" for index in range(self.nodes))

    @property
    def group_names(self) -> tuple[str, ...]:
        return tuple(f"group{index + 1:03}" for index in range(self.groups))

    def groups_of(self, node: str) -> tuple[str, ...]:
        return self.group_names[self.node_names.index(node) :: self.nodes]


def configuration(sizes: Sizes) -> Configuration:
    """Each group has two resources and a domain of all nodes, ordered, where it is at home on another node."""
    names = sizes.node_names
    domains = [
        Domain(name=f"from-{name}", nodes=names[index:] + names[:index], ordered=True, failback=True)
        for index, name in enumerate(names)
    ]
    groups = []
    for index, name in enumerate(sizes.group_names):
        resources = tuple(Resource(unit=unit) for unit in _units(name))
        groups.append(sample(Group, name=name, resources=resources, domain=domains[index % len(domains)].name))
    nodes = [
        Node(name=name, id=index + 1, addresses=(f"192.0.2.{index + 1}",), fence=((Plug(device="bmc", plug=name),),))
        for index, name in enumerate(names)
    ]
    return Configuration(
        cluster=Cluster(name="bench"),
        nodes=tuple(nodes),
        devices=(),
        domains=tuple(domains),
        groups=tuple(groups),
        digest=DIGEST,
    )


def _units(group: str) -> tuple[str, str]:
    return f"standfast-ip@{group}.service", f"{group}.service"


def running(group: str) -> Held:
    resources = tuple(ResourceReport(unit=unit, active="active", probe="good", cause="") for unit in _units(group))
    return sample(Held, holding=Holding.RUNNING, resources=resources)


def member(name: str, groups: tuple[str, ...]) -> Member:
    """A node that runs these groups."""
    held = {group: running(group) for group in groups}
    return sample(
        Member,
        node=name,
        incarnation=f"{name}/1",
        machine=f"machine-{name}",
        product=f"product-{name}",
        installed=DIGEST,
        available=DIGEST,
        held=held,
    )


def update(content: Content, position: int) -> Update:
    return sample(Update, nonce=f"node01-{TERM}", position=position, at=AT, content=content)


def after(record: Record, *contents: Content) -> Record:
    for content in contents:
        record = apply(record, TERM, update(content, record.position + 1))
    return record


def new(sizes: Sizes) -> Record:
    """All nodes are here and nothing was started yet."""
    first = initial(DIGEST, dict.fromkeys(sizes.node_names, 1), sizes.group_names)
    return after(first, Members(members=tuple(member(name, ()) for name in sizes.node_names)))


def settled(sizes: Sizes) -> Record:
    """Every group runs where it is at home."""
    there = tuple(member(name, sizes.groups_of(name)) for name in sizes.node_names)
    return after(new(sizes), Members(members=there))


def lost(sizes: Sizes) -> Record:
    """The last node has just left the ring."""
    names = sizes.node_names[:-1]
    there = tuple(member(name, sizes.groups_of(name)) for name in names)
    return after(settled(sizes), Members(members=there))


def declared(sizes: Sizes) -> Record:
    """Its loss is declared."""
    return after(lost(sizes), sample(LossDeclared, node=sizes.node_names[-1]))


def proven(sizes: Sizes) -> Record:
    """It was just proven off: what it ran is to start elsewhere."""
    record = declared(sizes)
    number = record.losses[sizes.node_names[-1]].number
    return after(record, sample(Proven, loss=number, how="agent", switch_on=True))


def situation(record: Record) -> Situation:
    """The coordinator may order, and its ring is the members of the record's term."""
    return sample(Situation, me="node01", now=1_000_000, ring_nodes=record.members, orders_allowed=True, waits={})
