"""`standfast init`: a new cluster, without any daemon that runs."""

import click

from standfast.ctl.options import timeout_option
from standfast.ctl.streams import json_option, tell_done
from standfast.operations.problems import run
from standfast.operations.rights import refuse_without_root
from standfast.operations.wishes import GOES_ON

unsafe_option = click.option(
    "--unsafe", is_flag=True, help="Write Unsafe=yes: a person confirms each loss, until there are fence devices."
)


@click.command()
@click.argument("name", required=False)
@click.argument("nodes", nargs=-1, metavar="[NODE=ADDRESS[,ADDRESS2]]...")
@unsafe_option
@json_option
@timeout_option
def init(name: str | None, nodes: tuple[str, ...], unsafe: bool, as_json: bool, timeout_s: float) -> None:
    """Begin a new cluster called NAME on this machine.

    cluster.conf and the nodes' key are written to /etc/standfast, put in force as version 1, and standfast.target is
    enabled and started. Without NODE this machine is the only node: a cluster of one supervises units, needs no
    fencing, and grows with `standfast node add`. Other nodes that are named are reached over ssh, and all begin.

    Without NAME it begins with what stands in /etc/standfast, as you wrote or imported it.

    It refuses where this machine is in a cluster, or was.
    """
    from standfast.operations import new_cluster, newcomer, newcomers  # the configuration's parser is needed here only

    refuse_without_root("begin a cluster")
    place = newcomer.Place()
    new_cluster.refuse_a_second_cluster(place)
    named = [newcomers.parse(node) for node in nodes]
    if name is not None and not named:
        own, address = place.hostname.partition(".")[0], newcomer.only_address(place)
        click.echo(f"The first node is this machine: {own}, which the others will reach by {address}.", err=as_json)
        named = [newcomers.Newcomer(name=own, addresses=(address,), target="")]
    tree = new_cluster.first_version(name, named, place, unsafe=unsafe)
    names = new_cluster.make(tree, place, newcomers.over_ssh, lambda text: click.echo(text, err=True))
    from standfast.operations.node_wait import wait_until_member

    for one in names:
        run(wait_until_member(one, timeout_s), GOES_ON)
    sentence = f"The cluster of {', '.join(names)} is up: standfast status. What it runs: {place.root}/units"
    tell_done(sentence, as_json=as_json, nodes=list(names))
