"""`standfast config`: the configuration of the whole cluster, version by version."""

import click

from standfast.ctl.words import Noun


class _Config(Noun):
    """Its commands are loaded when one of them is wanted: every other command would wait for what they need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get(cmd_name)


@click.group(cls=_Config)
def config() -> None:
    """Change the configuration of the whole cluster: edit /etc/standfast on one node, then push it."""


def _commands() -> dict[str, click.Command]:
    from standfast.ctl.config_check import check
    from standfast.ctl.config_diff import diff
    from standfast.ctl.config_dry_run import plan
    from standfast.ctl.config_edit import edit
    from standfast.ctl.config_history import history, show
    from standfast.ctl.config_push import confirm, push, rollback, take_back

    return {str(one.name): one for one in (check, diff, plan, push, confirm, take_back, show, history, rollback, edit)}
