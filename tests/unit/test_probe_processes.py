"""What is said of the processes of a unit that does not answer."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from standfast.probes.processes import condition

UNIT = "web.service"


@pytest.fixture
def shell() -> Iterator[subprocess.Popen[bytes]]:
    """A process that never waits for a child of its own."""
    code = "import os, signal, time\nif os.fork() == 0: time.sleep(3600)\nprint(flush=True)\nsignal.pause()"
    with subprocess.Popen(["python3", "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def said(folder: Path, shell: subprocess.Popen[bytes]) -> str:
    (folder / UNIT).mkdir(exist_ok=True)
    (folder / UNIT / "cgroup.procs").write_text(f"{shell.pid}\n")
    return condition(UNIT, folder)


def wait_for(folder: Path, shell: subprocess.Popen[bytes], words: str) -> None:
    until = time.monotonic() + 30
    while words not in said(folder, shell):
        assert time.monotonic() < until, said(folder, shell)
        time.sleep(0.01)


def test_of_processes_that_run_nothing_is_said(tmp_path: Path, shell: subprocess.Popen[bytes]) -> None:
    assert said(tmp_path, shell) == ""


def test_a_stopped_process_is_named(tmp_path: Path, shell: subprocess.Popen[bytes]) -> None:
    shell.send_signal(signal.SIGSTOP)
    wait_for(tmp_path, shell, f"its process {shell.pid} (python3) is stopped")


def test_a_child_that_nobody_reaps_is_a_zombie(tmp_path: Path, shell: subprocess.Popen[bytes]) -> None:
    child = Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().strip()
    os.kill(int(child), signal.SIGKILL)
    wait_for(tmp_path, shell, f"its process {child} (python3) is a zombie")


def test_an_instance_is_found_in_the_slice_of_its_template(tmp_path: Path, shell: subprocess.Popen[bytes]) -> None:
    shell.send_signal(signal.SIGSTOP)
    wait_for(tmp_path, shell, "is stopped")
    group = tmp_path / "system-page.slice/page@a.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(f"{shell.pid}\n")
    assert "is stopped" in condition("page@a.service", tmp_path)


def test_of_a_unit_without_a_control_group_nothing_is_said(tmp_path: Path) -> None:
    assert condition("away.service", tmp_path) == ""
