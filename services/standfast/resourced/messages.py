"""What the members say to each other in the CPG groups `standfast.record` and `standfast.tick` (DESIGN section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from standfast.resourced.drills import DrillBegun, DrillEnded
from standfast.resourced.presence import Held, Member, View
from standfast.resourced.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Lineage:
    """How far a record goes: the term and position of its last update that counts, and what it holds there."""

    term: int
    position: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Sent by everyone at each change of the group that somebody joined by: a fresh number for each join."""

    join: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    nonce: str
    named: tuple[str, ...]
    group: Mapping[str, int]  # the CPG membership as the caller had read it: node, its join (0: not heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    nonce: str
    member: Member
    lineage: Lineage | None  # None: this node has no record at all
    in_memory: bool  # it has followed the record since its last term; False: read from its disk
    highest_term: int
    tick: int  # a state is a tick: its number
    protocol: int = 1  # the version that is in use as far as its record goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    nonce: str
    term: int
    lineage: Lineage
    source: str  # the lowest member that has that record; it sends it to the others
    cold: bool  # the record was in nobody's memory
    protocol: int = 1  # the version in use: who does not speak it cannot take part


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChunk:
    nonce: str
    index: int
    count: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The sender has the record at this position on its disk; position 0: as the term began."""

    nonce: str
    position: int


class OrderKind(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"


# What updates say.


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The first update of a term: who is in it, and what each holds. It ends every loss of theirs."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDeclared:
    node: str
    reason: Reason
    cold: bool = False  # found at a cold start: the first attempt waits for PostJoinDelay
    group: str = ""  # whose stop failed there


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAlone:
    """This term was opened on an operator's word without these nodes; the proofs that they are off follow."""

    without: tuple[str, ...]
    by: str  # who gave it


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBegun:
    loss: str
    node: str
    incarnation: str
    fencer: str
    action: str  # off, on


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    loss: str
    fencer: str
    action: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    loss: str
    how: str  # agent, watchdog, operator
    text: str
    switch_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedOn:
    loss: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderGiven:
    """An order; it counts only while the group's number is still the one that it was planned on."""

    group: str
    number: int
    kind: OrderKind
    node: str
    reasons: tuple[Reason, ...]  # the main one first, then why no better node was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a node says of a group, with the last order that it had read in this term (0: none)."""

    node: str
    group: str
    order: int
    busy: bool  # that order is still being carried out
    held: Held
    refused: str = ""  # why that order was not begun, for people; it is no failure of the group


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceDecided:
    """Of two nodes that lose each other this one shoots first."""

    winner: str


class WishKind(StrEnum):
    START = "start"
    STOP = "stop"
    RELOCATE = "relocate"
    RESTART = "restart"
    ENABLE = "enable"
    DISABLE = "disable"
    FREEZE = "freeze"
    THAW = "thaw"
    STANDBY = "standby"
    RESUME = "resume"
    MAINTENANCE = "maintenance"
    NORMAL = "normal"
    FENCE = "fence"
    CONFIRM = "confirm"
    CONFIGURE = "configure"
    KEEP = "keep"
    TAKE_BACK = "take-back"
    DRILL = "drill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an operator asked for; `subject` is a group, a node, a version's digest, or "" for the cluster, `node` where
    to ("" = as the plan finds), `loss` that which is confirmed, `by` who asked and what was overridden. A version is
    made of another one, `base`; the absent nodes `without` need not have prepared it; unless it is confirmed (KEEP)
    within `confirm_ms` (0: it need not be) the cluster goes back by itself; TAKE_BACK ends that time now. `drill` is to
    begin or to end."""

    id: str
    kind: WishKind
    subject: str
    node: str = ""
    loss: str = ""
    by: str = ""
    base: str = ""
    without: tuple[str, ...] = ()
    why: str = ""
    confirm_ms: int = 0
    drill: DrillBegun | DrillEnded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The node wants to leave: its groups move away, then it is marked."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The node leaves cleanly: it holds nothing and has no order. `Members` takes the mark back."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What the node has of the configuration: the fields are those of `Member`."""

    node: str
    installed: str
    available: str
    objections: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The node's watchdog resets it so long after it was last fed, ms; 0 = none is armed there."""

    node: str
    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the node's heuristics reach their minimum."""

    node: str
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """What the node sees of a group that it does not hold."""

    node: str
    group: str
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """These failures of a node are too old to count; without any, how often it was avoided is forgotten."""

    group: str
    node: str
    failures: tuple[int, ...]
    avoided: bool  # the node was avoided for them: the next time it is avoided for twice as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgiven:
    """That the group's failed stop has cost a node is so long ago that it may cost one again."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """The group's policy of recovery says that it runs no more, until an operator enables it."""

    group: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The group's wish to be on a certain node is over: it is there, or cannot be."""

    group: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The group does not serve, and stays where it is all the same."""

    group: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationInForce:
    """A version takes the place of `base`, on the wish with this id ("" = the cluster goes back by itself)."""

    digest: str
    votes: Mapping[str, int]
    groups: tuple[str, ...]
    base: str
    wish: str = ""
    by: str = ""
    why: str = ""
    confirm_ms: int = 0  # within which it is to be confirmed, 0 = it need not be


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRaised:
    """From now on messages are written in this version; every configured node speaks it."""

    version: int


Content = (
    Members
    | StartedAlone
    | LossDeclared
    | AttemptBegun
    | AttemptEnded
    | Proven
    | SwitchedOn
    | OrderGiven
    | Reported
    | Wish
    | Leaving
    | Marked
    | Installed
    | Watched
    | Health
    | Viewed
    | Forgotten
    | Forgiven
    | Disabled
    | RaceDecided
    | Placed
    | Kept
    | ConfigurationInForce
    | ProtocolRaised
    | DrillBegun
    | DrillEnded
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    nonce: str
    position: int  # 1, 2, 3 … in its term
    at: str  # the coordinator's wall clock, RFC 3339 UTC: shown to people, never computed with
    content: Content


Asked = Reported | Wish | Leaving | Installed | Watched | Health | Viewed | AttemptEnded | Proven | SwitchedOn


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A member asks the coordinator for an update."""

    nonce: str
    content: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The coordinator's answer to a wish that cannot be."""

    nonce: str
    wish: str
    text: str


Meeting = Hello | Call | State | Open  # always written in the first version: nobody knows yet what the others speak
Message = Hello | Call | State | Open | RecordChunk | Stored | Update | Request | Refused
