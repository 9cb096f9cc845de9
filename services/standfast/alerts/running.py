"""One run of an alert: a transient service of systemd's, with nothing of the cluster's processor, memory or time.

Its name is the alert's, so systemd itself sees to it that one run of each is there at most, also when this program
starts anew. systemd ends it with everything that it started.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any, Final

from standfast.alerts.told import Told, as_json, environment
from standfast.bus import Bus, BusError, Signal, Variant, escape
from standfast.configuration.alerts import Alert
from standfast.jobs import JobResult, Jobs
from standfast.manager import MANAGER, MANAGER_PATH, SYSTEMD, UNIT_PATHS

RUN: Final = Path("/run/standfast-alerts")
USER: Final = "standfast-alerts"
SLICE: Final = "standfast-alerts.slice"
_SERVICE: Final = "org.freedesktop.systemd1.Service"
_EXISTS: Final = "org.freedesktop.systemd1.UnitExists"
_GRACE_US: Final = 1_000_000  # between SIGTERM and SIGKILL
_CRITICAL: Final = 2  # syslog(3): systemd writes several lines for each run
_IDLE: Final = (5, 3)  # sched(7) SCHED_IDLE, ioprio_set(2) IOPRIO_CLASS_IDLE
_MEMORY: Final = 128 << 20
_LARGEST_FILE: Final = 1 << 20
_TASKS: Final = 64
_WORDS: Final = 4096  # of its output that are kept
_AGAIN_S: Final = 1.0
_ANSWER_S: Final = 5.0  # what systemd may need beyond the alert's own time


class AlertError(Exception):
    """The alert did not succeed; one sentence why, and `output`: what it said."""

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


class Runner:
    """Runs alerts over one connection to the bus, which is opened when it is needed."""

    def __init__(self, folder: Path = RUN, user: str = USER) -> None:
        self._folder, self._user = folder, user
        self._bus: Bus | None = None
        self._jobs = Jobs()
        self._connecting = asyncio.Lock()

    async def run(self, alert: Alert, secret: bytes | None, told: Told, not_sent: int) -> None:
        """It was run for this event and ended with 0. Raises AlertError."""
        limit_s = alert.timeout_ms / 1000 + _ANSWER_S
        try:
            async with asyncio.timeout(limit_s + _ANSWER_S):
                script = _write(self._folder / alert.name, alert.content)
                known = environment(told, not_sent)
                if secret is not None:
                    known["STANDFAST_SECRET"] = str(_write(self._folder / f".{alert.name}.secret", secret))
                bus = await self._connect()
                await self._run(bus, alert, self._properties(alert, script, known, as_json(told, not_sent)))
        except TimeoutError as error:
            raise AlertError(f"systemd did not say within {limit_s:g} s how it ended") from error
        except (BusError, OSError) as error:
            raise AlertError(f"it could not be started: {error}") from error

    async def start(self, target: str) -> None:
        """systemd was asked to start this unit, and is not waited for. Raises AlertError."""
        try:
            bus = await self._connect()
            await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "StartUnit", "ss", target, "replace", timeout_s=_ANSWER_S)
        except BusError as error:
            raise AlertError(f"it could not be started: {error.text}") from error

    async def close(self) -> None:
        if self._bus is not None:
            await self._bus.close()

    async def _run(self, bus: Bus, alert: Alert, properties: dict[str, Variant]) -> None:
        unit = f"standfast-alert-{alert.name}.service"
        job = await self._begin(bus, unit, [list(one) for one in properties.items()])
        try:
            if await job is JobResult.DONE:
                return
            output = _last_words(self._folder / f".{alert.name}.out")
            raise AlertError(await self._why(bus, unit, alert), output)
        finally:
            bus.tell(SYSTEMD, MANAGER_PATH, MANAGER, "UnrefUnit", "s", unit)

    async def _begin(self, bus: Bus, unit: str, properties: list[Any]) -> asyncio.Future[JobResult]:
        """Its service is started, after the run before it is over."""
        while True:
            try:
                signature = "ssa(sv)a(sa(sv))"
                return await self._jobs.begin(bus, "StartTransientUnit", signature, unit, "fail", properties, [])
            except BusError as error:
                if error.name != _EXISTS:
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def _why(self, bus: Bus, unit: str, alert: Alert) -> str:
        place = f"{UNIT_PATHS}/{escape(unit)}"
        try:
            result = str(await bus.get(SYSTEMD, place, _SERVICE, "Result"))
            status = await bus.get(SYSTEMD, place, _SERVICE, "ExecMainStatus")
        except BusError as error:
            return f"it failed, and how cannot be read: {error.text}"
        match result:
            case "timeout":
                return f"it did not end within {alert.timeout_ms / 1000:g} s and was killed"
            case "exit-code":
                return f"it ended with {status}"
            case _:
                return f"it failed ({result})"

    async def _connect(self) -> Bus:
        async with self._connecting:
            if self._bus is None or self._bus.closed.is_set():
                bus = await Bus.connect()
                self._jobs = jobs = Jobs()
                of_manager = {"path": MANAGER_PATH, "interface": MANAGER}
                await bus.subscribe(SYSTEMD, lambda signal: _removed(jobs, signal), member="JobRemoved", **of_manager)
                await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe")
                bus.when_closed(jobs.lost)
                self._bus = bus
            return self._bus

    def _properties(self, alert: Alert, script: Path, known: dict[str, str], text: str) -> dict[str, Variant]:
        command = [word.replace("$", "$$") for word in (*alert.interpreter, str(script))]
        policy, io_class = _IDLE
        return {
            "Description": Variant("s", f"Standfast: alert {alert.name}"),
            "Type": Variant("s", "oneshot"),
            "Slice": Variant("s", SLICE),
            "CollectMode": Variant("s", "inactive-or-failed"),
            "AddRef": Variant("b", True),
            # not ExecStartEx: a daemon-reload while it runs would not know that
            "ExecStart": Variant("a(sasb)", [[command[0], command, False]]),
            "Environment": Variant("as", [f"{name}={value}" for name, value in known.items()]),
            "StandardInput": Variant("s", "data"),
            "StandardInputData": Variant("ay", f"{text}\n".encode()),
            "StandardOutputFileToTruncate": Variant("s", str(self._folder / f".{alert.name}.out")),
            "StandardError": Variant("s", "inherit"),
            "LogLevelMax": Variant("i", _CRITICAL),
            "User": Variant("s", self._user),
            "UMask": Variant("u", 0o077),
            "Nice": Variant("i", 19),
            "CPUSchedulingPolicy": Variant("i", policy),
            "IOSchedulingClass": Variant("i", io_class),
            "MemoryMax": Variant("t", _MEMORY),
            "MemorySwapMax": Variant("t", 0),
            "TasksMax": Variant("t", _TASKS),
            "LimitFSIZE": Variant("t", _LARGEST_FILE),
            "LimitCORE": Variant("t", 0),
            "OOMScoreAdjust": Variant("i", 1000),
            "TimeoutStartUSec": Variant("t", alert.timeout_ms * 1000),
            "TimeoutStopUSec": Variant("t", _GRACE_US),
        }


def _removed(jobs: Jobs, signal: Signal) -> None:
    _, path, _, result = signal.arguments
    jobs.removed(path, result)


def _write(path: Path, content: bytes) -> Path:
    """What only root and the group of this process may read."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o440)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o440)
        file.write(content)
    return path


def _last_words(path: Path) -> str:
    try:
        return path.read_bytes()[-_WORDS:].decode(errors="replace").strip()
    except OSError:
        return ""
