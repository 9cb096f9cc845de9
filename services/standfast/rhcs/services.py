"""Services become targets, their resources units in a plain list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from standfast.configuration.system import is_system_target, name_refusal
from standfast.rhcs.addresses import address
from standfast.rhcs.agents import AGENTS
from standfast.rhcs.document import Element
from standfast.rhcs.exports import EXPORTS
from standfast.rhcs.ledger import Ledger, shown
from standfast.rhcs.model import Service
from standfast.rhcs.mounts import MOUNTS
from standfast.rhcs.order import in_start_order
from standfast.rhcs.packages import package_of
from standfast.rhcs.policies import policy_lines
from standfast.rhcs.reading import every_named, only, read_service
from standfast.rhcs.report import NewFile
from standfast.rhcs.resource import Resource, Resources
from standfast.rhcs.servers import SERVERS
from standfast.rhcs.timeouts import Timeouts, of_unit, read_timeouts, with_timeouts
from standfast.rhcs.unit_text import Names, Section, plain_name, render, section
from standfast.rhcs.units import Place, Translation, Unit, UntranslatableError, stand_in

TRANSLATIONS: Final[Mapping[str, Translation]] = {"ip": address, **MOUNTS, **SERVERS, **EXPORTS, **AGENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesPart:
    """What is written for services."""

    files: Mapping[str, NewFile]  # by name below /etc/standfast
    packages: frozenset[str]  # that every node needs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A unit of a group, and the resource that it came from."""

    unit: Unit
    resource: Resource
    critical: bool


@dataclass(slots=True)
class _State:
    """What all services share."""

    ledger: Ledger
    domains: Mapping[str, str | None]
    groups: Mapping[str, str]  # our name by RHCS's
    alike: dict[str, int] = field(default_factory=dict)  # how many units were called like it
    owners: dict[str, str] = field(default_factory=dict)  # RHCS's name of the service by unit
    files: dict[str, NewFile] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


def translate_services(root: Element, domains: Mapping[str, str | None], ledger: Ledger) -> ServicesPart:
    manager = only(root, "rm", ledger)
    resources = Resources(manager, ledger)
    found = [*every_named(manager, "service", ledger), *every_named(manager, "vm", ledger)]
    services = [read_service(element, name, ledger) for element, name in sorted(found, key=lambda one: one[0].line)]
    state = _State(ledger=ledger, domains=domains, groups=_group_names(services, ledger))
    central = manager is not None and ledger.flag(manager, "central_processing")
    for service in services:
        if service.priority and not central:
            text = "rgmanager followed it with central_processing only; here it always counts"
            ledger.differs(service.element, text, "priority")
        _translate(service, _resource_tree(service, resources, ledger), state)
    resources.tell_unused()
    return ServicesPart(files=state.files, packages=frozenset(filter(None, state.packages)))


def _group_names(services: Sequence[Service], ledger: Ledger) -> dict[str, str]:
    names = Names()
    found: dict[str, str] = {}
    for service in services:
        wanted = f"{service.name}-group" if is_system_target(plain_name(service.name)) else service.name
        group = names.claim(wanted)
        if group != service.name:
            ledger.differs(service.element, f"its group is called {group}: {service.name} is taken, or is no name here")
        found.setdefault(service.name, group)
    return found


def _resource_tree(service: Service, resources: Resources, ledger: Ledger) -> Resource:
    """The service as a resource; a <vm> holds itself, as its one child."""
    below = resources.below(service.element)
    whole = Resource(
        type="service", element=service.element, place=service.element, defaults=None, ledger=ledger, children=below
    )
    if service.element.tag != "vm":
        return whole
    return replace(whole, children=(replace(whole, type="vm"),))


def _translate(service: Service, tree: Resource, state: _State) -> None:
    ledger = state.ledger
    group = state.groups[service.name]
    if service.domain and service.domain in state.domains and state.domains[service.domain] is None:
        ledger.left(service.element, f"its domain {service.domain} has no node, so it could run nowhere")
        ledger.skip(service.element)
        return
    members = list(_members(service, group, tree, state))
    if not members:
        ledger.left(service.element, "has no resource that starts anything, so there is no group to make of it")
        return
    timeouts = Timeouts()
    for member in members:
        own = read_timeouts(member.resource)
        timeouts = timeouts.and_then(of_unit(member.unit, own))
        _write_unit(member, own, state)
    resources = [("Resources", member.unit.name) for member in members]
    lines = (*resources, *policy_lines(service, tree, state.domains, state.groups, ledger), *timeouts.of_group())
    sections = (section("Unit", ("Description", f"Service {group} of RHCS")), section("X-Standfast", *lines))
    _write(state, f"units/{group}.target", service.element, sections)
    order = " ".join(member.unit.name for member in members)
    ledger.became(service.element, f"group {group}: {order}")


def _members(service: Service, group: str, tree: Resource, state: _State) -> Iterator[_Member]:
    walk = [(cast(Resource, one), cast(tuple[Resource, ...], path)) for one, path in in_start_order(tree)]
    by_type: dict[str, list[Resource]] = {}
    for resource, _ in walk:
        by_type.setdefault(resource.type, []).append(resource)
    for resource, path in walk:
        place = Place(group=group, ancestors=path, by_type=by_type)
        critical = not any(one.non_critical for one in (*path, resource))
        units = _units(resource, place)
        if not units:
            state.ledger.became(resource.place, "nothing of its own: what it holds is enough")
        for unit in units:
            known = _alone(unit, resource, service, state)
            state.owners[known.name] = service.name
            state.packages.add(package_of(known))
            state.ledger.became(resource.place, f"{known.name}, {known.what}")
            yield _Member(unit=known, resource=resource, critical=critical)


def _units(resource: Resource, place: Place) -> tuple[Unit, ...]:
    translation = TRANSLATIONS.get(resource.type)
    undefined = resource.element is resource.place and resource.ledger.text(resource.place, "ref")
    if translation is None or undefined:
        why = "it is defined nowhere" if undefined else f"Standfast knows no <{resource.type}>"
        return (stand_in(resource, why),)
    try:
        units = translation(resource, place)
    except UntranslatableError as error:
        return (stand_in(resource, str(error)),)
    refusal = next(filter(None, (name_refusal(unit.name) for unit in units)), None)
    return (stand_in(resource, refusal),) if refusal else units


def _alone(unit: Unit, resource: Resource, service: Service, state: _State) -> Unit:
    """The unit, or one like it under another name where this one is in a group already."""
    owner = state.owners.get(unit.name)
    if owner is None:
        return unit
    if unit.whole and unit.name.endswith(".service"):
        return replace(unit, name=_free(unit.name, plain_name(service.name), state))
    where = "twice in this service" if owner == service.name else f"in service {owner} too"
    made = stand_in(resource, f"{unit.name} is {where}, and a unit can be in one group only, once")
    return replace(made, name=_free(made.name, plain_name(service.name), state)) if made.name in state.owners else made


def _free(name: str, group: str, state: _State) -> str:
    stem = f"{name.removesuffix('.service')}-{group}"
    candidate = f"{stem}.service"
    while candidate in state.owners:
        state.alike[stem] = state.alike.get(stem, 1) + 1
        candidate = f"{stem}-{state.alike[stem]}.service"
    return candidate


def _write_unit(member: _Member, own: Timeouts, state: _State) -> None:
    unit = member.unit
    for name, text in unit.secrets.items():
        state.files[name] = NewFile(content=text.encode(), mode=0o600)
    sections = with_timeouts(unit, own)
    if not member.critical:
        sections = (*sections, section("X-Standfast", ("Critical", "no")))
        text = "the group goes on without it (Critical=no)"
        state.ledger.differs(member.resource.place, text, "__independent_subtree")
    if not sections:
        return
    name = f"units/{unit.name}" if unit.whole else f"units/{unit.name}.d/standfast.conf"
    _write(state, name, member.resource.place, sections)


def _write(state: _State, name: str, element: Element, sections: Sequence[Section]) -> None:
    comment = f"Imported from {state.ledger.source(element)}, {shown(element)}"
    state.files[name] = NewFile(content=render(comment, sections).encode())
