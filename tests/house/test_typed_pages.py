"""Every command that a page shows is typed by a lab test, or the page says why not; both tutorials have the same."""

import re
from itertools import zip_longest
from pathlib import Path

import pytest

from lab.typed_pages import DOCS, PAGES, REPOSITORY, Step, UnsaidError, Untyped, Where, Written, blocks, steps

TRANSLATIONS = {"tutorial.zh": "tutorial"}
SMALL = {".svg": 40_000, ".png": 150_000}  # bytes
DRAWINGS = "architecture"  # has pictures made of characters, and no commands
LANGUAGES = {"sh", "ini", "json", "yaml", "xml", ""}
EXAMPLES = sorted(name for name in PAGES if name.startswith("examples/"))
ORIGINALS = sorted(PAGES.keys() - TRANSLATIONS.keys())
LAB_TESTS = "".join(file.read_text() for file in (REPOSITORY / "tests/lab").glob("test_*.py"))


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_page_says_of_every_block_where_it_is_typed_or_why_it_is_not(name: str) -> None:
    found = [one for one in blocks(PAGES[name].read_text()) if not isinstance(one, Written)]
    assert len(found) == len(re.findall(r"^\s*```sh", PAGES[name].read_text(), re.MULTILINE))
    assert not [one.commands for one in found if isinstance(one, Untyped) and len(one.why.split()) < 4]


@pytest.mark.parametrize("name", ORIGINALS)
def test_a_page_that_has_something_typed_is_typed_by_a_lab_test(name: str) -> None:
    used = rf'(page|steps)\("{name}"\)|example\(trial, "{name.removeprefix("examples/")}", |^TYPED = .*"{name}"'
    assert not steps(name) or re.search(used, LAB_TESTS, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_block_without_a_language_is_what_the_commands_above_it_print(name: str) -> None:
    fences = list(re.finditer(r"^```(\w*)\n.*?^```\n", PAGES[name].read_text(), re.MULTILINE | re.DOTALL))
    assert {fence[1] for fence in fences} <= LANGUAGES
    alone = []
    for before, fence in zip_longest([None, *fences], fences):
        if fence and not fence[1] and (before is None or before[1] != "sh" or fence.start() - before.end() > 1):
            alone.append(fence[0])
    assert name == DRAWINGS or not alone


@pytest.mark.parametrize(("translation", "original"), TRANSLATIONS.items())
def test_a_translation_has_the_same_blocks(translation: str, original: str) -> None:
    def content(name: str) -> list[tuple[str, str]]:
        return re.findall(r"^```(\w*)\n(.*?)^```\n", PAGES[name].read_text(), re.MULTILINE | re.DOTALL)

    assert content(translation) == content(original)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_pushes_once_and_copies_files_that_are_there(name: str) -> None:
    typed = [step.commands for step in steps(name)]
    assert sum("standfast config push" in commands for commands in typed) == 1
    copied = re.findall(r"/usr/share/doc/standfast/(examples/[\w./@-]*\w)", "".join(typed))
    assert copied
    assert not [path for path in copied if not (REPOSITORY / "contrib" / path).exists()]


def test_every_folder_of_examples_has_a_page() -> None:
    folders = sorted(folder.name for folder in (REPOSITORY / "contrib/examples").iterdir())
    assert folders == sorted([*(Path(name).name for name in EXAMPLES), "alerts"])  # contrib/docs/alerts.md has those


@pytest.mark.parametrize("picture", sorted((DOCS / "pictures").iterdir()), ids=lambda picture: picture.name)
def test_a_picture_is_small_fetches_nothing_and_is_shown(picture: Path) -> None:
    assert picture.stat().st_size < SMALL[picture.suffix]
    if picture.suffix == ".svg":
        assert not re.findall(r"url\((?!#)|href|@import|<image|<script", picture.read_text())
    assert any(f"pictures/{picture.name})" in page.read_text() for page in PAGES.values())


def test_a_block_that_does_not_say_where_it_is_typed_is_an_error() -> None:
    with pytest.raises(UnsaidError, match="where to type this"):
        list(blocks("On one node.\n\nType:\n\n```sh\ntrue\n```\n"))
    assert list(blocks("Type:\n\n<!-- not typed: it takes a year -->\n```sh\ntrue\n```\n")) == [
        Untyped(why="it takes a year", commands="true\n")
    ]


def test_a_block_has_the_output_that_follows_it_at_once() -> None:
    first = "On one node:\n\n```sh\na\n```\n\n```\non node1 for 12 s\n```\n\n"
    second = "From a client:\n\n```sh\nb\n```\n\nText.\n\n```\nother\n```\n"
    third = "Text.\n\n<!-- typed: on node2 -->\n```sh\nc\n```\n"
    one, other, last = blocks(first + second + third)
    assert one == Step(where=Where.ONE_NODE, commands="a\n", shown=("on node1 for 12 s",))
    assert other == Step(where=Where.CLIENT, commands="b\n")
    assert last == Step(where=Where.NAMED, node="node2", commands="c\n")
    assert one.is_shown_by("well\n  on node2  for 3 s\n")
    assert not one.is_shown_by("on node2 for 3 h\n")


def test_a_file_is_written_where_the_text_above_it_says() -> None:
    text = "A target, `/etc/x/a.target`:\n\n```ini\n[Unit]\n```\n\nLike this:\n\n```ini\n[Mount]\n```\n"
    assert list(blocks(text)) == [Written(path="/etc/x/a.target", content="[Unit]\n")]
