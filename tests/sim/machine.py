"""The servers of the simulator: what each has on its disk and in its memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sim.configurations import example
from standfast.configuration.model import Configuration, Group
from standfast.resourced.core import Core
from standfast.resourced.events import Event

UNITS = tuple(resource.unit for resource in example(()).groups[0].resources)
configuration = example  # as unit tests know it
ALIVE = ("active", "deactivating")


@dataclass(slots=True)
class Place:
    """What one server has of one group."""

    units: tuple[str, ...]
    held: bool = False
    leased: bool = False
    active: dict[str, str] = field(default_factory=dict)  # systemd's ActiveState
    jobs: dict[str, str] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)  # units that hang: their probe says so
    by_hand: set[str] = field(default_factory=set)  # units that an administrator stopped
    job: int = 0  # counts the jobs of the target: what an older one still wants to do is void
    started_at: int = 0  # the last of its units
    starting: str = ""  # the unit of the start job under way
    stubborn: str = ""  # "hangs": its units stop only when killed; "wedged": not even then
    definitions: dict[str, str] = field(default_factory=dict)  # of its units, as systemd has read them
    runs_as: dict[str, str] = field(default_factory=dict)  # those under which its units were started
    dangerous: bool = False  # its node had an order or held it, and was neither off nor gone since

    def __post_init__(self) -> None:
        self.cease()

    def cease(self) -> None:
        """The power is gone, and with it all that ran and /run."""
        self.held = self.leased = self.dangerous = False
        self.active = dict.fromkeys(self.units, "inactive")
        self.jobs, self.bad, self.by_hand, self.starting, self.stubborn = {}, set(), set(), "", ""
        self.job += 1

    def define(self, group: Group) -> None:
        """systemd has read the group's units anew; what runs goes on."""
        self.definitions = {one.unit: one.definition for one in group.resources}
        self.units = tuple(self.definitions)
        self.active = {unit: self.active.get(unit, "inactive") for unit in self.units}
        self.jobs = {unit: job for unit, job in self.jobs.items() if unit in self.units}
        self.bad &= set(self.units)
        self.by_hand &= set(self.units)

    @property
    def runs(self) -> bool:
        return any(state in ALIVE for state in self.active.values())

    def serves(self, units: Iterable[str]) -> bool:
        return all(self.active.get(unit) == "active" and unit not in self.bad for unit in units)


@dataclass(slots=True)
class Machine:
    """One server: what survives a crash of its daemon, and what survives a power cut (its disk)."""

    name: str
    disk: bytes
    stored: set[str]  # digests of the versions that it has whole
    used: Configuration
    installed: str = ""  # the digest of that whose units are in place
    prepared: Configuration | None = None  # what its daemon has prepared last
    objections: tuple[str, ...] = ()
    powered: bool = False
    boot: int = 0
    booted_at: int = 0
    drift: int = 0  # of its clock, in parts per million
    wall: int = 0  # how far its wall clock is off, ms
    core: Core | None = None
    life: int = 0  # of the daemon's process
    speaks: int = 1  # the version of the messages that its release knows
    begun_at: int = 0
    hung: bool = False
    leaves: bool = False  # an operator wants it to leave
    going: bool = False  # it left and switches itself off
    places: dict[str, Place] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)  # groups that its daemon was told as they were found
    agents: dict[tuple[str, str], str] = field(default_factory=dict)  # (loss, action): node
    ended: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    fencer_down: bool = False  # its fenced is dead
    disk_bad: bool = False
    torn: str = ""  # the power goes in the middle of the next write: "old" or "new" is on the disk then
    break_off: int = 0  # after so many steps that act, the daemon or the machine dies in the middle of one
    slow_until: int = 0  # units take long to start and to stop
    failing_until: int = 0  # units fail when they are started
    believed_off: bool = False  # a fence agent lied, and its word was taken: others may run what it runs
    missed: list[Event] = field(default_factory=list)  # what waits for a daemon that hangs
    pause: bytes = b""  # of its withdrawal, as it is on its disk
    powerless_since: int | None = None  # since when its daemon knows that it is not quorate

    @property
    def incarnation(self) -> str:
        return f"{self.name}/{self.boot}"

    def boottime(self, now: int) -> int:
        """CLOCK_BOOTTIME in ms: since its boot, by its own quartz."""
        passed = now - self.booted_at
        return passed + passed * self.drift // 1_000_000

    def place(self, group: Group) -> Place:
        """What it has of this group; of a new one nothing."""
        known = self.places.setdefault(group.name, Place(units=()))
        known.define(group)
        return known

    def runs(self, group: str) -> bool:
        place = self.places.get(group)
        return place is not None and self.powered and place.runs
