"""`standfast config`: the configuration of the cluster."""

import click

from standfast.ctl.config_check import check


@click.group()
def config() -> None:
    """The configuration of the cluster: what is written in /etc/standfast."""


config.add_command(check)
