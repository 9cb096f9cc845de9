"""Who keeps a file system busy is named at the stop, and killed at its kill step."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from standfast import journal
from standfast.jobs import JobResult
from standfast.resourced import unmounting
from standfast.resourced.unmounting import PROGRAM, Holder, Unmounting

UNIT = "srv-db.mount"
SHELL = Holder(pid=17, name="bash", group="/user.slice/session-3.scope", use="cwd")


class FakeSystemd:
    """umount(8) fails while somebody uses the file system."""

    def __init__(self, busy: int) -> None:
        self.busy = busy
        self.asked: list[str] = []

    async def stop(self, unit: str) -> JobResult:
        self.asked.append("stop")
        self.busy -= 1
        return JobResult.FAILED if self.busy >= 0 else JobResult.DONE

    async def kill(self, unit: str) -> None:
        self.asked.append("kill")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []

    def write(event: journal.Event, level: journal.Level, text: str, **fields: str) -> None:
        texts.append(f"{event}: {text}")

    async def find(unit: str, *options: str) -> tuple[Holder, ...]:
        texts.append(" ".join(("find", *options)))
        return (SHELL,)

    monkeypatch.setattr(journal, "write", write)
    monkeypatch.setattr(unmounting, "find", find)
    monkeypatch.setattr(unmounting, "AGAIN_FIRST_S", 0.01)
    monkeypatch.setattr(Unmounting, "_is_mounted", lambda *_: True)
    return texts


def test_a_stop_that_fails_is_tried_again_and_who_is_in_its_way_is_told_once(told: list[str]) -> None:
    systemd = FakeSystemd(busy=3)
    assert asyncio.run(Unmounting(systemd, list).stop("db", UNIT)) is JobResult.DONE
    assert systemd.asked == ["stop"] * 4
    text = "srv-db.mount cannot be unmounted yet: bash (pid 17, session-3.scope, cwd) uses it, and is killed when"
    assert told == ["find", f"mount-busy: {text} StopTimeout= of group db is over"]


def test_a_kill_ends_the_trying_and_goes_on_until_the_unit_could_be_stopped(told: list[str]) -> None:
    systemd = FakeSystemd(busy=1_000)
    one = Unmounting(systemd, lambda: ["dbd.service"])

    async def stop_and_kill() -> JobResult:
        stopping = asyncio.create_task(one.stop("db", UNIT))
        await asyncio.sleep(0.05)
        killing = asyncio.create_task(one.kill("db", UNIT))
        result = await stopping
        await one.kill("db", UNIT)  # one that goes on is enough
        systemd.busy = 1
        await killing
        return result

    assert asyncio.run(stop_and_kill()) is JobResult.FAILED
    assert systemd.asked.count("kill") == 2
    assert systemd.asked[-2:] == ["stop", "stop"]
    assert systemd.busy < 0
    assert told[2:4] == [
        "find kill dbd.service",
        "mount-freed: srv-db.mount was still in use when StopTimeout= of group db was over: "
        "killed bash (pid 17, session-3.scope, cwd)",
    ]


# The program itself: a folder is as good as what is mounted there.


@pytest.fixture
def point(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/file").write_text("x")
    (tmp_path / "dbother").mkdir()
    return tmp_path / "db"


@pytest.fixture
def sleep() -> Iterator[Callable[[Path, str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, code: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", f"{code}\nprint(flush=True)\nimport time; time.sleep(60)"]
        started.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE))
        output = started[-1].stdout
        assert output is not None
        output.readline()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.communicate()


def run(point: Path, *options: str) -> dict[int, str]:
    command = [sys.executable, "-I", "-S", PROGRAM[-1], str(point), *options]
    lines = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    return {int(found["pid"]): found["use"] for found in map(json.loads, lines)}


def test_every_kind_of_use_is_found(point: Path, sleep: Callable[[Path, str], subprocess.Popen[bytes]]) -> None:
    file = point / "file"
    folder = sleep(point, "")
    opened = sleep(Path("/"), f"file = open({str(file)!r})")
    mapped = sleep(Path("/"), f"import mmap; f = open({str(file)!r}); m = mmap.mmap(f.fileno(), 1, prot=1); f.close()")
    other = sleep(point.parent / "dbother", "")
    found = run(point)
    assert found == {folder.pid: "cwd", opened.pid: str(file), mapped.pid: str(file)}
    assert other.pid not in found


def test_who_is_killed_is_gone_when_the_program_ends(
    point: Path, sleep: Callable[[Path, str], subprocess.Popen[bytes]]
) -> None:
    holder, other = sleep(point, ""), sleep(point.parent, "")
    begun = time.monotonic()
    assert run(point, "kill", "dbd.service") == {holder.pid: "cwd"}
    assert holder.wait(5) == -9
    print(f"{time.monotonic() - begun:.2f} s")
    assert other.poll() is None
    assert os.getpid() not in run(point)
