"""Dataclasses to bytes and back: what the network and the disk bring is decoded whole or refused.

JSON with sorted keys, so that equal values have equal bytes (the record's digest stands on it). Every dataclass is
written as an object with its fields; its class is named in "is". What a type looks like is worked out once, from its
declaration: `encoders` and `decoders` make one function for each type.

A release speaks every protocol version up to `SPEAKS`. What came with a later one says so where it is declared: a
field by `metadata={"since": 2}` and a default, a class by `SINCE: ClassVar[int] = 2`. Such a field is not written for
an older version, whose reader has the default; such a class must not be written for it at all. Decoding takes
whatever is known here.
"""

import json
from collections.abc import Mapping
from typing import Any

from standfast.resourced.decoders import MessageError, Misfit, decoder
from standfast.resourced.encoders import encoder, field_encoders

__all__ = ["MAXIMUM_BYTES", "SPEAKS", "MessageError", "decode", "encode", "encode_around"]

SPEAKS = 1  # the highest version of the protocol that this release speaks
MAXIMUM_BYTES = 32 << 20  # a record of 5,000 groups with all that is to be told of each has 5 MB


def encode(value: Any, version: int = SPEAKS) -> bytes:
    """Equal values give equal bytes."""
    kind: Any = type(value)
    return encoder(kind, version)(value).encode()


def encode_around(value: Any, ready: Mapping[str, str], version: int = SPEAKS) -> str:
    """The text of `encode(value)`, were the texts of the fields in `ready` those that are given."""
    kind: Any = type(value)
    fields = field_encoders(kind, version)
    texts = [ready[name] if name in ready else encode(getattr(value, name)) for name, encode in fields.parts]
    return fields.template % tuple(texts)


def decode(kind: Any, data: bytes, most: int = MAXIMUM_BYTES) -> Any:
    """A value of `kind` (a dataclass or a union of dataclasses) from at most `most` bytes, or MessageError."""
    if len(data) > most:
        raise MessageError(f"{len(data)} bytes are too many")
    try:
        plain = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {error}") from error
    try:
        return decoder(kind)(plain)
    except Misfit as misfit:
        raise MessageError(f"message{misfit.place}: {misfit.text}") from misfit
