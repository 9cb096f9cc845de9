"""A daemon's start, its watchdog and its end, as systemd sees them."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from standfast import journal
from standfast.daemon import RETRY_S, Daemon, run


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of NOTIFY_SOCKET; entries of the journal go to stderr."""
    monkeypatch.setattr(journal, "SOCKET", tmp_path / "nowhere")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def heard(systemd: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return messages


def ended(main: Callable[[Daemon], Coroutine[Any, Any, None]]) -> int:
    """The exit code of a daemon that runs in a process of its own: a signal's handler wants the main thread, and a test
    may be in another one (pytest-xdist). What it tells is in capfd."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = run("quorumd", main)
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_sigterm_asks_the_daemon_to_stop_and_it_ends_with_0(systemd: socket.socket) -> None:
    async def main(daemon: Daemon) -> None:
        daemon.status("works")
        daemon.ready()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(2):
            await daemon.stopping.wait()

    assert ended(main) == 0
    assert heard(systemd) == ["STATUS=works", "READY=1"]


def test_the_watchdog_is_fed_twice_in_its_interval(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "150000")

    async def main(daemon: Daemon) -> None:
        await asyncio.sleep(0.32)

    assert ended(main) == 0
    assert heard(systemd).count("WATCHDOG=1") >= 5


def test_who_says_often_that_it_is_alive_is_not_woken_for_it(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")

    async def main(daemon: Daemon) -> None:
        for _ in range(3):
            daemon.alive()
        due = [timer.when() for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined] # who else knows
        assert len(due) == 1

    assert ended(main) == 0
    assert heard(systemd).count("WATCHDOG=1") == 4


def test_a_watchdog_that_a_busy_systemd_did_not_hear_of_is_fed_again_soon(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "600000000")

    async def main(daemon: Daemon) -> None:
        while daemon._notifier.send("STATUS=filling"):
            pass
        daemon.alive()
        heard(systemd)
        async with asyncio.timeout(10):
            while "WATCHDOG=1" not in heard(systemd):  # noqa: ASYNC110 - the other side is a socket
                await asyncio.sleep(RETRY_S / 2)

    assert ended(main) == 0


def test_ready_is_repeated_until_a_busy_systemd_reads_it(systemd: socket.socket) -> None:
    async def main(daemon: Daemon) -> None:
        while daemon._notifier.send("STATUS=filling"):
            pass
        daemon.ready()
        assert "READY=1" not in heard(systemd)
        async with asyncio.timeout(2):
            while "READY=1" not in heard(systemd):  # noqa: ASYNC110 - the other side is a socket
                await asyncio.sleep(0.02)

    assert ended(main) == 0


def test_an_exception_ends_the_daemon_with_one_entry(systemd: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    async def main(daemon: Daemon) -> None:
        async with asyncio.TaskGroup():
            raise KeyError("number")

    assert ended(main) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("<3>standfast-quorumd: quorumd ended by KeyError: 'number' (test_daemon.py:")


def test_an_exception_in_a_callback_ends_the_daemon_too(
    systemd: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    def callback() -> None:
        raise AssertionError("two coordinators")

    async def main(daemon: Daemon) -> None:
        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(5)

    assert ended(main) == 1
    assert "ended by AssertionError: two coordinators" in capfd.readouterr().err


def test_work_is_cancelled_by_sigterm_and_its_failure_ends_the_daemon(
    systemd: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            print("cancelled", file=sys.stderr)

    async def stopped(daemon: Daemon) -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        await daemon.until_stopped(work())

    async def broken() -> None:
        raise ValueError("broken work")

    async def failed(daemon: Daemon) -> None:
        await daemon.until_stopped(broken())

    assert ended(stopped) == 0
    assert capfd.readouterr().err == "cancelled\n"
    assert ended(failed) == 1
    assert "broken work" in capfd.readouterr().err
