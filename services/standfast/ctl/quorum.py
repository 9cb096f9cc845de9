"""`standfast quorum`: who may act and by which votes, the arbiter, and going on alone."""

import os
from functools import partial
from pathlib import Path
from typing import Final

import click

from standfast import published
from standfast.bus import Bus
from standfast.ctl import quorum_report
from standfast.ctl.start_alone import start_alone
from standfast.ctl.streams import json_option, print_json, tell_done
from standfast.ctl.words import Noun
from standfast.operations.problems import CommandError, Exit, not_running, run
from standfast.operations.rights import refuse_without_root
from standfast.published import QUORUM
from standfast.status_report import Report

FOLDER: Final = Path("/etc/standfast")


@click.group(cls=Noun, invoke_without_command=True)
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
        print_json(made)
        return
    from standfast.ctl import quorum_table  # rich takes a tenth of a second to load

    quorum_table.show(made)


async def _read() -> Report:
    async with await Bus.connect() as bus:
        snapshot = await published.read(bus)
    if all(daemon.why_away == "does not run" for daemon in snapshot.values()):
        raise not_running()
    if why := snapshot[QUORUM].why_away:
        text = f"standfast-quorumd {why} here: systemctl status standfast-quorumd.service"
        raise CommandError(Exit.NOT_RUNNING, text)
    return quorum_report.make(snapshot)


quorum.add_command(start_alone)


@quorum.group()
def arbiter() -> None:
    """The machine outside of the cluster whose vote breaks a tie (corosync-qnetd)."""


@arbiter.command()
@click.argument("host")
@json_option
def add(host: str, as_json: bool) -> None:
    """Let HOST, where corosync-qnetd is installed, break ties.

    Certificates are made there and on every node, over ssh as root; each step is shown, and all may be typed again
    after a failure. Only then Arbiter=HOST is written into /etc/standfast/cluster.conf of this node.
    """
    from standfast.ctl import arbiter_add  # the configuration's parser is needed here only

    refuse_without_root("make the certificates")
    hostname = os.uname().nodename
    tell = partial(click.echo, err=as_json)
    others = arbiter_add.add(host, FOLDER, hostname, arbiter_add.run_over_ssh, tell)
    sentence = f"{hostname}: Arbiter={host} is in {FOLDER / arbiter_add.FILE}"
    if as_json:
        tell_done(sentence, as_json=True, arbiter=host, copy_to=list(others), then=arbiter_add.DAEMONS)
        return
    click.echo(sentence)
    if others:
        click.echo(f"Now copy that file to {', '.join(others)}.")
    click.echo(f"Then, on every node: systemctl reload {arbiter_add.DAEMONS}")
