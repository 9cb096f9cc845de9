"""The words that all daemons share (DESIGN section 1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BY_HAND: Final = "held-by-administrator"  # a group's flag


@dataclass(frozen=True, slots=True, order=True)
class Ring:
    """A view as Corosync names it: the node that made the ring and a number that only goes up."""

    node: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.node}.{self.sequence}"


class NodeState(StrEnum):
    """A configured node as `status` shows it; the strongest that applies is shown."""

    ONLINE = "online"
    JOINING = "joining"
    UNRESPONSIVE = "unresponsive"
    LOST = "lost"
    FENCING = "fencing"
    FENCED = "fenced"
    LEFT = "left"


class Phase(StrEnum):
    """Where a group stands: stopped → starting → started → stopping → stopped; or blocked."""

    STOPPED = "stopped"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    BLOCKED = "blocked"


class DrillKind(StrEnum):
    """Which fault a fire drill injects."""

    KILL = "kill"  # the main process of a group's service gets SIGKILL
    HANG = "hang"  # the processes of a group's service get SIGSTOP
    POWER = "power"  # a node's power is cut by its fence device, and nobody is told
    CUT = "cut"  # a node does not hear the other ones for a while


class Holding(StrEnum):
    """What one node has of one group, judged by units, mounts and addresses."""

    NOTHING = "nothing"
    QUEUED = "queued"  # a job is queued or the lease is present
    RUNNING = "running"
    STOPPING = "stopping"
    STOP_FAILED = "stop-failed"


class ProbeState(StrEnum):
    """What the probes of a unit say; a hung or crashed checker is unknown, never bad."""

    GOOD = "good"
    DEGRADED = "degraded"  # a probe of Level=degraded is bad: shown, and no failure
    NOT_READY = "not-ready"  # the same of Level=ready
    BAD = "bad"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a unit is not active, as read from systemd or from a probe."""

    kind: str  # exit-code, signal, core-dump, oom-kill, watchdog, timeout, assert, dependency, probe, gone …
    text: str  # for people: "killed by signal 9 (SIGKILL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """One resource as read by calls to systemd1, never from a signal's content alone."""

    unit: str
    load: str  # LoadState: loaded, not-found, masked, …
    active: str  # ActiveState: active, inactive, failed, activating, deactivating, reloading
    job: str  # the queued job's type (start, stop, restart …), or ""
    processes: bool  # its cgroup holds at least one process
    cause: Cause | None  # set when it is not active and did not end by our own stop
    probe: ProbeState = ProbeState.NONE
    bad_probes: tuple[str, ...] = ()  # names of its needed probes that are bad
    doubt: bool = False  # one of its needed probes is bad, or may be about to be
    by_hand: bool = False  # it is down because an administrator stopped it: an intent, not a failure
    traces: bool = False  # its mount is still mounted, its address still on an interface

    @property
    def gone(self) -> bool:
        """Nothing of it is left: not active, no job, no process, no mount, no address."""
        settled = self.active in ("inactive", "failed") and not self.job
        return settled and not self.processes and not self.traces

    @property
    def serving(self) -> bool:
        """Active, settled, and no probe speaks against it or still waits for its first answer."""
        settled = self.active == "active" and not self.job
        return settled and self.probe not in (ProbeState.BAD, ProbeState.UNKNOWN)


def copies_of(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Which of these groups `name` means: itself, or all its copies."""
    return tuple(one for one in names if one == name or one.partition("@")[0] == name)
