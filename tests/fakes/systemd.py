"""systemd1 on a private bus: units as data, jobs that end at once or when the test says so.

It does what a test of ours needs: ordered starts of a target's units, guards (AssertPathExists), failures with their
causes, signals. It has no dependencies but Wants= of targets and Requires= of the unit before.
"""

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_next.message import Message

from standfast.bus import Bus, Variant, escape, unescape
from standfast.bus.wire import read_message
from standfast.manager import DOWN

NAME = "org.freedesktop.systemd1"
ROOT = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
PROPERTIES = "org.freedesktop.DBus.Properties"
CLD_EXITED, CLD_KILLED = 1, 2


@dataclass
class FakeUnit:
    """A unit and what happens to it."""

    name: str
    load: str = "loaded"
    active: str = "inactive"
    result: str = "success"
    main_code: int = 0
    main_status: int = 0
    status_text: str = ""
    control_group: str = ""
    slice: str = "system.slice"
    guard: Path | None = None
    guards_in_effect: bool = True
    file_state: str = "disabled"
    source: str = ""  # what a generator made it of
    wanted_by: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    start: str = "ok"  # ok, fail, or hang (its job stays until `finish`)
    stop: str = "ok"  # ok, or hang
    job: tuple[int, str] = (0, "")
    starts: int = 0
    properties: dict[str, Any] | None = None  # of a transient service, which is forgotten when it has ended
    process: asyncio.subprocess.Process | None = None  # its own, a real one
    main_pid: int = 0
    references: int = 0
    relations: dict[str, tuple[str, ...]] = field(default_factory=dict)  # as properties: BindsTo, Conflicts …
    remains: bool = False
    begun_at: int = 0  # µs of CLOCK_MONOTONIC, as systemd's time stamps
    up_at: int = 0
    left_at: int = 0
    down_at: int = 0
    main_ended_at: int = 0

    def turn(self, active: str, *, by_itself: bool = False) -> None:
        """From one state to another one; `by_itself`: its main process has ended before."""
        now = time.monotonic_ns() // 1000
        down, will_be_down = self.active in DOWN, active in DOWN
        if by_itself:
            self.main_ended_at = now - 1
        if self.active == "active" != active:
            self.left_at = now
        if down and not will_be_down:
            self.begun_at = now
        if active == "active" != self.active:
            self.up_at = now
        if will_be_down and not down:
            self.down_at = now if by_itself else now + 2
            self.main_ended_at = self.main_ended_at if by_itself else now + 1
        self.active = active


@dataclass
class FakeSystemd:
    """`serve` puts it on the bus; `calls` has every job and kill that was asked for: method, unit, mode."""

    units: dict[str, FakeUnit] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  # every call by its method, of a Get with the property's name
    remembers_subscribers: bool = False  # as after daemon-reexec
    removed_first: bool = False  # JobRemoved is sent before the call's reply
    transient: str = "run"  # what becomes of a transient service: its command is run, or "hang": it cannot be killed
    running: set[asyncio.Task[None]] = field(default_factory=set)  # processes of transient services
    files: dict[str, str] = field(default_factory=dict)  # by path of a unit's file: its state
    _bus: Bus | None = None
    _jobs: int = 0

    def add(self, name: str, **fields: Any) -> FakeUnit:
        unit = self.units[name] = FakeUnit(name=name, **fields)
        return unit

    async def serve(self, address: str | None = None) -> None:
        self._bus = await Bus.connect(address)
        self._bus.take_call = self._take
        await self._bus.claim(NAME)

    @property
    def unique_name(self) -> str:
        assert self._bus is not None
        return self._bus.unique_name

    async def leave(self) -> None:
        """Away from the bus, as while it executes itself anew; the units stay."""
        assert self._bus is not None
        await self._bus.close()

    # What a test does to units

    def crash(self, name: str, number: int = 9) -> None:
        """The main process was killed by a signal."""
        unit = self.units[name]
        unit.turn("failed", by_itself=True)
        unit.result = "signal"
        unit.main_code, unit.main_status, unit.control_group = CLD_KILLED, number, ""
        self.changed(name)

    def exit(self, name: str, status: int) -> None:
        """The main process ended by itself."""
        unit = self.units[name]
        unit.turn("failed" if status else "inactive", by_itself=True)
        unit.result = "exit-code" if status else "success"
        unit.main_code, unit.main_status, unit.control_group = CLD_EXITED, status, ""
        self.changed(name)

    def finish(self, name: str, result: str = "done") -> None:
        """A job that hung ends."""
        unit = self.units[name]
        number, kind = unit.job
        unit.job = (0, "")
        if result == "done":
            self._settle(unit, "active" if kind == "start" else "inactive")
        self._remove_job(number, name, result)

    def run_job_of_somebody(self, method: str, name: str) -> None:
        """As if an administrator had typed it."""
        self._begin(method, self._unit(name), self._next_job())

    def reload(self) -> None:
        """daemon-reload by an administrator."""
        self._emit("Reloading", "b", True)
        self._emit("Reloading", "b", False)

    def changed(self, name: str) -> None:
        assert self._bus is not None
        values = {"ActiveState": Variant("s", self.units[name].active)}
        self._bus.emit(self.path(name), PROPERTIES, "PropertiesChanged", "sa{sv}as", UNIT, values, [])

    @staticmethod
    def path(name: str) -> str:
        return f"{ROOT}/unit/{escape(name)}"

    # Jobs

    def _next_job(self) -> int:
        self._jobs += 1
        return self._jobs

    def _begin(self, method: str, unit: FakeUnit, number: int) -> str:
        kind = {"StartUnit": "start", "StopUnit": "stop", "RestartUnit": "restart"}[method]
        hangs = unit.stop == "hang" if kind == "stop" else unit.start == "hang"
        unit.job = (number, kind)
        if hangs:
            unit.turn("deactivating" if kind == "stop" else "activating")
            self.changed(unit.name)
            return self._job_path(number)
        result = self._stop(unit) if kind == "stop" else self._start(unit)
        unit.job = (0, "")
        self.changed(unit.name)
        self._remove_job(number, unit.name, result)
        return self._job_path(number)

    def _start(self, unit: FakeUnit) -> str:
        unit.starts += 1
        if unit.load == "not-found":
            return "invalid"
        if unit.guard is not None and not unit.guard.exists():
            return "assert"
        if unit.start == "fail":
            unit.turn("activating")
            self.exit(unit.name, 1)
            return "failed"
        failed = False
        for wanted in unit.wants:
            self._jobs += 1
            result = "dependency" if failed else self._start(self._unit(wanted))
            failed = failed or result != "done"
            self.changed(wanted)
            self._remove_job(self._jobs, wanted, result)
        self._settle(unit, "active")
        return "done"

    def _stop(self, unit: FakeUnit) -> str:
        self._settle(unit, "inactive")
        return "done"

    def _settle(self, unit: FakeUnit, active: str) -> None:
        if active == "inactive" and unit.active == "failed":
            return  # a failure is kept until it is reset or the unit starts
        unit.turn(active)
        unit.result, unit.main_code, unit.main_status = "success", 0, 0
        unit.control_group = f"/{unit.slice}/{unit.name}" if active == "active" else ""
        self.changed(unit.name)

    def _remove_job(self, number: int, name: str, result: str) -> None:
        self._emit("JobRemoved", "uoss", number, self._job_path(number), name, result)

    @staticmethod
    def _job_path(number: int) -> str:
        return f"{ROOT}/job/{number}"

    # Transient services

    def _on_start_transient_unit(self, message: Any) -> tuple[str, list[Any]]:
        name, mode, properties, _ = message.body
        self.calls.append((message.member, name, mode))
        if name in self.units and self.units[name].properties is not None:
            raise LookupError("org.freedesktop.systemd1.UnitExists")
        unit = self.add(name, active="activating")
        unit.properties = {key: value.value for key, value in properties}
        unit.references = int(unit.properties.get("AddRef", False))
        self._jobs += 1
        unit.job = (self._jobs, "start")
        if self.transient == "run":
            self.running.add(task := asyncio.get_running_loop().create_task(self._run(unit)))
            task.add_done_callback(self.running.discard)
        return "o", [self._job_path(self._jobs)]

    async def _run(self, unit: FakeUnit) -> None:
        """The command's process, with its output where it belongs; no user, no sandbox, no limits."""
        assert unit.properties is not None
        ((program, arguments, _),) = unit.properties.get("ExecStartEx") or unit.properties["ExecStart"]
        known = unit.properties
        data = bytes(known.get("StandardInputData", b""))
        environment = {**os.environ, **dict(one.split("=", 1) for one in known.get("Environment", ()))}
        where = known.get("StandardOutputFile") or known["StandardOutputFileToTruncate"]
        with open(where, "wb") as output:  # noqa: ASYNC230, PTH123 - a pipe
            try:
                unit.process = await asyncio.create_subprocess_exec(
                    program,
                    *arguments[1:],
                    stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    start_new_session=bool(data),
                )
            except OSError:
                self.end_transient(unit.name, 203)
                return
        unit.main_pid = unit.process.pid
        if data:
            await self._alert(unit, unit.process, data, known["TimeoutStartUSec"] / 1_000_000)
            return
        code = await unit.process.wait()
        if unit.name in self.units:
            self.end_transient(unit.name, code)

    async def _alert(self, unit: FakeUnit, process: asyncio.subprocess.Process, data: bytes, limit_s: float) -> None:
        """It reads what it is given, and is killed with all that it started when its time is over."""
        try:
            async with asyncio.timeout(limit_s):
                await process.communicate(data)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        timed_out = process.returncode == -signal.SIGKILL
        self.end_transient(unit.name, process.returncode or 0, "timeout" if timed_out else "")

    def end_transient(self, name: str, code: int = 0, result: str = "") -> None:
        """Its process ended, with an exit code or as -SIGNAL; `result` as systemd sees it otherwise."""
        unit = self.units[name]
        number, _ = unit.job
        unit.job = (0, "")
        unit.active = "failed" if code else "inactive"
        unit.result = result or ("signal" if code < 0 else "exit-code" if code else "success")
        unit.main_code, unit.main_status = (CLD_KILLED, -code) if code < 0 else (CLD_EXITED, code)
        self._remove_job(number, name, "failed" if code or result else "done")
        self._forget(unit)

    def _forget(self, unit: FakeUnit) -> None:
        if unit.properties is not None and not unit.references and not unit.job[0] and unit.name in self.units:
            del self.units[unit.name]
            self._emit("UnitRemoved", "so", unit.name, self.path(unit.name))

    def _on_ref_unit(self, message: Any) -> tuple[str, list[Any]]:
        self._unit(message.body[0]).references += 1
        return "", []

    def _on_unref_unit(self, message: Any) -> tuple[str, list[Any]]:
        (name,) = message.body
        if name in self.units:
            self.units[name].references = 0
            self._forget(self.units[name])
        return "", []

    # Calls

    def _take(self, _: str, data: bytes) -> bool:
        self._called(read_message(data))
        return True

    def _called(self, message: Any) -> None:
        assert self._bus is not None
        self.asked[f"Get {message.body[1]}" if message.member == "Get" else message.member] += 1
        handler: Callable[[Any], tuple[str, list[Any]]] | None = getattr(self, _handler_name(message.member), None)
        if handler is None:
            self._error(message, "org.freedesktop.DBus.Error.UnknownMethod")
            return
        try:
            signature, body = handler(message)
        except LookupError as error:
            self._error(message, str(error.args[0]))
            return
        reply = Message.new_method_return(message, signature, body)
        if self.removed_first:
            asyncio.get_running_loop().call_later(0.02, self._bus.send, reply)
        else:
            self._bus.send(reply)

    def _error(self, message: Any, name: str) -> None:
        assert self._bus is not None
        self._bus.send(Message.new_error(message, name, f"{message.member}: {name}"))

    def _later(self, method: str, unit: FakeUnit) -> str:
        """The job runs at once, or after the reply was sent."""
        number = self._next_job()
        if self.removed_first:
            return self._begin(method, unit, number)
        asyncio.get_running_loop().call_soon(self._begin, method, unit, number)
        return self._job_path(number)

    def _job(self, message: Any) -> tuple[str, list[Any]]:
        name, mode = message.body
        self.calls.append((message.member, name, mode))
        return "o", [self._later(message.member, self._unit(name))]

    _on_start_unit = _on_restart_unit = _job

    def _on_stop_unit(self, message: Any) -> tuple[str, list[Any]]:
        if self._unit(message.body[0]).load == "not-found":
            raise LookupError("org.freedesktop.systemd1.NoSuchUnit")
        return self._job(message)

    def _on_kill_unit(self, message: Any) -> tuple[str, list[Any]]:
        name, whom, number = message.body
        self.calls.append(("KillUnit", name, f"{whom} {number}"))
        if (unit := self.units.get(name)) is None:
            raise LookupError("org.freedesktop.systemd1.NoSuchUnit")
        if unit.properties is not None:
            if unit.process is not None and unit.process.returncode is None:
                unit.process.send_signal(number)
            return "", []
        if unit.active in ("active", "activating", "deactivating"):
            self.crash(name, number)
        return "", []

    def _on_reset_failed_unit(self, message: Any) -> tuple[str, list[Any]]:
        unit = self._unit(message.body[0])
        self.calls.append(("ResetFailedUnit", unit.name))
        if unit.active == "failed":
            unit.active, unit.result = "inactive", "success"
            self.changed(unit.name)
        return "", []

    def _on_list_units_by_names(self, message: Any) -> tuple[str, list[Any]]:
        rows = []
        for unit in map(self._unit, message.body[0]):
            number, kind = unit.job
            job = self._job_path(number) if number else "/"
            path = self.path(unit.name)
            rows.append([unit.name, "", unit.load, unit.active, unit.active, "", path, number, kind, job])
        return "a(ssssssouso)", [rows]

    def _on_list_units(self, _: Any) -> tuple[str, list[Any]]:
        loaded = [unit for unit in self.units.values() if unit.load == "loaded"]
        rows = [[one.name, "", one.load, one.active, one.active, "", self.path(one.name), 0, "", "/"] for one in loaded]
        return "a(ssssssouso)", [rows]

    def _on_list_unit_files(self, _: Any) -> tuple[str, list[Any]]:
        return "a(ss)", [[list(one) for one in self.files.items()]]

    def _on_load_unit(self, message: Any) -> tuple[str, list[Any]]:
        return "o", [self.path(message.body[0])]

    def _on_get_unit_file_state(self, message: Any) -> tuple[str, list[Any]]:
        unit = self._unit(message.body[0])
        if unit.load == "not-found":
            raise LookupError("org.freedesktop.DBus.Error.FileNotFound")
        return "s", [unit.file_state]

    def _on_subscribe(self, _: Any) -> tuple[str, list[Any]]:
        if self.remembers_subscribers:
            raise LookupError("org.freedesktop.systemd1.AlreadySubscribed")
        self.calls.append(("Subscribe",))
        return "", []

    def _on_reload(self, _: Any) -> tuple[str, list[Any]]:
        self.calls.append(("Reload",))
        self.reload()
        return "", []

    def _on_reboot(self, _: Any) -> tuple[str, list[Any]]:
        self.calls.append(("Reboot",))
        return "", []

    def _on_get(self, message: Any) -> tuple[str, list[Any]]:
        interface, name = message.body
        return "v", [self._value(message.path, interface, name)]

    def _on_get_all(self, message: Any) -> tuple[str, list[Any]]:
        unit = self._unit(unescape(message.path.rpartition("/")[2]))
        return "a{sv}", [self._general(unit) if message.body[0] == UNIT else self._special(unit)]

    def _value(self, path: str, interface: str, name: str) -> Any:
        if path == ROOT:
            return Variant("s", "")
        if "/job/" in path:
            if any(self._job_path(unit.job[0]) == path for unit in self.units.values()):
                return Variant("s", "running")
            raise LookupError("org.freedesktop.DBus.Error.UnknownObject")
        unit = self._unit(unescape(path.rpartition("/")[2]))
        values = self._general(unit) if interface == UNIT else self._special(unit)
        if name not in values:
            raise LookupError("org.freedesktop.DBus.Error.UnknownProperty")
        return values[name]

    @staticmethod
    def _general(unit: FakeUnit) -> dict[str, Any]:
        guard = [["AssertPathExists", False, False, str(unit.guard), 0]] if unit.guard else []
        times = {
            "InactiveExit": unit.begun_at,
            "ActiveEnter": unit.up_at,
            "ActiveExit": unit.left_at,
            "InactiveEnter": unit.down_at,
        }
        return {
            "ActiveState": Variant("s", unit.active),
            "LoadState": Variant("s", unit.load),
            "SourcePath": Variant("s", unit.source),
            "WantedBy": Variant("as", list(unit.wanted_by)),
            "Conditions": Variant("a(sbbsi)", []),
            "Asserts": Variant("a(sbbsi)", guard if unit.guards_in_effect else []),
            **{name: Variant("as", list(others)) for name, others in unit.relations.items()},
            **{f"{name}TimestampMonotonic": Variant("t", at) for name, at in times.items()},
        }

    @staticmethod
    def _special(unit: FakeUnit) -> dict[str, Any]:
        return {
            "Result": Variant("s", unit.result),
            "RemainAfterExit": Variant("b", unit.remains),
            "ExecMainExitTimestampMonotonic": Variant("t", unit.main_ended_at),
            "ExecMainCode": Variant("i", unit.main_code),
            "ExecMainStatus": Variant("i", unit.main_status),
            "ExecMainPID": Variant("u", unit.main_pid),
            "StatusText": Variant("s", unit.status_text),
            "ControlGroup": Variant("s", unit.control_group),
            "Slice": Variant("s", unit.slice),
        }

    def _unit(self, name: str) -> FakeUnit:
        """systemd knows every name; of most it has no file."""
        if name not in self.units:
            self.add(name, load="not-found")
        return self.units[name]

    def _emit(self, member: str, signature: str, *arguments: Any) -> None:
        assert self._bus is not None
        self._bus.emit(ROOT, MANAGER, member, signature, *arguments)


def _handler_name(member: str) -> str:
    """_on_start_unit for StartUnit."""
    return "_on" + re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", member)
