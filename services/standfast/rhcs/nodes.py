"""The cluster, its nodes, failover domains and heuristics become the sections of cluster.conf."""

import itertools
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from standfast.configuration.values import show_span
from standfast.rhcs.document import Element
from standfast.rhcs.fencing import Fencing, translate_fencing, unfenced
from standfast.rhcs.ledger import Ledger
from standfast.rhcs.model import Domain, Node
from standfast.rhcs.reading import every, every_named, only, read_device, read_domain, read_node
from standfast.rhcs.report import NewFile
from standfast.rhcs.unit_text import Names, Section, section

# The addresses of a node: by its name in the file and by the names of its links, what is known of them.
Addresses = Callable[[str, Sequence[str]], Sequence[str]]

_HIGHEST_ID: Final = 16
_TOKENS_TO_DETECT: Final = 2.2  # token, then consensus of 1.2 tokens
_DETECT_MS: Final = range(1_100, 300_001)
_SHORT_JOIN_S: Final = 20  # Red Hat's own advice; a server boots for minutes
_MOST_FAILURES: Final = 1000
_LONGEST_INTERVAL_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPart:
    """cluster.conf, and what the groups must know of it."""

    sections: tuple[Section, ...]
    secrets: Mapping[str, NewFile]
    domains: Mapping[str, str | None]  # our name by RHCS's; None: nothing may run there


def translate_cluster(root: Element, addresses: Addresses, ledger: Ledger) -> ClusterPart:
    ledger.visit(root)
    container = only(root, "clusternodes", ledger)
    nodes = [read_node(element, name, ledger) for element, name in every_named(container, "clusternode", ledger)]
    container = only(root, "fencedevices", ledger)
    devices = [read_device(element, name, ledger) for element, name in every_named(container, "fencedevice", ledger)]
    fencing = translate_fencing(nodes, devices, ledger)
    names = Names()
    named = {node.name: names.claim(node.name) for node in nodes}
    head = _cluster_section(root, nodes, unsafe=len(nodes) > 1 and unfenced(nodes, fencing, ledger), ledger=ledger)
    ids = _ids(nodes, ledger)
    node_sections = [_node_section(node, named, ids[node.name], addresses, fencing, ledger) for node in nodes]
    domain_sections, domains = _domains(root, named, ledger)
    return ClusterPart(
        sections=(head, *node_sections, *fencing.sections, *domain_sections, *_heuristics(root, ledger)),
        secrets=fencing.secrets,
        domains=domains,
    )


def _cluster_section(root: Element, nodes: Sequence[Node], *, unsafe: bool, ledger: Ledger) -> Section:
    lines = [("Name", Names().claim(ledger.text(root, "name", "cluster")))]
    ledger.became(root, f"[Cluster] {lines[0][1]}")
    lines += _detection(only(root, "totem", ledger), ledger)
    lines += _votes(only(root, "cman", ledger), root, nodes, ledger)
    lines += _delays(only(root, "fence_daemon", ledger), ledger)
    if unsafe:
        lines.append(("Unsafe", "yes"))
    return section("Cluster", *lines)


def _detection(totem: Element | None, ledger: Ledger) -> list[tuple[str, str]]:
    token_ms = ledger.number(totem, "token", 0) if totem is not None else 0
    if totem is None or not token_ms:
        return []
    wanted_ms = round(token_ms * _TOKENS_TO_DETECT)
    detect_ms = min(max(wanted_ms, _DETECT_MS.start), _DETECT_MS.stop - 1)
    text = f"it is DetectWithin={show_span(detect_ms)}; without it a lost node is found within 2.2s"
    ledger.differs(totem, text, "token")
    return [("DetectWithin", show_span(detect_ms))]


def _votes(cman: Element | None, root: Element, nodes: Sequence[Node], ledger: Ledger) -> list[tuple[str, str]]:
    """TwoNode=, and whether the votes that were expected are those that there are."""
    two = cman is not None and ledger.flag(cman, "two_node")
    expected = ledger.number(cman, "expected_votes", 0) if cman is not None else 0
    votes = [node.votes for node in nodes]
    if cman is not None and expected not in (0, sum(votes)) and not (two and expected == 1):
        text = f"the nodes of the file have {sum(votes)} votes, and these count; change Votes= where that is wrong"
        ledger.left(cman, text, "expected_votes")
    if cman is not None and two and votes != [1, 1]:
        ledger.left(cman, "it is for two nodes with one vote each; the majority of votes counts", "two_node")
        return []
    if cman is not None and two:
        ledger.became(cman, "TwoNode=yes, which waits for both nodes at a cold start")
        return [("TwoNode", "yes")]
    if votes == [1, 1] and not any(child.tag == "quorumd" for child in root.children):
        text = "either node needs the other one here, as before; TwoNode=yes lets fencing decide who goes on"
        ledger.differs(cman if cman is not None else root, text)
        return [("TwoNode", "no")]
    return []


def _delays(daemon: Element | None, ledger: Ledger) -> list[tuple[str, str]]:
    if daemon is None:
        return []
    lines = []
    for name, key in (("post_join_delay", "PostJoinDelay"), ("post_fail_delay", "PostFailDelay")):
        if daemon.attributes.get(name, "").strip().startswith("-"):
            text = f"nothing waits for ever; {key}= has its default, and `standfast fence now` ends the wait"
            ledger.text(daemon, name)
            ledger.differs(daemon, text, name)
        elif (seconds := ledger.seconds(daemon, name)) is not None:
            lines.append((key, f"{seconds}s" if seconds else "0"))
            ledger.became(daemon, f"{key}={lines[-1][1]}")
            if name == "post_join_delay" and seconds < _SHORT_JOIN_S:
                text = "at a cold start a node that boots longer than that is fenced; PostJoinDelay=60s is the default"
                ledger.differs(daemon, text, name)
    return lines


def _ids(nodes: Sequence[Node], ledger: Ledger) -> dict[str, int]:
    """An id from 1 to 16 for each node: its own where that is possible."""
    by_id: dict[int, str] = {}
    for node in nodes:
        if 1 <= node.id <= _HIGHEST_ID:
            by_id.setdefault(node.id, node.name)
    ids = {name: number for number, name in by_id.items()}
    free = (number for number in itertools.count(1) if number not in by_id)
    for node in nodes:
        if node.name not in ids:
            ids[node.name] = next(free)
            text = f"is no id of its own from 1 to {_HIGHEST_ID}; it was given Id={ids[node.name]}"
            ledger.differs(node.element, text, "nodeid")
    return ids


def _node_section(
    node: Node, named: Mapping[str, str], number: int, addresses: Addresses, fencing: Fencing, ledger: Ledger
) -> Section:
    name = named[node.name]
    found = addresses(node.name, node.names)
    if not all(found) or not found:
        missing = [link for link, address in zip(node.names, found, strict=False) if not address] or [node.name]
        text = f"no address of {', '.join(missing)} is known here; write Address= to [Node] {name}, or use --address"
        ledger.to_do(node.element, text)
    if node.votes != 1:
        ledger.became(node.element, f"Votes={node.votes}")
    ledger.became(node.element, f"[Node] {name}, Id={number}, {', '.join(filter(None, found)) or 'without address'}")
    delay = fencing.delays[node.name]
    return section(
        "Node",
        ("Name", name),
        ("Id", str(number)),
        *(("Address", address) for address in found),
        ("Votes", str(node.votes) if node.votes != 1 else ""),
        *(("Fence", level) for level in fencing.levels[node.name] if level),
        ("FenceDelay", f"{delay}s" if delay else ""),
    )


def _domains(root: Element, nodes: Mapping[str, str], ledger: Ledger) -> tuple[list[Section], dict[str, str | None]]:
    manager = only(root, "rm", ledger)
    container = only(manager, "failoverdomains", ledger) if manager is not None else None
    sections = []
    domains: dict[str, str | None] = {}
    names = Names()
    for element, name in every_named(container, "failoverdomain", ledger):
        domain = read_domain(element, name, ledger)
        members = _members(domain, nodes, ledger)
        if members:
            domains[name] = names.claim(name)
            sections.append(_domain_section(domain, domains[name] or "", members, ledger))
        elif domain.restricted:
            domains[name] = None
            ledger.left(element, "has no node, so nothing could run there; neither it nor its services were written")
        else:
            ledger.left(element, "has no node, so it restricts nothing; its services may run anywhere")
    return sections, domains


def _members(domain: Domain, nodes: Mapping[str, str], ledger: Ledger) -> list[str]:
    """Our names of its nodes, best first."""
    for name, _ in domain.members:
        if name not in nodes:
            ledger.left(domain.element, f"there is no <clusternode> {name}; it was left out of the domain")
    members = [(name, priority) for name, priority in domain.members if name in nodes]
    if domain.ordered:
        members.sort(key=lambda member: member[1])
        if len({priority for _, priority in members}) < len(members):
            text = "nodes of one priority were alike; now those that stand first in Nodes= are preferred"
            ledger.differs(domain.element, text)
    return [nodes[name] for name, _ in members]


def _domain_section(domain: Domain, name: str, members: Sequence[str], ledger: Ledger) -> Section:
    failback = domain.ordered and not domain.nofailback
    flags = {"Ordered": domain.ordered, "Restricted": domain.restricted, "Failback": failback}
    said = ", ".join(f"{key}=yes" for key, value in flags.items() if value)
    ledger.became(domain.element, f"[Domain] {name}: {' '.join(members)}{', ' if said else ''}{said}")
    lines = [(key, "yes" if value else "no") for key, value in flags.items()]
    return section("Domain", ("Name", name), ("Nodes", " ".join(members)), *lines)


def _heuristics(root: Element, ledger: Ledger) -> list[Section]:
    disk = only(root, "quorumd", ledger)
    if disk is None:
        return []
    found = [one for one in every(disk, "heuristic", ledger) if _has_program(one, ledger)]
    least = ledger.number(disk, "min_score", 0, 10_000)
    sections = []
    for number, element in enumerate(found, 1):
        interval = ledger.seconds(element, "interval", _LONGEST_INTERVAL_S)
        tko = ledger.number(element, "tko", 0, _MOST_FAILURES)
        command = shlex.join(("/bin/sh", "-c", ledger.text(element, "program")))
        sections.append(
            section(
                "Heuristic",
                ("Name", f"heuristic{number}"),
                ("Exec", command),
                ("Score", str(max(1, ledger.number(element, "score", 1, 1000)))),
                ("Interval", f"{interval}s" if interval else ""),
                ("FailAfter", str(tko) if tko else ""),
                ("Minimum", str(least) if least and number == 1 else ""),
            )
        )
        ledger.became(element, f"[Heuristic] heuristic{number}, a command that a healthy node can do")
    if least and not found:
        ledger.left(disk, "there is no heuristic that could reach it", "min_score")
    return sections


def _has_program(element: Element, ledger: Ledger) -> bool:
    if ledger.text(element, "program"):
        return True
    ledger.left(element, "has no program; nothing was made of it")
    return False
