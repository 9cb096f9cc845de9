"""libcmap: the keys that the running Corosync works with (cmap.h, cmap_keys(7))."""

import ctypes
from collections.abc import Mapping
from typing import Any, Final

from standfast.corosync.common import Code, CorosyncError, Handle, HandlePointer, IntPointer, Library

_VALUE_UINT8: Final = 2
_VALUE_STRING: Final = 11
_NUMBERS: Final[Mapping[int, Any]] = {
    1: ctypes.c_int8,
    2: ctypes.c_uint8,
    3: ctypes.c_int16,
    4: ctypes.c_uint16,
    5: ctypes.c_int32,
    6: ctypes.c_uint32,
    7: ctypes.c_int64,
    8: ctypes.c_uint64,
    9: ctypes.c_float,
    10: ctypes.c_double,
}
_MAPS: Final = (0, 1)  # CMAP_MAP_ICMAP, CMAP_MAP_STATS
_LONGEST_KEY: Final = 255
Value = str | int | float

_LIBRARY: Final = Library(
    "libcmap.so.4",
    {
        "cmap_initialize": (HandlePointer,),
        "cmap_finalize": (Handle,),
        "cmap_get": (Handle, ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), IntPointer),
        "cmap_set": (Handle, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int),
        "cmap_initialize_map": (HandlePointer, ctypes.c_int),
        "cmap_iter_init": (Handle, ctypes.c_char_p, HandlePointer),
        "cmap_iter_next": (Handle, Handle, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), IntPointer),
        "cmap_iter_finalize": (Handle, Handle),
    },
)


def read_string(key: str) -> str | None:
    """The value of a key of the running Corosync, None when there is no such key or it is no string.

    Raises CorosyncError while Corosync does not run; waits while it hangs.
    """
    handle = Handle()
    _LIBRARY.call("cmap_initialize", ctypes.byref(handle))
    try:
        return _get(handle, key.encode())
    finally:
        _LIBRARY.ask("cmap_finalize", handle)


def write_byte(key: str, value: int) -> None:
    """The key of the running Corosync has this value, until it stops; 0 to 255.

    Raises CorosyncError while Corosync does not run, and when it refuses; waits while it hangs.
    """
    handle, byte = Handle(), ctypes.c_uint8(value)
    _LIBRARY.call("cmap_initialize", ctypes.byref(handle))
    try:
        _LIBRARY.call("cmap_set", handle, key.encode(), ctypes.byref(byte), ctypes.sizeof(byte), _VALUE_UINT8)
    finally:
        _LIBRARY.ask("cmap_finalize", handle)


def _get(handle: Handle, key: bytes) -> str | None:
    length, kind = ctypes.c_size_t(), ctypes.c_int()
    code = _LIBRARY.ask("cmap_get", handle, key, None, ctypes.byref(length), ctypes.byref(kind))
    if code == Code.NOT_EXIST or (code == Code.OK and kind.value != _VALUE_STRING):
        return None
    if code != Code.OK:
        raise CorosyncError("cmap_get", code)
    buffer = ctypes.create_string_buffer(length.value + 1)
    _LIBRARY.call("cmap_get", handle, key, buffer, ctypes.byref(length), ctypes.byref(kind))
    return buffer.value.decode(errors="replace")


def read_all() -> dict[str, Value]:
    """Every key of the running Corosync with its value, its statistics included; what is binary is not among them.

    Raises CorosyncError while Corosync does not run; waits while it hangs.
    """
    found: dict[str, Value] = {}
    for number in _MAPS:
        handle, place = Handle(), Handle()
        _LIBRARY.call("cmap_initialize_map", ctypes.byref(handle), number)
        try:
            _LIBRARY.call("cmap_iter_init", handle, None, ctypes.byref(place))
            key = ctypes.create_string_buffer(_LONGEST_KEY + 1)
            length, kind = ctypes.c_size_t(), ctypes.c_int()
            while (
                _LIBRARY.ask("cmap_iter_next", handle, place, key, ctypes.byref(length), ctypes.byref(kind)) == Code.OK
            ):
                value = _value(handle, key.value, kind.value)
                if value is not None:
                    found[key.value.decode(errors="replace")] = value
            _LIBRARY.ask("cmap_iter_finalize", handle, place)
        finally:
            _LIBRARY.ask("cmap_finalize", handle)
    return found


def _value(handle: Handle, key: bytes, kind: int) -> Value | None:
    if kind not in _NUMBERS:
        return _get(handle, key)
    number = _NUMBERS[kind]()
    length = ctypes.c_size_t(ctypes.sizeof(number))
    code = _LIBRARY.ask("cmap_get", handle, key, ctypes.byref(number), ctypes.byref(length), None)
    value: int | float = number.value
    return value if code == Code.OK else None
