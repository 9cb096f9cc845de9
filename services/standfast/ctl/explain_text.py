"""An explanation as people read it: the answer first, within the terminal's width."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Final

from rich.text import Text

from standfast.ctl.plain import local_time, plain_console

Document = dict[str, Any]
INDENT: Final = "  "
OTHERS: Final = {"group": "Other nodes", "copies": "Its copies", "node": "Groups"}


def show(made: Document, now: datetime, file: IO[str] | None = None, width: int | None = None) -> None:
    """Each explanation, on stdout (or `file`)."""
    console = plain_console(file, width)
    for place, explanation in enumerate(made["explanations"]):
        if place:
            console.print()
        for line, style in _lines(explanation, now, console.width):
            console.print(Text(line, style=style), soft_wrap=True)


def _lines(made: Document, now: datetime, width: int) -> Iterator[tuple[str, str]]:
    """Lines and their styles; a heading stands above what it is about."""
    main = [made["state"], *made["why"][:1]]
    for line in _wrap(_sentence(": ".join(one["text"] for one in main), main, main[-1]["setting"]), width):
        yield line, "bold"
    for heading, lines in _sections(made, now, width):
        if lines:
            yield "", ""
            yield heading, "bold"
            yield from ((line, "") for line in lines)


def _sections(made: Document, now: datetime, width: int) -> Iterator[tuple[str, list[str]]]:
    why = [_since(made["since"], made["name"], now)] if made["since"] else []
    why += [_said([one]) for one in made["why"][1:]]
    why += [f"Better nodes, when it was started: {_said(made['passed'], begins=False)}"] if made["passed"] else []
    why += [f"{part['name']}: {_said(part['reasons'], begins=False)}" for part in made["more"]]
    yield "Why", _wrapped(why, width)
    yield OTHERS[made["kind"]], _wrapped([_part(part, made["kind"]) for part in made["others"]], width)
    alone = _wrapped([_said([one]) for one in made["by_itself"]], width)
    yield "What would change it", [*alone, *_ways(made["ways"], width)]
    for death in made["if_node_dies"]:
        yield (
            f"If {death['node']} died now",
            _wrapped([_outcome(one["reasons"]) for one in death["outcomes"]], width),
        )


def _part(part: Document, kind: str) -> str:
    """What is said of a node, and of a copy, names it already."""
    if kind == "node":
        return f"{part['name']}: {_said(part['reasons'], begins=False)}"
    return _said(part["reasons"], ": " if kind == "copies" else "; ")


def _outcome(said: Sequence[Document]) -> str:
    """What would be, then why, the main reason first."""
    first, *why = said
    texts = [_said([one], begins=False).removesuffix(".") for one in why]
    text = ": ".join([first["text"], *texts[:1], *(["; ".join(texts[1:])] if texts[1:] else [])])
    return _sentence(text, said)


def _said(said: Sequence[Document], between: str = "; ", *, begins: bool = True) -> str:
    """One line of sentences, each with where its setting is written."""
    text = between.join(one["text"] + (f" ({one['setting']})" if one["setting"] else "") for one in said)
    return _sentence(text, said) if begins else f"{text}."


def _sentence(text: str, said: Sequence[Document], setting: str = "") -> str:
    """With a capital letter, unless it begins with a name, and a full stop."""
    text += f" ({setting})" if setting else ""
    first = text.split(" ", 1)[0].rstrip(":,;")
    is_name = any(first in value.split(", ") for one in said for value in one["facts"].values())
    if first.isalpha() and not is_name:
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _since(since: str, name: str, now: datetime) -> str:
    try:
        age = f" ({_age(int((now - datetime.fromisoformat(since)).total_seconds()))} ago)"
    except (ValueError, TypeError):
        age = ""
    return f"Since {local_time(since)}{age}; standfast timeline {name} tells more."


def _age(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _wrapped(sentences: Sequence[str], width: int) -> list[str]:
    return [line for one in sentences for line in _wrap(one, width, INDENT, INDENT * 2)]


def _wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Names, paths and commands are not torn apart at their dashes."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )


def _ways(ways: Sequence[Document], width: int) -> Iterator[str]:
    """A command and what comes of it, beside each other where there is room."""
    shown = [(way["command"] + (f"   (on {way['on']})" if way["on"] else ""), way["text"]) for way in ways]
    longest = max((len(command) for command, _ in shown), default=0)
    beside = all(len(INDENT) + longest + 2 + len(text) <= width for _, text in shown)
    for command, text in shown:
        if beside:
            yield f"{INDENT}{command:<{longest}}  {text}"
        else:
            yield f"{INDENT}{command}"
            yield from _wrap(text, width, INDENT * 3, INDENT * 3)
