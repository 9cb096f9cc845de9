"""`standfast simulate group stop NAME` and the like: what the cluster would do if that was typed without `simulate`."""

import json
from collections.abc import Callable
from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.streams import print_json
from standfast.ctl.words import Noun
from standfast.operations.names import unknown
from standfast.operations.problems import run
from standfast.operations.wishes import check_node, find_resourced, groups_and_sets
from standfast.published import GROUPS, ROOT
from standfast.status_report import Report

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 60.0  # of a large cluster
NOTHING: Final = "Nothing was changed."

json_option = click.option("--json", "as_json", is_flag=True, help="For programs: steps, groups, their interruptions.")

Command = Callable[..., None]


@click.group(cls=Noun)
def group() -> None:
    """An operator wishes something for a group."""


@click.group(cls=Noun)
def node() -> None:
    """An operator takes a node out of service, or back."""


@click.group(cls=Noun)
def fence() -> None:
    """An operator has a node fenced, or vouches for it."""


@click.group(cls=Noun)
def maintenance() -> None:
    """An operator begins or ends the cluster's maintenance."""


@click.group(cls=Noun)
def config() -> None:
    """An operator keeps the configuration that waits to be confirmed, or takes it back."""


NOUNS: Final = (group, node, fence, maintenance, config)


def _to_a_node(kind: str, sentence: str) -> None:
    @group.command(name=kind, help=sentence)
    @click.argument("name", shell_complete=completing.groups)
    @click.argument("node", default="", shell_complete=completing.nodes)
    @json_option
    def command(name: str, node: str, as_json: bool) -> None:
        _show(run(_ask(kind, name, node), NOTHING), as_json)


def _for_a_group(kind: str, sentence: str) -> None:
    @group.command(name=kind, help=sentence)
    @click.argument("name", shell_complete=completing.groups)
    @json_option
    def command(name: str, as_json: bool) -> None:
        _show(run(_ask(kind, name, ""), NOTHING), as_json)


def _for_a_node(noun: click.Group, word: str, kind: str, sentence: str) -> None:
    @noun.command(name=word, help=sentence)
    @click.argument("node", shell_complete=completing.nodes)
    @json_option
    def command(node: str, as_json: bool) -> None:
        _show(run(_ask(kind, node, ""), NOTHING), as_json)


def _for_the_cluster(noun: click.Group, word: str, kind: str, sentence: str) -> None:
    @noun.command(name=word, help=sentence)
    @json_option
    def command(as_json: bool) -> None:
        _show(run(_ask(kind, "", ""), NOTHING), as_json)


_to_a_node("start", "Group NAME is started, on NODE or where its domain puts it.")
_to_a_node("relocate", "Group NAME is moved to NODE, or to the next best node.")
for _kind, _done in (
    ("stop", "stopped"),
    ("restart", "restarted where it runs"),
    ("enable", "enabled"),
    ("disable", "disabled"),
    ("freeze", "frozen"),
    ("thaw", "looked after again"),
):
    _for_a_group(_kind, f"Group NAME is {_done}.")
_for_a_node(node, "standby", "standby", "NODE is put in standby.")
_for_a_node(node, "resume", "resume", "The standby of NODE ends.")
_for_a_node(fence, "now", "fence", "NODE is fenced.")
_for_a_node(fence, "confirm", "confirm", "Somebody vouches that the lost NODE is off.")
_for_the_cluster(maintenance, "on", "maintenance", "Maintenance begins.")
_for_the_cluster(maintenance, "off", "normal", "Maintenance ends.")
_for_the_cluster(config, "confirm", "keep", "The version in force is kept.")
_for_the_cluster(config, "take-back", "take-back", "The version before comes back.")


async def _ask(kind: str, subject: str, target: str) -> Report:
    """resourced's document."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await _check_names(bus, kind, subject, target)
        (text,) = await bus.call(
            GROUPS, ROOT, INTERFACE, "SimulateWish", "sss", kind, subject, target, timeout_s=ANSWER_S
        )
    made: Report = json.loads(text)
    return made


async def _check_names(bus: Bus, kind: str, subject: str, target: str) -> None:
    if kind in group.commands:
        groups = await groups_and_sets(bus)
        if subject not in groups:
            raise unknown("group", subject, groups)
    elif subject:
        await check_node(bus, subject)
    if target:
        await check_node(bus, target)


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    from standfast.ctl.simulate_table import show  # rich takes a tenth of a second to load

    show(made)
