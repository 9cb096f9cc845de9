"""`standfast fence`: prove nodes off, and what the fence devices are worth."""

from typing import Any, Final

import click

from standfast.bus import GONE, Bus, BusError, escape
from standfast.ctl import names as completing
from standfast.ctl import streams
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import print_json, tell_done
from standfast.ctl.words import Noun
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.rights import call_with_rights
from standfast.operations.telling import waiting_for
from standfast.operations.wishes import (
    GOES_ON,
    ask,
    check_node,
    daemon_away,
    find_resourced,
    names,
    wait,
)
from standfast.published import FENCING, GROUPS, ROOT, Properties
from standfast.status_report import Report

MEMBER: Final = "org.standfast.Member1"
_DEVICE: Final = "org.standfast.FenceDevice1"
RECORD: Final = "org.standfast.Groups1"
OBJECTIONS: Final = ("link", "address", "device")  # what fenced's Objections can name
_NOTHING: Final = "Nothing was changed."
_TEST_S: Final = 300.0  # several devices that do not answer until their Timeout=, one after the other

json_option = click.option("--json", "as_json", is_flag=True, help="For programs; times are UTC.")


@click.group(cls=Noun)
def fence() -> None:
    """Prove nodes off by their fence devices, and what those devices are worth."""


@fence.command()
@click.argument("name", default="", shell_complete=completing.devices_and_nodes)
@json_option
def test(name: str, as_json: bool) -> None:
    """Ask the fence devices for the status of every plug; NAME: those of one device or one node.

    Exit code 1: a device does not answer, or says that a node is off that is online. Nobody is fenced.
    """
    plugs = [_plug(*row) for row in run(_ask("Test", "s", name), _NOTHING)]
    if as_json:
        print_json(plugs)
    elif plugs:
        from standfast.ctl import fence_table  # rich takes a tenth of a second to load

        fence_table.show_plugs(plugs)
    else:
        click.echo("No fence device is configured: /etc/standfast/cluster.conf")
    bad = [plug for plug in plugs if not plug["ok"]]
    if bad:
        text = f"{len(bad)} of {len(plugs)} plugs do not answer as they should: correct cluster.conf or the device."
        raise CommandError(Exit.REFUSED, text)


@fence.command()
@click.argument("node", default="", shell_complete=completing.nodes)
@click.option(
    "--last",
    default=50,
    show_default=True,
    metavar="NUMBER",
    type=click.IntRange(1, 500),
    help="At most so many entries.",
)
@json_option
def history(node: str, last: int, as_json: bool) -> None:
    """What this node's fenced did, the oldest first; NODE: to one node. Another node may have fenced others."""
    entries = [_entry(*row) for row in run(_ask("History", "su", node, last), _NOTHING)]
    if as_json:
        print_json(entries)
    elif entries:
        from standfast.ctl import fence_table  # rich takes a tenth of a second to load

        fence_table.show_history(entries)
    else:
        click.echo("Nobody was fenced from here." if not node else f"{node} was not fenced from here.")


@fence.command()
@click.argument("node", shell_complete=completing.nodes)
@streams.json_option
@timeout_option
def now(node: str, as_json: bool, timeout_s: float) -> None:
    """Fence NODE: at once if it is lost, and else declare it lost. Waits until it is proven off."""
    member = run(_now(node, timeout_s), GOES_ON)
    sentence = f"{node} was proven off" + ("" if member["State"] == "fenced" else f" and is {member['State']} again")
    tell_done(sentence, as_json=as_json, node=node, state=str(member["State"]))


@fence.command()
@click.argument("node", shell_complete=completing.nodes)
@click.argument("loss", shell_complete=completing.losses)
@click.option(
    "--although",
    "overridden",
    multiple=True,
    type=click.Choice(OBJECTIONS),
    help="Confirm it although a link is up, an address answers, a device says “on”; once for each.",
)
@streams.json_option
def confirm(node: str, loss: str, overridden: tuple[str, ...], as_json: bool) -> None:
    """You saw that NODE has no power and vouch for it: that proves LOSS, the number that `standfast status` shows.

    If NODE runs all the same, its groups run twice and their data is lost. Who confirmed is recorded.
    """
    run(_confirm(node, loss, sorted(set(overridden), key=OBJECTIONS.index)), GOES_ON)
    sentence = f"Loss {loss} of {node} is proven by your word; see `standfast status`"
    tell_done(sentence, as_json=as_json, node=node, loss=loss)


async def _now(name: str, timeout_s: float) -> Properties:
    """The node as it is when it was proven off."""
    path = f"{ROOT}/node/{escape(name)}"
    async with await Bus.connect() as bus:
        await _find_node(bus, name)
        before = member = await bus.get_all(GROUPS, path, MEMBER)
        await ask(bus, ROOT, RECORD, "FenceNow", "s", name)

        async def look() -> str:
            nonlocal member
            losses = await bus.get(GROUPS, ROOT, RECORD, "Losses")
            member = await bus.get_all(GROUPS, path, MEMBER)
            waiting = next((row for row in losses if row[1] == name), None)
            if waiting is not None:
                return f"{name} waits for proof that it is off (loss {waiting[0]}): {waiting[4]}"
            off = member["State"] == "fenced" or member["Incarnation"] != before["Incarnation"]
            return "" if off else f"{name} is {member['State']}"

        await wait(bus, look, timeout_s)
        return member


async def _confirm(name: str, loss: str, overridden: list[str]) -> None:
    async with await Bus.connect() as bus:
        await _find_node(bus, name)
        await ask(bus, ROOT, RECORD, "Confirm", "ssas", name, loss, overridden)


async def _find_node(bus: Bus, name: str) -> None:
    """resourced is there and knows the node. Raises CommandError."""
    await find_resourced(bus)
    await check_node(bus, name)


async def _ask(method: str, signature: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """The rows that fenced answers with. Raises CommandError where it does not run, or knows no such name."""
    async with await Bus.connect() as bus:
        try:
            await _check_name(bus, str(arguments[0]), devices=method == "Test")
            async with waiting_for("the fence devices are asked, one after the other"):
                (rows,) = await call_with_rights(
                    bus, FENCING, ROOT, "org.standfast.Fencing1", method, signature, *arguments, timeout_s=_TEST_S
                )
        except BusError as error:
            if error.name not in GONE or bus.closed.is_set():
                raise
            raise await daemon_away(bus, FENCING) from error
    return [tuple(row) for row in rows]


async def _check_name(bus: Bus, name: str, *, devices: bool) -> None:
    """It is a node's name, or a device's. A node's state is resourced's to say, so without that any name may be one."""
    found = await bus.managed_objects(FENCING, ROOT)
    known = [str(one[_DEVICE]["Name"]) for one in found.values() if _DEVICE in one] if devices else []
    if not name or name in known:
        return
    try:
        nodes = await names(bus, MEMBER)
    except BusError:
        return
    if name not in nodes:
        raise unknown("fence device or node" if devices else "node", name, known + nodes)


def _plug(node: str, device: str, power: str, ok: bool, answered: str, text: str) -> Report:
    return {
        "node": node or None,
        "device": device,
        "says": power,
        "ok": ok,
        "last_answer": answered or None,
        "text": text,
    }


def _entry(
    time: str, node: str, loss: str, device: str, action: str, result: str, milliseconds: int, text: str
) -> Report:
    return {
        "time": time,
        "node": node,
        "loss": loss,
        "device": device or None,
        "action": action,
        "result": result,
        "duration_ms": milliseconds,
        "text": text,
    }
