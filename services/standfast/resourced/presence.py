"""What a node says of itself and of its groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from standfast.vocabulary import Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    node: str
    incarnation: str
    machine: str
    product: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceReport:
    unit: str
    active: str  # systemd's ActiveState
    probe: str
    cause: str  # for people, "" = nothing went wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a node says of one group."""

    holding: Holding
    failed: str = ""  # why it does not serve, for people; "" = it serves, or was stopped as ordered
    units: tuple[str, ...] = ()  # the units that failed
    probes: tuple[str, ...] = ()  # "UNIT/NAME": it failed of these, and of nothing but probes
    leaves: bool = False  # one of them has OnFail=relocate
    doubt: bool = False  # a probe that it needs is bad, or may be about to be
    partial: tuple[str, ...] = ()  # units that do not serve, and that the group goes on without
    by_hand: tuple[str, ...] = ()  # units that an administrator stopped: nothing is done before they are up again
    resources: tuple[ResourceReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a node that does not hold a group sees of it by probes of its own ("UNIT/NAME"). One in doubt is neither."""

    run: int = 0  # of the group, that probes with From=peers look at; 0: there is none
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAttempt:
    loss: str
    node: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node as it presents itself in its state."""

    node: str
    incarnation: str
    machine: str
    product: str
    installed: str  # digest of the configuration whose units are installed here, "" = none
    available: str  # digest of the version that it has prepared last, "" = none
    leaving: bool
    held: Mapping[str, Held]  # only groups of which it holds something
    attempts: tuple[RunningAttempt, ...]  # of its fenced, under way now
    met: tuple[str, ...] = ()  # members of open terms whose first update it has not read
    speaks: int = 1  # the highest version of these messages that it knows
    healthy: bool = True  # its heuristics reach their minimum
    objections: tuple[str, ...] = ()  # why it does not prepare the version that was offered last
    drifted: tuple[str, ...] = ()  # names of files in its /etc/standfast that are not as in the version in force
    views: Mapping[str, View] = field(default_factory=dict)  # of groups that it does not hold
