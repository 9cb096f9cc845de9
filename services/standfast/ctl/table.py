"""The status as people read it: what needs them first, then a line for each thing that is well; within 80 columns."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from standfast.attention import is_well, says, troubles
from standfast.ctl.plain import plain_console, plain_table
from standfast.status_report import Report

_GOOD: Final = {"online", "started", "active", "good"}
_BAD: Final = {"lost", "unresponsive", "blocked", "failed", "bad"}
_BUSY: Final = {"fencing", "fenced", "joining", "starting", "stopping", "activating", "deactivating"}
_LIMITED: Final = {"degraded", "not-ready"}
_INDENT: Final = (0, 0, 0, 2)
_UNIT_WIDTH: Final = 40  # a longer name is folded rather than its cause squeezed
_NAME_WIDTH: Final = 24


def show(
    report: Report,
    now: datetime,
    file: IO[str] | None = None,
    width: int | None = None,
    *,
    whole: Collection[str] | None = (),
) -> None:
    """The whole report on stdout (or `file`); colours only on a terminal.

    whole: the groups that are shown with all that is known, and no others are; () = all groups, those that are well
    in a line; None = all of all of them, and of all devices.
    """
    print_to(plain_console(file, width), report, now, whole=whole)


def print_to(console: Console, report: Report, now: datetime, *, whole: Collection[str] | None = ()) -> None:
    """As `show`, on this console."""
    console.print(_headline(report))
    if drill := report["drill"]:
        where = f"{drill['kind']} on {drill['node']}, conducted from {drill['conducted_from']}"
        console.print(Text(f"A fire drill is under way: {where}", style="bold cyan"))
    found = troubles(report)
    for trouble in found:
        console.print(Text(trouble.text, style="bold red" if trouble.urgent else "bold yellow"))
    console.print()
    console.print(_nodes(report["nodes"], now))
    if report["groups"] is not None:
        console.print()
        told = {group["reason"] for group in report["groups"] if any(group["reason"] in one.text for one in found)}
        _show_groups(console, report, now, whole, told)
    if report["fencing"]["devices"] and not whole:
        console.print()
        _show_devices(console, report["fencing"]["devices"], now, every=whole is None)


def _headline(report: Report) -> Text:
    quorate = {True: ("quorate", "green"), False: ("not quorate", "bold red"), None: ("quorum unknown", "yellow")}
    parts = [Text(report["cluster"] or "no configuration", style="bold"), Text(*quorate[report["quorate"]])]
    parts += [Text(f"view {report['view']}" if report["view"] else "no view")]
    if report["term"]:
        parts.append(Text(f"term {report['term']}, {report['coordinator']} coordinates"))
    return Text(", ").join([*parts, Text(f"seen from {report['node'] or 'here'}")])


def _state(word: str | None) -> Text:
    style = "green" if word in _GOOD else "bold red" if word in _BAD else "yellow" if word in _BUSY | _LIMITED else ""
    return Text(word or "unknown", style=style)


def _nodes(nodes: Iterable[Report], now: datetime) -> Table:
    table = plain_table("Node", "State", "Flags", "Links from here")
    for node in nodes:
        flags = ["standby"] if node["standby"] else []
        flags += ["unhealthy"] if node["healthy"] is False else []
        flags += ["drifted"] if node["drifted"] else []
        flags += ["edited"] if node["edited"] else []
        table.add_row(
            node["name"], _state(node["state"]), Text(", ".join(flags), style="yellow"), _links(node["links"], now)
        )
    return table


def _links(links: Sequence[Report] | None, now: datetime) -> Text:
    words = [
        Text(f"{link['link']} up")
        if link["up"]
        else Text(f"{link['link']} down for {age(link['since'], now)}", style="bold red")
        for link in links or ()
    ]
    return Text(", ").join(words)


def _show_groups(
    console: Console, report: Report, now: datetime, whole: Collection[str] | None, told: Collection[str]
) -> None:
    """`told`: reasons that stand above already."""
    groups, sets = report["groups"], report["copies"] or ()
    if not groups:
        console.print("No groups are configured: /etc/standfast/units")
    set_of = {name: one for one in sets for name in one["groups"]}
    by_name = {group["name"]: group for group in groups}
    shown = [
        group
        for group in groups
        if not whole or group["name"] in whole or set_of.get(group["name"], {}).get("name") in whole
    ]
    names = [set_of[group["name"]]["name"] if group["name"] in set_of else group["name"] for group in shown]
    width = min(max(map(len, names), default=0), _NAME_WIDTH)
    done = set()
    for group in shown:
        one = set_of.get(group["name"])
        if one is None:
            why = "" if group["reason"] in told else group["reason"]
            _show_group(console, group, why, now, width, whole=whole is None or bool(whole))
        elif one["name"] not in done:
            done.add(one["name"])
            _show_copies(console, one, [by_name[name] for name in one["groups"] if name in by_name], now, width)


def _show_group(console: Console, group: Report, why: str, now: datetime, width: int, *, whole: bool) -> None:
    """A line; of one that is not as it should be also why, and which of its resources are not."""
    console.print(_group_line_with_proof(group, now, width, console.width, whole=whole))
    if whole or not _serves(group):
        if why:
            console.print(Padding(Text(why), _INDENT))
        idle = group["phase"] == "stopped" and not whole
        every = whole or group["phase"] == "blocked"
        resources = () if idle else [one for one in group["resources"] if every or not is_well(one)]
        if resources:
            console.print(Padding(_resources(resources), _INDENT))


def _serves(group: Report) -> bool:
    return group["phase"] == "started" and not group["flags"] and all(map(is_well, group["resources"]))


def _show_copies(console: Console, one: Report, copies: Sequence[Report], now: datetime, width: int) -> None:
    """One line for all of them, one for each, and of each that is not as it should be what there is to say."""
    running = sum(copy["phase"] == "started" for copy in copies)
    good = "bold red" if running < one["wanted"] else "green" if running else ""
    name = Text(one["name"].ljust(width), style="bold")
    console.print(Text.assemble(name, "  ", (f"{running} of {one['wanted']} copies run", good)))
    for copy in copies:
        well = copy["phase"] == "started" and all(map(is_well, copy["resources"]))
        line = _group_line(copy | {"last_owner": None}, now)
        if not well:
            line.append(f"  {copy['reason']}")
        console.print(Padding(line, _INDENT))
        if copy["phase"] != "stopped" and not well:
            console.print(Padding(_resources(copy["resources"]), _INDENT))


def _group_line(group: Report, now: datetime, width: int = 0) -> Text:
    line = Text.assemble((group["name"].ljust(width), "bold"), "  ", _state(group["phase"]))
    if group["owner"]:
        line.append(f" on {group['owner']}")
    if group["since"]:
        line.append(f" for {age(group['since'], now)}")
    if group["last_owner"]:
        line.append(f", before on {group['last_owner']}")
    if group["flags"]:
        line.append(f"  [{', '.join(group['flags'])}]", style="yellow")
    return line


def _group_line_with_proof(group: Report, now: datetime, width: int, most: int, *, whole: bool) -> Text:
    """As `_group_line`, and when its recovery was last proven; where all of that is too long, the rest is shorter."""
    drilled = group["drilled"]
    line = _group_line(group, now, width)
    if drilled is None:
        return line.append(", recovery never proven" if whole else "", style="dim")
    short = _group_line(group | {"last_owner": None}, now, width)
    when, kind = f"{age(drilled['at'], now)} ago", drilled["kind"]
    if not drilled["passed"]:
        return short.append(f"  drill failed {when}: {kind}", style="bold yellow")
    took = f"{kind}, {drilled['recovered_ms'] / 1000:.1f} s"
    words = (f"  recovery proven {when}: {took}", f"  proven {when}: {took}", f"  proven {when}")
    made = [one.copy().append(text, style="dim") for text in words for one in (line, short)]
    return next((one for one in made if len(one) <= most), made[0 if whole else -1])


def _resources(resources: Sequence[Report]) -> Table:
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    longest = max(len(one["unit"]) for one in resources)
    table.add_column(overflow="fold", no_wrap=longest <= _UNIT_WIDTH)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in resources:
        probe = Text("") if one["probe"] == "none" else Text.assemble("probe ", _state(one["probe"]))
        table.add_row(one["unit"], _state(one["state"]), probe, Text(one["cause"] or ""))
        for each in one["probes"] if len(one["probes"]) > 1 else ():
            name = f"  probe {each['name']}" if each["name"] else "  the probe without a name"
            table.add_row(name, _state(each["state"]), f"{each['latency_ms']} ms", Text(_seen(each)))
    return table


def _seen(probe: Report) -> str:
    """What is wrong, and with which level; what is good needs no words."""
    return "" if probe["state"] == "good" else f"({probe['level']}) {probe['seen']}"


def _show_devices(console: Console, devices: Sequence[Report], now: datetime, *, every: bool) -> None:
    """Those that answer are counted; the others, or all of them (`every`), have a line."""
    shown = [device for device in devices if every or not (device["ok"] and device["verified"])]
    if well := len(devices) - len(shown):
        oldest = min(device["last_answer"] for device in devices if device not in shown)
        noun, verb, first = ("device", "answers", "") if well == 1 else ("devices", "answer", "the first ")
        console.print(Text(f"{well} fence {noun} {verb}, {first}asked {ago(oldest, now)}", style="green"))
    if shown:
        console.print(_devices(shown, now))


def _devices(devices: Iterable[Report], now: datetime) -> Table:
    table = plain_table("Fence device", "State", "Answered", "Answer")
    styles = {True: "green", False: "bold red", None: ""}
    for device in devices:
        when = ago(device["last_answer"], now) if device["last_test"] else ""
        answer = Text(device["answer"] or "")
        if not device["verified"]:
            answer.append(" (unverified)", style="yellow")
        table.add_row(device["name"], Text(says(device), style=styles[device["ok"]]), when, answer)
    return table


def ago(when: str | None, now: datetime) -> str:
    """How old a proof of that time is; "never" where there is none."""
    return f"{age(when, now)} ago" if when else "never"


def age(since: str, now: datetime) -> str:
    """How long ago that was: 12 s, 5 min, 3 h, 4 d."""
    seconds = max(0, round((now - datetime.fromisoformat(since).astimezone(UTC)).total_seconds()))
    for size, unit, following in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172_800)):
        if seconds < following:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} d"
