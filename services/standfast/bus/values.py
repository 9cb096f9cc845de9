"""Values between Python and D-Bus: what comes in is plain, what goes out is made to fit."""

from collections.abc import Mapping
from typing import Any

from standfast.bus.library import Variant

__all__ = ["Variant", "incoming", "outgoing"]


def incoming(value: Any) -> Any:
    """The value with every variant unpacked, at any depth; structs and arrays are lists."""
    if isinstance(value, Variant):
        return incoming(value.value)
    if isinstance(value, list):
        return [incoming(item) for item in value]
    if isinstance(value, dict):
        return {key: incoming(item) for key, item in value.items()}
    return value


def outgoing(value: Any) -> Any:
    """The value as dbus-next wants it: lists for tuples, dicts for mappings, strings that D-Bus can carry.

    A string with a NUL or half a surrogate pair would make the bus end our connection: both are replaced.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, tuple | list):
        return [outgoing(item) for item in value]
    if isinstance(value, Mapping):
        return {outgoing(key): outgoing(item) for key, item in value.items()}
    return value
