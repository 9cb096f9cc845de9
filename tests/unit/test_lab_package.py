"""The lab's packages are built once for each content of the work tree, and not kept when that changed meanwhile."""

from collections.abc import Callable
from pathlib import Path

import pytest
from standfast_lab import package
from standfast_lab.place import Place

NAME = "standfast_0.1.0_all.deb"
Build = Callable[[str], str]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds for a lab of this name; the text of its package, which counts how often one was built."""
    built: list[Path] = []

    def make(folder: Path, *, page: bool) -> None:
        assert not page
        built.append(folder)
        folder.mkdir(parents=True)
        (folder / NAME).write_text(f"number {len(built)}")

    monkeypatch.setattr(package, "_BUILT", tmp_path / "built")
    monkeypatch.setattr(package, "_build", make)
    monkeypatch.setattr(Place, "folder", property(lambda place: tmp_path / "labs" / place.name))
    return lambda name: package.build(Place(name)).read_text()


def test_an_equal_tree_is_built_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_digest", lambda: "one")
    assert [build("a"), build("b")] == ["number 1", "number 1"]
    monkeypatch.setattr(package, "_digest", lambda: "other")
    assert build("c") == "number 2"


def test_what_was_edited_during_the_build_is_built_again(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = iter(("before", "after", "before", "before"))
    monkeypatch.setattr(package, "_digest", lambda: next(digests))
    assert [build("a"), build("b")] == ["number 1", "number 2"]


def test_only_the_last_trees_are_kept(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(package._BUILT_MAX + 3):
        monkeypatch.setattr(package, "_digest", lambda number=number: f"tree{number:02}")
        build(f"lab{number}")
    kept = sorted(one.name for one in package._BUILT.iterdir())
    assert len(kept) == package._BUILT_MAX
    assert kept[-1] == f"tree{package._BUILT_MAX + 2:02}"
