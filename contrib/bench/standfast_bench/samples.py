"""A value of any declared type: a benchmark says what matters, the rest is filled in."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def sample(kind: type[Kind], **given: object) -> Kind:
    """A `kind` with the fields in `given`, as far as it has them; others have their defaults, or something small."""
    assert is_dataclass(kind), kind
    hints = get_type_hints(kind)
    values = {}
    for field in fields(kind):
        if field.name in given:
            values[field.name] = given[field.name]
        elif field.default is MISSING and field.default_factory is MISSING:
            values[field.name] = _small(hints[field.name], given)
    made: Kind = kind(**values)
    return made


def _small(kind: Any, given: Mapping[str, object]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if NoneType in arguments else _small(arguments[0], given)
    if origin is not None:
        return {} if issubclass(origin, Mapping) else origin()
    if isinstance(kind, type) and is_dataclass(kind):
        return sample(kind, **given)
    if issubclass(kind, Enum):
        return next(iter(kind))
    return "something" if kind is str else kind()
