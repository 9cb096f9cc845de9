"""The record: what all members of an open term hold alike (DESIGN sections 1, 4, 6, 7).

The durable part is what is written to disk and what a lineage's digest covers; the rest is made anew by the first
update of each term.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from standfast.resourced.codec import encode
from standfast.resourced.drills import Drill, Drilled
from standfast.resourced.messages import Lineage, OrderKind
from standfast.resourced.presence import Held, View
from standfast.resourced.reasons import Reason
from standfast.vocabulary import Holding, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    votes: int
    left: bool = True
    standby: bool = False
    incarnation: str = ""  # as last heard
    machine: str = ""
    product: str = ""
    named_in: int = 0  # the last term that it was a member of
    watchdog_ms: int = 0  # its watchdog resets it so long after it was last fed; 0: none is armed
    # of this term
    present: bool = False
    leaving: bool = False
    marked_at: int = 0  # position of the last change of `left` in this term
    installed: str = ""
    available: str = ""
    objections: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    speaks: int = 0  # the highest version of the messages that it knows
    watched_at: int = 0  # position of the last change of `watchdog_ms` in this term
    healthy: bool = True
    views: Mapping[str, View] = field(default_factory=dict)  # by group: what it sees of those that it does not hold
    condemned: bool = False  # it speaks although its loss was proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    number: str  # "TERM.COUNT"
    node: str
    incarnation: str  # "" = unknown: never proven by a reboot
    machine: str
    product: str
    reason: Reason
    cold: bool = False
    hurried: bool = False  # an operator wants the first attempt now
    proof: str = ""  # agent, watchdog, operator; "" = not proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    loss: str
    node: str
    fencer: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    id: int  # the group's number when it was reported
    node: str
    cause: str
    probed: bool = False  # nothing but probes spoke against it
    leaves: bool = False  # see Held
    served: bool = True  # before it, since its last start on that node


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    number: int
    kind: OrderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    number: int = 0  # goes up with every event that touches the group, its flags or its holders
    stopped: bool = False  # by an operator, until started
    disabled: bool = False  # by an operator or the policy of recovery, until enabled
    frozen: bool = False  # nothing is done with it
    restart: bool = False  # an operator wants it restarted where it runs
    wanted: str = ""  # the node that an operator wants it on, until it is there
    run: int = 0  # number of the last order to start or restart it
    last_owner: str = ""  # where it runs, or ran last
    owner_before: str = ""  # another node, where it ran before that
    costly: bool = False  # its failed stop has cost a node since it last ran
    failures: tuple[Failure, ...] = ()
    avoided: Mapping[str, int] = field(default_factory=dict)  # by node: how often it was avoided for its failures
    phase: Phase = Phase.STOPPED
    since: str = ""
    reasons: tuple[Reason, ...] = ()  # for what was last done with it
    drilled: Drilled | None = None  # its last fire drill
    # of this term
    held: Mapping[str, Held] = field(default_factory=dict)  # by node; only those that hold something or failed
    open_orders: Mapping[str, Order] = field(default_factory=dict)  # by node

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(sorted(node for node, held in self.held.items() if held.holding is not Holding.NOTHING))


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInForce:
    """A version of the configuration that came into force."""

    version: int
    digest: str
    base: str  # digest of the one that it took the place of
    at: str  # RFC 3339 UTC
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    term: int = 0  # of the last update that counts
    position: int = 0
    configuration: str = ""  # digest of the one in force
    version: int = 0  # how many were in force
    history: tuple[VersionInForce, ...] = ()  # the newest first
    unconfirmed: str = ""  # where the cluster goes back to (digest) unless the one in force is confirmed, "" = nowhere
    confirm_ms: int = 0  # within which it is to be confirmed
    protocol: int = 1  # the version of the messages in use; only goes up
    maintenance: bool = False  # nothing is done with any group, and nobody is fenced
    winner: str = ""  # of two nodes that lose each other: who shoots first
    without: tuple[str, ...] = ()  # nodes that an operator goes on without, until more than half of all votes are here
    nodes: Mapping[str, NodeRecord]
    groups: Mapping[str, GroupRecord]
    losses: Mapping[str, Loss]  # by node: its latest that did not end
    owed: Mapping[str, str]  # node that waits to be switched on: its loss
    attempts: tuple[Attempt, ...] = ()
    failed_attempts: Mapping[str, int] = field(default_factory=dict)  # by loss
    drill: Drill | None = None  # that is under way
    last_drill: str = ""  # the id of the last one that ended

    @property
    def versions(self) -> set[str]:
        """Digests of what may be in force again: also what the cluster goes back to, however long ago that was."""
        return {self.configuration, self.unconfirmed, *(version.digest for version in self.history)} - {""}

    def votes(self, names: frozenset[str] | set[str]) -> int:
        return sum(node.votes for name, node in self.nodes.items() if name in names)

    def is_idle(self, name: str) -> bool:
        """Nothing is done with the group, whatever happens to it."""
        known = self.groups.get(name)
        return self.maintenance or (known is not None and known.frozen)

    @property
    def all_votes(self) -> int:
        return self.votes(set(self.nodes))

    @property
    def members(self) -> frozenset[str]:
        return frozenset(name for name, node in self.nodes.items() if node.present)

    def proven_or_left(self, name: str) -> bool:
        loss = self.losses.get(name)
        return self.nodes[name].left or (loss is not None and bool(loss.proof))

    @property
    def settled(self) -> bool:
        """The members hold more than half of all votes, or every absent node left cleanly or is proven off."""
        here = everywhere = 0
        for node in self.nodes.values():
            everywhere += node.votes
            here += node.votes if node.present else 0
        if 2 * here > everywhere:
            return True
        return all(self.proven_or_left(name) for name, node in self.nodes.items() if not node.present)

    def could_go_on(self, names: Iterable[str]) -> bool:
        """These nodes could open a term by themselves from what is on their disks; of more than two it is assumed."""
        return len(self.nodes) > 2 or 2 * self.votes(set(names)) > self.all_votes

    def by_number(self, number: str) -> Loss | None:
        return next((loss for loss in self.losses.values() if loss.number == number), None)

    @property
    def lineage(self) -> Lineage:
        return Lineage(term=self.term, position=self.position, digest=digest(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What is on disk: the record, and the highest term that this node knows."""

    highest_term: int
    record: Record | None


def with_node(record: Record, name: str, **changes: object) -> Record:
    node = replace(record.nodes[name], **changes)  # type: ignore[arg-type]  # the fields' own types
    return replace(record, nodes={**record.nodes, name: node})


def with_group(record: Record, name: str, **changes: object) -> Record:
    """The group changed and its number went up; a group that is not in force changes nothing."""
    group = record.groups.get(name)
    if group is None:
        return record
    changed = replace(group, number=group.number + 1, **changes)  # type: ignore[arg-type]
    return replace(record, groups={**record.groups, name: changed})


def initial(configuration: str, votes: Mapping[str, int], groups: tuple[str, ...]) -> Record:
    """The first record of a cluster: every node is marked left, nothing runs."""
    nodes = {name: NodeRecord(votes=count) for name, count in votes.items()}
    records = {name: GroupRecord() for name in groups}
    first = VersionInForce(version=1, digest=configuration, base="", at="", by="", why="")
    return Record(
        configuration=configuration, version=1, history=(first,), nodes=nodes, groups=records, losses={}, owed={}
    )


def durable(record: Record) -> Record:
    """The part that outlives a term."""
    nodes = {name: durable_node(node) for name, node in record.nodes.items()}
    groups = {name: durable_group(group) for name, group in record.groups.items()}
    return replace(record, nodes=nodes, groups=groups)


def durable_node(node: NodeRecord) -> NodeRecord:
    return NodeRecord(
        votes=node.votes,
        left=node.left,
        standby=node.standby,
        incarnation=node.incarnation,
        machine=node.machine,
        product=node.product,
        named_in=node.named_in,
        watchdog_ms=node.watchdog_ms,
    )


def durable_group(group: GroupRecord) -> GroupRecord:
    return replace(group, held={}, open_orders={})


def digest(record: Record) -> str:
    """SHA-256 of the durable part, without its lineage: equal contents have equal digests (`RecordText` is faster)."""
    return hashlib.sha256(encode(replace(durable(record), term=0, position=0), record.protocol)).hexdigest()


def whole_digest(record: Record) -> str:
    """SHA-256 of everything that members must hold alike (`WholeText` is faster)."""
    return hashlib.sha256(encode(record)).hexdigest()
