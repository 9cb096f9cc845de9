"""A set of files as forms see them, right or wrong (Read of org.standfast.Console1). Pure.

Nothing is judged here: what is no section and no key is passed over, as who types is not done yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from standfast.configuration.groups import Units, group_names
from standfast.configuration.keys import KEYS, Scope
from standfast.configuration.probes import PROBE_SECTION
from standfast.configuration.unitfile import Entry, Section, effective, merge, named, scan

Form = dict[str, Any]

_RECORDS: Final = {"nodes": "Node", "devices": "FenceDevice", "domains": "Domain", "heuristics": "Heuristic"}
_OURS: Final = "X-Standfast"
_DROPIN: Final = "standfast.conf"
_CLUSTER: Final = "cluster.conf"
_FOLDER: Final = "units/"


def forms(files: Mapping[str, str]) -> Form:
    """All that forms show, by what they are about."""
    dropins = sorted(name for name in files if name.startswith(f"{_CLUSTER}.d/") and name.endswith(".conf"))
    cluster = merge((), [scan(files[name], name)[0] for name in (_CLUSTER, *dropins) if name in files])
    units = Units({name.removeprefix(_FOLDER): scan(text, name)[0] for name, text in files.items() if _is_unit(name)})
    return {
        "cluster": {"name": "", **_form([one for one in cluster if one.name == "Cluster"], "Cluster", _CLUSTER)},
        **{kind: _records(cluster, section) for kind, section in _RECORDS.items()},
        "groups": [_group(name, units) for name in group_names(units)],
    }


def keys() -> list[Form]:
    """What can be written where."""
    return [
        {
            "scope": key.scope.name.lower(),
            "section": key.scope.partition("]")[0].removeprefix("["),
            "key": key.name,
            "kind": key.kind.label,
            "default": key.default,
            "required": key.required,
            "types": list(key.types),
        }
        for key in KEYS
        if key.field is not None
    ]


def _is_unit(name: str) -> bool:
    return name.startswith(_FOLDER)


def _form(sections: Sequence[Section], section: str, file: str) -> Form:
    """Sections that are one, in the order in which they are read."""
    source = sections[0].source if sections else None
    return {
        "file": source.path if source else file,
        "section": section,
        "line": source.line if source else None,
        "values": _values(entry for one in sections for entry in one.entries),
    }


def _values(entries: Iterable[Entry]) -> dict[str, list[Form]]:
    return {
        key: [{"value": one.value, "file": one.source.path, "line": one.source.line} for one in lines]
        for key, lines in effective(entries).items()
    }


def _records(sections: Iterable[Section], kind: str) -> list[Form]:
    found: dict[str, list[Section]] = {}
    for one in sections:
        if one.name == kind:
            names = effective(one.entries).get("Name")
            found.setdefault(names[-1].value if names else "", []).append(one)
    return [{"name": name, **_form(parts, kind, _CLUSTER)} for name, parts in found.items()]


def _group(name: str, units: Units) -> Form:
    unit = f"{name}.target"
    sections = units.sections(unit)
    own = [one for one in sections if one.name == _OURS]
    description = effective(named(sections, "Unit")).get("Description")
    form = _form(own, _OURS, f"{_FOLDER}{unit}")
    resources = effective(named(sections, _OURS)).get("Resources", ())
    form["values"].pop("Resources", None)
    return {
        "name": name,
        "unit": unit,
        "description": description[-1].value if description else "",
        **form,
        "resources": [_resource(word, entry, units) for entry in resources for word in entry.value.split()],
    }


def _resource(unit: str, written: Entry, units: Units) -> Form:
    sections = units.sections(unit)
    probes: dict[str, list[Section]] = {}
    for one in sections:
        if matched := PROBE_SECTION.fullmatch(one.name):
            probes.setdefault(matched["name"] or "", []).append(one)
    file = _where(unit, units)
    return {
        "unit": unit,
        "file": file,
        "line": written.source.line,
        "there": units.has(unit),
        "values": _values(named(sections, _OURS)),
        "address": _values(named(sections, Scope.ADDRESS.partition("]")[0][1:])),
        "ocf": _values(named(sections, Scope.OCF.partition("]")[0][1:])),
        "probes": [{"name": name, **_form(parts, parts[0].name, file)} for name, parts in probes.items()],
    }


def _where(unit: str, units: Units) -> str:
    """The file that has our sections already, else the unit's own, else a drop-in."""
    files = units.files_of(unit)
    ours = next((name for name, sections in files.items() if any(one.name.startswith("X-") for one in sections)), "")
    own = unit if unit in files else f"{unit}.d/{_DROPIN}"
    return _FOLDER + (ours if ours.startswith(f"{unit}.d/") or ours == unit else own)
