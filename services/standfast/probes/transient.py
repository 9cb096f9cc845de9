"""A look by a process of its own, which may hang where we may not: a transient service of systemd's.

Its name is the probe's, so systemd itself sees to it that there is one process for each probe at most, also when this
daemon starts anew: while the one of an earlier try is still there, be it that nothing can kill it (D state), no other
one is started. It is not in our control group, so it never keeps systemd from restarting us. systemd ends it should we
not be there to do so, and forgets the unit when it has ended.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from standfast.bus import Bus, BusError, Signal, Variant, escape
from standfast.configuration.model import Probe
from standfast.jobs import JobResult, Jobs
from standfast.manager import MANAGER, MANAGER_PATH, SYSTEMD, UNIT_PATHS
from standfast.probes.output import Output
from standfast.probes.system_bus import cannot_check, system_bus
from standfast.probes.verdict import CannotCheckError

SLICE: Final = "standfast-probes.slice"
SUCCESS: Final = "success"
_SERVICE: Final = "org.freedesktop.systemd1.Service"
_EXISTS: Final = "org.freedesktop.systemd1.UnitExists"
_SUBSCRIBED: Final = "org.freedesktop.systemd1.AlreadySubscribed"
_GRACE_US: Final = 1_000_000  # until systemd ends by itself what we did not
_CRITICAL: Final = 2  # syslog(3): systemd writes several lines for each start, and our own journal has the changes
_SIGKILL: Final = 9


class HungError(Exception):
    """The process has not ended in the try's time."""

    def __init__(self, *, earlier: int | None = None) -> None:
        super().__init__()
        self.earlier = earlier  # the process of an earlier try, if that is the one


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the process ended, in systemd's words (Result=, ExecMainCode= and ExecMainStatus= of a service)."""

    result: str
    code: int = 0  # CLD_EXITED, CLD_KILLED, CLD_DUMPED
    status: int = 0  # its exit code, or the signal's number


def unit_of(probe: Probe) -> str:
    """The service's name."""
    digest = hashlib.sha256("\0".join((probe.unit, probe.name, probe.type)).encode()).hexdigest()
    return f"standfast-probe-{digest[:16]}.service"


async def run(probe: Probe, command: tuple[str, ...], properties: dict[str, Variant], output: Output) -> End | None:
    """How the command ended, None if its output was whole before. Raises CannotCheckError and HungError."""
    look = _Look(unit_of(probe))
    wanted = [*_common(probe, command, output).items(), *properties.items()]
    try:
        async with asyncio.timeout(probe.timeout_ms / 1000):
            return await look.run(wanted, output)
    except (TimeoutError, BusError) as error:
        if isinstance(error, TimeoutError) and look.asked:
            raise HungError(earlier=look.earlier) from error
        raise cannot_check(error, "systemd does not start it") from error
    finally:
        look.leave()


def _common(probe: Probe, command: tuple[str, ...], output: Output) -> dict[str, Variant]:
    return {
        "Description": Variant("s", f"Standfast: {probe.label}"),
        "Type": Variant("s", "oneshot"),
        "Slice": Variant("s", SLICE),
        "CollectMode": Variant("s", "inactive-or-failed"),
        "DefaultDependencies": Variant("b", False),
        "ExecStartEx": Variant("a(sasas)", [[command[0], list(command), ["no-env-expand"]]]),
        "StandardInput": Variant("s", "null"),
        "StandardOutputFile": Variant("s", output.name),
        "StandardError": Variant("s", "inherit"),
        "LogLevelMax": Variant("i", _CRITICAL),
        "TimeoutStartUSec": Variant("t", probe.timeout_ms * 1000 + _GRACE_US),
        "TimeoutStopUSec": Variant("t", _GRACE_US),
        "KillSignal": Variant("i", _SIGKILL),
        "NoNewPrivileges": Variant("b", True),
        "LimitCORE": Variant("t", 0),
        "MemorySwapMax": Variant("t", 0),
    }


class _Look:
    """One try's service."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bus: Bus | None = None
        self._ours = self._referenced = False  # the service is ours, and runs as far as we know
        self.asked = False  # systemd has answered
        self.earlier: int | None = None

    async def run(self, properties: Iterable[tuple[str, Variant]], output: Output) -> End | None:
        bus = self._bus = await system_bus()
        systemd = await _follow(bus)
        wanted = [list(one) for one in properties]
        self._referenced = any(name == "AddRef" for name, _ in wanted)
        job = await self._start(bus, systemd, wanted)
        ways: set[asyncio.Future[Any]] = {job, asyncio.ensure_future(output.whole.wait())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            result = job.result() if job.done() else None
        finally:
            for way in ways:
                way.cancel()
        self._ours = False
        output.drain()
        return None if result is None or output.whole.is_set() else await self._end(bus, result)

    def leave(self) -> None:
        """What still runs is killed, and the unit is systemd's to forget; nobody waits for it."""
        if self._bus is None:
            return
        if self._ours:
            self._bus.tell(SYSTEMD, MANAGER_PATH, MANAGER, "KillUnit", "ssi", self._unit, "all", _SIGKILL)
        if self._referenced:
            self._bus.tell(SYSTEMD, MANAGER_PATH, MANAGER, "UnrefUnit", "s", self._unit)

    async def _start(self, bus: Bus, systemd: "_Systemd", properties: list[Any]) -> asyncio.Future[JobResult]:
        signature = "ssa(sv)a(sa(sv))"
        while True:
            gone = systemd.when_gone(self._unit)
            self._ours = True  # also when the answer does not come in time
            try:
                job = await systemd.jobs.begin(bus, "StartTransientUnit", signature, self._unit, "fail", properties, [])
            except BusError as error:
                self._ours = False
                if error.name != _EXISTS:
                    raise
            else:
                self.asked, self.earlier = True, None
                return job
            self.asked, self.earlier = True, await self._process(bus)
            await gone.wait()

    async def _end(self, bus: Bus, result: JobResult) -> End:
        if result is JobResult.DONE:
            return End(result=SUCCESS)
        if result is JobResult.UNKNOWN:
            raise CannotCheckError("systemd went away")
        if not self._referenced:
            return End(result=result.value)
        names = ("Result", "ExecMainCode", "ExecMainStatus")
        found, code, status = await asyncio.gather(*(self._get(bus, name) for name in names))
        return End(result=found, code=code, status=status)

    async def _process(self, bus: Bus) -> int:
        """Also of a unit that systemd has given up killing."""
        try:
            return int(await self._get(bus, "ExecMainPID"))
        except BusError:
            return 0  # it has just been forgotten

    async def _get(self, bus: Bus, name: str) -> Any:
        return await bus.get(SYSTEMD, f"{UNIT_PATHS}/{escape(self._unit)}", _SERVICE, name)


class _Systemd:
    """What systemd says on one connection: jobs that ended, units that it forgot."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.jobs = Jobs()
        self._gone: dict[str, asyncio.Event] = {}
        self._listening = asyncio.Lock()
        self._listens = False

    async def listen(self) -> None:
        async with self._listening:
            if self._listens:
                return
            of_manager = {"path": MANAGER_PATH, "interface": MANAGER}
            await self.bus.subscribe(SYSTEMD, self._job_removed, member="JobRemoved", **of_manager)
            await self.bus.subscribe(SYSTEMD, self._unit_removed, member="UnitRemoved", **of_manager)
            try:
                await self.bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe")
            except BusError as error:
                if error.name != _SUBSCRIBED:
                    raise
            self.bus.when_closed(self.jobs.lost)
            self._listens = True

    def when_gone(self, unit: str) -> asyncio.Event:
        """Set when systemd has forgotten the unit."""
        return self._gone.setdefault(unit, asyncio.Event())

    def _job_removed(self, signal: Signal) -> None:
        _, path, _, result = signal.arguments
        self.jobs.removed(path, result)

    def _unit_removed(self, signal: Signal) -> None:
        gone = self._gone.pop(signal.arguments[0], None)
        if gone is not None:
            gone.set()


_systemd: _Systemd | None = None


async def _follow(bus: Bus) -> _Systemd:
    global _systemd
    if _systemd is None or _systemd.bus is not bus:
        _systemd = _Systemd(bus)
    await _systemd.listen()
    return _systemd


def name_of_process(pid: int) -> str:
    """As the kernel has it (proc(5), comm); "": there is none. It never waits for a process that hangs."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
