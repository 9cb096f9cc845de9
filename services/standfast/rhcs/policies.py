"""The policies of a service become keys of [X-Standfast]."""

from collections.abc import Iterator, Mapping
from typing import Final

from standfast.rhcs.ledger import Ledger
from standfast.rhcs.model import Service
from standfast.rhcs.resource import Resource

_FOR_EVER: Final = "1y"


def policy_lines(
    service: Service,
    tree: Resource,
    domains: Mapping[str, str | None],
    groups: Mapping[str, str],
    ledger: Ledger,
) -> Iterator[tuple[str, str]]:
    """The keys of the group's target but Resources=, each with its value."""
    yield from _domain(service, domains, ledger)
    if service.recovery != "restart":
        yield "Recovery", service.recovery
    yield from _restarts(service, ledger)
    if service.exclusive:
        yield "Exclusive", "yes"
    if service.priority:  # there 1 is first, here the highest
        yield "Priority", str(-service.priority)
    yield from _depend(service, groups, ledger)
    if any(one.independent for one in _below(tree)):
        text = "InPlace=yes was written: what failed is restarted with all that comes after it, not alone"
        ledger.differs(service.element, text)
        yield "InPlace", "yes"
    if not service.autostart:
        name = groups[service.name]
        text = f"it starts with the cluster; type `standfast group disable {name}` then, which lasts"
        ledger.to_do(service.element, text, "autostart")


def _domain(service: Service, domains: Mapping[str, str | None], ledger: Ledger) -> Iterator[tuple[str, str]]:
    domain = domains.get(service.domain)
    if domain is not None:
        yield "Domain", domain
    elif service.domain:
        text = "there is no such domain that has a node, so it may run anywhere, as before"
        ledger.left(service.element, text, "domain")


def _restarts(service: Service, ledger: Ledger) -> Iterator[tuple[str, str]]:
    if service.recovery not in ("restart", "restart-disable"):
        return
    if not service.max_restarts:
        text = "rgmanager restarted it in place for ever; here it is twice in ten minutes (MaxRestarts=)"
        ledger.differs(service.element, text)
        return
    yield "MaxRestarts", str(service.max_restarts)
    yield "RestartWindow", f"{service.restart_expire_s}s" if service.restart_expire_s else _FOR_EVER


def _depend(service: Service, groups: Mapping[str, str], ledger: Ledger) -> Iterator[tuple[str, str]]:
    if not service.depend:
        return
    other = service.depend.removeprefix("service:").removeprefix("vm:")
    key = "Needs" if service.depend_hard else "After"
    if other not in groups or other == service.name:
        ledger.left(service.element, f"there is no other service {other}, so {key}= was not written", "depend")
        return
    if not service.depend_hard:
        text = f"it is After={groups[other]}: that starts first where both are to start, and need not run"
        ledger.differs(service.element, text, "depend")
    yield key, groups[other]


def _below(tree: Resource) -> Iterator[Resource]:
    for child in tree.children:
        yield child
        yield from _below(child)
