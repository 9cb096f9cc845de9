"""Dataclasses to bytes and back: what the network and the disk bring is decoded whole or refused.

JSON with sorted keys, so that equal values have equal bytes (the record's digest stands on it). Every dataclass is
written as an object with its fields; a member of a union also names its class in "is". Decoding follows the
declared types of the fields and raises MessageError at the first thing that does not fit.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

MAXIMUM_BYTES = 1 << 20


class MessageError(Exception):
    """Bytes that are not what they should be; says what was found where."""


def encode(value: object) -> bytes:
    """Equal values give equal bytes."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":")).encode()


def _plain(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
    assert is_dataclass(value), value
    plain = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    plain["is"] = type(value).__name__
    return plain


def decode(kind: Any, data: bytes) -> Any:
    """A value of `kind` (a dataclass or a union of dataclasses), or MessageError."""
    if len(data) > MAXIMUM_BYTES:
        raise MessageError(f"{len(data)} bytes are too many")
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {error}") from error
    return _value(kind, plain, "message")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, plain: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _member(get_args(kind), plain, where)
    if origin is tuple:
        return _tuple(get_args(kind), plain, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(plain, dict):
            raise MessageError(f"{where}: an object was expected")
        return {key: _value(get_args(kind)[1], item, f"{where}.{key}") for key, item in plain.items()}
    if kind is NoneType or kind in (str, int, bool):
        if type(plain) is not kind:
            raise MessageError(f"{where}: {kind.__name__} was expected")
        return plain
    if issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError as error:
            raise MessageError(f"{where}: {error}") from error
    return _dataclass(kind, plain, where)


def _tuple(arguments: tuple[Any, ...], plain: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise MessageError(f"{where}: a list was expected")
    if arguments[-1] is ...:
        return tuple(_value(arguments[0], item, where) for item in plain)
    if len(plain) != len(arguments):
        raise MessageError(f"{where}: {len(arguments)} items were expected")
    return tuple(_value(kind, item, where) for kind, item in zip(arguments, plain, strict=True))


def _member(kinds: tuple[Any, ...], plain: Any, where: str) -> Any:
    if plain is None and NoneType in kinds:
        return None
    name = plain.get("is") if isinstance(plain, dict) else None
    for kind in kinds:
        simple = kind in (str, int, bool) or (isinstance(kind, type) and issubclass(kind, Enum))
        if (simple and name is None) or getattr(kind, "__name__", "") == name:
            return _value(kind, plain, where)
    raise MessageError(f"{where}: nothing known is called {name!r}")


def _dataclass(kind: Any, plain: Any, where: str) -> Any:
    """What an older release did not write yet has its default; what is not known here is refused."""
    hints = _hints(kind)
    if not isinstance(plain, dict) or plain.get("is") != kind.__name__ or not set(plain) <= {*hints, "is"}:
        raise MessageError(f"{where}: not a {kind.__name__}")
    values = {name: _value(hints[name], item, f"{where}.{name}") for name, item in plain.items() if name != "is"}
    try:
        return kind(**values)
    except TypeError as error:
        raise MessageError(f"{where}: {error}") from error
