"""`standfast group`: start, stop, move, disable and freeze groups."""

import click

from standfast.bus import Bus, escape
from standfast.ctl import names as completing
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import json_option, print_json
from standfast.ctl.words import Noun
from standfast.operations.copies import Outcome, bring_all, find_copies
from standfast.operations.groups import Goal, bring
from standfast.operations.problems import run
from standfast.operations.wishes import GOES_ON, check_node, find_resourced, read_group
from standfast.published import ROOT, Properties
from standfast.status_report import Report
from standfast.vocabulary import BY_HAND, Phase


@click.group(cls=Noun)
def group() -> None:
    """What is to become of groups. Each command waits until it is done; Ctrl-C ends only the waiting.

    A group with Copies= is all its copies; NAME@NODE is one of them.
    """


@group.command()
@click.argument("name", shell_complete=completing.groups)
@click.argument("node", default="", shell_complete=completing.nodes)
@json_option
@timeout_option
def start(name: str, node: str, as_json: bool, timeout_s: float) -> None:
    """Let group NAME run: on NODE, or where its domain puts it. Ends `group stop`, and hands back what was stopped by
    hand."""

    def goal(_: Properties, now: Properties) -> bool:
        started = now["Phase"] == Phase.STARTED and BY_HAND not in now["Flags"]
        return bool(started and node in ("", now["Owner"]))

    _carry_out(name, "Start", (node,), goal, timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def stop(name: str, as_json: bool, timeout_s: float) -> None:
    """Stop group NAME; it stays stopped until `group start`."""
    _carry_out(name, "Stop", (), lambda _, now: bool(now["Phase"] == Phase.STOPPED), timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@click.argument("node", default="", shell_complete=completing.nodes)
@json_option
@timeout_option
def relocate(name: str, node: str, as_json: bool, timeout_s: float) -> None:
    """Move group NAME to NODE, or to the next best node. It sets no lasting preference."""

    def goal(before: Properties, now: Properties) -> bool:
        moved = now["Owner"] == node if node else now["Owner"] != before["Owner"]
        return bool(now["Phase"] == Phase.STARTED and moved)

    _carry_out(name, "Relocate", (node,), goal, timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def restart(name: str, as_json: bool, timeout_s: float) -> None:
    """Restart group NAME where it runs; its copies one after the other."""

    def goal(before: Properties, now: Properties) -> bool:
        return bool(now["Phase"] == Phase.STARTED and now["Since"] != before["Since"])

    _carry_out(name, "Restart", (), goal, timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def disable(name: str, as_json: bool, timeout_s: float) -> None:
    """Stop group NAME; nothing starts it until `group enable`."""
    _carry_out(name, "Disable", (), lambda _, now: bool(now["Phase"] == Phase.STOPPED), timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def enable(name: str, as_json: bool, timeout_s: float) -> None:
    """Let group NAME run again after `group disable`, or after its policy of recovery disabled it."""
    _carry_out(name, "Enable", (), lambda _, now: _settled_without(now, "disabled"), timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def freeze(name: str, as_json: bool, timeout_s: float) -> None:
    """Do nothing with group NAME until `group thaw`, whatever happens to it."""
    _carry_out(name, "Freeze", (), lambda _, now: "frozen" in now["Flags"], timeout_s, as_json)


@group.command()
@click.argument("name", shell_complete=completing.groups)
@json_option
@timeout_option
def thaw(name: str, as_json: bool, timeout_s: float) -> None:
    """Look after group NAME again."""
    _carry_out(name, "Thaw", (), lambda _, now: "frozen" not in now["Flags"], timeout_s, as_json)


def _settled_without(now: Properties, flag: str) -> bool:
    """The flag is gone, and the group runs unless another flag keeps it from that."""
    return flag not in now["Flags"] and (now["Phase"] == Phase.STARTED or bool(set(now["Flags"]) - {"partial"}))


def _carry_out(name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float, as_json: bool) -> None:
    done = run(_wish(name, method, arguments, goal, timeout_s), GOES_ON)
    sentences = [sentence for sentence, _ in done]
    if as_json:
        print_json({"done": "; ".join(sentences), "groups": [_report(now) for _, every in done for now in every]})
        return
    for sentence in sentences:
        click.echo(sentence)


def _report(now: Properties) -> Report:
    """As `status --json` has a group, without its resources."""
    return {
        "name": now["Name"],
        "phase": now["Phase"],
        "flags": list(now["Flags"]),
        "owner": now["Owner"] or None,
        "since": now["Since"] or None,
        "reason": now["Reason"],
    }


async def _wish(name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float) -> list[Outcome]:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        for node in filter(None, arguments):
            await check_node(bus, node)
        copies = await find_copies(bus, name)
        if copies is not None and method != "Restart":
            return [await bring_all(bus, name, method, arguments, timeout_s)]
        names = list(copies["Copies"]) if copies is not None else [name]
        return [
            await _bring_one(bus, one, method, arguments, goal, timeout_s)
            for one in names
            if copies is None or await _runs(bus, one)
        ]


async def _runs(bus: Bus, name: str) -> bool:
    return bool((await read_group(bus, name, f"{ROOT}/group/{escape(name)}"))["Phase"] == Phase.STARTED)


async def _bring_one(
    bus: Bus, name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float
) -> Outcome:
    now = await bring(bus, name, method, arguments, goal, timeout_s)
    where = f" on {now['Owner']}" if now["Owner"] else ""
    return f"{name} is {now['Phase']}{where}", [now]
