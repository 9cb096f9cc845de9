"""The cluster in RHCS's words, made from what the daemons publish."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NoReturn, TypeVar

from standfast.bus import GONE, Bus, BusError
from standfast.published import GROUPS, MEMBERSHIP, QUORUM, Properties, Snapshot, read
from standfast.vocabulary import BY_HAND, Phase

PREFIX: Final = "service:"
LONGEST_ID: Final = 0xFFFF
NO_CLUSTER: Final = "Could not connect to CMAN: Connection refused"

Result = TypeVar("Result")


class State(Enum):
    """rgmanager's states that a group of ours can be in, with its numbers."""

    STOPPED = 110
    STARTING = 111
    STARTED = 112
    STOPPING = 113
    FAILED = 114
    DISABLED = 119

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A configured node."""

    name: str
    id: int
    votes: int
    addresses: tuple[str, ...]
    online: bool  # it is in this node's ring
    local: bool
    rgmanager: bool  # its resourced takes part
    since: datetime | None  # it is heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A group."""

    group: str
    state: State
    frozen: bool
    by_hand: bool  # an administrator stopped a unit of it: it is left alone, as a frozen one is
    partial: bool
    owner: str  # "" = nobody runs it
    last_owner: str
    since: datetime | None

    @property
    def name(self) -> str:
        return PREFIX + self.group

    @property
    def flags(self) -> int:
        return (self.frozen or self.by_hand) * 1 | self.partial * 2

    @property
    def flag_words(self) -> tuple[str, ...]:
        return ("frozen",) * (self.frozen or self.by_hand) + ("partial",) * self.partial

    @property
    def active(self) -> bool:
        return self.state in (State.STARTING, State.STARTED, State.STOPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What this node knows."""

    name: str
    config_version: int
    quorate: bool
    generation: int  # of the ring; 0: this node is in none
    flags: tuple[str, ...]  # votequorum's
    votes: int
    expected_votes: int
    quorum_votes: int
    members: tuple[Member, ...]  # by id
    services: tuple[Service, ...] | None  # by name; None: resourced does not answer
    coordinator: str
    losses: tuple[tuple[str, str], ...]  # loss and node that wait for their proof
    daemons: int  # that answer

    @property
    def local(self) -> Member | None:
        return next((member for member in self.members if member.local), None)

    @property
    def id(self) -> int:
        """As cman makes it of the name: 16 bits."""
        number = 0
        for character in self.name:
            number = (number << 1) + ord(character)
        return number & LONGEST_ID

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)

    def service(self, name: str) -> Service | None:
        """`name` with or without "service:"."""
        group = name.removeprefix(PREFIX)
        return next((service for service in self.services or () if service.group == group), None)


def make(snapshot: Snapshot) -> Cluster:
    """The snapshot in RHCS's words; pure."""
    membership, groups, quorum = snapshot[MEMBERSHIP].root, snapshot[GROUPS].root, snapshot[QUORUM].root
    here = str(membership.get("Node") or groups.get("Node") or "")
    states = {values["Name"]: values["State"] for _, values in snapshot[GROUPS].having("org.standfast.Member1")}
    nodes = [values for _, values in snapshot[MEMBERSHIP].having("org.standfast.Node1")]
    services = [_service(values) for _, values in snapshot[GROUPS].having("org.standfast.Group1")]
    return Cluster(
        name=str(membership.get("Cluster") or groups.get("Cluster") or ""),
        config_version=int(groups.get("ConfigurationVersion", 0)),
        quorate=bool(quorum.get("Quorate", False)),
        generation=int(str(membership.get("View") or "0").rpartition(".")[2]),
        flags=tuple(quorum.get("Flags", ())),
        votes=int(quorum.get("Votes", 0)),
        expected_votes=int(quorum.get("ExpectedVotes", 0)),
        quorum_votes=int(quorum.get("QuorumVotes", 0)),
        members=tuple(sorted((_member(node, here, states) for node in nodes), key=lambda member: member.id)),
        services=None if snapshot[GROUPS].why_away else tuple(sorted(services, key=lambda service: service.name)),
        coordinator=str(groups.get("Coordinator", "")),
        losses=tuple((row[0], row[1]) for row in groups.get("Losses", ())),
        daemons=sum(not daemon.why_away for daemon in snapshot.values()),
    )


def _member(node: Properties, here: str, states: Properties) -> Member:
    heard = [_time(since) for _, up, since in node["Links"] if up]
    return Member(
        name=node["Name"],
        id=node["Id"],
        votes=node["Votes"],
        addresses=tuple(node["Addresses"]),
        online=bool(node["InRing"]),
        local=node["Name"] == here,
        rgmanager=bool(node["InRing"]) and states.get(node["Name"]) == "online",
        since=min((time for time in heard if time), default=None),
    )


def _service(group: Properties) -> Service:
    flags = set(group["Flags"])
    return Service(
        group=group["Name"],
        state=_state(Phase(group["Phase"]), flags),
        frozen="frozen" in flags,
        by_hand=BY_HAND in flags,
        partial="partial" in flags,
        owner=group["Owner"],
        last_owner=group["LastOwner"],
        since=_time(group["Since"]),
    )


def _state(phase: Phase, flags: set[str]) -> State:
    match phase:
        case Phase.STOPPED:
            return State.DISABLED if "disabled" in flags else State.STOPPED
        case Phase.STARTING:
            return State.STARTING
        case Phase.STARTED:
            return State.STARTED
        case Phase.STOPPING:
            return State.STOPPING
        case Phase.BLOCKED:
            return State.FAILED


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


# How a command begins and ends


class EndedError(Exception):
    """The command ends with this exit code; `text` is on stderr."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text


async def look(bus: Bus) -> Cluster:
    """The cluster now. Raises EndedError where nothing of Standfast runs here."""
    found = make(await read(bus))
    if not found.daemons:
        raise EndedError(1, NO_CLUSTER)
    return found


async def seen() -> Cluster:
    """The cluster now, asked by a connection of its own."""
    async with await Bus.connect() as bus:
        return await look(bus)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """What `main` returns. Raises EndedError for what the bus refuses."""
    try:
        return asyncio.run(main)
    except BusError as error:
        raise EndedError(1, NO_CLUSTER if error.name in GONE else error.text) from error


def end(main: Callable[[Sequence[str]], int], name: str) -> NoReturn:
    """The process ends as `main` says, which gets the words after the command's name."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except EndedError as error:
        if error.text:
            print(
                error.text if error.text.startswith(("Could not", "Error")) else f"{name}: {error.text}",
                file=sys.stderr,
            )
        code = error.code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    sys.exit(code)
