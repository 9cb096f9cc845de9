"""The record's file: whole, or moved aside and told."""

from pathlib import Path

import pytest

from standfast import journal
from standfast.resourced import disk
from standfast.resourced.codec import encode
from standfast.resourced.record import Disk
from unit.cluster import NODES, fresh, term

GOOD = Disk(highest_term=9, record=term(fresh(), *NODES))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert disk.write(encode(GOOD), path)
    assert disk.read(path) == GOOD


def test_no_file_is_a_node_without_a_record(tmp_path: Path) -> None:
    assert disk.read(tmp_path / "record") == Disk(highest_term=0, record=None)


@pytest.mark.parametrize("damaged", [b"", encode(GOOD)[:-20], b"\0" * 100, encode(GOOD.record), b"\xff\xfe"])
def test_a_damaged_record_is_moved_aside_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bytes
) -> None:
    told: list[journal.Event] = []
    monkeypatch.setattr(journal, "write", lambda event, level, text: told.append(event))
    path = tmp_path / "record"
    path.write_bytes(damaged)
    assert disk.read(path) == Disk(highest_term=0, record=None)
    assert not path.exists()
    assert (tmp_path / "record.damaged").read_bytes() == damaged
    assert told == [journal.Event.RECORD_DAMAGED]
    assert disk.read(path) == Disk(highest_term=0, record=None)


def test_a_write_that_fails_leaves_the_old_record_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record"
    assert disk.write(encode(GOOD), path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_atomic", full)
    assert not disk.write(encode(Disk(highest_term=10, record=None)), path)
    assert disk.read(path) == GOOD
