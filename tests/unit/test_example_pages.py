"""Every example has a page whose commands are typed in a lab test, and files that the page puts in place."""

import re
from pathlib import Path

import pytest

from lab import example_pages
from lab.example_pages import Step, Where

REPOSITORY = Path(__file__).parents[2]
NAMES = sorted(page.stem for page in example_pages.PAGES.glob("*.md"))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_where_each_block_is_typed_and_pushes_once(name: str) -> None:
    text = (example_pages.PAGES / f"{name}.md").read_text()
    steps = example_pages.steps(name)
    assert len(steps) == text.count("```sh\n")
    assert sum(example_pages.PUSH in step.commands for step in steps) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_page_copies_files_that_are_there_and_a_lab_test_runs_it(name: str) -> None:
    typed = "".join(step.commands for step in example_pages.steps(name))
    copied = re.findall(r"/usr/share/doc/standfast/(examples/[\w./@-]*\w)", typed)
    assert copied
    assert not [path for path in copied if not (REPOSITORY / "contrib" / path).exists()]
    tests = "".join(file.read_text() for file in (REPOSITORY / "tests/lab").glob("test_*.py"))
    assert f'example(trial, "{name}", ' in tests


def test_every_folder_of_examples_has_a_page() -> None:
    folders = sorted(folder.name for folder in (REPOSITORY / "contrib/examples").iterdir())
    assert folders == sorted(
        [*NAMES, "alerts"]
    )  # those are no group's: contrib/docs/alerts.md, and tests/bus runs them


def test_a_block_that_does_not_say_where_it_is_typed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.md").write_text("On one node.\n\nType:\n\n```sh\ntrue\n```\n")
    monkeypatch.setattr(example_pages, "PAGES", tmp_path)
    with pytest.raises(ValueError, match=r"one\.md: .* above a block: type:"):
        example_pages.steps("one")


def test_a_block_has_the_output_that_follows_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "On one node:\n\n```sh\na\n```\n\n```\non node1 for 12 s\n```\n\n"
    (tmp_path / "one.md").write_text(first + "From a client:\n\n```sh\nb\n```\n\nText.\n\n```\nother\n```\n")
    monkeypatch.setattr(example_pages, "PAGES", tmp_path)
    one, other = example_pages.steps("one")
    assert one == Step(where=Where.ONE_NODE, commands="a\n", shown=("on node1 for 12 s",))
    assert other == Step(where=Where.CLIENT, commands="b\n")
    assert one.is_shown_by("well\n  on node2  for 3 s\n")
    assert not one.is_shown_by("on node2 for 3 h\n")
