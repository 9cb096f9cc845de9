"""What probes say of each other: Needs= names probes of the same unit, Probe= one of any resource."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Probe, Problem, Source
from standfast.configuration.relations import circles
from standfast.configuration.system import name_refusal

_Place = tuple[str, str]  # unit, probe's name
_VERBS: Final = {"Needs": "needs", "Probe": "takes the result of"}


def check_probes(
    probes: Iterable[Probe], units: Iterable[str], names: Callable[[str], set[str]], problems: list[Problem]
) -> None:
    """What the probes of all `units` say of each other can be; everything else is appended to `problems`. `names`:
    those of the probes of a unit, also of such as could not be read."""
    known = frozenset(units)
    waits: dict[_Place, dict[_Place, tuple[str, Source]]] = {}
    for probe in probes:
        here = waits.setdefault((probe.unit, probe.name), {})
        for other in _needs(probe, names(probe.unit), problems):
            here[probe.unit, other] = ("Needs", probe.sources[f"Needs={other}"])
        if probe.type == "probe":
            source = probe.sources.get("Probe") or probe.sources["Unit"]
            if refusal := _refuse_target(probe, known, names):
                problems.append(Problem(source=source, text=refusal))
            elif probe.target[0] in known:
                here[probe.target] = ("Probe", source)
    _refuse_circles(waits, problems)


def _needs(probe: Probe, names: set[str], problems: list[Problem]) -> Iterator[str]:
    """The probes that it needs and that are there, each once."""
    seen: set[str] = set()
    for other in probe.needs:
        refusal = None
        if other == probe.name:
            refusal = f"Needs= names its own probe; remove {other}"
        elif other in seen:
            refusal = f"{other} is in Needs= twice; remove one of them"
        elif other not in names:
            hint = did_you_mean(other, names - {"", probe.name})
            refusal = f"{probe.unit} has no [X-Probe {other}]{hint or '; write it, or remove the name'}"
        if refusal:
            problems.append(Problem(source=probe.sources[f"Needs={other}"], text=refusal))
        else:
            yield other
        seen.add(other)


def _refuse_target(probe: Probe, units: frozenset[str], names: Callable[[str], set[str]]) -> str | None:
    unit, name = probe.target
    if (unit, name) == (probe.unit, probe.name):
        return "it takes its own result; correct Probe= or Unit="
    if unit not in units and name_refusal(unit) is None:  # else that is told of Unit= itself
        hint = did_you_mean(unit, units) or "; name a unit of some group"
        return f"{unit} is in no group's Resources=, so it has no probes{hint}"
    if unit in units and name not in names(unit):
        hint = did_you_mean(name, names(unit) - {""}) or "; correct Probe= or Unit="
        return f"{unit} has no [X-Probe{f' {name}' if name else ''}]{hint}"
    return None


def _refuse_circles(waits: Mapping[_Place, Mapping[_Place, tuple[str, Source]]], problems: list[Problem]) -> None:
    whole = dict(waits)
    for others in waits.values():
        for place in others:
            whole.setdefault(place, {})
    for places in circles(whole):
        steps = list(zip(places, (*places[1:], places[0]), strict=True))
        unit = places[0][0] if len({place[0] for place in places}) == 1 else ""
        way = ", ".join(f"{_say(one, unit)} {_VERBS[whole[one][other][0]]} {_say(other, unit)}" for one, other in steps)
        of = f" of {unit}" if unit else ""
        text = f"none of these probes{of} could be made before the others: {way}; remove one of these settings"
        problems.append(Problem(source=whole[steps[-1][0]][steps[-1][1]][1], text=text))


def _say(place: _Place, known: str) -> str:
    """As people call it who talk of the unit `known`."""
    unit, name = place
    probe = Probe(name=name, unit=unit)
    return probe.called if unit == known else probe.label
