"""Versions are whole or not there, whatever fails while they are stored, and so is the link to the one in force."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration import versions
from standfast.configuration.model import ConfigurationError
from standfast.configuration.tree import File, Tree, read_tree
from unit.crashes import Crash, crashing

MOST_STEPS = 80


def tree_of(**changes: bytes) -> Tree:
    contents = {"cluster.conf": b"[Cluster]\n", "corosync.key": b"k" * 128, "units/a.service.d/p.conf": b"[Unit]\n"}
    contents |= changes
    modes = {"corosync.key": 0o600}
    files = {name: File(content=contents[name], mode=modes.get(name, 0o644)) for name in sorted(contents)}
    return Tree(files=files, problems=())


OLD, NEW = tree_of(), tree_of(**{"cluster.conf": b"[Cluster]\nName=c\n", "units/b.service": b"[Unit]\n"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var/lib/standfast"


def in_force(tree: Tree, folder: Path) -> Path:
    versions.store(tree, folder)
    versions.point(tree.digest, folder)
    return folder / "versions" / tree.digest


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_version_is_read_as_it_was_stored(folder: Path) -> None:
    assert versions.read(OLD.digest, folder) is None
    assert versions.stored(folder) == ()
    for _ in range(2):
        versions.store(OLD, folder)
        versions.store(NEW, folder)
    assert versions.read(OLD.digest, folder) == OLD
    assert versions.read(NEW.digest, folder) == NEW
    assert versions.stored(folder) == tuple(sorted((OLD.digest, NEW.digest)))


def test_systemd_and_who_knows_a_units_name_reads_it_and_nobody_lists_secrets(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        place = in_force(OLD, folder)
    finally:
        os.umask(before)
    assert [mode(path) for path in (folder, place.parent, place, place / "units/a.service.d")] == [
        *(0o755, 0o711, 0o711),
        0o755,
    ]
    assert mode(folder / "config/units/a.service.d/p.conf") == 0o644
    assert mode(folder / "config/corosync.key") == 0o600


def test_the_link_leads_to_the_version_in_force(folder: Path) -> None:
    assert versions.in_force(folder) == ""
    assert versions.read_in_force(folder) is None
    in_force(OLD, folder)
    assert (versions.in_force(folder), versions.read_in_force(folder)) == (OLD.digest, OLD)
    in_force(NEW, folder)
    versions.point(NEW.digest, folder)
    assert (folder / "config").readlink() == Path("versions", NEW.digest)
    assert (versions.in_force(folder), versions.read_in_force(folder)) == (NEW.digest, NEW)


def test_only_a_version_that_is_here_whole_can_be_put_in_force(folder: Path) -> None:
    place = in_force(OLD, folder)
    versions.store(NEW, folder)
    (folder / "versions" / NEW.digest / "cluster.conf").write_text("torn")
    for digest in (NEW.digest, "0" * 64, "", ".", "../versions"):
        with pytest.raises(ConfigurationError, match="is not whole on this node"):
            versions.point(digest, folder)
        assert (folder / "config").resolve() == place


@pytest.mark.parametrize("link", ["versions/nowhere", f"versions/{'0' * 64}", "..", f"elsewhere/{OLD.digest}"])
def test_a_link_that_leads_elsewhere_is_no_version_and_is_replaced(folder: Path, link: str) -> None:
    versions.store(OLD, folder)
    (folder / "config").symlink_to(link)
    assert versions.in_force(folder) == ""
    versions.point(OLD.digest, folder)
    assert versions.in_force(folder) == OLD.digest


def test_a_folder_where_the_link_is_to_be_gives_way(folder: Path) -> None:
    versions.store(OLD, folder)
    (folder / "config/units").mkdir(parents=True)
    assert versions.in_force(folder) == ""
    versions.point(OLD.digest, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config", "versions"]


def more_folders(place: Path) -> None:
    (place / "more/x").mkdir(parents=True)
    (place / "more/x/y").write_text("")


def remove_folder(place: Path) -> None:
    (place / "units/a.service.d/p.conf").unlink()
    (place / "units/a.service.d").rmdir()


def folder_for_a_file(place: Path) -> None:
    (place / "cluster.conf").unlink()
    (place / "cluster.conf/x").mkdir(parents=True)


def file_for_a_folder(place: Path) -> None:
    remove_folder(place)
    (place / "units/a.service.d").write_text("")


def link_for_a_folder(place: Path) -> None:
    remove_folder(place)
    (place / "units/a.service.d").symlink_to("/etc")


HARMS: list[Callable[[Path], Any]] = [
    lambda place: (place / "cluster.conf").write_text("x"),
    lambda place: (place / "corosync.key").unlink(),
    more_folders,
    lambda place: os.mkfifo(place / "pipe"),
    lambda place: (place / "loop").symlink_to("loop"),
    remove_folder,
    folder_for_a_file,
    file_for_a_folder,
    link_for_a_folder,
]


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_version_is_none_and_is_mended_where_it_is(folder: Path, harm: Callable[[Path], Any]) -> None:
    place = in_force(OLD, folder)
    inode = place.stat().st_ino
    harm(place)
    assert versions.read(OLD.digest, folder) is None
    assert versions.in_force(folder) == OLD.digest
    versions.store(OLD, folder)
    assert versions.read(OLD.digest, folder) == OLD
    assert place.stat().st_ino == inode, "the link led to a whole or half version at any time"


def test_the_same_files_with_open_modes_open_nothing_of_what_is_in_force(folder: Path) -> None:
    named = {"cluster.conf": b"[FenceDevice]\nPasswordFile=pdu.secret\n", "pdu.secret": b"p"}
    place = in_force(tree_of(**named), folder)
    files = {name: replace(file, mode=0o666) for name, file in tree_of(**named).files.items()}
    versions.store(Tree(files=files, problems=()), folder)
    assert [mode(place / name) for name in ("corosync.key", "pdu.secret")] == [0o600, 0o600]
    assert mode(place / "units/a.service.d/p.conf") == 0o664


def test_a_mode_that_was_wrong_is_mended_though_the_digest_does_not_tell(folder: Path) -> None:
    place = in_force(OLD, folder)
    (place / "corosync.key").chmod(0o644)
    versions.store(OLD, folder)
    assert mode(place / "corosync.key") == 0o600


def test_what_is_no_version_at_all_gives_way(folder: Path) -> None:
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / OLD.digest).write_text("")
    (folder / "versions" / NEW.digest).symlink_to("nowhere")
    for tree in (OLD, NEW):
        versions.store(tree, folder)
        assert versions.read(tree.digest, folder) == tree


@pytest.mark.parametrize("digest", ["", "..", "../..", "0" * 63, f"{'0' * 64}/..", "/etc", "A" * 64])
def test_what_is_no_digest_names_no_version(folder: Path, digest: str) -> None:
    in_force(OLD, folder)
    assert versions.read(digest, folder) is None


def test_a_tree_that_could_not_be_read_whole_is_not_stored(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/torn").symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="torn"):
        versions.store(read_tree(tmp_path / "etc"), folder)
    assert versions.stored(folder) == ()


def test_prune_keeps_what_is_named_and_what_is_in_force(folder: Path) -> None:
    versions.prune(())
    third, fourth = tree_of(x=b"3"), tree_of(x=b"4")
    for tree in (NEW, third, fourth):
        versions.store(tree, folder)
    in_force(OLD, folder)
    (folder / "versions/.left.new").mkdir()
    versions.prune((third.digest, "0" * 64), folder)
    assert versions.stored(folder) == tuple(sorted((OLD.digest, third.digest)))
    assert len(list((folder / "versions").iterdir())) == 2
    versions.prune((), folder)
    assert versions.stored(folder) == (OLD.digest,)
    assert versions.read_in_force(folder) == OLD


def test_prune_spares_what_came_lately(folder: Path) -> None:
    in_force(OLD, folder)
    versions.store(NEW, folder)
    versions.prune((), folder, spare_s=3600.0)
    assert versions.stored(folder) == tuple(sorted((OLD.digest, NEW.digest)))
    os.utime(folder / "versions" / NEW.digest, (1.0, 1.0))
    versions.prune((), folder, spare_s=3600.0)
    assert versions.stored(folder) == (OLD.digest,)


# what fails while something is changed


def attempt(step: int, failure: BaseException, act: Callable[[], None]) -> bool:
    """True: it failed at this step."""
    try:
        with crashing(step, failure):
            act()
    except type(failure) as caught:
        assert caught is failure
        return True
    return False


@pytest.mark.parametrize("failure", [Crash(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_store_that_fails_anywhere_leaves_what_was_there_and_the_next_one_stores(
    tmp_path: Path, failure: BaseException
) -> None:
    for step in range(MOST_STEPS):
        folder = tmp_path / str(step)
        in_force(OLD, folder)
        failed = attempt(step, failure, lambda folder=folder: versions.store(NEW, folder))  # type: ignore[misc]
        assert versions.read_in_force(folder) == OLD
        if NEW.digest in versions.stored(folder):
            assert versions.read(NEW.digest, folder) == NEW, "whole, or not there at all"
        if isinstance(failure, OSError):
            assert all(path.name in versions.stored(folder) for path in (folder / "versions").iterdir())
        versions.store(NEW, folder)
        assert versions.read(NEW.digest, folder) == NEW
        assert len(list((folder / "versions").iterdir())) == 2
        if not failed:
            assert step > 20  # so many changes there are, at least
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("failure", [Crash(), OSError(errno.ENOSPC, "No space left on device")])
def test_mending_that_fails_anywhere_leaves_the_link_and_every_good_file(
    tmp_path: Path, failure: BaseException
) -> None:
    for step in range(MOST_STEPS):
        folder = tmp_path / str(step)
        place = in_force(OLD, folder)
        (place / "corosync.key").write_text("torn")
        failed = attempt(step, failure, lambda folder=folder: versions.store(OLD, folder))  # type: ignore[misc]
        assert versions.in_force(folder) == OLD.digest
        assert (place / "cluster.conf").read_bytes() == OLD.files["cluster.conf"].content
        versions.store(OLD, folder)
        assert versions.read_in_force(folder) == OLD
        if not failed:
            assert step > 10
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("folder_in_the_way", [False, True])
@pytest.mark.parametrize("failure", [Crash(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_link_that_cannot_be_moved_leads_to_the_old_version_or_the_new_one(
    tmp_path: Path, failure: BaseException, folder_in_the_way: bool
) -> None:
    for step in range(MOST_STEPS):
        folder = tmp_path / str(step)
        in_force(OLD, folder)
        versions.store(NEW, folder)
        if folder_in_the_way:
            (folder / "config").unlink()
            (folder / "config/x").mkdir(parents=True)
        failed = attempt(step, failure, lambda folder=folder: versions.point(NEW.digest, folder))  # type: ignore[misc]
        assert versions.in_force(folder) in ("" if folder_in_the_way else OLD.digest, NEW.digest)
        versions.point(NEW.digest, folder)
        assert versions.read_in_force(folder) == NEW
        if not failed:
            assert step > 4
            return
    raise AssertionError("it never came to its end")


def test_everything_is_on_the_disk_before_its_name_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut a name leads to what was synced before the name was made, or is not there."""
    in_force(OLD, folder)
    told: list[tuple[str, str]] = []
    fsync, rename, replace = os.fsync, Path.rename, Path.replace

    def path_of(descriptor: int) -> str:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(folder))

    def synced(descriptor: int) -> None:
        told.append(("sync", path_of(descriptor)))
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        told.append(("name", str(target.relative_to(folder))))
        return rename(path, target)

    def replaced(path: Path, target: Path) -> Path:
        told.append(("name", str(target.relative_to(folder))))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(Path, "replace", replaced)
    versions.store(NEW, folder)
    versions.point(NEW.digest, folder)
    place, temporary = f"versions/{NEW.digest}", f"versions/.{NEW.digest}.new"
    made = told.index(("name", place))
    for name in NEW.files:
        parent, _, last = name.rpartition("/")
        path = f"{temporary}/{parent}/" if parent else f"{temporary}/"
        content = told.index(("sync", f"{path}.{last}.new"))
        named = told.index(("name", path + last))
        assert content < named < made
        assert ("sync", path.rstrip("/")) in told[named:made]
    for inner in ("", "/units"):
        assert ("sync", temporary + inner) in told[:made]
    assert told[made + 1 :] == [("sync", "versions"), ("name", "config"), ("sync", ".")]
