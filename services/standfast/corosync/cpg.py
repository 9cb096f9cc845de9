"""libcpg: a closed group of processes with messages and membership changes in one order (cpg.h)."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any, Final

from standfast.corosync.common import (
    Code,
    Connection,
    CorosyncError,
    Handle,
    HandlePointer,
    IntPointer,
    Library,
    RingId,
    UintPointer,
)
from standfast.vocabulary import Ring

LARGEST_MESSAGE: Final = (
    1_000_000  # bytes; of more than 1,047,552 (its max_atomic) Corosync makes several, see `try_send`
)

Member = tuple[int, int]  # node id, process id


class Address(ctypes.Structure):
    """struct cpg_address."""

    _fields_ = (("nodeid", ctypes.c_uint32), ("pid", ctypes.c_uint32), ("reason", ctypes.c_uint32))


class Name(ctypes.Structure):
    """struct cpg_name: a group's."""

    _fields_ = (("length", ctypes.c_uint32), ("value", ctypes.c_char * 128))


class Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_Addresses = ctypes.POINTER(Address)
_NamePointer = ctypes.POINTER(Name)
_Size = ctypes.c_size_t

_Deliver = ctypes.CFUNCTYPE(
    None, Handle, _NamePointer, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t
)
_Change = ctypes.CFUNCTYPE(None, Handle, _NamePointer, _Addresses, _Size, _Addresses, _Size, _Addresses, _Size)
_Totem = ctypes.CFUNCTYPE(None, Handle, RingId, ctypes.c_uint32, UintPointer)


class Model(ctypes.Structure):
    """cpg_model_v1_data_t."""

    _fields_ = (
        ("model", ctypes.c_int),
        ("deliver", _Deliver),
        ("change", _Change),
        ("totem", _Totem),
        ("flags", ctypes.c_uint),
    )


_MODEL_V1: Final = 1
_DELIVER_INITIAL_TOTEM: Final = 1
_AGREED: Final = 2

_LIBRARY: Final = Library(
    "libcpg.so.4",
    {
        "cpg_model_initialize": (HandlePointer, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        "cpg_finalize": (Handle,),
        "cpg_fd_get": (Handle, IntPointer),
        "cpg_dispatch": (Handle, ctypes.c_int),
        "cpg_join": (Handle, _NamePointer),
        "cpg_leave": (Handle, _NamePointer),
        "cpg_local_get": (Handle, UintPointer),
        "cpg_mcast_joined": (Handle, ctypes.c_int, ctypes.POINTER(Vector), ctypes.c_uint),
    },
)


class Cpg:
    """One process's membership in one group. Another group needs another Cpg.

    Every callback runs in the loop: `on_message(node, pid, data)`, `on_members(members, left, joined)` and
    `on_ring(ring, nodes)`, all in the order that every member sees in this ring; `on_ring` follows the
    `on_members` that the same change made, except at the join, where either may come first. `on_dead()` once,
    when Corosync is gone. The first ring after a start of Corosync may be this node alone. Raises CorosyncError
    while Corosync does not run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        group: bytes,
        on_message: Callable[[int, int, bytes], None],
        on_members: Callable[[tuple[Member, ...], tuple[Member, ...], tuple[Member, ...]], None],
        on_ring: Callable[[Ring, tuple[int, ...]], None],
        on_dead: Callable[[], None],
    ) -> None:
        self._on_message, self._on_members, self._on_ring = on_message, on_members, on_ring
        self._group = Name(len(group), group)
        self._connection = connection = Connection(loop, _LIBRARY, "cpg", on_dead)
        # Corosync keeps a copy of the model, but the functions in it must live as long as the handle.
        self._model = Model(
            _MODEL_V1,
            _Deliver(connection.guarded(self._deliver)),
            _Change(connection.guarded(self._change)),
            _Totem(connection.guarded(self._totem)),
            _DELIVER_INITIAL_TOTEM,
        )
        _LIBRARY.call(
            "cpg_model_initialize",
            ctypes.byref(connection.handle),
            _MODEL_V1,
            ctypes.cast(ctypes.byref(self._model), ctypes.c_void_p),
            None,
        )
        self.node_id = self._local_id()
        connection.opened()

    def join(self) -> None:
        """The process asked to be a member; `on_members` tells when it is. Raises CorosyncError."""
        self._connection.call("join", ctypes.byref(self._group))

    def leave(self) -> None:
        """The process asked to leave; its messages so far are still delivered. Raises CorosyncError."""
        self._connection.call("leave", ctypes.byref(self._group))

    def try_send(self, data: bytes) -> bool:
        """The message will be delivered to all members, this one too; False: not now, try again in some ms.

        A message of more than LARGEST_MESSAGE bytes is refused: Corosync would cut it, and others' messages
        could come between. Raises CorosyncError when Corosync is gone or this process is no member.
        """
        assert len(data) <= LARGEST_MESSAGE, f"{len(data)} bytes in one message"
        vector = Vector(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))
        code = self._connection.ask("mcast_joined", _AGREED, ctypes.byref(vector), 1)
        if code == Code.TRY_AGAIN:
            return False
        if code != Code.OK:
            raise CorosyncError("cpg_mcast_joined", code)
        return True

    def close(self) -> None:
        """Nothing of it is left; the others see this process go."""
        self._connection.close()

    def _local_id(self) -> int:
        identity = ctypes.c_uint32()
        try:
            self._connection.call("local_get", ctypes.byref(identity))
        except CorosyncError:
            self._connection.close()
            raise
        return identity.value

    def _deliver(self, _group: Any, node: int, pid: int, data: int, length: int) -> None:
        self._on_message(node, pid, ctypes.string_at(data, length) if length else b"")

    def _change(
        self, _group: Any, members: Any, member_count: int, left: Any, left_count: int, joined: Any, joined_count: int
    ) -> None:
        self._on_members(
            _addresses(members, member_count), _addresses(left, left_count), _addresses(joined, joined_count)
        )

    def _totem(self, ring: RingId, count: int, nodes: Any) -> None:
        self._on_ring(ring.ring(), tuple(nodes[index] for index in range(count)))


def _addresses(pointer: Any, count: int) -> tuple[Member, ...]:
    return tuple((pointer[index].nodeid, pointer[index].pid) for index in range(count))
