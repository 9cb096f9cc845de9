"""Slow things that tries share: one task does each, however many tries wait for it, and however often they give up."""

import asyncio
from typing import Final, TypeVar

from standfast.configuration.model import Probe
from standfast.probes.verdict import CannotCheckError

_SHARE: Final = 0.8  # of a try's time: what is slow here says nothing about the service
_T = TypeVar("_T")


async def settled(task: asyncio.Task[_T | CannotCheckError], probe: Probe, late: str) -> _T:
    """What the task gives. Raises the error that it gives, or one that says `late`; the task goes on."""
    await asyncio.wait((task,), timeout=probe.timeout_ms * _SHARE / 1000)
    if not task.done():
        raise CannotCheckError(late)
    if isinstance(found := task.result(), CannotCheckError):
        raise CannotCheckError(str(found))  # anew: an exception keeps the frames of all who raised it
    return found
