"""`standfast drill`: a fault on purpose, and how the cluster recovers from it, measured."""

import contextlib
import time
from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl import streams
from standfast.ctl.words import Noun
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit, from_bus, run
from standfast.operations.rights import call_with_rights
from standfast.operations.wishes import find_resourced, groups_and_sets, names, wait
from standfast.published import GROUPS, ROOT
from standfast.status_report import Report

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 60.0
MARGIN_S: Final = 30.0  # after which the record has ended the drill by itself
GOES_ON: Final = "The fire drill goes on: standfast status. Its report will be in: standfast drill history"
_OF_NODES: Final = ("power", "cut")  # a group stands for the node that has it
_NOTHING: Final = "Nothing was done."

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
again_option = click.option("--again", is_flag=True, help="Do not rest after the last drill.")
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: the report, once it has ended.")


@click.group(cls=Noun)
def drill() -> None:
    """Inject a fault on purpose, and measure how the cluster recovers.

    Only where the cluster is whole and the plan says that it recovers; otherwise it is refused, with the reason. What
    will happen is shown first, and asked for. The report is kept on this node, and status shows on every node when a
    group's recovery was last proven. Ctrl-C ends only the waiting.
    """


@drill.command()
@click.argument("group", shell_complete=completing.groups)
@yes_option
@again_option
@json_option
def kill(group: str, yes: bool, again: bool, as_json: bool) -> None:
    """The main process of GROUP's top service gets SIGKILL, where it runs."""
    _drill("kill", group, yes=yes, again=again, as_json=as_json)


@drill.command()
@click.argument("group", shell_complete=completing.groups)
@yes_option
@again_option
@json_option
def hang(group: str, yes: bool, again: bool, as_json: bool) -> None:
    """All processes of GROUP's top service get SIGSTOP, as if they hung. They go on after two minutes at most."""
    _drill("hang", group, yes=yes, again=again, as_json=as_json)


@drill.command()
@click.argument("name", metavar="GROUP|NODE", shell_complete=completing.groups_and_nodes)
@yes_option
@again_option
@json_option
def power(name: str, yes: bool, again: bool, as_json: bool) -> None:
    """The power of NODE, or of the one that has GROUP, is cut by its fence device, and the cluster is not told.

    It finds the loss, fences, proves it and starts all groups of that node elsewhere; then the node is switched on.
    """
    _drill("power", name, yes=yes, again=again, as_json=as_json)


@drill.command()
@click.argument("name", metavar="GROUP|NODE", shell_complete=completing.groups_and_nodes)
@yes_option
@again_option
@json_option
def cut(name: str, yes: bool, again: bool, as_json: bool) -> None:
    """NODE, or the one that has GROUP, hears none of the other nodes for half a minute. They will fence it."""
    _drill("cut", name, yes=yes, again=again, as_json=as_json)


@drill.command()
@click.argument("name", metavar="[GROUP|NODE]", default="", shell_complete=completing.groups_and_nodes)
@click.option("--last", default=20, show_default=True, metavar="NUMBER", type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True, help="For programs: whole reports; times are UTC.")
def history(name: str, last: int, as_json: bool) -> None:
    """The drills that were conducted from this node, the oldest first; one alone (--last 1) with all its steps."""
    from standfast.drills import reports

    found = [one for one in reports.load() if not name or name in {one["node"], *_groups(one)}][-last:]
    if as_json:
        streams.print_json(found)
    elif not found:
        what = f" of {name}" if name else ""
        click.echo(f"No fire drill{what} was conducted from this node; status shows the last one of each group.")
    else:
        from standfast.ctl import drill_table  # rich takes a tenth of a second to load

        drill_table.show_report(found[0]) if len(found) == 1 else drill_table.show_history(found)


def _groups(report: Report) -> set[str]:
    return {one["group"] for one in report["groups"]}


def _drill(kind: str, subject: str, *, yes: bool, again: bool, as_json: bool) -> None:
    """Exit code 1: refused, or something did not recover."""
    if as_json and not yes:
        raise click.UsageError("--json asks nothing: give --yes, too.")
    foreseen = run(_foresee(kind, subject, again), _NOTHING)
    if not as_json:
        from standfast.ctl import drill_table

        drill_table.show_foreseen(foreseen)
    if foreseen["refused"]:
        raise from_bus(_refused(foreseen["refused"]))
    if not yes and not streams.agreed(f"Do it now: {foreseen['fault']}?"):
        raise CommandError(Exit.REFUSED, _NOTHING)
    report = run(_conduct(kind, subject, again, foreseen), GOES_ON)
    if as_json:
        streams.print_json(report)
    else:
        drill_table.show_report(report)
    if not report["passed"]:
        raise CommandError(Exit.REFUSED, f"The fire drill failed: {report['failed']}")


def _refused(text: str) -> Any:
    from standfast.bus import BusError, ErrorName

    return BusError(ErrorName.REFUSED, text)


async def _foresee(kind: str, subject: str, again: bool) -> Report:
    """What it would do, and why it would be refused."""
    import json

    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await groups_and_sets(bus) + (await names(bus, "org.standfast.Member1") if kind in _OF_NODES else [])
        if known and subject not in known:
            raise unknown("group or node" if kind in _OF_NODES else "group", subject, known)
        (text,) = await bus.call(
            GROUPS, ROOT, INTERFACE, "ForeseeDrill", "ssb", kind, subject, again, timeout_s=ANSWER_S
        )
    made: Report = json.loads(text)
    return made


async def _conduct(kind: str, subject: str, again: bool, foreseen: Report) -> Report:
    """The report of the drill once it has ended."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        (identity,) = await call_with_rights(
            bus, GROUPS, ROOT, INTERFACE, "Drill", "ssb", kind, subject, again, timeout_s=ANSWER_S
        )
        begun = time.monotonic()

        async def look() -> str:
            return await _waits_for(bus, identity, foreseen)

        await wait(bus, look, foreseen["limit_ms"] / 1000 + MARGIN_S, GOES_ON)
        return await _report(bus, identity, foreseen, time.monotonic() - begun)


async def _waits_for(bus: Bus, identity: str, foreseen: Report) -> str:
    """A line for each thing that is not as it was, "" = the drill has ended."""
    (now, *_) = await bus.get(GROUPS, ROOT, INTERFACE, "Drill")
    if now != identity:
        return ""
    objects = await bus.managed_objects(GROUPS, ROOT)
    lines = [
        _sentence(values)
        for found in objects.values()
        if (values := found.get("org.standfast.Group1")) is not None and values["Name"] in foreseen["struck"]
    ]
    for found in objects.values():
        member = found.get("org.standfast.Member1")
        if member is not None and member["Name"] == foreseen["at_node"] and member["State"] != "online":
            lines.append(f"{member['Name']} is {member['State']}")
    losses = await bus.get(GROUPS, ROOT, INTERFACE, "Losses")
    lines += [f"{node} waits for proof that it is off (loss {loss})" for loss, node, *_ in losses]
    return "\n".join(lines) or f"{foreseen['at_node']} is online"


def _sentence(values: Any) -> str:
    where = f" on {values['Owner']}" if values["Owner"] else ""
    return f"{values['Name']} is {values['Phase']}{where}: {values['Reason']}".rstrip(": ")


async def _report(bus: Bus, identity: str, foreseen: Report, seconds: float) -> Report:
    """What was saved; where nothing was, what the record says."""
    from standfast.drills import reports

    with contextlib.suppress(OSError):  # not everybody who may hold a drill may read its report
        for report in reversed(reports.load()):
            if report["id"] == identity:
                return report
    objects = await bus.managed_objects(GROUPS, ROOT)
    drilled = {
        values["Name"]: values["Drilled"][2]
        for found in objects.values()
        if (values := found.get("org.standfast.Group1")) is not None and values["Name"] in foreseen["struck"]
    }
    late = [name for name in foreseen["struck"] if not drilled.get(name)]
    groups = [{"group": name, "recovered_ms": drilled.get(name) or None, "steps": []} for name in foreseen["struck"]]
    failed = f"{', '.join(late)} did not run again within {seconds:.0f} s" if late else None
    return {
        "id": identity,
        "kind": foreseen["kind"],
        "node": foreseen["at_node"],
        "passed": not late,
        "failed": failed,
        "groups": groups,
    }
