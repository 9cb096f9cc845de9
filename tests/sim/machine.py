"""The servers of the simulator: what they are configured to be, and what each has on its disk and in its memory."""

from dataclasses import dataclass, field

from standfast.configuration.model import Cluster, Configuration, Domain, Group, Node, Plug, Resource
from standfast.resourced.core import Core
from standfast.resourced.events import Event

UNITS = ("ip.service", "web.service")


def configuration(names: list[str]) -> Configuration:
    nodes = tuple(
        Node(name=name, id=index + 1, addresses=(f"192.0.2.{index + 11}",), fence=((Plug(device="bmc", plug=name),),))
        for index, name in enumerate(names)
    )
    resources = tuple(Resource(unit=unit) for unit in UNITS)
    group = Group(
        name="webserv",
        description="",
        resources=resources,
        domain="web",
        in_place=True,
        restart_window_ms=60_000,
        failure_expire_ms=60_000,
    )
    return Configuration(
        cluster=Cluster(name="sim"),
        nodes=nodes,
        devices=(),
        domains=(Domain(name="web", nodes=tuple(names), ordered=True),),
        groups=(group,),
        digest="d1",
    )


@dataclass
class Machine:
    """One server: what survives a crash of its daemon, and what survives a power cut (its disk)."""

    name: str
    disk: bytes
    powered: bool = False
    boot: int = 0
    core: Core | None = None
    life: int = 0  # of the daemon's process
    begun_at: int = 0
    hung: bool = False
    going: bool = False  # it left and switches itself off
    held: bool = False
    leased: bool = False
    active: dict[str, str] = field(default_factory=lambda: dict.fromkeys(UNITS, "inactive"))
    jobs: dict[str, str] = field(default_factory=dict)
    agents: dict[tuple[str, str], str] = field(default_factory=dict)  # (loss, action): node
    ended: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    dangerous: bool = False  # it had an order or held something, and was neither off nor gone since
    stubborn: str = ""  # "hangs": its units stop only when killed; "wedged": not even then
    disk_bad: bool = False
    missed: list[Event] = field(default_factory=list)  # what waits for a daemon that hangs
    powerless_since: int | None = None  # since when its daemon knows that it is not quorate

    @property
    def incarnation(self) -> str:
        return f"{self.name}/{self.boot}"
