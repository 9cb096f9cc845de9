"""The unit files below units/: groups, their resources and probes."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from standfast.addresses.units import served_by, unit_for
from standfast.configuration.cluster import ClusterPart
from standfast.configuration.copies import copy_problems
from standfast.configuration.definitions import definition
from standfast.configuration.keys import Scope, Values, did_you_mean, read
from standfast.configuration.model import Group, Problem, Resource, Source
from standfast.configuration.mounts import mount_unit, type_refusal
from standfast.configuration.ocf import SECTION as _OCF
from standfast.configuration.ocf import read_ocf
from standfast.configuration.probe_relations import check_probes
from standfast.configuration.probes import PROBE_SECTION, probe_names, read_probes, usual_probe
from standfast.configuration.relations import check_relations
from standfast.configuration.system import System, is_system_target, name_refusal, template
from standfast.configuration.unitfile import Section, dropin_folders, dropin_order, effective, merge, named
from standfast.configuration.values import parse_name

_OURS = "X-Standfast"
_ADDRESS = "X-Address"
# A group that starts or stops one of these would take the ground from under itself.
_BASE_UNITS = re.compile(r"(corosync.*|dbus|standfast-(?!ip@|ocf@).*|systemd-.*)\.(service|socket)")


class Units:
    """The sections of every file below units/, and which of the files something has used."""

    def __init__(self, files: Mapping[str, tuple[Section, ...]], masked: frozenset[str] = frozenset()) -> None:
        self.files = files  # by name below units/
        self.masked = masked  # names of units that cannot be started anywhere
        self.used: set[str] = set()
        self._folders: dict[str, list[str]] = {}
        for folder, slash, name in (file.partition("/") for file in files):
            if slash:
                self._folders.setdefault(folder, []).append(name)

    def sections(self, unit: str) -> tuple[Section, ...]:
        """The sections of `unit` (or its template) and its drop-ins, in systemd's order."""
        return merge((), self.files_of(unit).values())

    def use(self, unit: str) -> tuple[Section, ...]:
        """The same, and its files count as used."""
        self.used.update(self.files_of(unit))
        return self.sections(unit)

    def has(self, unit: str) -> bool:
        """A file in units/ describes `unit`, not only drop-ins."""
        return unit in self.files or template(unit) in self.files

    def files_of(self, unit: str) -> dict[str, tuple[Section, ...]]:
        """The same by the files' names."""
        main = [name for name in (unit, template(unit)) if name in self.files][:1]
        folders = [(folder, self._folders.get(folder, ())) for folder in dropin_folders(unit)]
        names = main + [f"{folder}/{name}" for folder, name in dropin_order(folders)]
        return {name: self.files[name] for name in names}


def read_groups(
    units: Units, cluster: ClusterPart, system: System | None, problems: list[Problem]
) -> tuple[Group, ...]:
    """The groups by name; everything wrong in units/ is appended to `problems`."""
    values = {name: _group_values(name, units, problems) for name in group_names(units)}
    _check_single_use(values, problems)
    check_relations(values, cluster, problems)
    groups = []
    for name, one in values.items():
        _check_group(name, one, units, cluster, system, problems)
        resources = _read_resources(one, units, cluster, system, problems)
        if one.complete:
            fields: dict[str, Any] = {**one.by_field, "resources": resources}
            description = effective(named(units.sections(f"{name}.target"), "Unit")).get("Description")
            text = description[-1].value if description else name
            groups.append(Group(name=name, description=text, sources=one.sources, **fields))
            problems += copy_problems(groups[-1])
    every = [resource for group in groups for resource in group.resources]
    check_probes(
        (probe for resource in every for probe in resource.probes),
        (resource.unit for resource in every),
        lambda unit: probe_names(units.sections(unit)),
        problems,
    )
    _check_mounts(units, problems)
    _refuse_unused(units, problems)
    return tuple(groups)


def group_names(units: Units) -> list[str]:
    """Targets with [X-Standfast], but those that are only a resource of a group."""
    ours = {
        name: [entry.key for entry in named(units.sections(name), _OURS)]
        for name in sorted(units.files)
        if name.endswith(".target")
        and "/" not in name
        and any(section.name == _OURS for section in units.sections(name))
    }
    lists = [entry for name in ours for entry in named(units.sections(name), _OURS) if entry.key == "Resources"]
    resources = {word for entry in lists for word in entry.value.split()}
    return [name.removesuffix(".target") for name, keys in ours.items() if "Resources" in keys or name not in resources]


def _group_values(name: str, units: Units, problems: list[Problem]) -> Values:
    sections = units.use(f"{name}.target")
    begins = next(section.source for section in sections if section.name == _OURS)
    return read(Scope.GROUP, named(sections, _OURS), begins, problems)


def _check_single_use(groups: Mapping[str, Values], problems: list[Problem]) -> None:
    users: dict[str, str] = {}
    for name, values in groups.items():
        for unit in values.by_field.get("resources", ()):
            source = values.source_of("Resources", unit)
            if unit in users:
                where = "twice here" if users[unit] == name else f"in group {users[unit]} too; it can be in one only"
                problems.append(Problem(source=source, text=f"{unit} is {where}"))
            elif unit.removesuffix(".target") in groups and unit.endswith(".target"):
                problems.append(Problem(source=source, text=f"{unit} is a group itself; a group holds no other group"))
            users.setdefault(unit, name)


def _check_group(
    name: str, values: Values, units: Units, cluster: ClusterPart, system: System | None, problems: list[Problem]
) -> None:
    source = Source(path=f"units/{name}.target", line=0)
    try:
        parse_name(name)
    except ValueError as error:
        problems.append(Problem(source=source, text=f"the group's name: {error}"))
    if is_system_target(name) or (system and system.has_target(name)):
        problems.append(Problem(source=source, text=f"{name}.target is the system's own; give the group another name"))
    domain = values.by_field.get("domain")
    if domain is not None and domain not in cluster.domain_names and cluster.node_names:
        text = f"there is no [Domain] {domain}{did_you_mean(domain, cluster.domain_names)}"
        problems.append(Problem(source=values.sources["Domain"], text=text))


def _read_resources(
    group: Values, units: Units, cluster: ClusterPart, system: System | None, problems: list[Problem]
) -> tuple[Resource, ...]:
    found = []
    for unit in group.by_field.get("resources", ()):
        source = group.source_of("Resources", unit)
        refusal = _refusal(unit, units, system) or _address_refusal(unit, cluster)
        sections = units.use(unit)
        begins = next((section.source for section in sections if section.name == _OURS), source)
        settings = read(Scope.RESOURCE, named(sections, _OURS), begins, problems)
        _read_address(unit, sections, problems)
        ocf = read_ocf(unit, sections, source, problems)
        _check_type(sections, system, problems)
        probes = read_probes(unit, sections, problems)
        if ocf is not None and not probes:
            probes = (usual_probe(unit),)
        if refusal:  # nobody is to look further at a unit whose name may be a path, or the system's ground
            problems.append(Problem(source=source, text=refusal))
            continue
        defined = definition(units.files_of(unit))
        one = Resource(unit=unit, probes=probes, ocf=ocf, definition=defined, source=source, **settings.by_field)
        found.append(one)
    return tuple(found)


def _refusal(unit: str, units: Units, system: System | None) -> str | None:
    if refusal := name_refusal(unit):
        return refusal
    if carries_the_system(unit):
        return f"{unit} carries the system or the cluster itself; it cannot be a resource"
    masked = next((name for name in (unit, template(unit)) if name in units.files), "")
    if masked in units.masked:
        return f"{unit} is masked by units/{masked}, an empty file; write the unit there, or remove it"
    if system is None or units.has(unit):
        return None
    return system.refusal(unit)


def carries_the_system(unit: str) -> bool:
    """The machine or the cluster stands on it."""
    stem, _, kind = unit.rpartition(".")
    return bool(_BASE_UNITS.fullmatch(unit)) or (kind == "target" and is_system_target(stem))


def _check_mounts(units: Units, problems: list[Problem]) -> None:
    """systemd does not load a mount unit whose name does not say where it mounts (systemd.mount(5))."""
    for unit in units.files:
        kind = unit.rpartition(".")[2]
        if "/" in unit or kind not in ("mount", "automount"):
            continue
        where = effective(named(units.sections(unit), kind.capitalize())).get("Where")
        if not where or "%" in where[-1].value:
            continue
        right = f"{mount_unit(where[-1].value).removesuffix('.mount')}.{kind}"
        if right != unit:
            text = f"Where={where[-1].value} belongs to a unit called {right}; call it so, also in Resources="
            problems.append(Problem(source=where[-1].source, text=text))


def _check_type(sections: Sequence[Section], system: System | None, problems: list[Problem]) -> None:
    """What mounts it has to be on this machine."""
    kind = effective(named(sections, "Mount")).get("Type")
    refusal = type_refusal(kind[-1].value, system.programs) if kind and system is not None else None
    if kind and refusal:
        problems.append(Problem(source=kind[-1].source, text=refusal))


def _address_refusal(unit: str, cluster: ClusterPart) -> str | None:
    text = served_by(unit)
    if text is None:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f"{text} in {unit} is no IP address"
    owner = next((node.name for node in cluster.nodes if str(address) in node.addresses), None)
    if owner:
        return f"{address} is {owner}'s own address; a group needs one that no node has"
    if address.is_multicast or address.is_unspecified or address.is_loopback or "%" in str(address):
        return f"{address} in {unit} is no address that a client could reach"
    if str(address) != text:
        return f"write {unit_for(str(address))}, so that the address has one name"
    return None


def _read_address(unit: str, sections: Sequence[Section], problems: list[Problem]) -> None:
    begins = next((section.source for section in sections if section.name == _ADDRESS), None)
    if begins is None:
        return
    address = served_by(unit)
    if address is None:
        text = f"[{_ADDRESS}] has no meaning for {unit}; it belongs to standfast-ip@ADDRESS.service"
        problems.append(Problem(source=begins, text=text))
        return
    values = read(Scope.ADDRESS, named(sections, _ADDRESS), begins, problems)
    if ":" not in address and values.by_field.get("prefix", 0) > 32:
        problems.append(Problem(source=values.sources["Prefix"], text="Prefix=: an IPv4 address has at most 32"))


def _refuse_unused(units: Units, problems: list[Problem]) -> None:
    """A section of ours that nothing reads is a probe that the administrator believes in: said, not passed over."""
    for file, sections in units.files.items():
        unit = file.partition("/")[0].removesuffix(".d") if "/" in file else file
        for section in sections:
            if section.name in (_OURS, _ADDRESS, _OCF) or PROBE_SECTION.fullmatch(section.name):
                if file not in units.used:
                    text = (
                        f"{unit} is in no group's Resources=, so [{section.name}] does nothing; add it or remove this"
                    )
                    problems.append(Problem(source=section.source, text=text))
                continue
            hint = did_you_mean(section.name, (_OURS, "X-Probe", _ADDRESS, _OCF), "[{}]")
            if section.name.startswith("X-") and hint:
                problems.append(Problem(source=section.source, text=f"unknown section [{section.name}]{hint}"))
