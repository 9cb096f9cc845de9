"""`standfast maintenance`: hands off every group while somebody works on the cluster."""

import click

from standfast.bus import Bus
from standfast.ctl.streams import json_option, tell_done
from standfast.ctl.words import Noun
from standfast.operations.problems import run
from standfast.operations.wishes import GOES_ON, ask, find_resourced
from standfast.published import ROOT


@click.group(cls=Noun)
def maintenance() -> None:
    """Do nothing with any group, and fence nobody, until it ends. A node that loses quorum still stops its groups."""


@maintenance.command()
@json_option
def on(as_json: bool) -> None:
    """Begin the maintenance: groups run on unattended; what fails or is lost meanwhile is looked after when it ends."""
    run(_set(True), GOES_ON)
    sentence = "The cluster is in maintenance; to end it: standfast maintenance off"
    tell_done(sentence, as_json=as_json, maintenance=True)


@maintenance.command()
@json_option
def off(as_json: bool) -> None:
    """End the maintenance."""
    run(_set(False), GOES_ON)
    tell_done("The cluster looks after its groups again", as_json=as_json, maintenance=False)


async def _set(wanted: bool) -> None:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, "org.standfast.Groups1", "SetMaintenance", "b", wanted)
