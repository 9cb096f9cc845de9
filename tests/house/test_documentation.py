"""The pages of documentation name commands, keys and files that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from house.source import REPOSITORY
from standfast.configuration.keys import KEYS
from standfast.ctl.__main__ import main

DOCS = REPOSITORY / "contrib/docs"
PAGES = sorted([REPOSITORY / "README.md", *DOCS.glob("*.md"), *DOCS.glob("examples/*.md")])
HISTORY = DOCS / "architecture.md"  # tells also of what is gone
OURS = {key.scope.value.partition("]")[0].lstrip("[") for key in KEYS}


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The content of each block of the page in one of these languages."""
    for language, content in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        if language in languages:
            yield content


def typed(page: Path) -> Iterator[tuple[str, bool]]:
    """What the page tells somebody to type after `standfast`; whether it is a whole command."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|\||;", line.partition(" #")[0]):
                if command.strip().startswith("standfast "):
                    yield command.strip().removeprefix("standfast "), True
    for command in re.findall(r"`standfast ([^`\n]+)`", page.read_text()):
        yield command, False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    wrong = [f"standfast {command}: {what}" for command, whole in typed(page) if (what := _fault(command, whole))]
    assert page == HISTORY or not wrong, "\n".join(wrong)


def _fault(command: str, whole: bool) -> str:
    """What click says against it; "" = it would be taken. Not `whole`: its arguments may be missing."""
    found: click.Command = main
    rest = shlex.split(command)
    while isinstance(found, click.Group) and rest:
        below = found.get_command(click.Context(found), rest[0])
        if below is None:
            return "" if found.invoke_without_command else f"there is no {rest[0]!r}"
        found = below
        del rest[0]
    try:
        if whole:
            found.make_context(found.name, rest)
    except click.ClickException as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_of_ours_in_a_page_exists(page: Path) -> None:
    known = {(key.scope.value.partition("]")[0].lstrip("["), key.name.removesuffix("=")) for key in KEYS}
    wrong = []
    for block in blocks(page, "ini"):
        section = ""
        for line in block.splitlines():
            if line.startswith("["):
                section = line.strip("[]").split()[0]
            elif "=" in line and not line.startswith(("#", ";", " ")) and section in OURS:
                name = line.partition("=")[0]
                wrong += [f"[{section}] {name}="] if (section, name) not in known else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing
