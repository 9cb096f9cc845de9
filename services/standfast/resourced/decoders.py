"""How JSON is read as a declared type, whole or not at all: one function for each type, made once."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin, get_type_hints

Decode = Callable[[Any], Any]
SIMPLE = (str, int, bool, NoneType)


class MessageError(Exception):
    """Bytes that are not what they should be; says what was found where."""


class Misfit(Exception):  # noqa: N818  # it never leaves the codec, which says it as a MessageError
    """A value does not fit its type; whoever contains it puts its name before `place`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.place = ""


@cache
def decoder(kind: Any) -> Decode:
    """Makes a value of `kind` of what json.loads gave, which is used up; raises Misfit."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return _simple(kind)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1])
    return _enum(kind) if issubclass(kind, Enum) else _dataclass(kind)


def _simple(kind: type) -> Decode:
    def decode(plain: Any) -> Any:
        if type(plain) is not kind:
            raise Misfit(f"{kind.__name__} was expected")
        return plain

    return decode


def _enum(kind: type[Enum]) -> Decode:
    known = {member.value: member for member in kind}

    def decode(plain: Any) -> Any:
        if type(plain) is str and plain in known:
            return known[plain]
        try:
            return kind(plain)
        except ValueError as error:
            raise Misfit(str(error)) from error

    return decode


def _union(kinds: tuple[Any, ...]) -> Decode:
    """An object names its class; what is no object is nothing, or the only kind that is none either."""
    by_name = {kind.__name__: decoder(kind) for kind in kinds if _is_class(kind) and is_dataclass(kind)}
    none = NoneType in kinds
    simple = next(
        (decoder(kind) for kind in kinds if kind in (str, int, bool) or (_is_class(kind) and issubclass(kind, Enum))),
        None,
    )

    def decode(plain: Any) -> Any:
        if plain is None and none:
            return None
        name = plain.get("is") if type(plain) is dict else None
        known = simple if name is None else by_name.get(name) if type(name) is str else None
        if known is None:
            raise Misfit(f"nothing known is called {name!r}")
        return known(plain)

    return decode


def _is_class(kind: Any) -> TypeGuard[type]:
    return isinstance(kind, type)


def _tuple(arguments: tuple[Any, ...]) -> Decode:
    item, length = decoder(arguments[0]), len(arguments)
    items = [] if arguments[-1] is ... else [decoder(argument) for argument in arguments]

    def decode(plain: Any) -> Any:
        if type(plain) is not list:
            raise Misfit("a list was expected")
        if not items:
            return tuple([item(one) for one in plain])
        if len(plain) != length:
            raise Misfit(f"{length} items were expected")
        return tuple([decode(one) for decode, one in zip(items, plain, strict=True)])

    return decode


def _mapping(kind: Any) -> Decode:
    item = decoder(kind)

    def decode(plain: Any) -> Any:
        if type(plain) is not dict:
            raise Misfit("an object was expected")
        key = ""
        try:
            for key, value in plain.items():
                plain[key] = item(value)
        except Misfit as misfit:
            misfit.place = f".{key}{misfit.place}"
            raise
        return plain

    return decode


def _dataclass(kind: type) -> Decode:
    """What an older release did not write yet has its default; what is not known here is refused."""
    assert is_dataclass(kind), kind
    hints, called = get_type_hints(kind), kind.__name__
    items = {field.name: decoder(hints[field.name]) for field in fields(kind)}
    expected = {name: hints[name] if hints[name] in SIMPLE else None for name in items}

    def decode(plain: Any) -> Any:
        if type(plain) is not dict or plain.pop("is", None) != called or not plain.keys() <= expected.keys():
            raise Misfit(f"not a {called}")
        name = ""
        try:
            for name, value in plain.items():
                if type(value) is not expected[name]:
                    plain[name] = items[name](value)
        except Misfit as misfit:
            misfit.place = f".{name}{misfit.place}"
            raise
        try:
            return kind(**plain)
        except TypeError as error:
            raise Misfit(str(error)) from error

    return decode
