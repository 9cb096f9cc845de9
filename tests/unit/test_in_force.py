"""What a node has in force: the first record puts it there, and daemons without any say once what to do."""

from pathlib import Path

import pytest

from fakes.in_force import put_in_force
from standfast.configuration.load import load
from standfast.configuration.reader import Reader
from standfast.resourced import codec, initial
from standfast.resourced.record import Disk

CLUSTER = "[Cluster]\nName=c\nUnsafe=yes\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The administrator's files."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "cluster.conf").write_text(CLUSTER)
    (folder / "corosync.key").write_bytes(bytes(1024))
    (folder / "corosync.key").chmod(0o600)
    return folder


def test_the_first_record_is_of_the_version_in_force(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    var, path = tmp_path / "var", tmp_path / "var/record"
    assert initial.main(path, var) == 1
    assert "standfast init NAME makes a new cluster" in capsys.readouterr().err
    digest = put_in_force(root, var)
    assert initial.main(path, var) == 0
    record = codec.decode(Disk, path.read_bytes()).record
    assert record is not None
    assert record.configuration == digest
    before = path.read_bytes()
    assert initial.main(path, var) == 1
    assert path.read_bytes() == before, "there is a record already"


def test_another_key_is_another_version_with_another_key(root: Path) -> None:
    before = load(root, system=None)
    (root / "corosync.key").write_bytes(bytes(1023) + b"1")
    after = load(root, system=None)
    assert before.key != after.key
    assert before.digest != after.digest


def test_who_only_reads_what_is_in_force_leaves_it_to_membershipd_to_tell_that_nothing_is(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = Reader(tmp_path / "var")
    assert read() is None
    put_in_force(root, tmp_path / "var")
    assert read() == load(root, system=None)
    assert capsys.readouterr().err == ""
