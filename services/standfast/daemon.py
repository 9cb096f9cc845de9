"""What every daemon needs of systemd: READY=1, the watchdog, SIGTERM, and an end that says why."""

import asyncio
import contextlib
import os
import signal
import socket
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from standfast import journal

RETRY_S = 0.1  # systemd's socket is full for as long as it reloads


class Daemon:
    """The process as systemd sees it; `stopping` is set by SIGTERM and SIGINT."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = asyncio.Event()
        self.crash: BaseException | None = None  # raised by a callback of the loop
        self._loop = asyncio.get_running_loop()
        self._notifier = _Notifier(os.environ.get("NOTIFY_SOCKET"))
        self._interval_s = watchdog_interval_s()
        self._fed_until: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """systemd knows (as soon as it reads) that this daemon is on the bus."""
        if not self._notifier.send("READY=1"):
            self._loop.call_later(RETRY_S, self.ready)

    def status(self, text: str) -> None:
        """`systemctl status` shows `text`, unless systemd is too busy to read it."""
        self._notifier.send("STATUS=" + text.replace("\n", " "))

    async def until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """`work` ran until it ended or SIGTERM came, which cancels it; its exception is raised here."""
        task = asyncio.ensure_future(work)
        waiter = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def alive(self) -> None:
        """Feeds systemd's watchdog, now and from the loop for ever: a loop that hangs starves it.

        Whoever wakes up more often than that calls this too, and saves a wake-up of its own.
        """
        if self._interval_s is None:
            return
        if self._fed_until is not None:
            self._fed_until.cancel()
        read = self._notifier.send("WATCHDOG=1")
        self._fed_until = self._loop.call_later(self._interval_s if read else RETRY_S, self.alive)


class _Notifier:
    """sd_notify(3) without blocking."""

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, text: str) -> bool:
        """False: systemd does not read now, try again later."""
        if not self._address:
            return True
        try:
            self._socket.sendto(text.encode(), self._address)
        except BlockingIOError:
            return False
        except OSError:
            return True  # nobody listens: started without systemd
        return True


def watchdog_interval_s() -> float | None:
    """Two fifths of the time after which systemd's watchdog kills this process; None: it has none."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or int(microseconds) == 0 or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 2_500_000


def run(name: str, main: Callable[[Daemon], Coroutine[Any, Any, None]]) -> int:
    """Runs `main` until it returns; the process's exit code: 0, or 1 after an exception told in the journal.

    An exception in a callback of the loop ends the daemon too: systemd restarts it, it reads the world anew.
    """
    journal.identify(name)
    try:
        asyncio.run(_run(name, main))
    except Exception as error:  # the outermost frame: told in the journal, then the process ends
        _tell(name, error)
        return 1
    return 0


async def _run(name: str, main: Callable[[Daemon], Coroutine[Any, Any, None]]) -> None:
    daemon = Daemon(name)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stopping.set)
    daemon.alive()
    task = asyncio.ensure_future(main(daemon))
    loop.set_exception_handler(lambda _, context: _on_exception(daemon, task, context))
    with contextlib.suppress(asyncio.CancelledError):
        await task
    if daemon.crash is not None:
        raise daemon.crash


def _on_exception(daemon: Daemon, task: "asyncio.Future[None]", context: dict[str, Any]) -> None:
    """A callback's exception ends the daemon; one that nobody fetched from a finished task is only told."""
    error = context.get("exception") or RuntimeError(context.get("message", "unknown"))
    if "handle" in context and daemon.crash is None:
        daemon.crash = error
        task.cancel()
        return
    _tell(daemon.name, error, "went on after")


def _tell(name: str, error: BaseException, verb: str = "ended by") -> None:
    cause = _innermost(error)
    where = traceback.extract_tb(cause.__traceback__)[-1:]
    place = f" ({os.path.basename(where[0].filename)}:{where[0].lineno})" if where else ""  # noqa: PTH119 - a name, no path
    journal.write(
        journal.Event.DAEMON_FAILED,
        journal.Level.ERROR,
        f"{name} {verb} {type(cause).__name__}: {cause}{place}",
        traceback="".join(traceback.format_exception(error)),
    )


def _innermost(error: BaseException) -> BaseException:
    """The first real exception in a task group's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
