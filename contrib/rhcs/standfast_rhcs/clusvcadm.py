"""clusvcadm: what is to become of services, in RHCS's words and with its exit codes."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from standfast.bus import Bus, BusError, ErrorName, escape
from standfast.operations.rights import call_with_rights
from standfast.published import GROUPS, ROOT
from standfast_rhcs.cluster import Cluster, EndedError, Service, State, look, run
from standfast_rhcs.options import parse_alone
from standfast_rhcs.waiting import until

ANSWER_S: Final = 30.0
DONE_S: Final = 600.0
USAGE: Final = """usage: clusvcadm [command]

Resource Group Control Commands:
  -v                     Display version and exit
  -d <group>             Disable <group>.  This stops a group
                         until an administrator enables it again,
                         the cluster loses and regains quorum, or
                         an administrator-defined event script
                         explicitly enables it again.
  -e <group>             Enable <group>
  -e <group> -F          Enable <group> according to failover
                         domain rules
  -e <group> -m <member> Enable <group> on <member>
  -r <group> -m <member> Relocate <group> [to <member>]
  -M <group> -m <member> Migrate <group> to <member>
                         (e.g. for live migration of VMs)
  -q                     Quiet operation
  -R <group>             Restart a group in place.
  -s <group>             Stop <group>.  This temporarily stops
                         a group.  After the next group or
                         or cluster member transition, the group
                         will be restarted (if possible).
  -Z <group>             Freeze resource group.  This prevents
                         transitions and status checks, and is
                         useful if an administrator needs to
                         administer part of a service without
                         stopping the whole service.
  -U <group>             Unfreeze (thaw) resource group.  Restores
                         a group to normal operation.
  -c <group>             Convalesce (repair, fix) resource group.
                         Attempts to start failed, non-critical
                         resources within a resource group.
Resource Group Locking (for cluster Shutdown / Debugging):
  -l                     Lock local resource group managers.
                         This prevents resource groups from
                         starting.
  -S                     Show lock state
  -u                     Unlock resource group managers.
                         This allows resource groups to start."""
NO_LOCK: Final = (
    "Lock operation failed\nStandfast has no lock: nothing is done with a group after `standfast group freeze`, and "
    "with none after `standfast maintenance on`, which also keeps lost nodes from being fenced."
)


class Answer(Enum):
    """rgmanager's results: the code that the process ends with, modulo 256, and the words."""

    SUCCESS = (0, "Success")
    FAILURE = (-1, "Failure")
    ABORTED = (-2, "Aborted; service failed")
    NO_SERVICE = (-4, "Service does not exist")
    TRY_AGAIN = (-6, "Temporary failure; try again")
    INVALID = (-8, "Invalid operation for resource")
    NOT_QUORATE = (-9, "Operation requires quorum")
    RUNNING = (-10, "Service is already running")
    FROZEN = (-11, "Failure: Service is frozen")
    NO_TARGET = (-12, "Target node dead / nonexistent")
    FENCING = (-13, "Fencing operation pending; try again later")
    NOT_RUNNABLE = (-15, "Service not runnable")
    BACK_AGAIN = (-17, "Failed; service running on original owner")
    DENIED = (-18, "Permission denied")
    WARNING = (-19, "Warning; see system logs")

    @property
    def exit_code(self) -> int:
        return 0 if self in (Answer.SUCCESS, Answer.RUNNING) else self.value[0] & 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for of a service, and when it came true."""

    method: str  # of Group1
    saying: str  # after "Local machine" or "Member N"
    fits: Callable[[Service], Answer | None]  # why it is not even asked; None: it is
    goal: Callable[[Service, Service], bool]  # (before, now)
    takes_node: bool = False


def _frozen(service: Service) -> Answer | None:
    return Answer.FROZEN if service.frozen else None


def _enabled(service: Service) -> Answer | None:
    running = service.state is State.STARTED and not service.by_hand
    return _frozen(service) or (Answer.RUNNING if running else None)


def _moved(service: Service) -> Answer | None:
    return _frozen(service) or (Answer.INVALID if service.state is State.DISABLED else None)


def _partial(service: Service) -> Answer | None:
    return Answer.INVALID if service.partial else Answer.RUNNING


def _anything(_: Service) -> None:
    return None


WISHES: Final = {
    "-d": Wish(
        method="Disable",
        saying="disabling",
        fits=_frozen,
        goal=lambda _, now: now.state in (State.DISABLED, State.STOPPED),
    ),
    "-e": Wish(
        method="Start",
        saying="trying to enable",
        fits=_enabled,
        goal=lambda _, now: now.state is State.STARTED and not now.by_hand,
        takes_node=True,
    ),
    "-r": Wish(
        method="Relocate",
        saying="",
        fits=_moved,
        goal=lambda before, now: now.state is State.STARTED and now.since != before.since,
        takes_node=True,
    ),
    "-R": Wish(
        method="Restart",
        saying="trying to restart",
        fits=_moved,
        goal=lambda before, now: now.state is State.STARTED and now.since != before.since,
    ),
    "-s": Wish(method="Stop", saying="stopping", fits=_frozen, goal=lambda _, now: now.state is State.STOPPED),
    "-Z": Wish(method="Freeze", saying="freezing", fits=_anything, goal=lambda _, now: now.frozen),
    "-U": Wish(method="Thaw", saying="unfreezing", fits=_anything, goal=lambda _, now: not now.frozen),
    "-c": Wish(method="", saying="convalescing", fits=_partial, goal=lambda _, __: True),
    "-M": Wish(method="", saying="", fits=lambda _: Answer.INVALID, goal=lambda _, __: True, takes_node=True),
}


def main(words: Sequence[str]) -> int:
    """The exit code."""
    options = parse_alone(words, "d:e:r:M:R:s:Z:U:c:m:n:lSuqvhF", USAGE)
    if "-h" in options:
        print(USAGE)
        return 0
    if "-v" in options:
        print("clusvcadm, answered by Standfast")
        return 0
    if not options.keys().isdisjoint(("-l", "-u", "-S")):
        return _lock(options)
    wanted = [letter for letter in options if letter in WISHES]
    if len(wanted) != 1:
        raise EndedError(1, USAGE)
    target = options.get("-m", options.get("-n", ""))
    if "-F" in options and target:
        raise EndedError(1, "Cannot use '-F' with '-n' or '-m'")
    if wanted[0] == "-M" and not target:
        raise EndedError(1, "Migration requires a target cluster member")
    by_rules = "-F" in options
    return run(_carry_out(wanted[0], options[wanted[0]], target, by_rules=by_rules, quiet="-q" in options))


def _lock(options: dict[str, str]) -> int:
    if "-l" in options:
        print(NO_LOCK)
        return 1
    print("Resource groups unlocked")
    return 0


async def _carry_out(letter: str, name: str, target: str, *, by_rules: bool, quiet: bool) -> int:
    wish = WISHES[letter]
    async with await Bus.connect() as bus:
        cluster = await look(bus)
        if cluster.services is None:
            raise EndedError(1, "Could not connect to resource group manager")
        node = _found(cluster, target) if target else ""
        service = cluster.service(name)
        shown = service.name if service else f"service:{name.removeprefix('service:')}"
        if not quiet:
            print(_beginning(letter, wish, shown, node), end="", flush=True)
        answer = Answer.NO_SERVICE if service is None else wish.fits(service)
        if service is not None and answer is None:
            start_here = letter == "-e" and not node and not by_rules and cluster.local is not None
            place = cluster.local.name if start_here and cluster.local else node
            answer = await _ask(bus, wish, service, place)
            service = (await look(bus)).service(name)
        assert answer is not None
        if not quiet:
            print(answer.value[1])
            if answer is Answer.SUCCESS and service is not None and letter in ("-e", "-r"):
                print(_now_running(service, node))
        return answer.exit_code


def _found(cluster: Cluster, name: str) -> str:
    """The member that is meant: RHCS takes the only one that begins like that. Raises EndedError."""
    names = [member.name for member in cluster.members]
    if name not in names:
        print(f"'{name}' not in membership list", file=sys.stderr)
        close = [one for one in names if one.startswith(name)]
        if not close:
            raise EndedError(1, f"No matches for '{name}' found")
        if len(close) > 1:
            raise EndedError(1, f"More than one possible match for '{name}' found")
        name = close[0]
        print(f"Closest match: '{name}'", file=sys.stderr)
    member = cluster.member(name)
    if member is None or not member.online:
        raise EndedError(1, f"'{name}' is offline")
    return name


def _beginning(letter: str, wish: Wish, name: str, node: str) -> str:
    if letter in ("-r", "-M"):
        verb = "relocate" if letter == "-r" else "migrate"
        return f"Trying to {verb} {name}" + (f" to {node}..." if node else "...")
    return f"{f'Member {node}' if node and letter == '-e' else 'Local machine'} {wish.saying} {name}..."


def _now_running(service: Service, node: str) -> str:
    warning = "Warning: " if node and service.owner != node else ""
    return f"{warning}{service.name} is now running on {service.owner}"


async def _ask(bus: Bus, wish: Wish, service: Service, node: str) -> Answer:
    """What came of it."""
    arguments = (node,) if wish.takes_node else ()
    try:
        if wish.method == "Start" and service.state is State.DISABLED:
            await _call(bus, service.group, "Enable")
        await _call(bus, service.group, wish.method, *arguments)
    except BusError as error:
        return _refused(error)
    return await _outcome(bus, wish, service)


async def _call(bus: Bus, group: str, method: str, *arguments: str) -> None:
    path = f"{ROOT}/group/{escape(group)}"
    signature = "s" * len(arguments)
    await call_with_rights(bus, GROUPS, path, "org.standfast.Group1", method, signature, *arguments, timeout_s=ANSWER_S)


def _refused(error: BusError) -> Answer:
    print(f"\n{error.text}", file=sys.stderr)
    match error.name:
        case ErrorName.NOT_QUORATE:
            return Answer.NOT_QUORATE
        case ErrorName.ACCESS_DENIED | "org.freedesktop.DBus.Error.AccessDenied":
            return Answer.DENIED
        case ErrorName.UNKNOWN_OBJECT:
            return Answer.NO_SERVICE
        case ErrorName.OUTCOME_UNKNOWN | ErrorName.TIMED_OUT:
            return Answer.TRY_AGAIN
        case ErrorName.REFUSED:
            return Answer.NOT_RUNNABLE if error.text else Answer.FAILURE
    return Answer.FAILURE


async def _outcome(bus: Bus, wish: Wish, before: Service) -> Answer:
    """Success when the goal is reached; else what kept it from that."""
    losses: tuple[tuple[str, str], ...] = ()

    async def settled() -> Answer | None:
        nonlocal losses
        cluster = await look(bus)
        losses, now = cluster.losses, cluster.service(before.group)
        if now is None:
            return Answer.NO_SERVICE
        if wish.goal(before, now):
            back = wish.method == "Relocate" and now.owner == before.owner
            return Answer.BACK_AGAIN if back else Answer.SUCCESS
        return Answer.ABORTED if now.state is State.FAILED else None

    found = await until(bus, settled, DONE_S)
    return found or (Answer.FENCING if losses else Answer.TRY_AGAIN)
