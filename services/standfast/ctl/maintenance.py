"""`standfast maintenance`: hands off every group while somebody works on the cluster."""

import click

from standfast.bus import Bus
from standfast.ctl.cluster import ROOT
from standfast.ctl.problems import run
from standfast.ctl.wishes import GOES_ON, ask, find_resourced


@click.group()
def maintenance() -> None:
    """Do nothing with any group, and fence nobody, until it ends. A node that loses quorum still stops its groups."""


@maintenance.command()
def on() -> None:
    """Begin the maintenance: groups run on unattended; what fails or is lost meanwhile is looked after when it ends."""
    run(_set(True), GOES_ON)
    click.echo("The cluster is in maintenance; to end it: standfast maintenance off")


@maintenance.command()
def off() -> None:
    """End the maintenance."""
    run(_set(False), GOES_ON)
    click.echo("The cluster looks after its groups again")


async def _set(wanted: bool) -> None:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, "org.standfast.Groups1", "SetMaintenance", "b", wanted)
