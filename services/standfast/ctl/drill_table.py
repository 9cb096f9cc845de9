"""Fire drills as people read them, within 80 columns."""

from collections.abc import Iterable, Sequence
from typing import IO, Any, Final

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import local_time, plain_console, plain_table
from standfast.ctl.simulate_table import outcome
from standfast.status_report import Report

_STEPS: Final = {"detected": "noticed", "fenced": "proven off", "started": "running"}


def show_foreseen(foreseen: Report, file: IO[str] | None = None, width: int | None = None) -> None:
    """What would happen: the fault, what the plan makes of it, and how long that may take."""
    console = plain_console(file, width)
    console.print(Text(f"Fire drill: {foreseen['fault']}", style="bold"))
    told = [line for group in foreseen["groups"] if (line := outcome(group))]
    for line in told or ["No group would change."]:
        console.print(Text(f"  {line}"))
    for one in foreseen["expected"]:
        console.print(Text(f"  {one['group']}: {_expected(one)}"))


def _expected(one: Report) -> str:
    parts = [f"{_STEPS[step]} {_s(ms) if ms is not None else 'not measured yet'}" for step, ms in one["steps"].items()]
    total = f"served again after about {_s(one['total_ms'])}: " if one["total_ms"] is not None else ""
    return total + ", ".join(parts)


def show_report(report: Report, file: IO[str] | None = None, width: int | None = None) -> None:
    """One drill with the steps of each of its groups."""
    console = plain_console(file, width)
    word = Text("passed", style="green") if report["passed"] else Text("failed", style="bold red")
    head = f"Fire drill {report['kind']} on {report['node']}"
    when = f", {local_time(report['began'])}" if report.get("began") else ""
    console.print(Text.assemble((f"{head}{when}: ", "bold"), word))
    if report["failed"]:
        console.print(Text(f"  {report['failed']}"))
    for one in report["groups"]:
        console.print()
        console.print(Text(_result(one)))
        if one["steps"]:
            console.print(_steps(one))
    if report.get("node_back_ms"):
        console.print()
        console.print(Text(f"{report['node']} was back after {_s(report['node_back_ms'])}"))


def _result(one: Report) -> str:
    if not one["recovered_ms"]:
        return f"{one['group']} did not run again in time"
    where = f" on {one['owner']}" if one.get("owner") else ""
    wanted = f" (expected: {_s(one['expected_ms'])})" if one.get("expected_ms") else ""
    return f"{one['group']} ran again{where} after {_s(one['recovered_ms'])}{wanted}"


def _steps(one: Report) -> Table:
    table = plain_table("Step", "At", "Took", "Expected", "What")
    served = one["steps"][-1]["step"]  # what was measured before went until then
    for step in one["steps"]:
        expected = one["expected"].get({"started": "", served: "started"}.get(step["step"], step["step"]))
        table.add_row(
            step["step"],
            _s(step["since_fault_ms"]),
            _s(step["ms"]),
            _s(expected) if expected is not None else "",
            Text(step["text"]),
        )
    return table


def show_history(reports: Sequence[Report], file: IO[str] | None = None, width: int | None = None) -> None:
    """A line for each drill."""
    table = plain_table("Began", "Drill", "Node", "Result", "Groups")
    for report in reports:
        word = Text("passed", style="green") if report["passed"] else Text("failed", style="bold red")
        told = "; ".join(filter(None, (_groups(report["groups"]), report["failed"])))
        table.add_row(local_time(report["began"]), report["kind"], report["node"], word, Text(told))
    plain_console(file, width).print(table)


def _groups(groups: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{one['group']} {_s(one['recovered_ms']) if one['recovered_ms'] else 'not'}" for one in groups)


def _s(ms: int) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 1000 or not ms else f"{ms} ms"
