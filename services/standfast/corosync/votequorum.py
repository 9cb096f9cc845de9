"""libquorum and libvotequorum: may this ring act, and by which votes (quorum.h, votequorum.h)."""

import asyncio
import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from standfast.corosync.common import (
    TRACK_CURRENT_AND_CHANGES,
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

FLAGS: Final = (
    "two_node",
    "quorate",
    "wait_for_all",
    "last_man_standing",
    "auto_tie_breaker",
    "allow_downscale",
    "qdevice_registered",
    "qdevice_alive",
    "qdevice_cast_vote",
    "qdevice_master_wins",
)  # VOTEQUORUM_INFO_*, from bit 0 on


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteInformation:
    """votequorum's count as this node sees it now."""

    votes: int  # of this node
    expected: int  # of all configured nodes
    quorum: int  # needed to be quorate
    total: int  # present
    flags: frozenset[str]  # of FLAGS


class Information(ctypes.Structure):
    """struct votequorum_info."""

    _fields_ = (
        ("node_id", ctypes.c_uint),
        ("node_state", ctypes.c_uint),
        ("node_votes", ctypes.c_uint),
        ("node_expected_votes", ctypes.c_uint),
        ("highest_expected", ctypes.c_uint),
        ("total_votes", ctypes.c_uint),
        ("quorum", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("qdevice_votes", ctypes.c_uint),
        ("qdevice_name", ctypes.c_char * 255),
    )


class VoteNode(ctypes.Structure):
    """votequorum_node_t."""

    _fields_ = (("nodeid", ctypes.c_uint32), ("state", ctypes.c_uint32))


_Quorum = ctypes.CFUNCTYPE(None, Handle, ctypes.c_uint32, RingId, ctypes.c_uint32, UintPointer)
_QuorumNodes = ctypes.CFUNCTYPE(
    None,
    Handle,
    RingId,
    ctypes.c_uint32,
    UintPointer,
    ctypes.c_uint32,
    UintPointer,
    ctypes.c_uint32,
    UintPointer,
)
_Votes = ctypes.CFUNCTYPE(None, Handle, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(VoteNode))
_Expected = ctypes.CFUNCTYPE(None, Handle, ctypes.c_uint64, ctypes.c_uint32)
_VoteNodes = ctypes.CFUNCTYPE(None, Handle, ctypes.c_uint64, RingId, ctypes.c_uint32, UintPointer)


class QuorumModel(ctypes.Structure):
    """quorum_model_v1_data_t."""

    _fields_ = (("model", ctypes.c_int), ("quorum", _Quorum), ("nodes", _QuorumNodes))


class VoteCallbacks(ctypes.Structure):
    """votequorum_callbacks_t."""

    _fields_ = (("votes", _Votes), ("expected", _Expected), ("nodes", _VoteNodes))


_MODEL_V1: Final = 1

_QUORUM_LIBRARY: Final = Library(
    "libquorum.so.5",
    {
        "quorum_model_initialize": (HandlePointer, ctypes.c_int, ctypes.c_void_p, UintPointer, ctypes.c_void_p),
        "quorum_finalize": (Handle,),
        "quorum_fd_get": (Handle, IntPointer),
        "quorum_dispatch": (Handle, ctypes.c_int),
        "quorum_trackstart": (Handle, ctypes.c_uint),
    },
)
_VOTE_LIBRARY: Final = Library(
    "libvotequorum.so.8",
    {
        "votequorum_initialize": (HandlePointer, ctypes.c_void_p),
        "votequorum_finalize": (Handle,),
        "votequorum_fd_get": (Handle, IntPointer),
        "votequorum_dispatch": (Handle, ctypes.c_int),
        "votequorum_trackstart": (Handle, ctypes.c_uint64, ctypes.c_uint),
        "votequorum_getinfo": (Handle, ctypes.c_uint, ctypes.POINTER(Information)),
        "votequorum_setexpected": (Handle, ctypes.c_uint),
    },
)


class Votequorum:
    """Whether this node's ring is quorate, told at once and after each change, and the votes behind it.

    `on_quorum(ring, quorate, nodes)` comes later than CPG's word of the same ring, by another stream, and not at
    all while rings churn: what it said of an older ring says nothing of the present one. `on_votes()` (optional)
    wakes when votes or expected votes changed. `on_dead()` once, when Corosync is gone. Raises CorosyncError
    while Corosync does not run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_quorum: Callable[[Ring, bool, tuple[int, ...]], None],
        on_dead: Callable[[], None],
        on_votes: Callable[[], None] | None = None,
    ) -> None:
        self._on_quorum, self._on_dead, self._on_votes = on_quorum, on_dead, on_votes
        self._votes: Connection | None = None
        self._quorum = self._open_quorum(loop)
        try:
            self._votes = self._open_votes(loop)
            self._quorum.call("trackstart", TRACK_CURRENT_AND_CHANGES)
            self._votes.call("trackstart", 0, TRACK_CURRENT_AND_CHANGES)
            self._quorum.opened()
            self._votes.opened()
        except CorosyncError:
            self.close()
            raise

    def information(self) -> VoteInformation:
        """The votes now; a request to Corosync, which waits while Corosync hangs. Raises CorosyncError."""
        assert self._votes is not None
        found = Information()
        self._votes.call("getinfo", 0, ctypes.byref(found))
        return VoteInformation(
            votes=found.node_votes,
            expected=found.highest_expected,
            quorum=found.quorum,
            total=found.total_votes,
            flags=flag_names(found.flags),
        )

    def expect(self, votes: int) -> None:
        """The nodes of this ring expect so many votes, until more are there or Corosync stops; never fewer than there
        are. A request as above: raises CorosyncError, also when it is refused."""
        assert self._votes is not None
        self._votes.call("setexpected", max(votes, self.information().total))

    def close(self) -> None:
        """Nothing of it is left."""
        self._quorum.close()
        if self._votes is not None:
            self._votes.close()

    def _open_quorum(self, loop: asyncio.AbstractEventLoop) -> Connection:
        connection = Connection(loop, _QUORUM_LIBRARY, "quorum", self._dead)
        self._quorum_model = QuorumModel(
            _MODEL_V1,
            _Quorum(connection.guarded(self._quorum_told)),
            _QuorumNodes(connection.guarded(_ignore)),
        )
        kind = ctypes.c_uint32()
        model = ctypes.cast(ctypes.byref(self._quorum_model), ctypes.c_void_p)
        handle = ctypes.byref(connection.handle)
        _QUORUM_LIBRARY.call("quorum_model_initialize", handle, _MODEL_V1, model, ctypes.byref(kind), None)
        return connection

    def _open_votes(self, loop: asyncio.AbstractEventLoop) -> Connection:
        connection = Connection(loop, _VOTE_LIBRARY, "votequorum", self._dead)
        self._vote_callbacks = VoteCallbacks(
            _Votes(connection.guarded(self._votes_told)),
            _Expected(connection.guarded(self._votes_told)),
            _VoteNodes(connection.guarded(_ignore)),
        )
        callbacks = ctypes.cast(ctypes.byref(self._vote_callbacks), ctypes.c_void_p)
        _VOTE_LIBRARY.call("votequorum_initialize", ctypes.byref(connection.handle), callbacks)
        return connection

    def _quorum_told(self, quorate: int, ring: RingId, count: int, nodes: Any) -> None:
        self._on_quorum(ring.ring(), bool(quorate), tuple(nodes[index] for index in range(count)))

    def _votes_told(self, *_arguments: Any) -> None:
        if self._on_votes is not None:
            self._on_votes()

    def _dead(self) -> None:
        """The first of the two handles that notices speaks for both."""
        self.close()
        self._on_dead()


def flag_names(bits: int) -> frozenset[str]:
    """votequorum's flags by name; a bit that is not known is left out."""
    return frozenset(name for bit, name in enumerate(FLAGS) if bits >> bit & 1)


def _ignore(*_arguments: Any) -> None:
    """Corosync tells it; nobody here needs it."""
