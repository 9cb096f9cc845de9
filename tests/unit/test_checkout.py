"""The working copy follows to the next version where nobody edited it, also when it is interrupted anywhere."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standfast.configuration.checkout import drift, update
from standfast.configuration.tree import File, Tree, read_tree
from unit.crashes import Crash, crashing

NAMES = ("a.service", "cluster.conf", "units/a.service", "units/a.service.d/p.conf", "x", "x/y")
CONTENTS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from((b"1", b"2", b"3")))


def tree_of(contents: dict[str, bytes], mode: int = 0o644) -> Tree:
    kept = {name: contents[name] for name in sorted(contents) if not ("x" in contents and name == "x/y")}
    return Tree(files={name: File(content=text, mode=mode) for name, text in kept.items()}, problems=())


def write(root: Path, tree: Tree) -> None:
    root.mkdir(exist_ok=True)
    for name, file in tree.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(file.content)
        (root / name).chmod(file.mode)


def contents(root: Path) -> dict[str, bytes]:
    return {name: file.content for name, file in read_tree(root).files.items()}


BEFORE = tree_of(
    {"cluster.conf": b"1", "corosync.key": b"1", "units/a.service.d/p.conf": b"1", "units/b.service": b"1"}
)
AFTER = tree_of({"cluster.conf": b"2", "corosync.key": b"1", "units/b.service": b"1", "units/c.service.d/q.conf": b"2"})
EMPTY = Tree(files={}, problems=())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "etc", BEFORE)
    return tmp_path / "etc"


def test_files_as_in_the_version_before_follow_and_emptied_folders_go(root: Path) -> None:
    assert update(root, BEFORE, AFTER) == ()
    assert read_tree(root) == AFTER
    assert sorted(path.name for path in (root / "units").iterdir()) == ["b.service", "c.service.d"]
    assert drift(root, AFTER) == ()


def test_a_file_that_somebody_edited_is_left_and_named(root: Path) -> None:
    (root / "cluster.conf").write_text("mine")
    (root / "units/a.service.d/p.conf").write_text("mine")
    (root / "units/b.service").unlink()
    (root / "own").write_text("mine")
    for _ in range(2):
        assert update(root, BEFORE, AFTER) == ("cluster.conf", "units/a.service.d/p.conf", "units/b.service")
    assert contents(root) == {
        "cluster.conf": b"mine",
        "corosync.key": b"1",
        "own": b"mine",
        "units/a.service.d/p.conf": b"mine",
        "units/c.service.d/q.conf": b"2",
    }
    assert drift(root, AFTER) == ("cluster.conf", "own", "units/a.service.d/p.conf", "units/b.service")


def test_a_new_file_that_stands_there_with_other_content_is_left(root: Path) -> None:
    write(root, tree_of({"units/c.service.d/q.conf": b"mine"}))
    assert update(root, BEFORE, AFTER) == ("units/c.service.d/q.conf",)
    assert contents(root)["units/c.service.d/q.conf"] == b"mine"


def test_a_mask_goes_with_its_version(root: Path) -> None:
    (root / "units/b.service").unlink()
    (root / "units/b.service").symlink_to("/dev/null")
    masked = read_tree(root)
    files = {name: file for name, file in masked.files.items() if name != "units/b.service"}
    after = Tree(files=files, problems=())
    assert update(root, masked, after) == ()
    assert read_tree(root) == after


def test_modes_follow_too(root: Path) -> None:
    secret = Tree(files={**BEFORE.files, "corosync.key": File(content=b"1", mode=0o600)}, problems=())
    assert update(root, BEFORE, secret) == ()
    assert (root / "corosync.key").stat().st_mode & 0o777 == 0o600


def test_a_node_without_any_files_gets_all_whatever_its_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        assert update(tmp_path / "new/etc", EMPTY, AFTER) == ()
    finally:
        os.umask(before)
    assert read_tree(tmp_path / "new/etc") == AFTER
    assert (tmp_path / "new/etc/units").stat().st_mode & 0o777 == 0o755


def test_a_folder_comes_where_a_file_was_and_the_other_way_round(tmp_path: Path) -> None:
    one, other = tree_of({"x": b"1"}), tree_of({"x/y": b"2"})
    write(tmp_path / "etc", one)
    for before, after in ((one, other), (other, one)):
        assert update(tmp_path / "etc", before, after) == ()
        assert update(tmp_path / "etc", before, after) == (), "a repetition finds nothing wrong with that"
        assert read_tree(tmp_path / "etc") == after


def test_what_is_no_file_is_left_and_nothing_is_written_behind_a_link(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (root / "units").rename(elsewhere)
    (root / "units").symlink_to(elsewhere)
    (root / "cluster.conf").unlink()
    os.mkfifo(root / "cluster.conf")
    behind = contents(elsewhere)
    left = update(root, BEFORE, AFTER)
    assert left == ("cluster.conf", "units/a.service.d/p.conf", "units/b.service", "units/c.service.d/q.conf")
    assert contents(elsewhere) == behind
    assert drift(root, AFTER) == ("cluster.conf", "units", "units/b.service", "units/c.service.d/q.conf")


def test_without_its_folder_the_working_copy_lacks_every_file(tmp_path: Path) -> None:
    assert drift(tmp_path / "none", AFTER) == tuple(AFTER.files)


def test_a_call_that_is_interrupted_anywhere_is_ended_by_the_next(tmp_path: Path) -> None:
    for step in range(80):
        root = tmp_path / str(step)
        write(root, BEFORE)
        (root / "units/b.service").write_text("mine")
        try:
            with crashing(step, Crash()):
                update(root, BEFORE, AFTER)
            ended = True
        except Crash:
            ended = False
        for name, content in contents(root).items():
            assert content in {tree.files[name].content for tree in (BEFORE, AFTER) if name in tree.files} | {b"mine"}
        assert update(root, BEFORE, AFTER) == ("units/b.service",)
        assert drift(root, AFTER) == ("units/b.service",)
        assert not (root / "units/a.service.d").exists()
        assert not list(root.rglob(".*"))
        if ended:
            assert step > 15  # so many changes there are, at least
            return
    raise AssertionError("it never came to its end")


@settings(max_examples=150, deadline=None)
@given(before=CONTENTS, after=CONTENTS, edits=CONTENTS, step=st.integers(0, 30))
def test_wherever_it_is_interrupted_the_end_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, bytes],
    after: dict[str, bytes],
    edits: dict[str, bytes],
    step: int,
) -> None:
    old, new = tree_of(before), tree_of(after)
    here = tree_of({name: text for name, text in (before | edits).items() if not ("x" in before and name == "x/y")})
    folder = tmp_path_factory.mktemp("etc")
    for root in (folder / "whole", folder / "torn"):
        write(root, here)
    left = update(folder / "whole", old, new)
    try:
        with crashing(step, Crash()):
            update(folder / "torn", old, new)
    except Crash:
        pass
    assert update(folder / "torn", old, new) == left
    assert read_tree(folder / "torn") == read_tree(folder / "whole")
    for name in {*old.files, *new.files} - set(left):
        assert contents(folder / "whole").get(name) == (new.files[name].content if name in new.files else None)
    for name in left:
        assert contents(folder / "whole").get(name) == (here.files[name].content if name in here.files else None)
