"""What the probes of a unit see now, on this node, and how that is shown."""

import asyncio
import json
from dataclasses import dataclass
from typing import Final

import click

from standfast.configuration.load import load_in_force
from standfast.configuration.model import Probe
from standfast.ctl.problems import CommandError, Exit, run
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try

_EXITS: Final = {Outcome.GOOD: Exit.DONE, Outcome.BAD: Exit.REFUSED, Outcome.UNKNOWN: Exit.UNKNOWN}
_WORST: Final = (Outcome.BAD, Outcome.UNKNOWN, Outcome.GOOD)
_SHOWN: Final = 512  # bytes of what came


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    probe: Probe
    one: Try


def make_and_show(unit: str, name: str, *, as_json: bool) -> Exit:
    """The probes were made once and shown; the exit code of the command. Raises CommandError."""
    made = run(_make(_find(unit, name)), "The probe was not finished.")
    if as_json:
        click.echo(json.dumps([_report(each) for each in made], indent=1, ensure_ascii=False))
    else:
        for each in made:
            _show(each)
    worst = min((each.one.outcome for each in made), key=_WORST.index)
    return _EXITS[worst]


def _find(unit: str, name: str) -> tuple[Probe, ...]:
    """The probes to make, never empty. Raises CommandError."""
    configuration, problems = load_in_force(system=None)
    if configuration is None:
        raise CommandError(Exit.REFUSED, f"There is nothing to probe: {problems[0]}.")
    resources = [resource for group in configuration.groups for resource in group.resources]
    found = next((resource for resource in resources if resource.unit in (unit, f"{unit}.service")), None)
    if found is None:
        probed = ", ".join(resource.unit for resource in resources if resource.probes) or "none"
        raise CommandError(Exit.REFUSED, f"{unit} is in no group. Units with probes: {probed}.")
    chosen = tuple(one for one in found.probes if not name or one.name == name)
    if not chosen:
        names = ", ".join(one.name for one in found.probes if one.name)
        known = f"its probes are called {names}" if names else "it has none that has a name"
        text = f"There is no probe {name} of {found.unit}: {known}." if name else f"{found.unit} has no [X-Probe]."
        raise CommandError(Exit.REFUSED, text)
    return chosen


async def _make(probes: tuple[Probe, ...]) -> tuple[_Made, ...]:
    tries = await asyncio.gather(*(check(one) for one in probes))
    return tuple(_Made(probe=one, one=tried) for one, tried in zip(probes, tries, strict=True))


def _show(made: _Made) -> None:
    one = made.one
    click.echo(f"{made.probe.label} ({made.probe.level.value}) is {one.outcome.value}, {one.latency_ms} ms: {one.text}")
    if one.outcome is Outcome.GOOD or not one.seen:
        return
    for offset in range(0, min(len(one.seen), _SHOWN), 16):
        row = one.seen[offset : min(offset + 16, _SHOWN)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        click.echo(f"  {offset:04x}  {row.hex(' '):47}  {text}")


def _report(made: _Made) -> dict[str, object]:
    from base64 import b64encode

    return {
        "unit": made.probe.unit,
        "probe": made.probe.name,
        "type": made.probe.type,
        "level": made.probe.level.value,
        "outcome": made.one.outcome.value,
        "latency_ms": made.one.latency_ms,
        "text": made.one.text,
        "seen": b64encode(made.one.seen).decode(),
    }
