"""`standfast join HOST`: this machine becomes a node of the cluster that HOST belongs to."""

import shlex
import sys
from typing import TYPE_CHECKING, Final

import click

from standfast.ctl.options import timeout_option
from standfast.ctl.streams import json_option, tell_done
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.rights import refuse_without_root
from standfast.operations.wishes import GOES_ON

if TYPE_CHECKING:  # loaded when it runs: every other command would wait for it
    from standfast.configuration.tree import Tree
    from standfast.operations.newcomer import Place

_PUSH_S: Final = 600.0  # the nodes of the cluster are asked, and their groups may have to be looked at


@click.command()
@click.argument("host", required=False)
@click.option("--name", help="What this node is called; its host name without this.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="An address of this machine, once for each link; else the one to HOST.",
)
@click.option("--fence", multiple=True, metavar="DEVICE[:PLUG]...", help="A level of fencing, once for each.")
@json_option
@timeout_option
@click.option("--examine", is_flag=True, hidden=True)
@click.option("--receive", is_flag=True, hidden=True)
@click.option("--first", is_flag=True, hidden=True)
def join(
    host: str | None,
    name: str | None,
    addresses: tuple[str, ...],
    fence: tuple[str, ...],
    as_json: bool,
    timeout_s: float,
    examine: bool,
    receive: bool,
    first: bool,
) -> None:
    """Make this machine a node of the cluster that HOST is a node of.

    HOST is what your own ssh takes; there `standfast node add` is typed for you, with this machine's name and address.
    It wants the package installed here, and nothing of another cluster. The files come over ssh, then
    standfast.target is enabled and started, and the command waits until this node is a member.
    """
    from standfast.operations import newcomer  # the configuration's parser is needed here only

    refuse_without_root("make this machine a node")
    place = newcomer.Place()
    if examine or receive:
        tree = _read_tree(sys.stdin.buffer.read())
        if examine:
            sys.stdout.buffer.write(newcomer.examine(tree, place))
        else:
            _receive(tree, place, first=first)
        return
    if not host:
        raise click.UsageError("name a HOST that is a node of the cluster")
    own = name or place.hostname.partition(".")[0]
    if not addresses:
        addresses = (newcomer.reached_by(host.rpartition("@")[2], place),)
        text = f"{own} joins with the address {addresses[0]}; --address says another one, or one for each link"
        click.echo(text, err=as_json)
    _join(host, f"{own}={','.join(addresses)}", fence, place)
    from standfast.operations.node_wait import wait_until_member

    run(wait_until_member(own, timeout_s), GOES_ON)
    tell_done(f"{own} is a member of the cluster", as_json=as_json, node=own)


def _join(host: str, spec: str, fence: tuple[str, ...], place: "Place") -> None:
    words = ["standfast", "node", "add", spec, *(f"--fence={level}" for level in fence)]
    offered = _read_tree(_ask(host, [*words, "--offer"]))
    _refuse(offered, place)
    _receive(_read_tree(_ask(host, [*words, "--from-join"])), place, first=False)


def _ask(host: str, words: list[str]) -> bytes:
    from standfast.operations import ssh

    done = ssh.run(host, shlex.join(words), within_s=_PUSH_S, told=True)
    if done.exit_code == ssh.FAILED:
        raise CommandError(Exit.REFUSED, f"ssh {shlex.quote(host)} failed: whoever types this must get in there.")
    if done.exit_code == ssh.NOT_FOUND:
        raise CommandError(Exit.REFUSED, f"{host} has no Standfast: name a node of the cluster.")
    if done.exit_code:
        raise CommandError(Exit.REFUSED, f"{host} does not take this machine in, as it says above.")
    return done.output


def _read_tree(data: bytes) -> "Tree":
    from standfast.configuration.bundle import unpack
    from standfast.configuration.model import ConfigurationError

    try:
        return unpack(data)
    except ConfigurationError as error:
        raise CommandError(Exit.REFUSED, f"{error}.") from error


def _refuse(tree: "Tree", place: "Place") -> None:
    from standfast.operations.newcomer import objections

    told = objections(tree, place)
    for objection in told[:-1]:
        click.echo(objection, err=True)
    if told:
        raise CommandError(Exit.REFUSED, f"This machine cannot become a node: {told[-1]}.")


def _receive(tree: "Tree", place: "Place", *, first: bool) -> None:
    from standfast.operations import newcomer

    _refuse(tree, place)
    newcomer.take(tree, place, first=first)
    place.start()
