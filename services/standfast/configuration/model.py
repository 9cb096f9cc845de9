"""The configuration as data. Every value knows its file and line (`sources`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_LONGEST_TEXT = 260  # with its place it is shown to others in 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value was written; a line counts from 1, 0 names the whole file."""

    path: str  # as the administrator knows it: below /etc/standfast
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in the configuration: one sentence that says what to do."""

    source: Source
    text: str
    warning: bool = False  # told, and in nobody's way

    def __str__(self) -> str:
        """FILE:LINE first; of a text with a very long line in it the middle is left out."""
        text = self.text if len(self.text) <= _LONGEST_TEXT else f"{self.text[:150]} … {self.text[-100:]}"
        return f"{self.source}: {'warning: ' if self.warning else ''}{text}"


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` has everything found, never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A record of the configuration that knows where each of its values was written."""

    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)  # by key as it is written: its last line

    def setting(self, key: str) -> str:
        """Where the value of `key` ("MaxRestarts") was written, as FILE:LINE; "": nowhere, its default counts."""
        source = self.sources.get(key)
        return "" if source is None else str(source)


class Recovery(StrEnum):
    """What becomes of a group that failed where it ran."""

    RESTART = "restart"  # there while MaxRestarts= allows, else on another node
    RELOCATE = "relocate"  # on another node
    DISABLE = "disable"  # disabled at once
    RESTART_DISABLE = "restart-disable"  # there while MaxRestarts= allows, else disabled


class StopFailure(StrEnum):
    """What becomes of a group that could not be stopped."""

    FENCE = "fence"  # its node is fenced, if that costs no quorum and it has not cost a node already
    BLOCK = "block"  # it stays where it is until somebody looks


class QuorumLoss(StrEnum):
    """What a node does with its groups when it is not quorate."""

    STOP = "stop"  # it stops them by StopDeadline=
    FREEZE = "freeze"  # it keeps what runs and starts nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Written):
    name: str
    detect_within_ms: int = 2200
    post_join_delay_ms: int = 60_000
    post_fail_delay_ms: int = 0
    daemon_grace_ms: int = 30_000
    stop_deadline_ms: int = 30_000
    quorum_wait_ms: int = 5_000
    tick_max_ms: int = 3_000
    quorum_loss: QuorumLoss = QuorumLoss.STOP
    unsafe: bool = False
    max_starts: int | None = None  # groups that may be starting at once on one node
    two_node: bool | None = None  # None: yes for two nodes of one vote each that have no other tie breaker
    auto_tie_breaker: bool = False
    last_man_standing: bool = False
    arbiter: str = ""  # the host of corosync-qnetd; "": none

    @property
    def token_ms(self) -> int:
        """Corosync's token timeout: token and then consensus (1.2 tokens) go by before a loss is known."""
        return self.detect_within_ms * 10 // 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """One use of a fence device: `Fence=pdu-a:7` is device pdu-a, plug 7."""

    device: str
    plug: str | None

    def __str__(self) -> str:
        """As it is written."""
        return self.device if self.plug is None else f"{self.device}:{self.plug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Written):
    name: str
    id: int
    addresses: tuple[str, ...]  # one for each link
    votes: int = 1
    fence: tuple[tuple[Plug, ...], ...] = ()  # levels in order; all plugs of one level must succeed
    fence_delay_ms: int = 0  # what a round of fencing waits before it shoots this node
    watchdog: str | None = None  # a device's path, or "auto": the one that the kernel shows
    watchdog_timeout_ms: int | None = None  # whole seconds; None: see watchdog.times.wanted_ms
    watchdog_trust: bool = False  # it proves a loss although it is softdog, or in a virtual machine


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceDevice(Written):
    name: str
    agent: str  # a program's name in /usr/sbin, never a path
    options: Mapping[str, str]
    password_file: str | None = None  # a file's name beside cluster.conf
    timeout_ms: int = 60_000
    delay_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Written):
    name: str
    nodes: tuple[str, ...]
    ordered: bool = False
    restricted: bool = False
    failback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heuristic(Written):
    """One thing that a healthy node can do; a good one counts with its score."""

    name: str
    command: tuple[str, ...] = ()  # a program's path and its arguments, exit code 0 is good; (): url is looked at
    url: str | None = None
    status: frozenset[int] = frozenset({200})
    body: str | None = None  # a regular expression searched in the body
    score: int = 1
    interval_ms: int = 2_000
    timeout_ms: int = 5_000
    fail_after: int = 3
    pass_after: int = 3
    minimum: int | None = None  # the score that a node needs in all


class Level(StrEnum):
    """What a bad probe means."""

    STARTUP = "startup"  # the unit has failed to start; after its first success it is not made any more
    LIVE = "live"  # the unit has failed
    READY = "ready"  # it is shown that the unit takes no work now
    DEGRADED = "degraded"  # it is shown that the unit works less well


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderTest:
    name: str
    expression: str  # a regular expression searched in the value


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTest:
    """A value in a JSON document compares so."""

    path: tuple[str | int, ...]  # names of members and numbers of elements, from the top down
    comparison: str  # == != < <= > >=
    value: str | int | float | bool | None
    text: str  # as it is written


class OnFail(StrEnum):
    """What is done about a live probe that is bad."""

    RECOVER = "recover"  # as the group's Recovery= says
    RELOCATE = "relocate"  # the group leaves the node at once
    ALERT = "alert"  # nothing: it is shown and told


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the first value that a database answers with must be."""

    comparison: str  # == != < <= > >=
    value: str | int | float | bool | None
    text: str  # as it is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    host: str  # a name or an IP address
    port: int

    def __str__(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Written):
    """One [X-Probe NAME] of a unit; which fields count depends on its type (keys.KEYS says it)."""

    name: str
    unit: str
    type: str = "http"
    level: Level = Level.LIVE
    url: str = ""
    status: frozenset[int] = frozenset({200})
    headers: tuple[HeaderTest, ...] = ()
    body: str | None = None  # a regular expression searched in the body
    json: tuple[JsonTest, ...] = ()
    redirects: int = 0  # that are followed
    socket: str | None = None  # the path of a Unix socket that is asked instead of a host
    host: str | None = None  # that is pinged
    interface: str | None = None  # that must have its carrier
    address: str | None = None  # that must be on this machine
    watched: str | None = None  # the unit that systemd is asked for; None: the probe's own
    active_state: str = "active"  # that it must have
    status_text: str | None = None  # a regular expression searched in the status that it sent last
    connect: Endpoint | None = None
    send: bytes | None = None
    expect: str | None = None  # a regular expression over bytes, searched in what is answered
    tls: bool = False
    start_tls: bool = False  # the connection begins without TLS and asks for it
    ca_file: str | None = None  # the authorities that are believed; None: the system's
    client_certificate: str | None = None  # a file that is shown to the other side, with its key's file
    client_key: str | None = None
    user: str | None = None  # that logs in; of exec: whose rights the program has
    password_file: str | None = None  # beside cluster.conf
    credential: str | None = None  # a systemd credential that is the password (systemd-creds(1))
    database: str | None = None
    query: str | None = None
    value: Comparison | None = None  # of the first value that the query gives
    question: tuple[str, str] | None = None  # a name and a record's type that a name server is asked for
    recipient: str | None = None  # an address that the mail server must take
    command: tuple[str, ...] = ()  # a program's path and its arguments
    sandbox: bool = True  # the program can change nothing
    memory_max: int = 134_217_728  # bytes that the program may use
    path: str | None = None  # of a file or a mount point
    write: bool = False  # it must take a byte
    max_age_ms: int | None = None  # since the file was changed
    free_percent: int | None = None  # of a file system that must be free
    depth: int = 0  # of the look of a resource agent's monitor (OCF_CHECK_LEVEL)
    other: str | None = None  # the name of another probe whose result is taken
    peers: bool = False  # the other nodes make it
    outside: bool = False  # what it asks is not the group's: it can be asked from every node
    needs: tuple[str, ...] = ()  # probes of the same unit; unless they are good this one says nothing
    on_fail: OnFail = OnFail.RECOVER
    certificate_days: int | None = None  # that the certificate must still be good for
    slow_after_ms: int | None = None  # a good answer that took longer is bad
    interval_ms: int = 2_000
    fast_interval_ms: int | None = None  # after a failure; None = interval
    timeout_ms: int = 1_000
    start_timeout_ms: int = 60_000
    fail_after: int = 3
    pass_after: int = 1

    @property
    def decides(self) -> bool:
        """While it is bad its unit has failed, and until it is good its unit does not serve."""
        return self.level in (Level.STARTUP, Level.LIVE) and self.on_fail is not OnFail.ALERT

    @property
    def is_taken(self) -> bool:
        """Its result comes from another probe, or from other nodes."""
        return self.type == "probe" or self.peers

    @property
    def target(self) -> tuple[str, str]:
        """Of Type=probe: unit and name of the probe whose result it takes."""
        return self.watched or self.unit, self.other or ""

    @property
    def called(self) -> str:
        """For people who know of which unit."""
        return f"probe {self.name}" if self.name else "the probe"

    @property
    def is_outside(self) -> bool:
        """It decides all the time whether its group serves, and can be asked from every node."""
        return self.outside and not self.peers and self.decides and self.level is Level.LIVE

    @property
    def full_name(self) -> str:
        """Unlike all others of its group."""
        return f"{self.unit}/{self.name}"

    @property
    def label(self) -> str:
        """For people; a heuristic that is a page is a probe of no unit."""
        return f"{self.called} of {self.unit}" if self.unit else self.called


@dataclass(frozen=True, slots=True, kw_only=True)
class Ocf(Written):
    """The [X-Ocf] of standfast-ocf@NAME.service."""

    agent: tuple[str, str]  # provider and type
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"ocf:{':'.join(self.agent)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    unit: str
    critical: bool = True
    probes: tuple[Probe, ...] = ()
    ocf: Ocf | None = None
    definition: str = ""  # see configuration.definitions: where it differs, the unit must start anew
    source: Source = field(default=Source(path="", line=0), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Written):
    """A systemd target NAME.target with [X-Standfast] Resources=."""

    name: str
    description: str
    resources: tuple[Resource, ...]  # in start order, never empty
    domain: str | None = None  # None: every node, in the order of their ids
    recovery: Recovery = Recovery.RESTART
    max_restarts: int = 2
    restart_window_ms: int = 600_000
    start_timeout_ms: int = 90_000
    stop_timeout_ms: int = 30_000
    stop_failure: StopFailure = StopFailure.FENCE
    failure_expire_ms: int = 600_000
    in_place: bool = False
    priority: int = 0  # the higher starts first
    needs: tuple[str, ...] = ()  # groups that must be started, on any node; it stops with them
    after: tuple[str, ...] = ()  # groups that start first, where both are to start
    apart: tuple[str, ...] = ()  # groups that never share its node; it holds both ways, whichever of them says it
    exclusive: bool = False  # no other group is on its node
    copies: int = 1  # nodes that run it at the same time
    node: str = ""  # of a copy (configuration.copies): the only node that may run it

    def probes_called(self, names: tuple[str, ...]) -> tuple[Probe, ...]:
        """Those of its probes that are named, as "UNIT/NAME"."""
        probes = (probe for resource in self.resources for probe in resource.probes) if names else ()
        return tuple(probe for probe in probes if probe.full_name in names)

    @property
    def base(self) -> str:
        """The name that it is written under, which all its copies share."""
        return self.name.partition("@")[0]

    @property
    def target(self) -> str:
        return f"{self.base}.target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One whole, checked configuration."""

    cluster: Cluster
    nodes: tuple[Node, ...]  # by id
    devices: tuple[FenceDevice, ...]
    domains: tuple[Domain, ...]
    groups: tuple[Group, ...]  # by name
    digest: str  # SHA-256 in hex over names and content of every file below the root, secrets included
    heuristics: tuple[Heuristic, ...] = ()  # in the order written
    key: str = ""  # SHA-256 in hex of corosync.key

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def group(self, name: str) -> Group | None:
        return next((group for group in self.groups if group.name == name), None)

    def allowed(self, group: Group) -> tuple[str, ...]:
        """The nodes that may run `group`, best first (domain's order, then id)."""
        if group.node:
            return (group.node,)
        names = tuple(node.name for node in self.nodes)
        domain = next((domain for domain in self.domains if domain.name == group.domain), None)
        if domain is None:
            return names
        rest = () if domain.restricted else tuple(name for name in names if name not in domain.nodes)
        return domain.nodes + rest
