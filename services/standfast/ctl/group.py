"""`standfast group`: start, stop, move, disable and freeze groups."""

from collections.abc import Callable
from typing import Final

import click

from standfast.bus import Bus, escape
from standfast.ctl.cluster import ROOT, Properties
from standfast.ctl.problems import CommandError, Exit, run
from standfast.ctl.wishes import GOES_ON, ask, find_resourced, read_group, timeout_option, wait
from standfast.vocabulary import Phase

INTERFACE: Final = "org.standfast.Group1"

Goal = Callable[[Properties, Properties], bool]  # (before the wish, now): it came true


@click.group()
def group() -> None:
    """What is to become of groups. Each command waits until it is done; Ctrl-C ends only the waiting."""


@group.command()
@click.argument("name")
@click.argument("node", default="")
@timeout_option
def start(name: str, node: str, timeout_s: float) -> None:
    """Let group NAME run: on NODE, or where its domain puts it. Ends `group stop`."""

    def goal(_: Properties, now: Properties) -> bool:
        return bool(now["Phase"] == Phase.STARTED and node in ("", now["Owner"]))

    _carry_out(name, "Start", (node,), goal, timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def stop(name: str, timeout_s: float) -> None:
    """Stop group NAME; it stays stopped until `group start`."""
    _carry_out(name, "Stop", (), lambda _, now: bool(now["Phase"] == Phase.STOPPED), timeout_s)


@group.command()
@click.argument("name")
@click.argument("node", default="")
@timeout_option
def relocate(name: str, node: str, timeout_s: float) -> None:
    """Move group NAME to NODE, or to the next best node. It sets no lasting preference."""

    def goal(before: Properties, now: Properties) -> bool:
        moved = now["Owner"] == node if node else now["Owner"] != before["Owner"]
        return bool(now["Phase"] == Phase.STARTED and moved)

    _carry_out(name, "Relocate", (node,), goal, timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def restart(name: str, timeout_s: float) -> None:
    """Restart group NAME where it runs."""

    def goal(before: Properties, now: Properties) -> bool:
        return bool(now["Phase"] == Phase.STARTED and now["Since"] != before["Since"])

    _carry_out(name, "Restart", (), goal, timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def disable(name: str, timeout_s: float) -> None:
    """Stop group NAME; nothing starts it until `group enable`."""
    _carry_out(name, "Disable", (), lambda _, now: bool(now["Phase"] == Phase.STOPPED), timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def enable(name: str, timeout_s: float) -> None:
    """Let group NAME run again after `group disable`, or after its policy of recovery disabled it."""
    _carry_out(name, "Enable", (), lambda _, now: _settled_without(now, "disabled"), timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def freeze(name: str, timeout_s: float) -> None:
    """Do nothing with group NAME until `group thaw`, whatever happens to it."""
    _carry_out(name, "Freeze", (), lambda _, now: "frozen" in now["Flags"], timeout_s)


@group.command()
@click.argument("name")
@timeout_option
def thaw(name: str, timeout_s: float) -> None:
    """Look after group NAME again."""
    _carry_out(name, "Thaw", (), lambda _, now: "frozen" not in now["Flags"], timeout_s)


def _settled_without(now: Properties, flag: str) -> bool:
    """The flag is gone, and the group runs unless another flag keeps it from that."""
    return flag not in now["Flags"] and (now["Phase"] == Phase.STARTED or bool(set(now["Flags"]) - {"partial"}))


def _carry_out(name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float) -> None:
    now = run(_wish(name, method, arguments, goal, timeout_s), GOES_ON)
    where = f" on {now['Owner']}" if now["Owner"] else ""
    click.echo(f"{name} is {now['Phase']}{where}")


async def _wish(name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float) -> Properties:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        return await bring(bus, name, method, arguments, goal, timeout_s)


async def bring(
    bus: Bus, name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float
) -> Properties:
    """The group as it is when the goal is reached. Raises CommandError when it is not, BusError when it is refused."""
    path = f"{ROOT}/group/{escape(name)}"
    before = now = await read_group(bus, name, path)
    await ask(bus, path, INTERFACE, method, "s" * len(arguments), *arguments)

    async def look() -> str:
        nonlocal now
        now = await read_group(bus, name, path)
        if goal(before, now):
            return ""
        check_outlook(name, before, now, stops=method in ("Stop", "Disable"))
        return _sentence(name, now)

    await wait(bus, look, timeout_s)
    return now


def check_outlook(name: str, before: Properties, now: Properties, *, stops: bool) -> None:
    """The goal may still be reached; else CommandError: blocked, or settled on another node than asked for."""
    if now["Phase"] == Phase.BLOCKED:
        raise CommandError(Exit.REFUSED, f"{_sentence(name, now)} See `standfast timeline {name}`.")
    settled = now["Phase"] == Phase.STARTED and now["Since"] != before["Since"]
    if settled and not stops:
        raise CommandError(Exit.REFUSED, f"{_sentence(name, now)} See `standfast timeline {name}`.")


def _sentence(name: str, now: Properties) -> str:
    where = f" on {now['Owner']}" if now["Owner"] else ""
    reason = str(now["Reason"]).rstrip(".")
    return f"{name} is {now['Phase']}{where}" + (f": {reason}." if reason else ".")
