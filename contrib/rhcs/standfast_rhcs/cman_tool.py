"""cman_tool: membership and quorum in the words of cman."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from standfast.bus import Bus
from standfast_rhcs.cluster import NO_CLUSTER, Cluster, EndedError, Member, look, run, seen
from standfast_rhcs.fence_domain import services
from standfast_rhcs.fencing import fence
from standfast_rhcs.options import parse
from standfast_rhcs.waiting import until

PROTOCOL: Final = "6.2.0"  # cman's, whose output this is
TARGET: Final = "standfast.target"
RGMANAGER_PORT: Final = 177
TIMED_OUT: Final = 2
USAGE: Final = """usage: cman_tool <join|leave|kill|expected|votes|version|wait|status|nodes|services> [options]
  status                     what this node sees of membership and quorum
  nodes [-a] [-n NODE]       the members; -a with their addresses
  services                   the fence domain
  join [-w]                  systemctl start standfast.target
  leave [-w] [remove|force]  systemctl stop standfast.target
  kill -n NODE               NODE is lost: it is fenced
  wait [-q] [-t SECONDS]     until this node is a member, with -q until it is quorate
  version                    cman's version and that of the configuration"""
_EXPECTED: Final = (
    "expected votes cannot be set here: they are the sum of Votes= of every [Node] in force. Where too few nodes are "
    "left, `standfast quorum start-alone` goes on without the others once each is proven off"
)
_VOTES: Final = (
    "votes cannot be set here: write Votes= of the [Node] in /etc/standfast/cluster.conf, then standfast config push"
)
_RELOAD: Final = "a version comes into force by standfast config push, on every node or on none"


def main(words: Sequence[str]) -> int:
    """The exit code."""
    verb, *rest = words or ("",)
    if verb not in _VERBS:
        raise EndedError(1, USAGE if not verb else f"there is no verb {verb!r}\n{USAGE}")
    return _VERBS[verb](rest)


def _status(words: Sequence[str]) -> int:
    parse(words, "", USAGE)
    print("\n".join(status(_joined())))
    return 0


def _joined() -> Cluster:
    """The cluster, of which this node is a member. Raises EndedError where it is not."""
    cluster = run(seen())
    if not cluster.generation:
        raise EndedError(1, NO_CLUSTER)
    return cluster


def status(cluster: Cluster) -> list[str]:
    """The lines of `cman_tool status`."""
    here = cluster.local
    blocked = "" if cluster.quorate else " Activity blocked"
    ports = [0] + ([RGMANAGER_PORT] if here and here.rgmanager else [])
    return [
        f"Version: {PROTOCOL}",
        f"Config Version: {cluster.config_version}",
        f"Cluster Name: {cluster.name}",
        f"Cluster Id: {cluster.id}",
        "Cluster Member: Yes",
        f"Cluster Generation: {cluster.generation}",
        "Membership state: Cluster-Member",
        f"Nodes: {sum(member.online for member in cluster.members)}",
        f"Expected votes: {cluster.expected_votes}",
        f"Total votes: {cluster.votes}",
        f"Node votes: {here.votes if here else 0}",
        f"Quorum: {cluster.quorum_votes}{blocked or '  '}",
        f"Active subsystems: {cluster.daemons}",
        f"Flags: {'2node ' if 'two_node' in cluster.flags else ''}",
        f"Ports Bound: {' '.join(map(str, ports))} ",
        f"Node name: {here.name if here else ''}",
        f"Node ID: {here.id if here else 0}",
        "Multicast addresses: ",
        f"Node addresses: {' '.join(here.addresses) if here else ''} ",
    ]


def _nodes(words: Sequence[str]) -> int:
    options, _ = parse(words, "an:F:", USAGE)
    cluster = _joined()
    members = cluster.members
    if "-n" in options:
        members = tuple(member for member in members if member.name == options["-n"])
        if not members:
            raise EndedError(1, f"there is no node {options['-n']!r}")
    if "-F" in options:
        print("\n".join(" ".join(_field(name, one) for name in options["-F"].split(",")) for one in members))
    else:
        print("\n".join(nodes(cluster, members, addresses="-a" in options)))
    return 0


def nodes(cluster: Cluster, members: Sequence[Member], *, addresses: bool) -> list[str]:
    """The lines of `cman_tool nodes`."""
    lines = ["Node  Sts   Inc   Joined               Name"]
    for member in members:
        ring = cluster.generation if member.online else 0
        joined = _joined_at(member)
        lines.append(f"{member.id:4d}   {_letter(member)}  {ring:5d}   {joined:<19}  {member.name}")
        if addresses:
            lines.append(f"       Addresses: {' '.join(member.addresses)} ")
    return lines


def _joined_at(member: Member) -> str:
    """Since when this node hears it, in this machine's time zone; this node itself hears no link to itself."""
    return f"{member.since.astimezone():%Y-%m-%d %H:%M:%S}" if member.since and member.online else ""


def _letter(member: Member) -> str:
    return "M" if member.online else "X"


def _field(name: str, member: Member) -> str:
    values = {
        "id": str(member.id),
        "name": member.name,
        "type": _letter(member),
        "addr": " ".join(member.addresses),
        "votes": str(member.votes),
    }
    if name not in values:
        raise EndedError(1, f"-F knows no field {name!r}: the fields are {', '.join(values)}")
    return values[name]


def _services(words: Sequence[str]) -> int:
    parse(words, "", USAGE)
    print("\n".join(services(_joined())))
    return 0


def _join(words: Sequence[str]) -> int:
    parse(words, "m:v:e:2p:n:N:o:c:C:wqt:k:PXAD:", USAGE)
    return _systemctl("start")


def _leave(words: Sequence[str]) -> int:
    parse(words, "wt:", USAGE)
    return _systemctl("stop")


def _systemctl(verb: str) -> int:
    return subprocess.run(["systemctl", verb, TARGET], check=False).returncode


def _kill(words: Sequence[str]) -> int:
    options, _ = parse(words, "n:", USAGE)
    if "-n" not in options:
        raise EndedError(1, "kill needs -n NODE")
    run(fence(options["-n"]))
    return 0


def _wait(words: Sequence[str]) -> int:
    options, _ = parse(words, "qt:", USAGE)
    if not options.get("-t", "0").isdigit():
        raise EndedError(1, f"-t takes a number of seconds, not {options['-t']!r}")
    seconds = int(options.get("-t", "0"))
    return run(_until_member(quorate="-q" in options, timeout_s=seconds or 1e9))


async def _until_member(*, quorate: bool, timeout_s: float) -> int:
    async with await Bus.connect() as bus:

        async def there() -> bool | None:
            cluster = await look(bus)
            return True if cluster.generation and (cluster.quorate or not quorate) else None

        if await until(bus, there, timeout_s):
            return 0
    print("cman_tool: Timed-out waiting for cluster", file=sys.stderr)
    return TIMED_OUT


def _version(words: Sequence[str]) -> int:
    options, _ = parse(words, "r:D:S", USAGE)
    if "-r" in options:
        raise EndedError(1, _RELOAD)
    print(f"{PROTOCOL} config {_joined().config_version}")
    return 0


def _no(why: str) -> Callable[[Sequence[str]], int]:
    def refuse(_: Sequence[str]) -> int:
        raise EndedError(1, why)

    return refuse


_VERBS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "status": _status,
    "nodes": _nodes,
    "services": _services,
    "join": _join,
    "leave": _leave,
    "kill": _kill,
    "wait": _wait,
    "version": _version,
    "expected": _no(_EXPECTED),
    "votes": _no(_VOTES),
}
