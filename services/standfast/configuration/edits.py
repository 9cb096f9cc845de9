"""Edits of a set of files, as forms make them (Edit of org.standfast.Console1). Pure.

An edit is a dictionary of texts, because whoever sends it may be a script: `do`, `file`, and what `do` needs.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from standfast.configuration.editing import EditError, Text
from standfast.configuration.tree import name_refusal

MOST: Final = 1000
LARGEST: Final = 5_000_000  # characters of the texts that are gone through, one for each edit: seconds
_NEEDS: Final = {  # by what is done: what has to be given, and what may be
    "set": (("section", "key", "value"), ("name",)),
    "unset": (("section", "key"), ("name",)),
    "add": (("section",), ("name", "after")),
    "drop": (("section",), ("name",)),
    "move": (("section", "name"), ("before",)),
    "write": (("text",), ()),
    "remove": ((), ()),
}


def edited(files: Mapping[str, str], edits: Iterable[Mapping[str, str]], hidden: str) -> dict[str, str]:
    """The files with these edits, one after the other. A file of which nothing is left is gone.

    hidden: the text of files that are not shown; they can be written whole or removed, no more. Raises EditError.
    """
    found = dict(files)
    through = 0
    for number, edit in enumerate(edits, 1):
        through += len(found.get(edit.get("file", ""), ""))
        if number > MOST or through > LARGEST:
            raise EditError(f"That is too much at once: {MOST} edits, fewer of large files. Send them in parts.")
        try:
            _edit(found, edit, hidden)
        except EditError as error:
            text = f"Edit {number}, of {edit.get('file') or 'no file'}: {error}."
            raise EditError("".join(letter if letter.isprintable() else "?" for letter in text)) from error
    return found


def _edit(files: dict[str, str], edit: Mapping[str, str], hidden: str) -> None:
    do, name = edit.get("do", ""), edit.get("file", "")
    if do not in _NEEDS:
        raise EditError(f"“{do}” is nothing that can be done; it is one of {', '.join(_NEEDS)}")
    needed, allowed = _NEEDS[do]
    if missing := [key for key in needed if key not in edit]:
        raise EditError(f"{do} needs {missing[0]}")
    if unknown := sorted(set(edit) - {"do", "file", *needed, *allowed}):
        raise EditError(f"{do} takes no “{unknown[0]}”")
    if refusal := name_refusal(name):
        raise EditError(f"the file's name {refusal}")
    if do == "write":
        files[name] = edit["text"]
    elif do == "remove":
        if files.pop(name, None) is None:
            raise EditError("there is no such file")
    elif files.get(name) == hidden:
        raise EditError("what is in it is not shown, so it can only be written anew")
    else:
        _edit_text(files, name, edit)


def _edit_text(files: dict[str, str], name: str, edit: Mapping[str, str]) -> None:
    do, section, called = edit["do"], edit["section"], edit.get("name", "")
    if name not in files and do not in ("set", "add"):
        raise EditError("there is no such file")
    text = Text(files.get(name, ""), name)
    match do:
        case "set":
            lines = [line for line in edit["value"].split("\n") if line.strip()]
            text.set(section, called, edit["key"], lines or [""])
        case "unset":
            text.set(section, called, edit["key"], ())
        case "add":
            text.add(section, called, edit.get("after", ""))
        case "drop":
            text.drop(section, called)
        case "move":
            text.move(section, called, edit.get("before", ""))
    if text.is_empty:
        files.pop(name, None)
    else:
        files[name] = str(text)
