"""`standfast node add` and `standfast node remove`: the cluster grows or shrinks by one, over ssh and by a push."""

import contextlib
import shlex
import sys
from typing import TYPE_CHECKING, Final

import click

from standfast.ctl import names as completing
from standfast.ctl.init import unsafe_option
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import json_option, tell_done
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.rights import refuse_without_root
from standfast.operations.wishes import GOES_ON

if TYPE_CHECKING:  # loaded when it runs: every other command would wait for it
    from standfast.configuration.tree import Tree
    from standfast.operations.newcomers import Newcomer

_OUT: Final = ("left", "fenced")
_UNPROVEN: Final = ("lost", "fencing")
_LEAVE: Final = "systemctl disable --quiet --now standfast.target"

ssh_option = click.option(
    "--ssh", "target", default="", metavar="[USER@]HOST", help="What ssh takes; else the first address."
)


def _tell(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@click.argument("node", metavar="NAME=ADDRESS[,ADDRESS2...]")
@click.option("--fence", multiple=True, metavar="DEVICE[:PLUG]...", help="A level of fencing, once for each.")
@unsafe_option
@ssh_option
@json_option
@timeout_option
@click.option("--offer", is_flag=True, hidden=True)
@click.option("--from-join", is_flag=True, hidden=True)
def add(
    node: str,
    fence: tuple[str, ...],
    unsafe: bool,
    target: str,
    as_json: bool,
    timeout_s: float,
    offer: bool,
    from_join: bool,
) -> None:
    """Take the machine NAME, which has an ADDRESS for each link, into the cluster.

    It is reached with your own ssh and looked at first: the package must be installed there, and nothing of another
    cluster. Then a [Node] is written at the end of cluster.conf and pushed, the files are sent there,
    standfast.target is enabled and started, and the command waits until the node is a member. After a failure it may
    be typed again.
    """
    from standfast.configuration.bundle import pack
    from standfast.operations import newcomer, newcomers, node_change  # the configuration's parser is needed here only

    refuse_without_root("add a node")
    new = newcomers.parse(node, target)
    base = node_change.base(newcomer.Place())
    tree = node_change.added(base, new, fence, unsafe=unsafe)
    if offer:
        sys.stdout.buffer.write(pack(tree))
        return
    if not from_join:
        newcomers.examine([new], tree, newcomers.over_ssh, _tell)
    if tree != base.tree:
        _push(tree, base.tree.digest, f"node add {new.name}", timeout_s)
    if from_join:
        sys.stdout.buffer.write(pack(tree))
        return
    _send(new, tree, timeout_s)
    tell_done(f"{new.name} is a member of the cluster", as_json=as_json, node=new.name)


def _send(new: "Newcomer", tree: "Tree", timeout_s: float) -> None:
    from standfast.operations import newcomers
    from standfast.operations.node_wait import wait_until_member

    try:
        newcomers.send([new], tree, newcomers.over_ssh)
    except CommandError as error:
        text = f"{error.message} The cluster expects it as a node that left: type this again, or standfast node remove"
        raise CommandError(Exit.REFUSED, f"{text} {new.name}.") from error
    run(wait_until_member(new.name, timeout_s), GOES_ON)


@click.command()
@click.argument("name", shell_complete=completing.nodes)
@click.option(
    "--without",
    multiple=True,
    metavar="NODE",
    shell_complete=completing.nodes,
    help="Another absent node, which will not get the new key and be shut out; once for each.",
)
@ssh_option
@json_option
@timeout_option
def remove(name: str, target: str, without: tuple[str, ...], as_json: bool, timeout_s: float) -> None:
    """Take node NAME out of the cluster for good.

    If it is here it is stopped over ssh: its groups move away first. One that is lost must be proven off before
    (`fence now`, `fence confirm`). Then cluster.conf without it is pushed, with a new key for the others, so that what
    it has kept lets it in nowhere.

    Another node that is absent would not get that key and be shut out: wait for it, or name it with --without. Such a
    one comes back with `node add`, once its /etc/standfast and /var/lib/standfast are empty.
    """
    from standfast.operations import newcomer, node_change
    from standfast.operations.node_wait import wait_until

    refuse_without_root("remove a node")
    base = node_change.base(newcomer.Place())
    tree = node_change.removed(base, name)
    gone = base.node(name)
    assert gone is not None
    states = run(_states(), GOES_ON)
    state = states.get(name, "left")
    away = [one for one, its in states.items() if its != "online" and one not in (name, *without)]
    if away:
        text = f"{' and '.join(away)} would not get the new key and be shut out: wait until it is online, or --without"
        raise CommandError(Exit.REFUSED, f"{text} {away[0]}.")
    if state in _UNPROVEN:
        text = f"{name} is {state}, and nothing proves yet that it is off: standfast fence now {name}"
        raise CommandError(Exit.REFUSED, text)
    if state not in _OUT:
        _stop(name, target or gone.addresses[0], timeout_s)
        run(wait_until(name, _OUT, timeout_s), GOES_ON)
    _push(tree, base.tree.digest, f"node remove {name}", timeout_s, without)
    unused = node_change.newly_unused(base, tree)
    sentence = f"{name} is no node any more. To take what it has kept from its disk: apt purge standfast, there"
    tell_done(sentence, as_json=as_json, node=name, unused_devices=list(unused))
    if unused and not as_json:
        click.echo(f"No node uses these fence devices now, cluster.conf still has them: {', '.join(unused)}")


async def _states() -> dict[str, str]:
    from standfast.bus import Bus
    from standfast.operations.node_wait import states_of
    from standfast.operations.wishes import find_resourced

    async with await Bus.connect() as bus:
        await find_resourced(bus)
        return await states_of(bus)


def _stop(name: str, target: str, timeout_s: float) -> None:
    from standfast.operations import ssh

    _tell(f"{name}: {_LEAVE} (its groups move away first)")
    done = ssh.run(target, _LEAVE, within_s=timeout_s)
    if done.exit_code:
        why = f"ssh {shlex.quote(target)}: {done.said or f'exit code {done.exit_code}'}"
        text = f"{name} could not be stopped ({why}): type `{_LEAVE}` there, or standfast fence now {name}"
        raise CommandError(Exit.REFUSED, text)


def _push(tree: "Tree", based_on: str, why: str, timeout_s: float, without: tuple[str, ...] = ()) -> None:
    """The version is in force, and every node that is here works with it. Raises CommandError."""
    from standfast.ctl.config_push import How, carry_out

    how = How(without=without, why=why, confirm_ms=0, sure=True, as_json=False, timeout_s=timeout_s)
    with contextlib.redirect_stdout(sys.stderr):  # what this command says itself is on stdout, and may be the files
        carry_out(tree, how, based_on=based_on, here=False)
