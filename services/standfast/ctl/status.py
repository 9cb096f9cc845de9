"""`standfast status`: what the cluster is doing, as this node has it."""

import json
from datetime import UTC, datetime

import click

from standfast.bus import Bus
from standfast.ctl import cluster, report
from standfast.ctl.problems import not_running, run


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: what is not known is null, times are UTC.")
def status(as_json: bool) -> None:
    """Nodes, groups, quorum and fencing."""
    made = run(_read(), "Nothing was changed.")
    if as_json:
        click.echo(json.dumps(made, indent=1, ensure_ascii=False))
        return
    from standfast.ctl import table  # rich takes a tenth of a second to load

    table.show(made, datetime.now(UTC))


async def _read() -> report.Report:
    async with await Bus.connect() as bus:
        snapshot = await cluster.read(bus)
    if all(daemon.why_away == "does not run" for daemon in snapshot.values()):
        raise not_running()
    return report.make(snapshot)
