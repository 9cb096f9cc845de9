"""How long messages go to Corosync."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from standfast.resourced.codec import MAXIMUM_BYTES
from standfast.resourced.packing import LONGEST_PLAIN, pack, unpack


@given(some.binary(max_size=2 * LONGEST_PLAIN).map(lambda data: json.dumps(data.hex()).encode()))
def test_what_was_packed_comes_back(data: bytes) -> None:
    assert unpack(pack(data)) == data


def test_a_short_message_stays_as_it_is() -> None:
    assert pack(b"{}") == b"{}"


def test_what_all_say_of_thousands_of_groups_is_a_small_message() -> None:
    data = json.dumps([{"group": f"group{number}", "holding": "running"} for number in range(5_000)]).encode()
    assert len(pack(data)) < len(data) / 8


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"\0" + b"nonsense",
        b"\0" + zlib.compress(b"{}")[:-1],
        b"\0" + zlib.compress(bytes(MAXIMUM_BYTES + 1)),
    ],
)
def test_what_cannot_be_unpacked_is_no_message(data: bytes) -> None:
    assert unpack(data) == b""
