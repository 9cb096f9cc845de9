"""What the members of the CPG group tell each other about versions of the configuration: pure.

Presences in the same group are JSON and begin with a brace; what is here begins with a byte of its own.
"""

from dataclasses import dataclass
from typing import Final

LARGEST_MESSAGE: Final = 64 * 1024  # bytes: ticks wait behind each
LARGEST_BUNDLE: Final = 8 * 1024 * 1024  # bytes
_CHUNK: Final = b"\x01"
_WANT: Final = b"\x02"
_DIGEST: Final = 32  # bytes
_NUMBER: Final = 2  # bytes
_HEADER: Final = len(_CHUNK) + _DIGEST + 2 * _NUMBER
LARGEST_CONTENT: Final = LARGEST_MESSAGE - _HEADER


class MessageError(Exception):
    """The bytes are no message about versions; it says what is wrong with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part `index` of `count` of a bundle, and the digest of the version in it (SHA-256 in hex)."""

    digest: str
    index: int
    count: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """The sender has not the version with this digest (SHA-256 in hex), and asks for it."""

    digest: str


def chunk_of(digest: str, bundle: bytes, index: int) -> Chunk:
    """Part `index` of the bundle."""
    content = bundle[index * LARGEST_CONTENT : (index + 1) * LARGEST_CONTENT]
    return Chunk(digest=digest, index=index, count=count_of(bundle), content=content)


def count_of(bundle: bytes) -> int:
    """In how many chunks the bundle goes."""
    return -(-len(bundle) // LARGEST_CONTENT)


def is_about_versions(data: bytes) -> bool:
    """It is for `decode`, and no presence."""
    return data[:1] in (_CHUNK, _WANT)


def encode(message: Chunk | Want) -> bytes:
    digest = bytes.fromhex(message.digest)
    if isinstance(message, Want):
        return _WANT + digest
    numbers = message.index.to_bytes(_NUMBER, "big") + message.count.to_bytes(_NUMBER, "big")
    return _CHUNK + digest + numbers + message.content


def decode(data: bytes) -> Chunk | Want:
    """Raises MessageError."""
    kind, digest = data[:1], data[1 : 1 + _DIGEST]
    if kind == _WANT and len(data) == 1 + _DIGEST:
        return Want(digest=digest.hex())
    if kind != _CHUNK or len(data) <= _HEADER:
        raise MessageError(f"{len(data)} bytes that are no chunk of a version")
    numbers = data[1 + _DIGEST : _HEADER]
    index, count = int.from_bytes(numbers[:_NUMBER], "big"), int.from_bytes(numbers[_NUMBER:], "big")
    if index >= count:
        raise MessageError(f"chunk {index + 1} of {count} of a version")
    return Chunk(digest=digest.hex(), index=index, count=count, content=data[_HEADER:])
