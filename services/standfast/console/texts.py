"""The files of this node's /etc/standfast as texts that somebody edits; nothing is written here."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from standfast.configuration.editing import EditError
from standfast.configuration.edits import edited
from standfast.configuration.forms import forms
from standfast.configuration.forms import keys as all_keys
from standfast.configuration.keys import Scope
from standfast.configuration.node_section import FILE, first_text
from standfast.configuration.redaction import Redaction
from standfast.configuration.secrets import secret_names
from standfast.configuration.tree import File, Tree, mode_of_new, read_tree, replace_files
from standfast.console.meanings import meanings
from standfast.operations import config_versions as versions
from standfast.operations import new_cluster, newcomer
from standfast.operations.config_checking import Checked, check_tree
from standfast.operations.problems import CommandError, Exit

HIDDEN: Final = "(not shown: given back, the file stays as it is)"
_READABLE: Final = 0o004  # by everybody

Texts = Mapping[str, str]


async def show() -> tuple[Any, ...]:
    """FRESH, and the files as everybody may see them."""
    tree = await asyncio.to_thread(_read)
    return is_fresh(tree), texts_of(for_everybody(tree, Redaction()))


async def files() -> tuple[Any, ...]:
    """BASE, FRESH, and the files for who may change them."""
    tree = await asyncio.to_thread(_read)
    fresh = is_fresh(tree)
    return base_of(tree), fresh, await asyncio.to_thread(_draft) if fresh and not tree.files else texts_of(tree)


async def read(given: Texts) -> tuple[Any, ...]:
    return (json.dumps(await asyncio.to_thread(forms, _shown(given))),)


async def edit(given: Texts, edits: Sequence[Mapping[str, str]]) -> tuple[Any, ...]:
    try:
        return (await asyncio.to_thread(edited, given, edits, HIDDEN),)
    except EditError as error:
        raise CommandError(Exit.REFUSED, str(error)) from error


async def keys() -> tuple[Any, ...]:
    told = await asyncio.to_thread(meanings)
    return (json.dumps([{**key, "meaning": told[Scope[key["scope"].upper()], key["key"]]} for key in all_keys()]),)


async def check(given: Texts) -> tuple[Any, ...]:
    there = await asyncio.to_thread(_read)
    return (problem_rows(await check_tree(whole_of(given, there))),)


def problem_rows(checked: Checked) -> list[tuple[str, int, str, bool]]:
    """As Check answers: file, line, sentence, whether it is a warning."""
    return [(one.source.path, one.source.line, one.text, one.warning) for one in (*checked.errors, *checked.warnings)]


def _read() -> Tree:
    return read_tree(versions.FOLDER)


def is_fresh(tree: Tree) -> bool:
    """This machine is in no cluster, and was in none. What stands in /etc/standfast may be there already."""
    place = newcomer.Place()
    return not versions.in_force_here() and not place.record.exists()


def base_of(tree: Tree) -> str:
    """Another one whenever the files or the version in force are others."""
    return f"{tree.digest}.{versions.in_force_here()}"


def texts_of(tree: Tree) -> dict[str, str]:
    """The content of every file; HIDDEN of what is secret, or no text."""
    secret = secret_names(tree)
    return {name: HIDDEN if name in secret else _text(file) for name, file in tree.files.items()}


def _text(file: File) -> str:
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        return HIDDEN
    return HIDDEN if "\0" in text else text


def for_everybody(tree: Tree, redaction: Redaction) -> Tree:
    """The files without what not everybody on this machine may read, and without values that are called like secrets.

    /etc/standfast itself, and the versions, are read with root's rights: their files' modes say what others may. One
    redaction for two trees: what is the same secret in both is called the same.
    """
    open_folder = versions.FOLDER.stat().st_mode & _READABLE if versions.FOLDER.is_dir() else 0
    found = {
        name: file if open_folder and file.mode & _READABLE else replace(file, content=HIDDEN.encode())
        for name, file in tree.files.items()
    }
    shown = redaction.tree(replace(tree, files=found))
    secret = secret_names(tree)
    hidden = {name for name, file in found.items() if file.content == HIDDEN.encode()} | secret
    return replace(
        shown,
        files={
            name: replace(file, content=HIDDEN.encode()) if name in hidden else file
            for name, file in shown.files.items()
        },
    )


def tree_of(given: Texts, there: Tree) -> Tree:
    """The files that somebody has edited, as they would stand in /etc/standfast. Raises CommandError."""
    kept = [name for name, text in given.items() if text == HIDDEN]
    if unknown := [name for name in kept if name not in there.files]:
        raise CommandError(Exit.REFUSED, f"{unknown[0]} is not in {versions.FOLDER} any more: read the files again.")
    contents = {name: there.files[name].content if name in kept else text for name, text in given.items()}
    made = replace_files(Tree(files={}, problems=()), contents)
    modes = {name: file.mode for name, file in there.files.items()}
    placed = {name: replace(file, mode=modes.get(name, mode_of_new(name))) for name, file in made.files.items()}
    return replace(made, files=placed)


def whole_of(given: Texts, there: Tree) -> Tree:
    """The same with what a push adds: on a machine that is in no cluster a key for Corosync, if there is none."""
    tree = tree_of(given, there)
    if not is_fresh(there) or newcomer.KEY in tree.files:
        return tree
    files = {**tree.files, newcomer.KEY: new_cluster.new_key()}
    return Tree(files={name: files[name] for name in sorted(files)}, problems=tree.problems)


def _shown(given: Texts) -> dict[str, str]:
    return {name: text for name, text in given.items() if text != HIDDEN}


def _draft() -> dict[str, str]:
    """A cluster of this machine alone, to be gone on with."""
    place = newcomer.Place()
    name = place.hostname.partition(".")[0]
    try:
        addresses = [newcomer.only_address(place)]
    except CommandError:
        addresses = []
    return {FILE: first_text("cluster", [(name, addresses)], unsafe=False)}
