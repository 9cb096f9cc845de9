"""`standfast probe`: what a unit's probes see now."""

import click

from standfast.ctl import names as completing


@click.command()
@click.argument("unit", shell_complete=completing.units)
@click.argument("name", default="", shell_complete=completing.probes)
@click.option(
    "--on", "node", metavar="NODE", shell_complete=completing.nodes, help="That node makes them, and says what it saw."
)
@click.option("--json", "as_json", is_flag=True, help="For programs; `seen` is base64.")
def probe(unit: str, name: str, node: str | None, as_json: bool) -> None:
    """Make the probes of UNIT once, here and now, as the version in force has them; NAME: that one only.

    Of one that is not good what came back is shown, byte for byte, up to 512 bytes. It counts for nothing: what the
    daemon thinks of the unit stays as it is. Exit code 1: one is bad; 6: one could not be made, and none is bad, or
    NODE does not answer.
    """
    from standfast.ctl.probing import make_and_show  # the configuration's parser is needed here only

    click.get_current_context().exit(int(make_and_show(unit, name, node, as_json=as_json)))
