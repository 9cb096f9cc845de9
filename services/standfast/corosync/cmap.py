"""libcmap: the keys that the running Corosync works with (cmap.h, cmap_keys(7))."""

import ctypes
from typing import Final

from standfast.corosync.common import Code, CorosyncError, Handle, HandlePointer, IntPointer, Library

_VALUE_STRING: Final = 11

_LIBRARY: Final = Library(
    "libcmap.so.4",
    {
        "cmap_initialize": (HandlePointer,),
        "cmap_finalize": (Handle,),
        "cmap_get": (Handle, ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), IntPointer),
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
