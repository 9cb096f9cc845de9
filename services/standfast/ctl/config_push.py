"""`standfast config push`, `rollback`, `confirm`, `take-back`: a version comes into force on every node, or on none."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from standfast.configuration.load import check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import Tree
from standfast.configuration.values import parse_span, show_span
from standfast.ctl import config_plan
from standfast.ctl import names as completing
from standfast.ctl.config_diff import show
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import agreed, json_option, print_json, tell_done
from standfast.operations import config_nodes
from standfast.operations import config_versions as versions
from standfast.operations.config_checking import check_folder
from standfast.operations.config_versions import Known
from standfast.operations.planning import document
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.pushing import (
    CONFIRM_MS,
    LONGEST_WHY,
    NOTHING,
    OldBaseError,
    Ready,
    find_older,
    go_back,
    keep,
    prepare,
    put,
    stop,
)
from standfast.status_report import Report

Command = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The options that push and rollback share."""

    without: tuple[str, ...]
    why: str
    confirm_ms: int
    sure: bool
    as_json: bool
    timeout_s: float


def _span(_: click.Context, __: click.Parameter, text: str) -> int:
    try:
        return parse_span(text, *CONFIRM_MS) if text else 0
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _why(_: click.Context, __: click.Parameter, text: str) -> str:
    if len(text) > LONGEST_WHY or not text.isprintable():
        raise click.BadParameter(f"write one line of at most {LONGEST_WHY} characters")
    return text


def push_options(command: Command) -> Command:
    """The command takes the options of How, and gets them by their names."""
    options = (
        click.option(
            "--without",
            multiple=True,
            metavar="NODE",
            shell_complete=completing.nodes,
            help="An absent node that need not have looked at it; once for each.",
        ),
        click.option("--why", default="", metavar="TEXT", callback=_why, help="What for; `config history` shows it."),
        click.option(
            "--confirm-within",
            "confirm_ms",
            default="",
            metavar="TIME",
            callback=_span,
            help="The version before comes back unless `config confirm` is typed within TIME, such as 5min.",
        ),
        click.option("--yes", "sure", is_flag=True, help="Do not ask before it comes into force."),
        click.option("--json", "as_json", is_flag=True, help="For programs: what came of it, node by node."),
        timeout_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@push_options
def push(**options: Any) -> None:
    """Bring /etc/standfast of this node into force on every node, whole or not at all.

    It is checked here, sent to all nodes and prepared there; the plan is shown and asked about. Only then it is put in
    force. --timeout counts for each of these steps.
    """
    based_on = versions.in_force_here()  # before the files are read: who installs a version changes them first
    carry_out(versions.read_folder(), How(**options), based_on=based_on)


@click.command()
@click.argument("version", default="", shell_complete=completing.versions)
@push_options
def rollback(version: str, **options: Any) -> None:
    """Push the files of VERSION again; without it those from which the version in force was made.

    /etc/standfast follows on every node; a file that was edited there is named and left as it is.
    """
    how, based_on = How(**options), versions.in_force_here()
    older, tree = run(find_older(version), NOTHING)
    click.echo(f"Rolling back to {older.label} ({older.digest[:12]}).", err=True)
    carry_out(tree, replace(how, why=how.why or f"rollback to {older.label}"), based_on=based_on, here=False)


@click.command()
@json_option
def confirm(as_json: bool) -> None:
    """Keep the version that was pushed with --confirm-within."""
    run(keep(), "It may or may not have been asked for: standfast config history")
    tell_done("The version in force stays: standfast config history", as_json=as_json)


@click.command(name="take-back")
@json_option
def take_back(as_json: bool) -> None:
    """Have the version before back at once, instead of confirming the one that was pushed with --confirm-within."""
    run(go_back(), "It may or may not have been asked for: standfast config history")
    tell_done("The version before comes back: standfast config history", as_json=as_json)


def carry_out(tree: Tree, how: How, *, based_on: str, here: bool = True) -> None:
    """The version is in force and installed by all who are here. Raises CommandError.

    based_on: digest of the version that it was made from; nothing is undone that came into force since.
    here: it is what stands in /etc/standfast, so what only this machine can say of it counts.
    """
    if not how.sure and not versions.has_terminal():
        raise CommandError(Exit.REFUSED, f"There is no terminal to ask on: read `config plan`, add --yes. {NOTHING}")
    configuration = checked(tree) if here else _loaded(tree)
    ready = prepared(tree, configuration, based_on, how.timeout_s, how.without)
    if ready is None:
        _tell_nothing(how)
        return
    _ask(ready, how)
    _put_in_force(tree.digest, ready, how)
    late = "It is in force, and the nodes go on installing it by themselves: standfast config show"
    known, every = run(config_nodes.wait_installed(tree.digest, ready.base, how.timeout_s, late), late)
    _tell_done(known, every, ready, how)


def prepared(
    tree: Tree, configuration: Configuration, based_on: str, timeout_s: float, without: tuple[str, ...] = ()
) -> Ready | None:
    """As `prepare`; what another version changed since is shown. Raises CommandError."""
    try:
        return run(prepare(tree, configuration, based_on, timeout_s, without), NOTHING)
    except OldBaseError as error:
        show(error.since_then, err=True)
        raise


def checked(tree: Tree) -> Configuration:
    """The files of /etc/standfast, which nothing on this machine speaks against. Raises CommandError."""
    found = run(check_folder(versions.FOLDER), NOTHING)
    for problem in (*found.errors, *found.warnings):
        click.echo(str(problem), err=True)
    if found.errors:
        text = f"{versions.FOLDER} does not pass the check: {len(found.errors)} to correct, named above. {NOTHING}"
        raise CommandError(Exit.REFUSED, text)
    if found.digest != tree.digest:
        raise CommandError(Exit.REFUSED, f"{versions.FOLDER} was changed while it was read: try again. {NOTHING}")
    return check(tree, system=None)


def _loaded(tree: Tree) -> Configuration:
    try:
        return check(tree, system=None)
    except ConfigurationError as error:
        raise CommandError(
            Exit.REFUSED, f"That version does not pass the check any more: {error.problems[0]}"
        ) from error


def _ask(ready: Ready, how: How) -> None:
    """Whoever typed it has seen what would happen, and wants it. Raises CommandError."""
    if not (how.as_json and how.sure):
        with contextlib.redirect_stdout(sys.stderr if how.as_json else sys.stdout):
            config_plan.print_plan(ready.plan)
    for name in ready.leaving:
        click.echo(f"{name} is no group any more: it is stopped first.", err=True)
    if how.sure:
        return
    if not agreed(f"Bring it into force on {', '.join(ready.nodes)}?"):
        raise CommandError(Exit.REFUSED, NOTHING)


def _put_in_force(digest: str, ready: Ready, how: How) -> None:
    """The version is in force as far as the record goes. Raises CommandError; then it says what was stopped for it."""
    asked: list[str] = []
    try:
        run(stop(ready.leaving, how.timeout_s, asked), "No other version was put in force.")
        putting = put(digest, ready, without=how.without, why=how.why, confirm_ms=how.confirm_ms)
        run(putting, "It may or may not come into force, by itself: standfast config history")
    except CommandError:
        if asked:
            names = ", ".join(asked)
            click.echo(
                f"Stopped for this push, or about to be: {names}. To undo it: standfast group start NAME", err=True
            )
        raise


def _tell_nothing(how: How) -> None:
    if how.as_json:
        print_json({"changed": False})
    else:
        click.echo("Nothing to push: these files are in force.")


def _tell_done(known: Known, every: Sequence[str], ready: Ready, how: How) -> None:
    newest = known.find(known.in_force)
    if how.as_json:
        made: Report = {"changed": True, "version": newest.number or None, "digest": newest.digest}
        made |= {"confirm_within_ms": how.confirm_ms or None, "plan": document(ready.plan)}
        print_json(made | {"nodes": config_nodes.report(known, every)})
        return
    from standfast.ctl import config_table  # rich takes a tenth of a second to load

    click.echo(f"V{newest.label[1:]} is in force.")
    config_table.show_nodes(config_nodes.report(known, every))
    if how.confirm_ms:
        back = known.label(known.unconfirmed) if known.unconfirmed else "the version before"
        click.echo(f"Within {show_span(how.confirm_ms)} type `standfast config confirm`, or {back} comes back.")
