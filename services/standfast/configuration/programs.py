"""Runs a program that only says something, within a time."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from subprocess import DEVNULL, PIPE
from typing import Final

KEPT_BYTES: Final = 1 << 20
_PATH: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


async def run_program(
    command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a program that gets no input. Raises OSError (not there), TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *command, env={**_PATH, **(environment or {})}, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert process.returncode is not None
    return (
        process.returncode,
        output[:KEPT_BYTES].decode(errors="replace"),
        errors[:KEPT_BYTES].decode(errors="replace"),
    )
