"""What a version of the configuration would do, as resourced plans it."""

from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl.cluster import GROUPS, ROOT
from standfast.ctl.report import Report

ANSWER_S: Final = 60.0  # of a large cluster


async def planned(bus: Bus, digest: str) -> list[Report]:
    """A row for each thing that would change. Raises BusError: not prepared here, no term is open."""
    (rows,) = await bus.call(
        GROUPS, ROOT, "org.standfast.Groups1", "PlanConfiguration", "s", digest, timeout_s=ANSWER_S
    )
    return list(rows)


def print_plan(rows: list[Report]) -> None:
    """On stdout, a line for each."""
    for row in rows:
        click.echo(f"{row['subject']}: {row['kind']}")


def document(rows: list[Report]) -> dict[str, Any]:
    """For programs."""
    return {"groups": rows}
