"""What goes into the core and what comes out of it: events and actions, all data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from standfast.configuration.model import Configuration, Probe
from standfast.resourced.messages import Wish
from standfast.resourced.presence import RunningAttempt, View
from standfast.vocabulary import Ring, UnitState


class Verb(StrEnum):
    """What can be done to files, units and probes."""

    HOLD = "hold"
    RELEASE = "release"
    GRANT = "grant"
    REVOKE = "revoke"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    KILL = "kill"
    PROBE = "probe"  # begin the group's probes anew
    REST = "rest"  # end them


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One of them, as data."""

    verb: Verb
    group: str
    unit: str = ""  # for start, stop, restart, kill


# Events


@dataclass(frozen=True, slots=True, kw_only=True)
class RingChanged:
    ring: Ring
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged:
    """The CPG group of the record has these members now; `joined` came by this change."""

    members: tuple[str, ...]
    joined: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    sender: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReceived:
    sender: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumTold:
    ring: Ring
    quorate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDown:
    """Corosync is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """Nothing but the time; comes several times a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What was found of one group at the start of the daemon."""

    group: str
    held: bool
    leased: bool
    states: tuple[UnitState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    group: str
    states: tuple[UnitState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDone:
    """A job that was asked for is over; lost: systemd or the bus went away meanwhile, nobody knows its end."""

    group: str
    unit: str
    verb: Verb
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRefused:
    """Somebody started a resource by hand where it is not held; the guard refused it."""

    group: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What this node's probes of a group show that it does not hold."""

    group: str
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class FencingTold:
    """What this node's fenced says: attempts under way, and those that ended (loss, action): (good, sentence)."""

    running: tuple[RunningAttempt, ...]
    ended: Mapping[tuple[str, str], tuple[bool, str]]
    restarted: bool = False  # it lost what it was doing
    slowest_off_ms: int = 0  # of the `off`s that it has measured, 0 = none
    unfenced: bool = True  # this node was let in by every device whose agent asks for that


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogTold:
    """This node's watchdog as quorumd has it: the timeout that it is armed with (ms, 0 = it is not armed), and the one
    that the configuration wants."""

    timeout_ms: int
    wanted_ms: int
    refusal: str = ""  # why it is not armed although it is wanted
    answers: bool = False  # the last ArmWatchdog


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthTold:
    """Whether this node's heuristics reach their minimum."""

    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksTold:
    """The nodes to which a Corosync link is up."""

    up: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneAsked:
    """An operator wants to go on without these nodes, which are all that are absent."""

    id: str  # of the answer
    without: tuple[str, ...]
    by: str  # who asked


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveAsked:
    """This node is to leave cleanly."""

    taken_back: bool = False  # it is to stay after all, however far its leave is


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRead:
    """The configuration in use here, the digest of what is installed, and the version that was prepared last."""

    configuration: Configuration
    installed: str
    offered: Configuration | None
    objections: tuple[str, ...] = ()  # why this node does not prepare the version that was offered last
    drifted: tuple[str, ...] = ()  # names of files in /etc/standfast that are not as in the version in force


Event = (
    RingChanged
    | GroupChanged
    | Received
    | TickReceived
    | QuorumTold
    | NetworkDown
    | TimePassed
    | Adopted
    | Observed
    | JobDone
    | StartRefused
    | Looked
    | FencingTold
    | WatchdogTold
    | HealthTold
    | LinksTold
    | Wished
    | AloneAsked
    | LeaveAsked
    | ConfigurationRead
)

# Actions


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRecord:
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTick:
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGroup:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveGroup:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    loss: str
    node: str
    incarnation: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Probes of a group that this node makes although it does not hold it."""

    group: str
    run: int  # see View
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOn:
    """From now on exactly these are made, and told as Looked."""

    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoosenQuorum:
    """votequorum is to call this ring quorate although nodes are absent: all of them are proven off."""

    cancel_wait_for_all: bool
    expected: int  # votes, 0 = as configured


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmWatchdog:
    """Something is about to be held: quorumd is to say that the watchdog is armed, now and not some time ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellWatchdog:
    """What feeding this node's watchdog depends on, for quorumd: see watchdog.messages.Tell."""

    holding: bool
    echoed_until_ms: int | None
    stored_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """To the operator who made the wish."""

    wish: str
    outcome: str  # done, refused, unknown
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """This node left cleanly, or stopped everything here because no term is open: it may go."""

    clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfiguration:
    """This version is to be read, from this node's disk or another node's, and told as offered."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallConfiguration:
    """This version, which was told as offered, is to be put in place and used."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One journal entry."""

    event: str
    level: int  # 3 error (the operator, now), 4 warning, 5 notice, 6 info
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()  # that it concerns, of one that is about a node


Action = (
    SendRecord
    | SendTick
    | JoinGroup
    | LeaveGroup
    | Fence
    | LookOn
    | LoosenQuorum
    | ArmWatchdog
    | TellWatchdog
    | Answer
    | Left
    | FetchConfiguration
    | InstallConfiguration
    | Reboot
    | Entry
    | Act
)
