"""Changes of the configuration as the console makes them: planned, pushed, taken back, grown by a node, begun."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

from standfast.bus import Bus
from standfast.configuration.checkout import update
from standfast.configuration.load import check
from standfast.configuration.model import ConfigurationError
from standfast.configuration.tree import Tree, read_tree
from standfast.console.texts import Texts, base_of, is_fresh, tree_of, whole_of
from standfast.operations import config_nodes, config_versions, new_cluster, newcomer, newcomers, node_change, pushing
from standfast.operations.config_checking import Checked, check_tree
from standfast.operations.config_versions import Named
from standfast.operations.differences import compare, unified
from standfast.operations.node_wait import wait_until_member
from standfast.operations.planning import document
from standfast.operations.problems import CommandError, Exit
from standfast.operations.pushing import NOTHING, Ready, prepare
from standfast.operations.telling import say

STEP_S: Final = 300.0  # the nodes prepare or install it, a group stops, a node joins
_LATE: Final = "It is in force, and the nodes go on installing it by themselves."
_OLD: Final = (
    "Somebody changed these files, or brought another version into force, since they were read: read them again."
)


async def plan(given: Texts) -> tuple[Any, ...]:
    """What these files would do; nothing is put in force."""
    there = await asyncio.to_thread(read_tree, config_versions.FOLDER)
    based_on = config_versions.in_force_here()
    fresh = is_fresh(there)
    tree = whole_of(given, there)
    checked = await check_tree(tree)
    made: dict[str, Any] = {"changed": None, "digest": tree.digest, "nodes": [], "groups": [], "changes": []}
    made |= {"leaving": [], "difference": "", "problems": _problems(checked)}
    if checked.errors:
        return (json.dumps(made),)
    configuration = check(tree, system=None)
    if fresh:
        return (json.dumps(made | {"changed": True, "nodes": [node.name for node in configuration.nodes]}),)
    ready = await prepare(tree, configuration, based_on, STEP_S)
    made |= {"changed": ready is not None, "difference": await asyncio.to_thread(_difference, based_on, tree)}
    if ready is not None:
        made |= {"nodes": list(ready.nodes), "leaving": list(ready.leaving), **document(ready.plan)}
    return (json.dumps(made),)


async def push(base: str, given: Texts, without: Sequence[str], why: str, confirm_within_s: int) -> tuple[Any, ...]:
    """These files are in force, and /etc/standfast of this node is so; the number of the version."""
    confirm_ms = _confirm_ms(confirm_within_s)
    _check_why(why)
    there = await asyncio.to_thread(read_tree, config_versions.FOLDER)
    based_on = config_versions.in_force_here()
    if base != base_of(there):
        raise CommandError(Exit.REFUSED, f"{_OLD} {NOTHING}")
    if is_fresh(there):
        return (await _begin(whole_of(given, there), there),)
    tree = tree_of(given, there)
    _refuse(await check_tree(tree))
    ready = await prepare(tree, check(tree, system=None), based_on, STEP_S, tuple(without))
    if ready is None:
        await _write(there, tree)
        return (await _number(),)
    return (await _bring(tree, ready, tuple(without), why, confirm_ms, there),)


async def rollback(version: int, why: str, confirm_within_s: int) -> tuple[Any, ...]:
    """The files of an older version are in force again; the number under which they are."""
    confirm_ms = _confirm_ms(confirm_within_s)
    _check_why(why)
    based_on = config_versions.in_force_here()
    older, tree = await pushing.find_older(str(version) if version else "")
    try:
        configuration = check(tree, system=None)
    except ConfigurationError as error:
        text = f"That version does not pass the check any more: {error.problems[0]}. {NOTHING}"
        raise CommandError(Exit.REFUSED, text) from error
    ready = await prepare(tree, configuration, based_on, STEP_S)
    if ready is None:
        raise CommandError(Exit.REFUSED, f"These files are in force already. {NOTHING}")
    return (await _bring(tree, ready, (), why or f"rollback to {older.label}", confirm_ms, None),)


async def add_node(
    name: str, addresses: Sequence[str], host: str, fence: Sequence[str], unsafe: bool
) -> tuple[Any, ...]:
    """The machine is a member; the number of the version that it is in."""
    new = newcomers.parse(f"{name}={','.join(addresses)}", host)
    base = await asyncio.to_thread(node_change.base, newcomer.Place())
    tree = await asyncio.to_thread(lambda: node_change.added(base, new, fence, unsafe=unsafe))
    say(f"{new.target} is asked over ssh whether it can become a node")
    await asyncio.to_thread(newcomers.examine, [new], tree, newcomers.over_ssh, say)
    if tree != base.tree:
        ready = await prepare(tree, check(tree, system=None), base.tree.digest, STEP_S)
        if ready is not None:
            await _bring(tree, ready, (), f"node add {name}", 0, None)
    say(f"the files are sent to {new.target}, and the daemons start there")
    try:
        await asyncio.to_thread(newcomers.send, [new], tree, newcomers.over_ssh)
    except CommandError as error:
        text = (
            f"{error.message} The cluster expects it as a node that left: try again, or standfast node remove {name}."
        )
        raise CommandError(Exit.REFUSED, text) from error
    await wait_until_member(name, STEP_S)
    return (await _number(),)


async def _bring(
    tree: Tree, ready: Ready, without: tuple[str, ...], why: str, confirm_ms: int, there: Tree | None
) -> int:
    """The version is installed by all who are here; its number. `there`: what it is edited from, in /etc/standfast."""
    asked: list[str] = []
    try:
        for name in ready.leaving:
            say(f"{name} is no group any more: it is stopped first")
        await pushing.stop(ready.leaving, STEP_S, asked)
        await pushing.put(tree.digest, ready, without=without, why=why, confirm_ms=confirm_ms)
    except CommandError as error:
        if not asked:
            raise
        told = f"Stopped for this, or about to be: {', '.join(asked)}; starting them again undoes it."
        raise CommandError(Exit(error.exit_code), error.message, (*error.told, told)) from error
    if there is not None:
        await _write(there, tree)
    known, _ = await config_nodes.wait_installed(tree.digest, ready.base, STEP_S, _LATE)
    return known.find(known.in_force).number


async def _write(there: Tree, tree: Tree) -> None:
    """/etc/standfast is so, where nobody changed it since it was read."""
    if left := await asyncio.to_thread(update, config_versions.FOLDER, there, tree):
        say(f"edited in {config_versions.FOLDER} meanwhile, and left as it is: {', '.join(left)}")


async def _begin(tree: Tree, there: Tree) -> int:
    """A new cluster of the nodes of these files runs; its first version."""
    place = newcomer.Place()
    _refuse(await check_tree(tree))
    say("each machine is asked over ssh whether it can become a node; then the files are sent, and the daemons start")
    names = await asyncio.to_thread(new_cluster.make, tree, place, newcomers.over_ssh, say)
    await asyncio.to_thread(update, place.root, there, tree)
    for name in names:
        await wait_until_member(name, STEP_S)
    return 1


def _refuse(checked: Checked) -> None:
    if checked.errors:
        told = tuple(f"{error}." for error in checked.errors[:3])
        raise CommandError(Exit.REFUSED, f"{len(checked.errors)} to correct. {NOTHING}", told)


def _problems(checked: Checked) -> list[dict[str, Any]]:
    return [
        {"file": one.source.path, "line": one.source.line or None, "text": one.text, "warning": one.warning}
        for one in (*checked.errors, *checked.warnings)
    ]


def _difference(digest: str, tree: Tree) -> str:
    old = config_versions.on_disk(digest)
    return "" if old is None else unified(compare(Named(label="in force", tree=old), Named(label="new", tree=tree)))


async def _number() -> int:
    """Of the version in force."""
    async with await Bus.connect() as bus:
        known = await config_versions.read_known(bus)
    return known.find(known.in_force).number


def _confirm_ms(seconds: int) -> int:
    least, most = (bound // 1000 for bound in pushing.CONFIRM_MS)
    if seconds and not least <= seconds <= most:
        raise CommandError(Exit.USAGE, f"Confirm within {least} to {most} seconds, or 0: the version stays.")
    return seconds * 1000


def _check_why(why: str) -> None:
    if len(why) > pushing.LONGEST_WHY or not why.isprintable():
        text = f"What it is for is one line of at most {pushing.LONGEST_WHY} characters. {NOTHING}"
        raise CommandError(Exit.USAGE, text)
