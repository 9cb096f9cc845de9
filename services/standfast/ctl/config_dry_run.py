"""`standfast config plan`: everything that a push does before anything is changed."""

import click

from standfast.ctl.config_plan import print_plan
from standfast.ctl.config_push import checked, prepared
from standfast.ctl.options import timeout_option
from standfast.operations import config_versions as versions


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: groups, and the other changes.")
@timeout_option
def plan(as_json: bool, timeout_s: float) -> None:
    """What /etc/standfast of this node would do to the cluster. Nothing is put in force.

    It is checked here, sent to all nodes and prepared there, as by `config push`. Told is what the cluster would order
    then, why, and for how long each group would not be served: the median of what its stops and starts took lately.
    """
    based_on, tree = versions.in_force_here(), versions.read_folder()
    ready = prepared(tree, checked(tree), based_on, timeout_s)
    if ready is None and not as_json:
        click.echo("Nothing to plan: these files are in force.")
        return
    print_plan(ready.plan if ready is not None else [], as_json=as_json)
