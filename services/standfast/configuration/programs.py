"""Runs a program that only says something, within a time."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from subprocess import DEVNULL, PIPE
from typing import Final

KEPT_BYTES: Final = 1 << 20
_CLOSED_S: Final = 1.0
_PATH: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


async def run_program(
    command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a program that gets no input. Raises OSError (not there), TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**_PATH, **(environment or {})},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # it is killed with all that it started
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await asyncio.gather(_read(process.stdout), _read(process.stderr))
            await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSED_S):  # what hangs in the kernel keeps its pipes
                await asyncio.gather(_read(process.stdout), _read(process.stderr))
                await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


async def _read(stream: asyncio.StreamReader) -> bytes:
    """All that comes, of which the first KEPT_BYTES are kept: it must not fill our memory."""
    kept = b""
    while data := await stream.read(1 << 16):
        kept += data[: KEPT_BYTES - len(kept)]
    return kept
