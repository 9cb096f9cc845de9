"""How values of a declared type are written as JSON: one function for each type, made once."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from json.encoder import encode_basestring_ascii as quote
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

Encode = Callable[[Any], str]
SIMPLE: Mapping[Any, Encode] = {
    str: quote,
    int: int.__repr__,
    bool: {True: "true", False: "false"}.__getitem__,
    NoneType: lambda _: "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEncoders:
    """A class as one version writes it: `template` has a %s for each part, all sorted by name."""

    template: str
    parts: tuple[tuple[str, Encode], ...]


@cache
def encoder(kind: Any, version: int) -> Encode:
    """Writes a value of `kind` as JSON with sorted keys and without spaces."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return SIMPLE[kind]
    if origin in (Union, UnionType):
        return _union(arguments, version)
    if origin is tuple:
        return _tuple(arguments, version)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, version)
    if issubclass(kind, Enum):
        texts = {member: SIMPLE[type(member.value)](member.value) for member in kind}
        return texts.__getitem__
    return _dataclass(kind, version)


def _union(kinds: tuple[Any, ...], version: int) -> Encode:
    by_type = {kind: encoder(kind, version) for kind in kinds}
    return lambda value: by_type[type(value)](value)


def _tuple(arguments: tuple[Any, ...], version: int) -> Encode:
    item = encoder(arguments[0], version)
    if arguments[-1] is ...:
        return lambda value: f"[{','.join(map(item, value))}]"
    items = [encoder(argument, version) for argument in arguments]
    return lambda value: f"[{','.join([encode(one) for encode, one in zip(items, value, strict=True)])}]"


def _mapping(arguments: tuple[Any, ...], version: int) -> Encode:
    assert arguments[0] is str, "the keys of an object are texts"
    item = encoder(arguments[1], version)
    return lambda value: "{" + ",".join([f"{quote(key)}:{item(value[key])}" for key in sorted(value)]) + "}"


def _dataclass(kind: type, version: int) -> Encode:
    if getattr(kind, "SINCE", 1) > version:
        return lambda value: _too_new(value, version)
    written = field_encoders(kind, version)
    template, parts = written.template, written.parts
    return lambda value: template % tuple([encode(getattr(value, name)) for name, encode in parts])


def _too_new(value: object, version: int) -> str:
    raise AssertionError(f"version {version} of the protocol has no {type(value).__name__}")


@cache
def field_encoders(kind: type, version: int) -> FieldEncoders:
    """The fields of the dataclass `kind` that `version` knows."""
    assert is_dataclass(kind), kind
    hints = get_type_hints(kind)
    known = [field for field in fields(kind) if _since(field) <= version]
    parts = {field.name: encoder(hints[field.name], version) for field in sorted(known, key=lambda one: one.name)}
    marks = {name: "%s" for name in parts} | {"is": quote(kind.__name__)}
    template = ",".join(f"{quote(name)}:{marks[name]}" for name in sorted(marks))
    return FieldEncoders(template="{" + template + "}", parts=tuple(parts.items()))


def _since(field: "Field[Any]") -> int:
    since: int = field.metadata.get("since", 1)
    defaults = (field.default, field.default_factory)
    assert since == 1 or defaults != (MISSING, MISSING), f"an older release writes no {field.name}: it needs a default"
    return since
