"""`standfast node`: what a node may be given."""

from typing import Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.node_life import add, remove
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import json_option, tell_done
from standfast.ctl.words import Noun
from standfast.operations.problems import run
from standfast.operations.rights import call_with_rights
from standfast.operations.wishes import GOES_ON, ask, check_node, find_resourced, wait
from standfast.published import GROUPS, MEMBERSHIP, ROOT

REJOIN_S: Final = 10.0


@click.group(cls=Noun)
def node() -> None:
    """Take nodes into the cluster and out of it, out of service and back."""


node.add_command(add)
node.add_command(remove)


@node.command()
@click.argument("name", shell_complete=completing.nodes)
@json_option
@timeout_option
def standby(name: str, as_json: bool, timeout_s: float) -> None:
    """Move every group away from node NAME and give it none until `node resume`."""
    run(_standby(name, timeout_s), GOES_ON)
    sentence = f"{name} is in standby and runs no group; to end it: standfast node resume {name}"
    tell_done(sentence, as_json=as_json, node=name, standby=True)


@node.command()
@click.argument("name", shell_complete=completing.nodes)
@json_option
def resume(name: str, as_json: bool) -> None:
    """End the standby of node NAME. Groups move back only where their domain says so."""
    run(_resume(name), GOES_ON)
    tell_done(f"{name} is given groups again", as_json=as_json, node=name, standby=False)


@node.command()
@json_option
def rejoin(as_json: bool) -> None:
    """End the withdrawal of this node at once. It withdrew because of its own links: mend them first."""
    run(_rejoin(), "It may or may not have been asked for: standfast status")
    sentence = "Corosync is started again on this node; if its links are still faulty it withdraws for twice as long"
    tell_done(sentence, as_json=as_json)


async def _standby(name: str, timeout_s: float) -> None:
    async with await Bus.connect() as bus:
        await _set_standby(bus, name, True)

        async def look() -> str:
            objects = await bus.managed_objects(GROUPS, ROOT)
            groups = [found["org.standfast.Group1"] for found in objects.values() if "org.standfast.Group1" in found]
            here = [group for group in groups if group["Owner"] == name]
            if not here:
                return ""
            first = here[0]
            more = f", and {len(here) - 1} more" if len(here) > 1 else ""
            return f"{first['Name']} is {first['Phase']} on {name}: {first['Reason']}{more}"

        await wait(bus, look, timeout_s)


async def _resume(name: str) -> None:
    async with await Bus.connect() as bus:
        await _set_standby(bus, name, False)


async def _rejoin() -> None:
    async with await Bus.connect() as bus:
        membership = (MEMBERSHIP, ROOT, "org.standfast.Membership1")
        await call_with_rights(bus, *membership, "Rejoin", "", timeout_s=REJOIN_S)


async def _set_standby(bus: Bus, name: str, standby: bool) -> None:
    await find_resourced(bus)
    await check_node(bus, name)
    await ask(bus, ROOT, "org.standfast.Groups1", "SetStandby", "sb", name, standby)
