"""What the probes of a unit see now, and how that is shown."""

from base64 import b64decode
from typing import Final

import click

from standfast.configuration.load import load_in_force
from standfast.configuration.model import Probe
from standfast.ctl.streams import print_json
from standfast.operations.probing import ask_node, find_probes, make_here
from standfast.operations.problems import CommandError, Exit, run
from standfast.probes.making import Report
from standfast.probes.verdict import Outcome

_EXITS: Final = {Outcome.GOOD: Exit.DONE, Outcome.BAD: Exit.REFUSED, Outcome.UNKNOWN: Exit.UNKNOWN}
_WORST: Final = (Outcome.BAD, Outcome.UNKNOWN, Outcome.GOOD)
_SHOWN: Final = 512  # bytes of what came


def make_and_show(unit: str, name: str, node: str | None, *, as_json: bool) -> Exit:
    """The probes were made once, on `node` or here, and shown; the exit code of the command. Raises CommandError."""
    making = make_here(_find(unit, name)) if node is None else ask_node(unit, name, node)
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
    return find_probes(configuration.groups, unit, name)


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
