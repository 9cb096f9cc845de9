"""What all of Corosync's client libraries have in common: error codes, handles, dispatch, close.

Source of every signature and structure: the headers of Corosync 3.1 (/usr/include/corosync). A callback gets the
ring id and cmap's values by value; what a pointer shows is gone when the callback returns and is copied before.
"""

import asyncio
import ctypes
import functools
import threading
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from standfast.vocabulary import Ring

Handle = ctypes.c_uint64
HandlePointer = ctypes.POINTER(Handle)
IntPointer = ctypes.POINTER(ctypes.c_int)
UintPointer = ctypes.POINTER(ctypes.c_uint32)

TRACK_CURRENT_AND_CHANGES: Final = 0x03  # CS_TRACK_CURRENT | CS_TRACK_CHANGES

_DISPATCH_ONE_NONBLOCKING: Final = 4
_FINALIZE_S: Final = 0.5
_BATCH: Final = 64  # callbacks in one turn of the loop: ticks and the watchdog come between


class Code(IntEnum):
    """cs_error_t (corotypes.h); success is 1."""

    OK = 1
    LIBRARY = 2  # what every call says when Corosync is gone
    VERSION = 3
    INIT = 4
    TIMEOUT = 5
    TRY_AGAIN = 6
    INVALID_PARAM = 7
    NO_MEMORY = 8
    BAD_HANDLE = 9
    BUSY = 10
    ACCESS = 11
    NOT_EXIST = 12
    NAME_TOO_LONG = 13
    EXIST = 14
    NO_SPACE = 15
    INTERRUPT = 16
    NAME_NOT_FOUND = 17
    NO_RESOURCES = 18
    NOT_SUPPORTED = 19
    BAD_OPERATION = 20
    FAILED_OPERATION = 21
    MESSAGE_ERROR = 22
    QUEUE_FULL = 23
    QUEUE_NOT_AVAILABLE = 24
    BAD_FLAGS = 25
    TOO_BIG = 26
    NO_SECTIONS = 27
    SECURITY = 100


class CorosyncError(Exception):
    """A library function failed: Corosync does not run, is going, or refuses."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: {_name(code)}")
        self.code = code


def _name(code: int) -> str:
    try:
        return f"CS_ERR_{Code(code).name}"
    except ValueError:
        return f"error {code}"


class RingId(ctypes.Structure):
    """struct cpg_ring_id, quorum_ring_id, votequorum_ring_id."""

    _fields_ = (("nodeid", ctypes.c_uint32), ("seq", ctypes.c_uint64))

    def ring(self) -> Ring:
        return Ring(self.nodeid, self.seq)


class Library:
    """One shared library, loaded at the first call; its functions release the GIL."""

    def __init__(self, name: str, prototypes: Mapping[str, tuple[Any, ...]]) -> None:
        self._name = name
        self._prototypes = prototypes

    @functools.cached_property
    def _functions(self) -> dict[str, Any]:
        try:
            library = ctypes.CDLL(self._name)
        except OSError as error:
            raise CorosyncError(f"{self._name} ({error})", Code.LIBRARY) from error
        functions = {}
        for name, types in self._prototypes.items():
            functions[name] = function = getattr(library, name)
            function.argtypes, function.restype = types, ctypes.c_int
        return functions

    def ask(self, function: str, *arguments: Any) -> int:
        """The function's cs_error_t."""
        return int(self._functions[function](*arguments))

    def call(self, function: str, *arguments: Any) -> None:
        """Raises CorosyncError unless the function succeeded."""
        code = self.ask(function, *arguments)
        if code != Code.OK:
            raise CorosyncError(function, code)


class Connection:
    """An open handle whose callbacks run in the loop, in Corosync's order.

    It may be opened in another thread: a Corosync that hangs lets every request wait for ever, and the loop must
    not wait with it. Everything else happens in the loop's thread. `on_dead` is called once, when Corosync is gone; the
    handle is then closed. An exception of a callback reaches the loop's exception handler, and what comes
    after it waits for the loop's next turn. After `close` nothing is called any more, not even from the same batch.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, library: Library, prefix: str, on_dead: Callable[[], None]
    ) -> None:
        self.library = library
        self.handle = Handle()
        self._loop = loop
        self._prefix = prefix
        self._on_dead = on_dead
        self._descriptor = -1
        self._closed = False
        self._dispatching = False
        self._error: BaseException | None = None

    def opened(self) -> None:
        """The handle is open and asked for what it wants: its callbacks run from the loop's next turn on."""
        descriptor = ctypes.c_int()
        try:
            self.call("fd_get", ctypes.byref(descriptor))
        except CorosyncError:
            self._finalize()
            raise
        self._descriptor = descriptor.value
        self._loop.call_soon_threadsafe(self._attach)

    def call(self, function: str, *arguments: Any) -> None:
        """PREFIX_FUNCTION of this handle succeeded; raises CorosyncError."""
        code = self.ask(function, *arguments)
        if code != Code.OK:
            raise CorosyncError(f"{self._prefix}_{function}", code)

    def ask(self, function: str, *arguments: Any) -> int:
        """What PREFIX_FUNCTION of this handle says."""
        if self._closed:
            return Code.BAD_HANDLE
        return self.library.ask(f"{self._prefix}_{function}", self.handle, *arguments)

    def guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """The callback for ctypes, which would only print an exception: it is raised after the dispatch."""

        @functools.wraps(callback)
        def run(_handle: int, *arguments: Any) -> None:
            if self._closed or self._error is not None:
                return
            try:
                callback(*arguments)
            except BaseException as error:
                self._error = error

        return run

    def close(self) -> None:
        """Nothing of it is left: no reader, no handle. A second time changes nothing."""
        if self._closed:
            return
        self._closed = True
        if self._descriptor >= 0:
            # before the handle goes: its number may be another file's the next moment
            self._loop.remove_reader(self._descriptor)
        if not self._dispatching:
            self._finalize()

    def _finalize(self) -> None:
        """The handle is given back; that may be a request, so a Corosync that hangs is not waited for."""
        self._closed = True
        call = threading.Thread(target=self.library.ask, args=(f"{self._prefix}_finalize", self.handle), daemon=True)
        call.start()
        call.join(_FINALIZE_S)

    def _attach(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._descriptor, self._dispatch)

    def _dispatch(self) -> None:
        self._dispatching = True
        code = int(Code.OK)
        for _ in range(_BATCH):
            code = self.ask("dispatch", _DISPATCH_ONE_NONBLOCKING)
            if code != Code.OK or self._error is not None:
                break
        self._dispatching = False
        if self._closed:  # by a callback: the handle had to live until its dispatch returned
            self._finalize()
        elif code not in (Code.OK, Code.TRY_AGAIN):
            self.close()
            self._on_dead()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
