"""From elements to typed records; what is not taken here or by a translation is told by the ledger."""

from collections.abc import Iterator, Mapping
from typing import Final

from standfast.rhcs.document import Element
from standfast.rhcs.ledger import Ledger, is_secret
from standfast.rhcs.model import Device, Domain, Method, Node, Service, Use

_OF_A_USE: Final = frozenset({"name", "action", "option", "plug", "port", "delay", "nodename", "log"})
_OF_A_DEVICE: Final = frozenset({"name", "agent", "delay"})
_MOST_VOTES: Final = 100
_MOST: Final = 1000  # MaxRestarts= and Priority=
_LONGEST_DELAY_S: Final = 300
_LOWEST_PRIORITY: Final = 100
_RECOVERIES: Final = {
    "restart": "restart",
    "restart-relocate": "restart",
    "relocate": "relocate",
    "disable": "disable",
    "restart-disable": "restart-disable",
}


def only(parent: Element, tag: str, ledger: Ledger) -> Element | None:
    """The one child of that name, or None; a second one is told."""
    found = [child for child in parent.children if child.tag == tag]
    for child in found[1:]:
        ledger.left(child, f"stands a second time in <{parent.tag}>; only the first one counts")
        ledger.skip(child)
    for child in found[:1]:
        ledger.visit(child)
    return found[0] if found else None


def every(parent: Element | None, tag: str, ledger: Ledger) -> Iterator[Element]:
    """The children of that name, which mean something each."""
    for child in parent.children if parent is not None else ():
        if child.tag == tag:
            ledger.visit(child)
            yield child


def every_named(parent: Element | None, tag: str, ledger: Ledger) -> Iterator[tuple[Element, str]]:
    """The children of that name with their own names; one without a name, or with one that was there, is told."""
    seen: set[str] = set()
    for child in every(parent, tag, ledger):
        name = ledger.text(child, "name")
        if name and name not in seen:
            seen.add(name)
            yield child, name
            continue
        ledger.left(child, "has the name of one before it; only the first one counts" if name else "has no name")
        ledger.skip(child)


def read_node(element: Element, name: str, ledger: Ledger) -> Node:
    alternates = [other for _, other in every_named(element, "altname", ledger)]
    fence = only(element, "fence", ledger)
    unfence = only(element, "unfence", ledger)
    if unfence is not None:
        text = "a node is let in again by the fence agents that ask for it, without a setting"
        ledger.differs(unfence, text)
        ledger.skip(unfence)
    methods = tuple(_read_method(method, ledger) for method in every(fence, "method", ledger))
    return Node(
        element=element,
        name=name,
        id=ledger.number(element, "nodeid", 0),
        votes=ledger.number(element, "votes", 1, _MOST_VOTES),
        names=(name, *alternates),
        methods=methods,
    )


def _read_method(element: Element, ledger: Ledger) -> Method:
    ledger.text(element, "name")  # a level has none: it is where it stands
    return Method(element=element, uses=tuple(_read_use(use, ledger) for use in every(element, "device", ledger)))


def _read_use(element: Element, ledger: Ledger) -> Use:
    options, secrets = _options(element, _OF_A_USE, ledger)
    return Use(
        element=element,
        device=ledger.text(element, "name"),
        action=(ledger.text(element, "action") or ledger.text(element, "option") or "reboot").lower(),
        plug=ledger.text(element, "plug") or ledger.text(element, "port"),
        delay_s=ledger.seconds(element, "delay", _LONGEST_DELAY_S) or 0,
        options=options,
        secrets=secrets,
    )


def read_device(element: Element, name: str, ledger: Ledger) -> Device:
    options, secrets = _options(element, _OF_A_DEVICE, ledger)
    return Device(
        element=element,
        name=name,
        agent=ledger.text(element, "agent").rpartition("/")[2],
        delay_s=ledger.seconds(element, "delay", _LONGEST_DELAY_S) or 0,
        options=options,
        secrets=secrets,
    )


def _options(element: Element, others: frozenset[str], ledger: Ledger) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Everything that goes to the agent: what may be seen, and what may not."""
    options: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for name in element.attributes:
        if name in others:
            continue
        if is_secret(name):
            secrets[name] = ledger.secret(element, name)
        elif value := ledger.text(element, name):
            options[name] = value
    return options, secrets


def read_domain(element: Element, name: str, ledger: Ledger) -> Domain:
    ordered = ledger.flag(element, "ordered")
    members = [
        (node, ledger.number(member, "priority", 0, _LOWEST_PRIORITY))
        for member, node in every_named(element, "failoverdomainnode", ledger)
    ]
    return Domain(
        element=element,
        name=name,
        ordered=ordered,
        restricted=ledger.flag(element, "restricted"),
        nofailback=ledger.flag(element, "nofailback"),
        members=tuple(members),
    )


def read_service(element: Element, name: str, ledger: Ledger) -> Service:
    written = ledger.text(element, "recovery", "restart")
    if written not in _RECOVERIES:
        ledger.left(element, "is none of restart, relocate, disable, restart-disable; taken as restart", "recovery")
    return Service(
        element=element,
        name=name,
        domain=ledger.text(element, "domain"),
        autostart=ledger.flag(element, "autostart", True),
        exclusive=ledger.flag(element, "exclusive"),
        recovery=_RECOVERIES.get(written, "restart"),
        max_restarts=ledger.number(element, "max_restarts", 0, _MOST),
        restart_expire_s=ledger.seconds(element, "restart_expire_time") or 0,
        depend=ledger.text(element, "depend"),
        depend_hard=ledger.text(element, "depend_mode", "hard") != "soft",
        priority=ledger.number(element, "priority", 0, _MOST),
    )
