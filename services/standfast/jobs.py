"""Jobs of systemd: queued by a call, over when JobRemoved says so, which may come before the call's reply."""

import asyncio
from enum import StrEnum
from typing import Any, Final

from standfast.bus import Bus, BusError, ErrorName
from standfast.manager import CALL_TIMEOUT_S, MANAGER, MANAGER_PATH, SYSTEMD

AT_ONCE: Final = 64  # of the 512 rules by which systemd may follow its clients, before the bus refuses and cuts it off
ROOM_S: Final = 10.0  # a job that takes longer keeps no other one from being asked for
_NOT_LOADED: Final = "org.freedesktop.systemd1.NoSuchUnit"
_UNKNOWN: Final = (
    ErrorName.BUS_LOST,
    ErrorName.TIMED_OUT,
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Disconnected",
)


class JobResult(StrEnum):
    """How a job ended, as JobRemoved tells it (org.freedesktop.systemd1(5))."""

    DONE = "done"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    FAILED = "failed"
    DEPENDENCY = "dependency"
    SKIPPED = "skipped"
    INVALID = "invalid"
    ASSERT = "assert"
    UNSUPPORTED = "unsupported"
    COLLECTED = "collected"
    ONCE = "once"
    UNKNOWN = "unknown"  # ours: the bus or systemd was away when it ended; the unit must be read


class Jobs:
    """Our own jobs from the call to their end."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[JobResult]] = {}  # by the job's path
        self._early: dict[str, JobResult] = {}  # ended while a call waits for its reply
        self._calls = 0
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, bus: Bus, method: str, unit: str, mode: str) -> JobResult:
        """The job's result. Raises BusError when systemd did not take it.

        It has no time limit of its own: the unit has one. UNKNOWN when the bus or systemd went away meanwhile.
        """
        async with self._room:
            try:
                job = await self.begin(bus, method, "ss", unit, mode)
            except BusError as error:
                if error.name in _UNKNOWN:
                    return JobResult.UNKNOWN
                if error.name == _NOT_LOADED and method == "StopUnit":
                    return JobResult.DONE
                raise
            await asyncio.wait((job,), timeout=ROOM_S)
        return await job

    async def begin(self, bus: Bus, method: str, signature: str, *arguments: Any) -> asyncio.Future[JobResult]:
        """systemd took the job that a method of its manager makes; the future will have its result. Raises BusError."""
        self._calls += 1
        try:
            (path,) = await bus.call(
                SYSTEMD, MANAGER_PATH, MANAGER, method, signature, *arguments, timeout_s=CALL_TIMEOUT_S
            )
            return self._expect(bus, path)
        finally:
            self._calls -= 1
            if not self._calls:
                self._early.clear()

    def removed(self, path: str, result: str) -> None:
        """systemd said that a job, of whomever, is over."""
        known = _result(result)
        future = self._waiting.get(path)
        if future is not None and not future.done():
            future.set_result(known)
        elif self._calls:
            self._early[path] = known

    def lost(self) -> None:
        """The bus is gone: nobody will say how our jobs end."""
        for future in self._waiting.values():
            if not future.done():
                future.set_result(JobResult.UNKNOWN)

    async def check(self, bus: Bus) -> None:
        """systemd was away from the bus: jobs that ended meanwhile are unknown, the others are waited for."""
        for path, future in tuple(self._waiting.items()):
            try:
                await bus.get(SYSTEMD, path, "org.freedesktop.systemd1.Job", "State")
            except BusError as error:
                if error.name in _UNKNOWN:
                    raise
                if not future.done():
                    future.set_result(JobResult.UNKNOWN)

    def _expect(self, bus: Bus, path: str) -> asyncio.Future[JobResult]:
        job: asyncio.Future[JobResult] = asyncio.get_running_loop().create_future()
        if bus.closed.is_set():
            job.set_result(JobResult.UNKNOWN)
        elif path in self._early:
            job.set_result(self._early[path])
        else:
            self._waiting[path] = job
            job.add_done_callback(lambda _: self._waiting.pop(path, None))
        return job


def _result(text: str) -> JobResult:
    try:
        return JobResult(text)
    except ValueError:
        return JobResult.FAILED  # a newer systemd's word for "not done"
