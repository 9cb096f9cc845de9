"""The probes of a unit made once because somebody asks: which these are, and what is told of each."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from standfast.configuration.copies import as_written
from standfast.configuration.model import Group, Probe
from standfast.probes.checking import check
from standfast.probes.verdict import Try

Report = dict[str, Any]  # unit, probe, type, level, outcome, latency_ms, text, seen (base64)


class NoProbeError(Exception):
    """There is nothing to make: a sentence that says what there is."""


def find(groups: Iterable[Group], unit: str, name: str) -> tuple[Probe, ...]:
    """The probes to make, never empty; without a `name` all of the unit. Raises NoProbeError."""
    resources = [resource for group in as_written(tuple(groups)) for resource in group.resources]
    found = next((resource for resource in resources if resource.unit in (unit, f"{unit}.service")), None)
    if found is None:
        probed = ", ".join(resource.unit for resource in resources if resource.probes) or "none"
        raise NoProbeError(f"{unit} is in no group. Units with probes: {probed}.")
    chosen = tuple(one for one in found.probes if not name or one.name == name)
    if not chosen:
        names = ", ".join(one.name for one in found.probes if one.name)
        known = f"its probes are called {names}" if names else "it has none that has a name"
        text = f"There is no probe {name} of {found.unit}: {known}." if name else f"{found.unit} has no [X-Probe]."
        raise NoProbeError(text)
    every = {(one.unit, one.name): one for resource in resources for one in resource.probes}
    return tuple(_real(one, every) for one in chosen)


def _real(probe: Probe, every: Mapping[tuple[str, str], Probe]) -> Probe:
    """The one that is made for it: of Type=probe the one whose result it takes."""
    return _real(every[probe.target], every) if probe.type == "probe" else probe


async def make(probes: tuple[Probe, ...]) -> list[Report]:
    """Each is made once, all at the same time."""
    tries = await asyncio.gather(*(check(one) for one in probes))
    return [_report(probe, one) for probe, one in zip(probes, tries, strict=True)]


def _report(probe: Probe, one: Try) -> Report:
    from base64 import b64encode

    return {
        "unit": probe.unit,
        "probe": probe.name,
        "type": probe.type,
        "level": probe.level.value,
        "outcome": one.outcome.value,
        "latency_ms": one.latency_ms,
        "text": one.text,
        "seen": b64encode(one.seen).decode(),
    }
