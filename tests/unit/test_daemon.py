"""A daemon's start, its watchdog and its end, as systemd sees them."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from standfast import journal
from standfast.daemon import Daemon, run


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


def test_sigterm_asks_the_daemon_to_stop_and_it_ends_with_0(systemd: socket.socket) -> None:
    async def main(daemon: Daemon) -> None:
        daemon.status("works")
        daemon.ready()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(2):
            await daemon.stopping.wait()

    assert run("quorumd", main) == 0
    assert heard(systemd) == ["STATUS=works", "READY=1"]


def test_the_watchdog_is_fed_three_times_in_its_interval(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "150000")

    async def main(daemon: Daemon) -> None:
        await asyncio.sleep(0.32)

    assert run("quorumd", main) == 0
    assert heard(systemd).count("WATCHDOG=1") >= 5


def test_ready_is_repeated_until_a_busy_systemd_reads_it(systemd: socket.socket) -> None:
    async def main(daemon: Daemon) -> None:
        while daemon._notifier.send("STATUS=filling"):
            pass
        daemon.ready()
        assert "READY=1" not in heard(systemd)
        async with asyncio.timeout(2):
            while "READY=1" not in heard(systemd):  # noqa: ASYNC110 - the other side is a socket
                await asyncio.sleep(0.02)

    assert run("quorumd", main) == 0


def test_an_exception_ends_the_daemon_with_one_entry(
    systemd: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main(daemon: Daemon) -> None:
        async with asyncio.TaskGroup():
            raise KeyError("number")

    assert run("quorumd", main) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("<3>standfast-quorumd: quorumd ended by KeyError: 'number' (test_daemon.py:")


def test_an_exception_in_a_callback_ends_the_daemon_too(
    systemd: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    def callback() -> None:
        raise AssertionError("two coordinators")

    async def main(daemon: Daemon) -> None:
        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(5)

    assert run("quorumd", main) == 1
    assert "ended by AssertionError: two coordinators" in capsys.readouterr().err


def test_work_is_cancelled_by_sigterm_and_its_failure_ends_the_daemon(
    systemd: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("cancelled")

    async def stopped(daemon: Daemon) -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        await daemon.until_stopped(work())

    async def broken() -> None:
        raise ValueError("broken work")

    async def failed(daemon: Daemon) -> None:
        await daemon.until_stopped(broken())

    assert run("quorumd", stopped) == 0
    assert ended == ["cancelled"]
    assert run("quorumd", failed) == 1
    assert "broken work" in capsys.readouterr().err
