"""`standfast config edit`: a file of /etc/standfast, edited in a copy and checked before it is written."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import click

from standfast.configuration.load import load_with
from standfast.configuration.machine_checks import Machine
from standfast.configuration.model import ConfigurationError, Problem
from standfast.configuration.tree import File, Tree, mode_of_new, replace_files
from standfast.ctl.simulate import name_below
from standfast.ctl.streams import json_option, tell_done
from standfast.files import make_folders, write_atomic
from standfast.operations import config_versions as versions
from standfast.operations.problems import CommandError, Exit

NEXT: Final = "standfast config push"
_NOTHING: Final = "Nothing was changed."
_CHOICES: Final = ("edit", "write", "drop")


@click.command()
@click.argument("file", default="cluster.conf")
@json_option
def edit(file: str, as_json: bool) -> None:
    """Edit FILE of /etc/standfast in $VISUAL or $EDITOR. It is written when it passes the check, or you insist.

    FILE may be a new one: cluster.conf by default, or for example units/webserv.target. Nothing is in force by that:
    `config push` does it.
    """
    tree = versions.read_folder()
    name = file if file in tree.files else name_below(Path(file))
    _refuse_name(name, tree)
    before = tree.files.get(name)
    content = _edited(name, before.content if before is not None else b"")
    if before is not None and content == before.content:
        tell_done(f"{name} was not changed.", as_json=as_json, file=name, changed=False)
        return
    _write(name, content, before)
    sentence = f"{versions.FOLDER / name} was written; to bring it into force: {NEXT}"
    tell_done(sentence, as_json=as_json, file=name, changed=True)


def _refuse_name(name: str, tree: Tree) -> None:
    problems = replace_files(tree, {name: b""}).problems
    if problems:
        raise CommandError(Exit.REFUSED, f"{problems[0]}.")


def _edited(name: str, content: bytes) -> bytes:
    """What the administrator made of it, in a folder that nobody else may look into. Raises CommandError: dropped."""
    with tempfile.TemporaryDirectory(prefix="standfast-") as folder:
        copy = Path(folder) / Path(name).name
        write_atomic(copy, content)
        while True:
            _run_editor(copy)
            made = _read(copy)
            problems = () if made == content else _problems(name, made)
            choice = _choose(problems) if problems else "write"
            if choice == "write":
                return made
            if choice == "drop":
                raise CommandError(Exit.REFUSED, _NOTHING)


def _run_editor(copy: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "editor"
    try:
        code = subprocess.run([*shlex.split(editor), str(copy)], check=False).returncode
    except (OSError, ValueError) as error:
        text = f"{editor} cannot be run ({error}): set $EDITOR, or install an editor. {_NOTHING}"
        raise CommandError(Exit.REFUSED, text) from error
    if code:
        raise CommandError(Exit.REFUSED, f"{editor} ended with exit code {code}. {_NOTHING}")


def _read(copy: Path) -> bytes:
    try:
        return copy.read_bytes()
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"The edited file cannot be read: {error.strerror}. {_NOTHING}") from error


def _problems(name: str, content: bytes) -> tuple[Problem, ...]:
    try:
        load_with(versions.FOLDER, {name: content}, system=Machine().system)
    except ConfigurationError as error:
        return error.problems
    return ()


def _choose(problems: tuple[Problem, ...]) -> str:
    for problem in problems:
        click.echo(str(problem), err=True)
    if not versions.has_terminal():
        return "drop"
    try:
        choice: str = click.prompt(
            "Edit it again, write it as it is, or drop it?", type=click.Choice(_CHOICES), default="edit", err=True
        )
    except click.Abort:
        return "drop"
    return choice


def _write(name: str, content: bytes, before: File | None) -> None:
    """The file is there whole. Raises CommandError: somebody else changed it meanwhile, or the disk refuses."""
    changed = versions.read_folder().files.get(name) != before
    path = versions.FOLDER / (f"{name}.new" if changed else name)
    mode = before.mode if before is not None else mode_of_new(name)
    try:
        make_folders(path.parent)
        write_atomic(path, content, mode)
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{path} cannot be written: {error.strerror}. {_NOTHING}") from error
    if changed:
        text = f"Somebody else changed {name} meanwhile, so it was left alone; what you wrote is in {path}."
        raise CommandError(Exit.REFUSED, text)
