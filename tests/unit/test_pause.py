"""For how long a node that withdrew stays away."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from standfast.membershipd.pause import FIRST_MS, LONGEST_MS, Pause, PauseError, begin, decode, encode, resume

REASON = "node2 has withdrawn: it does not hear node1"


def test_each_pause_is_twice_as_long_as_the_one_before_up_to_an_hour() -> None:
    found, lengths = None, []
    for _ in range(9):
        found = replace(begin(found, REASON, "boot/1", 5), over=True)
        lengths.append(found.length_ms // 1000)
    assert lengths == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_pause_is_counted_from_its_begin_and_after_a_boot_anew() -> None:
    found = begin(None, REASON, "boot/1", 1_000_000)
    assert found.due_ms == 1_030_000
    assert resume(found, "boot/1", 1_020_000) == found
    assert resume(found, "boot/2", 4_000).due_ms == 34_000
    over = replace(found, over=True)
    assert resume(over, "boot/2", 4_000) == over


@given(
    some.builds(
        Pause,
        reason=some.text(),
        length_ms=some.integers(FIRST_MS, LONGEST_MS),
        incarnation=some.text(),
        began_ms=some.integers(0, 1 << 62),
        over=some.booleans(),
    )
)
def test_what_is_written_is_read_back(pause: Pause) -> None:
    assert decode(encode(pause)) == pause


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"length_ms": 30000', b'"length_ms": 1'),
        (b'"over": false', b'"over": 0'),
        (b'"began_ms": 5', b'"began_ms": true'),
    ],
)
def test_a_strange_value_is_no_pause(old: bytes, new: bytes) -> None:
    data = encode(begin(None, REASON, "boot/1", 5))
    assert old in data
    with pytest.raises(PauseError):
        decode(data.replace(old, new))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"null", b"[" * 100_000])
def test_other_bytes_are_no_pause(data: bytes) -> None:
    with pytest.raises(PauseError):
        decode(data)
