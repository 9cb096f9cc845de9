"""What the probes of a unit see now, on this node or another, and how that is shown."""

import json
from base64 import b64decode
from typing import Final

import click

from standfast.bus import Bus
from standfast.configuration.copies import as_written
from standfast.configuration.load import load_in_force
from standfast.configuration.model import Probe
from standfast.ctl.problems import CommandError, Exit, run
from standfast.ctl.progress import waiting_for
from standfast.ctl.rights import call_with_rights
from standfast.ctl.streams import print_json
from standfast.ctl.wishes import check_node, find_resourced
from standfast.ctl.words import closest
from standfast.probes.making import NoProbeError, Report, find, make
from standfast.probes.system_bus import close_system_bus
from standfast.probes.verdict import Outcome
from standfast.published import GROUPS, ROOT

_EXITS: Final = {Outcome.GOOD: Exit.DONE, Outcome.BAD: Exit.REFUSED, Outcome.UNKNOWN: Exit.UNKNOWN}
_WORST: Final = (Outcome.BAD, Outcome.UNKNOWN, Outcome.GOOD)
_SHOWN: Final = 512  # bytes of what came
_ANSWER_S: Final = 620.0  # resourced answers long before, unless a probe has the longest Timeout= that there is


def make_and_show(unit: str, name: str, node: str | None, *, as_json: bool) -> Exit:
    """The probes were made once, on `node` or here, and shown; the exit code of the command. Raises CommandError."""
    making = _make(_find(unit, name)) if node is None else _ask(unit, name, node)
    made = run(making, "The probe was not finished.")
    if as_json:
        print_json(made)
    else:
        for each in made:
            _show(each)
    worst = min((Outcome(each["outcome"]) for each in made), key=_WORST.index)
    return _EXITS[worst]


def _find(unit: str, name: str) -> tuple[Probe, ...]:
    configuration, problems = load_in_force(system=None)
    if configuration is None:
        raise CommandError(Exit.REFUSED, f"There is nothing to probe: {problems[0]}.")
    try:
        return find(configuration, unit, name)
    except NoProbeError as error:
        resources = [one for group in as_written(configuration.groups) for one in group.resources]
        known = {one.unit: [probe.name for probe in one.probes] for one in resources}
        like = closest(name, known[unit]) if unit in known and name else "" if unit in known else closest(unit, known)
        raise CommandError(Exit.REFUSED, f"{error} Did you mean {like}?" if like else str(error)) from error


async def _make(probes: tuple[Probe, ...]) -> list[Report]:
    try:
        return await make(probes)
    finally:
        await close_system_bus()


async def _ask(unit: str, name: str, node: str) -> list[Report]:
    """What that node's resourced saw."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await check_node(bus, node)
        async with waiting_for(f"{node} makes the probes of {unit}"):
            (text,) = await call_with_rights(
                bus, GROUPS, ROOT, "org.standfast.Groups1", "Probe", "sss", unit, name, node, timeout_s=_ANSWER_S
            )
    made: list[Report] = json.loads(text)
    return made


def _show(made: Report) -> None:
    label = Probe(name=made["probe"], unit=made["unit"]).label
    click.echo(f"{label} ({made['level']}) is {made['outcome']}, {made['latency_ms']} ms: {made['text']}")
    seen = b64decode(made["seen"])
    if made["outcome"] == Outcome.GOOD.value:
        return
    for offset in range(0, min(len(seen), _SHOWN), 16):
        row = seen[offset : min(offset + 16, _SHOWN)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        click.echo(f"  {offset:04x}  {row.hex(' '):47}  {text}")
