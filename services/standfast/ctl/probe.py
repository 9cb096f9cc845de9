"""`standfast probe`: what a unit's probes see now, on this node."""

import click


@click.command()
@click.argument("unit")
@click.argument("name", default="")
@click.option("--json", "as_json", is_flag=True, help="For programs; `seen` is base64.")
def probe(unit: str, name: str, as_json: bool) -> None:
    """Make the probes of UNIT once, here and now, as the version in force has them; NAME: that one only.

    Of one that is not good what came back is shown, byte for byte, up to 512 bytes. It counts for nothing: what the
    daemon thinks of the unit stays as it is. Exit code 1: one is bad; 6: one could not be made, and none is bad.
    """
    from standfast.ctl.probing import make_and_show  # the configuration's parser is needed here only

    click.get_current_context().exit(int(make_and_show(unit, name, as_json=as_json)))
