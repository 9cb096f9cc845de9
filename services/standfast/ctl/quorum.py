"""`standfast quorum`: who may act and by which votes, the arbiter, and going on alone."""

import os
from pathlib import Path
from typing import Final

import click

ROOT_FOLDER: Final = Path("/etc/standfast")


@click.group()
def quorum() -> None:
    """Votes, arbiter and health, as this node has them."""


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
    others = arbiter_add.add(host, ROOT_FOLDER, hostname, arbiter_add.run_over_ssh, click.echo)
    click.echo(f"{hostname}: Arbiter={host} is in {ROOT_FOLDER / arbiter_add.FILE}")
    if others:
        click.echo(f"Now copy that file to {', '.join(others)}.")
    click.echo(f"Then, on every node: systemctl reload {arbiter_add.DAEMONS}")
