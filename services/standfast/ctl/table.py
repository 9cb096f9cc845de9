"""The report as people read it, within 80 columns."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from standfast.ctl.report import Report

_GOOD: Final = {"online", "started", "active", "good"}
_BAD: Final = {"lost", "unresponsive", "blocked", "failed", "bad"}
_BUSY: Final = {"fencing", "fenced", "joining", "starting", "stopping", "activating", "deactivating"}
_LIMITED: Final = {"degraded", "not-ready"}
_INDENT: Final = (0, 0, 0, 2)
_UNIT_WIDTH: Final = 40  # a longer name is folded rather than its cause squeezed


def show(report: Report, now: datetime, file: IO[str] | None = None, width: int | None = None) -> None:
    """The whole report on stdout (or `file`); colours only on a terminal."""
    console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
    console.print(_headline(report))
    for warning in _warnings(report):
        console.print(warning)
    console.print()
    console.print(_nodes(report["nodes"], now))
    if report["groups"] is not None:
        console.print()
        _show_groups(console, report["groups"], now)
    _show_fencing(console, report["fencing"], now)


def _headline(report: Report) -> Text:
    quorate = {True: ("quorate", "green"), False: ("not quorate", "bold red"), None: ("quorum unknown", "yellow")}
    parts = [Text(report["cluster"] or "no configuration", style="bold"), Text(*quorate[report["quorate"]])]
    parts += [Text(f"view {report['view']}" if report["view"] else "no view")]
    if report["term"]:
        parts.append(Text(f"term {report['term']}, {report['coordinator']} coordinates"))
    return Text(", ").join([*parts, Text(f"seen from {report['node'] or 'here'}")])


def _warnings(report: Report) -> list[Text]:
    lines = [
        f"standfast-{daemon} {why} here, so a part is missing: systemctl status standfast-{daemon}.service"
        for daemon, why in report["away"].items()
    ]
    if report["no_term"]:
        lines.append(f"No term is open, so nothing is decided here: {report['no_term']}")
    if report["arbiter"] and report["arbiter"]["state"] != "votes":
        lines.append(f"The arbiter {report['arbiter']['host']} gives no vote to this view: standfast quorum")
    lines += [f"Configuration: {problem}" for problem in report["problems"]]
    fencing = report["fencing"]
    lines += [f"Fence devices: {problem}" for problem in fencing["problems"] if ": warning: " not in problem]
    if fencing["unfenced"] is False:
        lines.append(
            "This node is not let in at its fence device yet, so nothing is started here: standfast fence test"
        )
    lines += [f"Unsafe: {sentence}" for sentence in fencing["unsafe"]]
    if report["withdrawn"]:
        lines.append(f"Withdrawn: {report['withdrawn']}")
    if report["safe"] is False and not fencing["unsafe"]:
        lines.append("Unsafe: not every node has a fence device, so some losses can never be proven.")
    if report["without"]:
        lines.append(going_without(report))
    if report["maintenance"]:
        lines.append("Maintenance: nothing is done with any group, nobody is fenced: standfast maintenance off")
    return [Text(line, style="bold yellow") for line in lines]


def going_without(report: Report) -> str:
    """What an operator's start-alone waits for, or what was promised with it."""
    them = ", ".join(report["without"])
    if not report["term"]:
        return f"On an operator's word this cluster goes on without {them} once each is proven off."
    return (
        f"This cluster goes on without {them} on an operator's word: keep them off. "
        "Until more than half of all votes are here again every wish is answered with “unknown”."
    )


def _grid(header: Sequence[str] = ()) -> Table:
    """A table without lines."""
    table = Table(box=None, show_header=bool(header), show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for title in header:
        table.add_column(title, header_style="bold", overflow="fold")
    return table


def _state(word: str | None) -> Text:
    style = "green" if word in _GOOD else "bold red" if word in _BAD else "yellow" if word in _BUSY | _LIMITED else ""
    return Text(word or "unknown", style=style)


def _nodes(nodes: Iterable[Report], now: datetime) -> Table:
    table = _grid(("Node", "State", "Flags", "Links from here"))
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


def _show_groups(console: Console, groups: Sequence[Report], now: datetime) -> None:
    if not groups:
        console.print("No groups are configured: /etc/standfast/units")
    for group in groups:
        console.print(_group_line(group, now))
        if group["reason"]:
            console.print(Padding(Text(group["reason"]), _INDENT))
        if group["resources"]:
            console.print(Padding(_resources(group["resources"]), _INDENT))


def _group_line(group: Report, now: datetime) -> Text:
    line = Text.assemble((group["name"], "bold"), "  ", _state(group["phase"]))
    if group["owner"]:
        line.append(f" on {group['owner']}")
    if group["since"]:
        line.append(f" for {age(group['since'], now)}")
    if group["last_owner"]:
        line.append(f", before on {group['last_owner']}")
    if group["flags"]:
        line.append(f"  [{', '.join(group['flags'])}]", style="yellow")
    return line


def _resources(resources: Sequence[Report]) -> Table:
    table = _grid()
    longest = max(len(one["unit"]) for one in resources)
    table.add_column(overflow="fold", no_wrap=longest <= _UNIT_WIDTH)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for one in resources:
        probe = Text("") if one["probe"] == "none" else Text.assemble("probe ", _state(one["probe"]))
        table.add_row(one["unit"], _state(one["state"]), probe, one["cause"] or "")
    return table


def _show_fencing(console: Console, fencing: Report, now: datetime) -> None:
    for loss in fencing["pending"] or ():
        line = f"{loss['node']} waits for proof that it is off (loss {loss['loss']}): {loss['reason']}"
        done = f"; {loss['attempt']} failed" if loss["attempt"] else ""
        console.print()
        console.print(Text(line + done + _due(loss), style="bold yellow"))
    if fencing["devices"]:
        console.print()
        console.print(_devices(fencing["devices"], now))


def _due(loss: Report) -> str:
    """The countdown to the next attempt, and how not to wait for the first one."""
    seconds = loss["next_attempt_in_s"]
    if not seconds:
        return ""
    if loss["attempt"]:
        return f"; next attempt in {seconds} s"
    return f"; it is fenced in {seconds} s, or at once: standfast fence now {loss['node']}"


def _devices(devices: Iterable[Report], now: datetime) -> Table:
    table = _grid(("Fence device", "State", "Answered", "Answer"))
    for device in devices:
        bad = "wrong" if device["last_answer"] and device["last_answer"] == device["last_test"] else "silent"
        state = {True: Text("answers", style="green"), False: Text(bad, style="bold red"), None: Text("not asked")}
        when = ago(device["last_answer"], now) if device["last_test"] else ""
        answer = Text(device["answer"] or "")
        if not device["verified"]:
            answer.append(" (unverified)", style="yellow")
        table.add_row(device["name"], state[device["ok"]], when, answer)
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
