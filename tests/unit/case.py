"""The form of a golden case: a configuration, then a story of steps, each with what the plan makes of it.

The first lines, in systemd's syntax, are the configuration: `[Nodes n1 n2]` (three where there is no such line),
`[Node n1]`, `[Cluster]`, `[Domain web]`, `[Group webserv]`, `[Probe webserv]` of its first unit, with the keys of the
real files. Then come the steps (the
sentences of `told.py`), each with its outcome in indented lines, which STANDFAST_REWRITE=1 writes anew.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from standfast.configuration.copies import with_copies
from standfast.configuration.keys import Scope, read
from standfast.configuration.model import (
    Cluster,
    Configuration,
    Domain,
    FenceDevice,
    Group,
    Node,
    Plug,
    Probe,
    Problem,
    Resource,
    Source,
)
from standfast.configuration.unitfile import Section, parse

INDENT = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    configuration: Configuration
    head: tuple[str, ...]  # the lines up to the first step
    script: tuple[str, ...]  # steps, comments and empty lines, without outcomes


def parse_case(text: str, name: str) -> Case:
    """The case that `text` tells; its outcomes are dropped: `rewritten` makes them again."""
    lines = text.splitlines()
    begin = next(index for index, line in enumerate(lines) if line and not _belongs_to_head(line))
    head = lines[:begin]
    script = tuple(line for line in lines[begin:] if not line.startswith(INDENT))
    return Case(configuration=_configuration(parse("\n".join(head), name)), head=tuple(head), script=script)


def _belongs_to_head(line: str) -> bool:
    return line.startswith(("#", "[")) or ("=" in line and " " not in line.partition("=")[0])


def rewritten(case: Case, tell: Callable[[str], Iterable[str]]) -> str:
    """The case's text with the outcome of each step as `tell` says it."""
    lines = list(case.head)
    for line in case.script:
        lines.append(line)
        if line and not line.startswith("#"):
            lines += [INDENT + outcome for outcome in tell(line)]
    return "\n".join(lines) + "\n"


def _configuration(sections: tuple[Section, ...]) -> Configuration:
    by_kind = {(kind, name): section for section in sections for kind, _, name in [section.name.partition(" ")]}
    listed = next((names for kind, names in by_kind if kind == "Nodes"), "n1 n2 n3")
    nodes = tuple(_node(name, index, by_kind.get(("Node", name))) for index, name in enumerate(listed.split(), 1))
    domains = tuple(
        Domain(**{"name": name, "nodes": tuple(listed.split())} | _values(Scope.DOMAIN, section))
        for (kind, name), section in by_kind.items()
        if kind == "Domain"
    )
    groups = tuple(
        _group(name, section, by_kind.get(("Probe", name))) for (kind, name), section in sorted(_of(by_kind, "Group"))
    )
    written = Configuration(
        cluster=Cluster(**{"name": "webha"} | _values(Scope.CLUSTER, by_kind.get(("Cluster", "")))),
        nodes=nodes,
        devices=(FenceDevice(name="bmc", agent="fence_redfish", options={}),),
        domains=domains,
        groups=groups,
        digest="d1",
    )
    return with_copies(written)


def _of(by_kind: dict[tuple[str, str], Section], kind: str) -> list[tuple[tuple[str, str], Section]]:
    return [(key, section) for key, section in by_kind.items() if key[0] == kind]


def _node(name: str, number: int, section: Section | None) -> Node:
    written = _values(Scope.NODE, section)
    fence: Any = () if section and any(entry.key == "Fence" for entry in section.entries) else None
    fence = ((Plug(device="bmc", plug=name),),) if fence is None else fence
    address = (f"192.0.2.{10 + number}",)
    return Node(**{"name": name, "id": number, "addresses": address, "fence": fence} | written)


def _group(name: str, section: Section, probe: Section | None) -> Group:
    written = _values(Scope.GROUP, section)
    units = written.pop("resources", (f"{name}.service",))
    probes = () if probe is None else (Probe(**{"name": "", "unit": units[0]} | _values(Scope.PROBE, probe)),)
    resources = tuple(Resource(unit=unit, probes=probes if unit == units[0] else ()) for unit in units)
    return Group(**{"name": name, "description": "", "resources": resources} | written)


def _values(scope: Scope, section: Section | None) -> dict[str, Any]:
    """What a section says, read as the real files are; what the form of a case gives by itself may be missing."""
    if section is None:
        return {}
    problems: list[Problem] = []
    values = read(scope, section.entries, section.source, problems)
    wrong = [problem for problem in problems if " needs " not in problem.text]
    assert not wrong, "\n".join(map(str, wrong))
    sources: dict[str, Source] = values.sources
    return dict(values.by_field) | {"sources": sources}
