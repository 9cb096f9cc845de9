"""Calls that need a right: whoever is not root may be asked for an administrator's password, on this terminal."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

from standfast.bus import Bus
from standfast.bus.rights import ASKED_S
from standfast.operations.problems import CommandError, Exit

AGENT: Final = "/usr/bin/pkttyagent"  # polkit's, for a terminal without a desktop's own agent
_REGISTERED_S: Final = 5.0


def refuse_without_root(what: str) -> None:
    """Raises CommandError for anybody but root, who alone may `what`."""
    if os.geteuid() != 0:
        raise CommandError(Exit.NO_RIGHTS, f"Only root may {what}. Try again as root.")


async def call_with_rights(
    bus: Bus,
    destination: str,
    path: str,
    interface: str,
    method: str,
    signature: str,
    *arguments: Any,
    timeout_s: float,
) -> tuple[Any, ...]:
    """As Bus.call; the time for typing a password comes on top of `timeout_s`."""
    if os.geteuid() == 0:
        return await bus.call(destination, path, interface, method, signature, *arguments, timeout_s=timeout_s)
    async with _agent():
        return await bus.call(
            destination,
            path,
            interface,
            method,
            signature,
            *arguments,
            timeout_s=timeout_s + ASKED_S,
            interactive=True,
        )


@contextlib.asynccontextmanager
async def _agent() -> AsyncIterator[None]:
    """polkit can ask on this terminal. Without a terminal or an agent only a desktop's own agent can ask."""
    if not _has_terminal() or not os.access(AGENT, os.X_OK):
        yield
        return
    reader, writer = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            AGENT, "--process", str(os.getpid()), "--notify-fd", str(writer), "--fallback", pass_fds=(writer,)
        )
    finally:
        os.close(writer)
    try:
        await _closed(reader)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _has_terminal() -> bool:
    return sys.stdin.isatty()


async def _closed(reader: int) -> None:
    """The agent is registered, or gone: it closes its end either way. One that does neither is not waited for long."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(reader, done.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _REGISTERED_S)
    finally:
        loop.remove_reader(reader)
        os.close(reader)
