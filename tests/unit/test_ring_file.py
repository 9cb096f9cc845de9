"""The file in which Corosync keeps the number of its last ring."""

import struct
from pathlib import Path

import pytest

from standfast.corosync.ring_file import stored_sequence


def test_the_number_is_read_of_the_node_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "ringid_1").write_bytes(struct.pack("=Q", 91))
    (tmp_path / "ringid_2").write_bytes(struct.pack("=Q", 2**40))
    assert (stored_sequence(1, tmp_path), stored_sequence(2, tmp_path)) == (91, 2**40)


@pytest.mark.parametrize("written", [b"", b"\x01\x02", b"\0" * 9])
def test_a_file_that_is_half_written_or_not_corosyncs_tells_nothing(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "ringid_1").write_bytes(written)
    assert stored_sequence(1, tmp_path) is None


def test_no_file_tells_nothing(tmp_path: Path) -> None:
    assert stored_sequence(1, tmp_path) is None
