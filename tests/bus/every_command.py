"""A row for each command of the command line: how it is typed on a node whose daemons are fakes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from fakes.daemons import ALL, ROOT, Cluster
from standfast.bus import Call
from standfast.ctl.__main__ import main

MEMBERSHIP, QUORUM, FENCING, GROUPS = ALL
LATER = "2026-01-01T00:01:00Z"
PROBED = [
    {"unit": "apache2.service", "probe": "page", "type": "http", "level": "live", "outcome": "good"}
    | {"latency_ms": 7, "text": "status 200", "seen": "T0s="}
]


DOCUMENTS = {  # what resourced answers
    "Probe": PROBED,
    "ForeseeDrill": {"fault": "it dies", "refused": "node2 is in standby: standfast node resume node2"}
    | {"groups": [], "expected": []},
    "Explain": {"node": "node1", "term": 7, "explanations": []},
    "Simulate": {"node": "node1", "term": 7, "steps": [], "groups": []},
    "SimulateConfiguration": {"node": "node1", "term": 7, "steps": [], "groups": []},
    "SimulateWish": {"node": "node1", "term": 7, "steps": [], "groups": [], "effects": [], "done": [], "otherwise": []}
    | {"wish": {"kind": "stop", "subject": "webserv", "node": None, "loss": None}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`words` come after the command's own. unknown: the same with a mistyped name, and what is near to it."""

    words: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    like: str = ""
    changes: bool = False  # it asks resourced for something, so it needs a quorum
    daemons: bool = True  # it needs one of them
    root: bool = False  # only root may type it at all
    machine: bool = False  # it makes this machine, or another, a node: only its refusals are tried here
    codes: frozenset[int] = field(default=frozenset({0}))  # when all is well


def _changing(*words: str, **values: Any) -> Row:
    values.setdefault("unknown", (*words[:-1], f"{words[-1]}x") if words else ())
    values.setdefault("like", words[-1] if words else "")
    return Row(words=words, changes=True, **values)


def _drill(name: str, mistyped: str) -> Row:
    """It is refused: there is nothing to drill on a fake."""
    words = ("--yes", name)
    return Row(words=words, unknown=("--yes", mistyped), like=name, codes=frozenset({1}))


_HERE = frozenset({0, 1, 6})
OF_A_GROUP = ("start", "stop", "relocate", "restart", "enable", "disable", "freeze", "thaw")
OF_A_NODE = ("node standby", "node resume", "fence now", "fence confirm")

ROWS = {
    "status": Row(unknown=("webser",), like="webserv"),
    "explain": Row(words=("webserv",), unknown=("webser",), like="webserv"),
    "group start": _changing("webserv"),
    "group stop": _changing("webserv"),
    "group relocate": _changing("webserv", "node2", unknown=("webserv", "nod2"), like="node2"),
    "group restart": _changing("webserv"),
    "group enable": _changing("webserv"),
    "group disable": _changing("webserv"),
    "group freeze": _changing("webserv"),
    "group thaw": _changing("webserv"),
    "node standby": _changing("node2"),
    "node resume": _changing("node2"),
    "node rejoin": Row(changes=True),
    "node add": Row(words=("node4=192.0.2.14",), machine=True, root=True, daemons=False),
    "node remove": Row(words=("node3",), unknown=("nod3",), like="node3", machine=True, root=True, daemons=False),
    "fence now": _changing("node3"),
    "fence confirm": _changing("node3", "8.1", unknown=("nod3", "8.1"), like="node3"),
    "fence test": Row(unknown=("bmc-nod3",), like="bmc-node3"),
    "fence history": Row(unknown=("nod3",), like="node3"),
    "quorum": Row(),
    "quorum start-alone": _changing("--yes", "node3"),
    "quorum arbiter add": Row(words=("arbiter",), machine=True, root=True, daemons=False),
    "probe": Row(words=("site.service",), unknown=("sit.service",), like="site.service", daemons=False, codes=_HERE),
    "maintenance on": _changing(),
    "maintenance off": _changing(),
    "timeline": Row(daemons=False),
    "report": Row(words=("-o", "made.tar.gz", "--since", "1min"), daemons=False, machine=True),
    "simulate": Row(words=("--replay", "no-such-file"), daemons=False, machine=True),
    "simulate node-dies": Row(words=("node2",), unknown=("nod2",), like="node2"),
    "simulate group-fails": Row(words=("webserv",), unknown=("webser",), like="webserv"),
    "simulate standby": Row(words=("node2",), unknown=("nod2",), like="node2"),
    "simulate configuration": Row(words=("units/webserv.target",)),
    **{f"simulate group {kind}": Row(words=("webserv",), unknown=("webser",), like="webserv") for kind in OF_A_GROUP},
    **{f"simulate {words}": Row(words=("node2",), unknown=("nod2",), like="node2") for words in OF_A_NODE},
    **{f"simulate maintenance {word}": Row() for word in ("on", "off")},
    **{f"simulate config {word}": Row() for word in ("confirm", "take-back")},
    **{f"drill {kind}": _drill("webserv", "webser") for kind in ("kill", "hang")},
    **{f"drill {kind}": _drill("node2", "nod2") for kind in ("power", "cut")},
    "drill history": Row(daemons=False),
    "config check": Row(words=("etc",), daemons=False),
    "config diff": Row(daemons=False, codes=frozenset({0, 1})),
    "config plan": Row(),
    "config push": Row(words=("--yes",), unknown=("--yes", "--without", "nod3"), like="node3", changes=True),
    "config confirm": Row(changes=True),
    "config take-back": Row(changes=True),
    "config show": Row(daemons=False),
    "config history": Row(),
    "config rollback": Row(words=("--yes",), changes=True),
    "config edit": Row(words=("cluster.conf",), daemons=False),
    "init": Row(words=("webha",), machine=True, root=True, daemons=False),
    "join": Row(words=("node1",), machine=True, root=True, daemons=False),
    "import": Row(words=("cluster.conf.xml",), daemons=False, codes=frozenset({0, 1})),
}


def leaves(group: click.Group = main, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        words = f"{above} {name}".strip()
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield words, command
        if isinstance(command, click.Group):
            yield from leaves(command, words)


def obey(cluster: Cluster) -> None:
    """Wishes come true at once, and the daemons answer what they are asked."""
    groups, fencing = cluster.servers[GROUPS], cluster.servers[FENCING]
    for method in ("FenceNow", "Confirm", "KeepConfiguration", "TakeBackConfiguration"):
        groups.handle("org.standfast.Groups1", method, cluster._wished)

    async def answer(call: Call) -> tuple[Any, ...]:
        await cluster._wished(call)
        return (json.dumps(DOCUMENTS[call.member]),)

    for method in DOCUMENTS:
        groups.handle("org.standfast.Groups1", method, answer)
    fencing.handle("org.standfast.Fencing1", "Test", _tested)
    fencing.handle("org.standfast.Fencing1", "History", _fenced)

    async def wished(method: str, arguments: tuple[Any, ...]) -> None:
        _come_true(cluster, method, arguments)

    cluster.on_wish = wished


def _come_true(cluster: Cluster, method: str, arguments: tuple[Any, ...]) -> None:
    since = f"2026-01-01T01:{len(cluster.wishes) % 60:02}:00Z"  # another one each time
    match method:
        case "Stop" | "Disable":
            cluster.group(since, Phase="stopped", Owner="", Reason="an operator stopped it")
        case "Start" | "Relocate" | "Restart" | "Enable" | "Thaw" | "Freeze":
            owner = next((name for name in arguments if name), "node1")
            flags = ["frozen"] if method == "Freeze" else []
            cluster.group(since, Phase="started", Owner=owner, Flags=flags, Reason="an operator wants it “so”")
        case "FenceNow":
            cluster.publish(f"{ROOT}/node/node3", "Member1", State="fenced")
        case "StartAlone":
            cluster.publish(ROOT, "Groups1", Members=["node1", "node2"])


async def _tested(_: Call) -> tuple[Any, ...]:
    return ([("node1", "bmc-node1", "on", True, LATER, "“on”, as a long answer of an agent has it, with many words")],)


async def _fenced(_: Call) -> tuple[Any, ...]:
    return ([(LATER, "node3", "8.1", "bmc-node3", "off", "proven", 700, "off, “confirmed”")],)
