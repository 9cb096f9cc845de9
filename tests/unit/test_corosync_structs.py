"""The structures that Corosync's libraries fill in, and the rules of dispatch and close."""

import asyncio
import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from standfast.corosync import cfg, cpg, votequorum
from standfast.corosync.common import Code, Connection, CorosyncError, Library, RingId
from standfast.vocabulary import Ring

POINTER_BYTES = ctypes.sizeof(ctypes.c_void_p)


@pytest.mark.skipif(POINTER_BYTES != 8, reason="sizes measured with gcc on a 64-bit machine")
@pytest.mark.parametrize(
    ("structure", "size"),
    [
        (cpg.Address, 12),
        (cpg.Name, 132),
        (RingId, 16),  # u32, 4 of padding, u64
        (cpg.Model, 40),
        (cpg.Vector, 16),
        (votequorum.Information, 292),
        (votequorum.VoteNode, 8),
        (votequorum.VoteCallbacks, 24),
        (votequorum.QuorumModel, 24),
        (cfg.LinkStatus, 520),
        (cfg.Status, 4176),
        (cfg.Callbacks, 8),
    ],
)
def test_a_structure_has_the_size_that_the_headers_give_it(structure: type[ctypes.Structure], size: int) -> None:
    assert ctypes.sizeof(structure) == size


def test_the_links_begin_where_the_header_puts_them() -> None:
    assert cfg.Status.links.offset == 16


def test_votequorums_flags_have_names() -> None:
    assert votequorum.flag_names(0b111) == {"two_node", "quorate", "wait_for_all"}
    assert votequorum.flag_names(1 << 30) == frozenset()


def test_a_ring_reads_as_node_and_number_and_is_ordered() -> None:
    assert str(RingId(2, 1 << 40).ring()) == f"2.{1 << 40}"
    assert Ring(1, 9) < Ring(1, 12) < Ring(2, 1)


def test_an_error_names_the_function_and_the_code() -> None:
    assert str(CorosyncError("cpg_join", Code.TRY_AGAIN)) == "cpg_join: CS_ERR_TRY_AGAIN"
    assert str(CorosyncError("cpg_join", 77)) == "cpg_join: error 77"


def test_a_missing_library_is_a_corosync_error() -> None:
    with pytest.raises(CorosyncError, match=r"libnowhere\.so"):
        Library("libnowhere.so", {}).ask("anything")


class FakeLibrary(Library):
    """A library whose handle is a pipe; each dispatch runs the next script, or says `idle`."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.scripts: list[Callable[[], None]] = []
        self.idle = Code.TRY_AGAIN
        self.finalized = 0
        self.hang = threading.Event()
        self.hang.set()

    def ask(self, function: str, *arguments: Any) -> int:
        match function:
            case "x_fd_get":
                arguments[1]._obj.value = self.reading
            case "x_finalize":
                self.finalized += 1
                self.hang.wait()
            case "x_dispatch":
                if not self.scripts:
                    return self.idle
                self.scripts.pop(0)()
        return Code.OK


async def turn(library: FakeLibrary, error: list[BaseException] | None = None) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: (error if error is not None else []).append(context["exception"]))
    os.write(library.writing, b"!")
    for _ in range(4):
        await asyncio.sleep(0)
    if library.idle == Code.TRY_AGAIN and not library.finalized:
        os.read(library.reading, 100)


def connect(library: FakeLibrary) -> tuple[Connection, list[str]]:
    dead: list[str] = []
    connection = Connection(asyncio.get_running_loop(), library, "x", lambda: dead.append("dead"))
    connection.opened()
    return connection, dead


def test_an_exception_of_a_callback_leaves_the_loop_and_stops_the_batch() -> None:
    async def scenario() -> None:
        library, told, errors = FakeLibrary(), list[int](), list[BaseException]()
        connection, _ = connect(library)

        def callback(number: int) -> None:
            told.append(number)
            if number == 2:
                raise KeyError("two")

        guarded = connection.guarded(callback)
        library.scripts = [lambda number=number: guarded(0, number) for number in (1, 2, 3)]  # type: ignore[misc]
        await turn(library, errors)
        assert told[:2] == [1, 2]
        assert [type(error) for error in errors] == [KeyError]
        connection.close()

    asyncio.run(scenario())


def test_a_callback_may_close_its_handle_which_then_says_nothing_more() -> None:
    async def scenario() -> None:
        library, told = FakeLibrary(), list[int]()
        connection, dead = connect(library)

        def callback(number: int) -> None:
            told.append(number)
            connection.close()
            assert not library.finalized, "the handle must live until its dispatch returned"

        guarded = connection.guarded(callback)
        library.scripts = [lambda: (guarded(0, 1), guarded(0, 2))]  # type: ignore[list-item]
        await turn(library)
        assert told == [1]
        assert library.finalized == 1
        assert not dead
        connection.close()
        assert library.finalized == 1

    asyncio.run(scenario())


def test_a_dead_corosync_is_told_once_and_the_handle_is_closed() -> None:
    async def scenario() -> None:
        library = FakeLibrary()
        connection, dead = connect(library)
        library.idle = Code.LIBRARY
        await turn(library)
        assert dead == ["dead"]
        assert library.finalized == 1
        with pytest.raises(CorosyncError, match="BAD_HANDLE"):
            connection.call("join")

    asyncio.run(scenario())


def test_a_handle_of_a_corosync_that_hangs_is_closed_all_the_same() -> None:
    async def scenario() -> None:
        library = FakeLibrary()
        connection, dead = connect(library)
        library.hang.clear()
        began = time.monotonic()
        connection.close()
        assert time.monotonic() - began < 2
        await turn(library)
        assert not dead
        library.hang.set()

    asyncio.run(scenario())
