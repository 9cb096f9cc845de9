"""`standfast config`: the configuration of the whole cluster, version by version."""

import click

from standfast.bus import Bus
from standfast.ctl.cluster import ROOT
from standfast.ctl.config_diff import diff
from standfast.ctl.config_edit import edit
from standfast.ctl.config_history import history, show
from standfast.ctl.config_push import push, rollback
from standfast.ctl.config_versions import RECORD
from standfast.ctl.problems import run
from standfast.ctl.wishes import ask, find_resourced


@click.group()
def config() -> None:
    """Change the configuration of the whole cluster: edit /etc/standfast on one node, then push it."""


@config.command()
def confirm() -> None:
    """Keep the version that was pushed with --confirm-within."""
    run(_keep(), "It may or may not have been asked for: standfast config history")
    click.echo("The version in force stays: standfast config history")


async def _keep() -> None:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, RECORD, "KeepConfiguration")


for command in (diff, push, show, history, rollback, edit):
    config.add_command(command)
