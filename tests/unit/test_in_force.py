"""What a node has in force: the first record puts it there, and daemons without any say once what to do."""

from pathlib import Path

import pytest

from fakes.in_force import put_in_force
from standfast.configuration import install, versions
from standfast.configuration.load import load, load_in_force
from standfast.configuration.reader import Reader
from standfast.configuration.tree import read_tree
from standfast.resourced import codec, initial, store
from standfast.resourced.record import Disk

CLUSTER = "[Cluster]\nName=c\nUnsafe=yes\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The administrator's files of a machine whose folders are all below `tmp_path`."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "cluster.conf").write_text(CLUSTER)
    (folder / "corosync.key").write_bytes(bytes(1024))
    (folder / "corosync.key").chmod(0o600)
    for module in (initial, store):
        monkeypatch.setattr(module, "ROOT", folder)
    functions = (
        versions.store,
        versions.read,
        versions.point,
        versions.in_force,
        versions.read_in_force,
        load_in_force,
    )
    for function in functions:
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "var",))
    manifest = tmp_path / "var/installed.json"
    monkeypatch.setattr(install.install, "__defaults__", (tmp_path / "var/config", tmp_path / "system", manifest))
    (tmp_path / "system").mkdir()
    return folder


def edit(root: Path) -> None:
    (root / "cluster.conf").write_text(CLUSTER + "Votes=2\n")


def test_the_first_record_is_of_the_files_that_are_in_force_then(root: Path, tmp_path: Path) -> None:
    assert initial.main(tmp_path / "var/record") == 0
    record = codec.decode(Disk, (tmp_path / "var/record").read_bytes()).record
    assert record is not None
    assert record.configuration == versions.in_force() == read_tree(root).digest
    assert versions.read_in_force() == read_tree(root)
    edit(root)
    assert initial.main(tmp_path / "var/record") == 1
    assert versions.in_force() == record.configuration, "there is a record already"


def test_a_broken_configuration_makes_no_record_and_is_not_in_force(root: Path, tmp_path: Path) -> None:
    (root / "cluster.conf").write_text("[Cluster\n")
    assert initial.main(tmp_path / "var/record") == 1
    assert versions.in_force() == ""
    assert not (tmp_path / "var/record").exists()


def test_that_nothing_is_in_force_is_told_once(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = Reader(tmp_path / "var")
    assert read() is None
    assert read() is None
    put_in_force(root, tmp_path / "var")
    assert read() == load(root, system=None)
    told = capsys.readouterr().err
    assert told.count("configuration-missing") == 1
    assert "no configuration in force on this node: standfast init NAME makes a new cluster, standfast join" in told
