"""Probes whose look is a process of its own: real programs, run by a fake systemd."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.private import PrivateBus, until
from fakes.systemd import FakeSystemd
from standfast.bus import Bus
from standfast.configuration.model import Probe
from standfast.probes import file_system, secrets
from standfast.probes.checking import check
from standfast.probes.system_bus import close_system_bus
from standfast.probes.transient import unit_of
from standfast.probes.verdict import Outcome, Try
from unit.probing import in_loop_on_bus as in_loop

GENEROUS_MS = 20_000


@contextlib.asynccontextmanager
async def systemd_on(bus: PrivateBus) -> AsyncIterator[FakeSystemd]:
    systemd = FakeSystemd()
    await systemd.serve(bus.address)
    try:
        yield systemd
    finally:
        for unit in systemd.units.values():
            if unit.process is not None and unit.process.returncode is None:
                unit.process.kill()
        await asyncio.gather(*systemd.running)
        await systemd.leave()


def of(kind: str, **fields: Any) -> Probe:
    return Probe(name="", unit="a.service", type=kind, **{"timeout_ms": GENEROUS_MS, **fields})


def shell(text: str, **fields: Any) -> Probe:
    return of("exec", command=("/bin/sh", "-c", text), **fields)


@pytest.mark.parametrize(
    ("text", "fields", "outcome", "told"),
    [
        ("exit 0", {}, Outcome.GOOD, "exit code 0"),
        ("sleep 0.3", {}, Outcome.GOOD, "exit code 0"),
        ("sleep 0.3", {"slow_after_ms": 100}, Outcome.BAD, "exit code 0, but it took "),
        ("echo lag 3; exit 2", {}, Outcome.BAD, "exit code 2: “lag 3”"),
        ("echo all is well", {"expect": "is w"}, Outcome.GOOD, "exit code 0, and what it wrote matches is w"),
        ("echo none >&2", {"expect": "^ok"}, Outcome.BAD, "exit code 0, but what it wrote does not match ^ok: “none”"),
        ("printf '\\377\\000'", {"expect": "^ok"}, Outcome.BAD, "exit code 0, but what it wrote does not match ^ok: “"),
        ("head -c 300000 /dev/zero", {}, Outcome.GOOD, "exit code 0"),
        ("kill -11 $$", {}, Outcome.UNKNOWN, "it was ended by signal 11"),
        ("no-such-program", {}, Outcome.UNKNOWN, "a command in it is not found (exit code 127): “"),
        ("exit 203", {}, Outcome.UNKNOWN, "it is missing, or it may not be executed there"),
        ("exit 240", {}, Outcome.UNKNOWN, "systemd could not start it (exit code 240)"),
        ("sleep 60", {"timeout_ms": 500}, Outcome.UNKNOWN, "it did not end within 0.5 s"),
        ("yes", {"timeout_ms": 1000}, Outcome.UNKNOWN, "it did not end within 1 s, for nobody reads as much as it w"),
    ],
)
@in_loop
async def test_the_exit_code_and_the_output_of_a_program_are_judged(
    private_bus: PrivateBus, text: str, fields: dict[str, Any], outcome: Outcome, told: str
) -> None:
    async with systemd_on(private_bus) as systemd:
        one = await check(shell(text, **fields))
        await until(lambda: not systemd.units)
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"/bin/sh: {told}")
    assert len(one.seen) <= 4096


@in_loop
async def test_a_program_gets_its_arguments_as_they_are_written_and_none_of_them_is_told(
    private_bus: PrivateBus,
) -> None:
    async with systemd_on(private_bus):
        one = await check(of("exec", command=("/usr/bin/printf", "<%s>", "$HOME", "a b", "%n")))
    assert one == Try(outcome=Outcome.GOOD, text="/usr/bin/printf: exit code 0")
    assert one.seen == b"<$HOME><a b><%n>"


@pytest.mark.parametrize(
    ("fields", "there", "not_there"),
    [
        ({}, {"DynamicUser": True, "ProtectSystem": "strict", "CapabilityBoundingSet": 0}, {"User", "LoadCredential"}),
        ({"user": "app"}, {"User": "app", "ProtectHome": "yes", "ProtectControlGroups": True}, {"DynamicUser"}),
        ({"sandbox": False}, {"MemoryMax": 134_217_728, "LimitCORE": 0}, {"User", "DynamicUser", "ProtectSystem"}),
        ({"sandbox": False, "user": "app", "memory_max": 5}, {"User": "app", "MemoryMax": 5}, {"ProtectSystem"}),
        (
            {"timeout_ms": 3000},
            {"TimeoutStartUSec": 4_000_000, "Slice": "standfast-probes.slice", "CollectMode": "inactive-or-failed"},
            set(),
        ),
    ],
)
@in_loop
async def test_what_a_program_may_do_is_what_is_configured(
    private_bus: PrivateBus, fields: dict[str, Any], there: dict[str, Any], not_there: set[str]
) -> None:
    async with systemd_on(private_bus) as systemd:
        systemd.transient = "hang"
        probe = shell("exit 0", **fields)
        trying = asyncio.create_task(check(probe))
        await until(lambda: unit_of(probe) in systemd.units)
        properties = systemd.units[unit_of(probe)].properties
        systemd.end_transient(unit_of(probe))
        assert (await trying).outcome is Outcome.GOOD
    assert properties is not None
    assert {name: properties.get(name) for name in there} == there
    assert not not_there & set(properties)


@pytest.mark.parametrize("encrypted", [False, True])
@in_loop
async def test_a_credential_is_handed_over_by_systemd(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    monkeypatch.setattr(secrets, "ENCRYPTED" if encrypted else "STORES", (tmp_path,))
    probe = shell("exit 0", credential="a-test-of-standfast")
    assert (await check(probe)).text == "/bin/sh: this node has no credential a-test-of-standfast"
    (tmp_path / "a-test-of-standfast").write_text("secret")
    async with systemd_on(private_bus) as systemd:
        systemd.transient = "hang"
        trying = asyncio.create_task(check(probe))
        await until(lambda: unit_of(probe) in systemd.units)
        properties = systemd.units[unit_of(probe)].properties
        systemd.end_transient(unit_of(probe))
        await trying
    assert properties is not None
    name = "LoadCredentialEncrypted" if encrypted else "LoadCredential"
    assert properties[name] == [["a-test-of-standfast", str(tmp_path / "a-test-of-standfast")]]


@in_loop
async def test_a_program_that_used_too_much_memory_says_nothing_about_the_service(private_bus: PrivateBus) -> None:
    async with systemd_on(private_bus) as systemd:
        systemd.transient = "hang"
        probe = shell("exit 0")
        trying = asyncio.create_task(check(probe))
        await until(lambda: unit_of(probe) in systemd.units)
        systemd.end_transient(unit_of(probe), -9, "oom-kill")
        one = await trying
    assert one == Try(outcome=Outcome.UNKNOWN, text="/bin/sh: it used more than MemoryMax=")


@in_loop
async def test_a_program_that_cannot_be_killed_is_not_run_a_second_time(private_bus: PrivateBus) -> None:
    async with systemd_on(private_bus) as systemd:
        systemd.transient = "hang"
        probe = shell("exit 0", timeout_ms=400)
        texts = [(await check(probe)).text for _ in range(3)]
        assert texts == ["/bin/sh: it did not end within 0.4 s"] + 2 * ["/bin/sh: it still runs since an earlier try"]
        assert len(systemd.units) == 1
        later = asyncio.create_task(check(shell("exit 0")))
        await asyncio.sleep(0.1)
        systemd.transient = "run"
        systemd.end_transient(unit_of(probe), -9)
        assert (await later).outcome is Outcome.GOOD  # as soon as the old one is gone, within the same try


@in_loop
async def test_a_try_that_is_cancelled_ends_its_process(private_bus: PrivateBus) -> None:
    async with systemd_on(private_bus) as systemd:
        probe = shell("echo here; exec sleep 60")
        trying = asyncio.create_task(check(probe))
        await until(lambda: bool(systemd.units) and systemd.units[unit_of(probe)].process is not None)
        trying.cancel()
        await until(lambda: not systemd.units)
    assert ("KillUnit", unit_of(probe), "all 9") in systemd.calls


@in_loop
async def test_a_systemd_that_is_away_or_hangs_or_refuses_says_nothing(private_bus: PrivateBus) -> None:
    away = await check(shell("exit 0"))
    async with await Bus.connect(private_bus.address) as silent:
        silent.take_call = lambda *_: True
        await silent.claim("org.freedesktop.systemd1")
        hung = await check(shell("exit 0", timeout_ms=300))
    async with systemd_on(private_bus) as systemd:
        systemd.transient = "hang"
        trying = asyncio.create_task(check(shell("exit 0")))
        await until(lambda: bool(systemd.units))
        private_bus.kill()
        gone = await trying
    assert {away.outcome, hung.outcome, gone.outcome} == {Outcome.UNKNOWN}
    assert away.text.startswith("/bin/sh: systemd does not start it: ")
    assert (hung.text, gone.text) == ("/bin/sh: systemd does not answer", "/bin/sh: systemd went away")


@pytest.mark.parametrize(
    ("fields", "outcome", "told"),
    [
        ({}, Outcome.GOOD, "it can be read"),
        ({"expect": "^al[a-z]ve$", "write": True}, Outcome.GOOD, "it can be read and written, and matches ^al[a-z]ve$"),
        ({"expect": "dead"}, Outcome.BAD, "what is in it does not match dead"),
        ({"max_age_ms": 3_600_000}, Outcome.BAD, "it was changed 7200 s ago, longer than 1h"),
        ({"max_age_ms": 10_800_000}, Outcome.GOOD, "it can be read"),
        ({"path": "none"}, Outcome.BAD, "it cannot be read: No such file or directory"),
        ({"path": "."}, Outcome.BAD, "it is no regular file"),
        ({"path": "fifo"}, Outcome.BAD, "it is no regular file"),
        ({"path": "large"}, Outcome.GOOD, "it can be read"),
    ],
)
@in_loop
async def test_a_file_is_read_and_a_small_one_written_beside_it(
    private_bus: PrivateBus, tmp_path: Path, fields: dict[str, Any], outcome: Outcome, told: str
) -> None:
    (tmp_path / "alive").write_text("alive")
    os.utime(tmp_path / "alive", (time.time() - 7200.5,) * 2)
    (tmp_path / "large").write_bytes(b"x" * 200_000)
    os.mkfifo(tmp_path / "fifo")
    path = tmp_path / fields.get("path", "alive")
    async with systemd_on(private_bus) as systemd:
        one = await check(of("file", **{**fields, "path": str(path)}))
        await until(lambda: not systemd.units)
    assert one.outcome is outcome, one.text
    assert one.text == f"file {path}: {told}"
    left = {found.name for found in tmp_path.iterdir()}  # noqa: ASYNC240 - the test's own folder
    assert left == {"alive", "fifo", "large"}


@pytest.mark.parametrize(
    ("path", "fields", "outcome", "told"),
    [
        ("/", {}, Outcome.GOOD, "it answers"),
        ("/dev/", {"write": True, "free_percent": 1}, Outcome.GOOD, "it answers and can be written, "),
        ("/proc", {"write": True}, Outcome.BAD, "a file cannot be written there: "),
        ("/proc", {"free_percent": 1}, Outcome.BAD, "nothing can be said of what is free: it has no size"),
        ("/etc", {}, Outcome.BAD, "nothing is mounted there"),
        ("/no/such", {}, Outcome.BAD, "nothing is mounted there"),
    ],
)
@in_loop
async def test_a_mount_point_is_asked_and_written_to(
    private_bus: PrivateBus, path: str, fields: dict[str, Any], outcome: Outcome, told: str
) -> None:
    async with systemd_on(private_bus) as systemd:
        one = await check(of("mount", path=path, **fields))
        await until(lambda: not systemd.units)
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"mount {path}: {told}")


def looker(monkeypatch: pytest.MonkeyPatch, text: str) -> Probe:
    """A file's probe whose look is this program of the shell."""
    monkeypatch.setattr(file_system, "_PYTHON", ("/bin/sh", "-c", text))
    return of("file", path="/srv/a", timeout_ms=500)


@pytest.mark.parametrize(
    ("text", "outcome", "told"),
    [
        ("echo begun; exec sleep 60", Outcome.BAD, "the file system does not answer within 0.5 s"),
        ("exec sleep 60", Outcome.UNKNOWN, "the look was not started within 0.5 s"),
        ("echo begun; exit 1", Outcome.UNKNOWN, "the look itself failed (failed)"),
        ("echo begun; exit 0", Outcome.UNKNOWN, "the look itself failed (success)"),
        ("echo Traceback; exit 1", Outcome.UNKNOWN, "the look itself failed (failed)"),
        ("echo begun; echo bad 0 12; echo it is broken; exec sleep 60", Outcome.BAD, "it is broken"),
        ("printf 'begun\\ngood 1 2\\n'; sleep 0.1; printf ok; exec sleep 60", Outcome.GOOD, "it can be read"),
    ],
)
@in_loop
async def test_only_a_look_that_reached_the_file_system_and_hangs_there_is_bad(
    private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, text: str, outcome: Outcome, told: str
) -> None:
    async with systemd_on(private_bus):
        one = await check(looker(monkeypatch, text))
    assert (one.outcome, one.text) == (outcome, f"file /srv/a: {told}")


@pytest.mark.parametrize(
    ("name", "outcome", "told"),
    [
        ("standfast-look", Outcome.BAD, "the file system does not answer: an earlier look still hangs in it"),
        ("python3", Outcome.UNKNOWN, "the process of an earlier look has not ended yet"),
    ],
)
@in_loop
async def test_a_look_that_hangs_since_before_a_restart_is_found_by_its_process(
    private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, name: str, outcome: Outcome, told: str
) -> None:
    probe = looker(monkeypatch, f"printf {name} >/proc/self/comm; sleep 60; true")
    async with systemd_on(private_bus) as systemd:
        first = asyncio.create_task(check(replace(probe, timeout_ms=GENEROUS_MS)))
        await until(lambda: bool(systemd.units) and systemd.units[unit_of(probe)].process is not None)
        process = systemd.units[unit_of(probe)].process
        assert process is not None
        await until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == f"{name}\n")
        systemd._on_kill_unit = lambda message: ("", [])  # type: ignore[method-assign]
        first.cancel()
        await asyncio.wait([first])
        await close_system_bus()  # as a restart would
        one = await check(probe)
    assert (one.outcome, one.text) == (outcome, f"file /srv/a: {told}")
    assert len([call for call in systemd.calls if call[0] == "StartTransientUnit"]) == 2
