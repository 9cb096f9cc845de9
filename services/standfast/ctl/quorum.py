"""`standfast quorum`: who may act and by which votes, the arbiter, and going on alone."""

import json
import os
from pathlib import Path
from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl import cluster, quorum_report
from standfast.ctl.cluster import GROUPS, QUORUM, ROOT
from standfast.ctl.problems import CommandError, Exit, not_running, run
from standfast.ctl.report import Report
from standfast.ctl.wishes import GOES_ON, ask, find_resourced, names, timeout_option, wait

FOLDER: Final = Path("/etc/standfast")
INTERFACE: Final = "org.standfast.Groups1"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: what is not known is null.")
@click.pass_context
def quorum(context: click.Context, as_json: bool) -> None:
    """Votes, arbiter, health and the watchdog's times, as this node has them."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for `standfast quorum` alone")
        return
    made = run(_read(), "Nothing was changed.")
    if as_json:
        click.echo(json.dumps(made, indent=1, ensure_ascii=False))
        return
    from standfast.ctl import quorum_table  # rich takes a tenth of a second to load

    quorum_table.show(made)


async def _read() -> Report:
    async with await Bus.connect() as bus:
        snapshot = await cluster.read(bus)
    if all(daemon.why_away == "does not run" for daemon in snapshot.values()):
        raise not_running()
    if why := snapshot[QUORUM].why_away:
        text = f"standfast-quorumd {why} here: systemctl status standfast-quorumd.service"
        raise CommandError(Exit.NOT_RUNNING, text)
    return quorum_report.make(snapshot)


@quorum.command()
@click.argument("absent", metavar="NODE...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="You promise what is asked, without being asked.")
@timeout_option
def start_alone(absent: tuple[str, ...], yes: bool, timeout_s: float) -> None:
    """Go on without every absent NODE, when too few are left for a quorum after a cold start.

    Each NODE is proven off first: by its fence devices, or by `fence confirm`.
    """
    nodes = run(_check(absent), "Nothing was asked for.")
    if not yes and not click.confirm(promise(absent, nodes), err=True):
        raise CommandError(Exit.REFUSED, "Nothing was asked for.")
    run(_start_alone(absent, timeout_s), GOES_ON)
    click.echo(f"This cluster goes on without {_list(absent)}: standfast status")


def promise(absent: tuple[str, ...], nodes: int) -> str:
    """What the operator answers for (DESIGN section 5); `nodes` are configured."""
    them, they_stay = ("it", "it stays") if len(set(absent)) == 1 else ("them", "they stay")
    until = "until this cluster goes on without " + them
    if nodes > 2:
        until = "until more than half of all votes are together again here"
    text = (
        f"Without {_list(absent)} this cluster goes on as soon as each is proven off, with the record on this\n"
        f"node's disk: what only {them} knew is lost."
    )
    if nodes > 2:
        text += " Until more than half of all votes are here again every wish is answered with “unknown”."
    return f"{text}\nDo you promise that {they_stay} off, and nobody switches anything of that on, {until}?"


async def _check(absent: tuple[str, ...]) -> int:
    """How many nodes there are. Raises CommandError for a name that cannot be absent."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await names(bus, "org.standfast.Member1")
        here = await bus.get(GROUPS, ROOT, INTERFACE, "Node")
    for name in absent:
        if name not in known:
            text = f"There is no node {name}. Nodes: {', '.join(known) or 'none is known here'}."
            raise CommandError(Exit.REFUSED, text)
        if name == here:
            raise CommandError(Exit.REFUSED, f"{name} is this node: name those that are absent.")
    return len(known)


async def _start_alone(absent: tuple[str, ...], timeout_s: float) -> None:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, INTERFACE, "StartAlone", "as", sorted(set(absent)))

        async def look() -> str:
            now = await bus.get_all(GROUPS, ROOT, INTERFACE)
            return "" if now["Term"] and not _pending(now, absent) else _waiting(now, absent)

        await wait(bus, look, timeout_s)


def _pending(now: dict[str, Any], absent: tuple[str, ...]) -> list[str]:
    """A sentence for each of the nodes that is not proven off yet."""
    return [
        f"{node} waits for proof that it is off: {reason}" + (f"; {attempt} failed" if attempt else "")
        for _, node, attempt, _, reason in now["Losses"]
        if node in absent
    ]


def _waiting(now: dict[str, Any], absent: tuple[str, ...]) -> str:
    return "; ".join(_pending(now, absent)) or "no term is open yet"


def _list(nodes: tuple[str, ...]) -> str:
    return ", ".join(sorted(set(nodes)))


@quorum.group()
def arbiter() -> None:
    """The machine outside of the cluster whose vote breaks a tie (corosync-qnetd)."""


@arbiter.command()
@click.argument("host")
def add(host: str) -> None:
    """Let HOST, where corosync-qnetd is installed, break ties.

    Certificates are made there and on every node, over ssh as root; each step is shown, and all may be typed again
    after a failure. Only then Arbiter=HOST is written into /etc/standfast/cluster.conf of this node.
    """
    from standfast.ctl import arbiter_add  # the configuration's parser is needed here only

    arbiter_add.refuse_without_root()
    hostname = os.uname().nodename
    others = arbiter_add.add(host, FOLDER, hostname, arbiter_add.run_over_ssh, click.echo)
    click.echo(f"{hostname}: Arbiter={host} is in {FOLDER / arbiter_add.FILE}")
    if others:
        click.echo(f"Now copy that file to {', '.join(others)}.")
    click.echo(f"Then, on every node: systemctl reload {arbiter_add.DAEMONS}")
