"""Any value of a declared type, for tests that must hold for whatever is said."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

Values = st.SearchStrategy[Any]


def arbitrary(kind: Any, texts: st.SearchStrategy[str], numbers: st.SearchStrategy[int]) -> Values:
    """Values of `kind`: a dataclass, a union of them, or what their fields are made of."""
    origin, arguments = get_origin(kind), get_args(kind)

    def of(part: Any) -> Values:
        return arbitrary(part, texts, numbers)

    if origin in (Union, UnionType):
        return st.one_of([of(member) for member in arguments])
    if origin is tuple:
        if arguments[-1] is ...:
            return st.lists(of(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(of, arguments))
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(texts, of(arguments[1]), max_size=3)
    simple: dict[Any, Values] = {NoneType: st.none(), str: texts, int: numbers, bool: st.booleans()}
    if kind in simple:
        return simple[kind]
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert is_dataclass(kind)
    build: Any = kind
    hints = get_type_hints(kind)
    return st.builds(build, **{field.name: of(hints[field.name]) for field in fields(kind)})
