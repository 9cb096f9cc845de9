"""How a message of the record's group goes to Corosync: a long one is packed, for Corosync bounds what is whole.

What all members hold of hundreds of groups is one message at the beginning of a term, and its JSON repeats itself: with
500 groups 83 KiB become 5, with 5,000 of two resources 1.7 MiB become 0.1.
"""

import zlib
from typing import Final

from standfast.resourced.codec import MAXIMUM_BYTES

LONGEST_PLAIN: Final = 32 * 1024  # bytes
_PACKED: Final = b"\0"  # no message begins so: they are JSON


def pack(data: bytes) -> bytes:
    return data if len(data) <= LONGEST_PLAIN else _PACKED + zlib.compress(data, 1)


def unpack(data: bytes) -> bytes:
    """What was packed; of what was not packed so, or is too long, what no message can be."""
    if data[:1] != _PACKED:
        return data
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data[1:], MAXIMUM_BYTES)
    except zlib.error:
        return b""
    return found if unpacking.eof else b""
