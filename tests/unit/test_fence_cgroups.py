"""Each fence agent has a control group of its own, and nothing that it started outlives it."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from standfast.agents.cgroups import Cgroups, own_cgroup
from standfast.agents.running import Agents, Result
from standfast.agents.words import Action, Answer
from standfast.configuration.model import FenceDevice

ESCAPES = "setsid sh -c 'echo $$ > pid; exec sleep 60' & while [ ! -s pid ]; do sleep 0.02; done;"


@pytest.fixture
def own() -> Iterator[Path]:
    """A control group as systemd delegates one to fenced."""
    here = own_cgroup()
    if here is None or not os.access(here, os.W_OK):
        pytest.skip("no control group of version 2 can be made here")
    path = here / f"standfast-test-{os.getpid()}"
    path.mkdir()
    yield path
    (path / "cgroup.kill").write_text("1")
    for left in path.glob("agent-*"):
        left.rmdir()
    path.rmdir()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def run(folder: Path, script: str, cgroups: Cgroups, *, timeout_ms: int = 5000, secret: str = "") -> Result:
    agent = folder / "fence_test"
    agent.write_text(f"#!/bin/sh\ncd {folder}\n{script}\n")
    agent.chmod(0o755)
    if secret:
        (folder / "secret").write_text(secret)
    device = FenceDevice(
        name="test", agent="fence_test", options={}, timeout_ms=timeout_ms, password_file="secret" if secret else None
    )

    async def main() -> Result:
        result = await Agents(programs=folder, secrets=folder, cgroups=cgroups).run(device, None, Action.STATUS)
        async with asyncio.timeout(5):
            while cgroups._own is not None and list(cgroups._own.glob("agent-*")):  # noqa: ASYNC110 - the kernel's word
                await asyncio.sleep(0.02)
        return result

    return asyncio.run(main())


def test_a_child_that_leaves_its_session_dies_with_the_agent(own: Path, folder: Path) -> None:
    assert run(folder, f"{ESCAPES} exit 2", Cgroups(own)).answer is Answer.IS_OFF
    assert not _alive(folder)


def test_a_child_that_leaves_its_session_dies_at_the_deadline(own: Path, folder: Path) -> None:
    result = run(folder, f"{ESCAPES} sleep 60", Cgroups(own), timeout_ms=700)
    assert result.text == "no answer within 0.7 s"
    assert not _alive(folder)


def test_without_a_control_group_such_a_child_goes_on_and_the_journal_says_so_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cgroups = Cgroups(folder / "no-such-group")
    for _ in range(2):
        assert run(folder, f"rm -f pid; {ESCAPES} exit 2", cgroups).answer is Answer.IS_OFF
        assert _alive(folder)
        os.kill(int((folder / "pid").read_text()), 9)
    assert capsys.readouterr().err.count("[fence-agent-loose]") == 1


def test_a_folder_that_is_no_control_group_is_not_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "exit 2", Cgroups(folder)).answer is Answer.IS_OFF
    assert "cgroup.kill" in capsys.readouterr().err
    assert not list(folder.glob("agent-*"))


def test_the_agent_is_told_the_secret_on_stdin_alone_in_its_group_too(own: Path, folder: Path) -> None:
    script = (
        "cat > seen; tr '\\0' '\\n' < /proc/$$/cmdline > arguments; env > environment; cat /proc/self/cgroup > group"
    )
    assert run(folder, script, Cgroups(own), secret="s3cret").answer is Answer.DONE
    assert "password=s3cret" in (folder / "seen").read_text().splitlines()
    assert "s3cret" not in (folder / "arguments").read_text() + (folder / "environment").read_text()
    assert f"{own.name}/agent-1" in (folder / "group").read_text()


def test_what_an_earlier_fenced_left_is_killed_at_the_start(own: Path, folder: Path) -> None:
    group = Cgroups(own).make()
    assert group is not None
    child = os.fork()
    if child == 0:
        group.processes.write_text("0")
        (folder / "pid").write_text("there")
        time.sleep(60)
        os._exit(0)
    while not (folder / "pid").exists():
        time.sleep(0.01)
    Cgroups(own)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9


def test_the_own_group_is_found_below_where_version_2_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("1:name=systemd:/old\n0::/system.slice/standfast-fenced.service\n")
    (tmp_path / "mountinfo").write_text(
        "24 1 0:22 / /proc rw - proc proc rw\n30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
    )
    assert own_cgroup(tmp_path) == Path("/sys/fs/cgroup/system.slice/standfast-fenced.service")
    (tmp_path / "cgroup").write_text("1:name=systemd:/old\n")
    assert own_cgroup(tmp_path) is None
    assert own_cgroup(tmp_path / "nothing") is None


def _alive(folder: Path) -> bool:
    """The child that escaped runs; a killed one needs a moment."""
    pid = int((folder / "pid").read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.01)
    return True
