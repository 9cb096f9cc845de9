"""Fence agents that are small shell scripts: what they are told, what becomes of them."""

import asyncio
import os
import shlex
import time
from pathlib import Path

import pytest

from standfast.agents.running import Agents, Result
from standfast.agents.words import Action, Answer
from standfast.configuration.device_checks import unverified_options
from standfast.configuration.model import FenceDevice


class Bench:
    """A folder of agents and one of secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.agents = Agents(programs=folder, secrets=folder / "etc")
        (folder / "etc").mkdir()

    def agent(self, script: str) -> None:
        path = self.folder / "fence_test"
        path.write_text(f"#!/bin/sh\ncd {self.folder}\n{script}\n")
        path.chmod(0o755)

    def run(
        self,
        action: Action = Action.STATUS,
        plug: str | None = None,
        agent: str = "fence_test",
        options: dict[str, str] | None = None,
        password_file: str | None = None,
        timeout_ms: int = 5000,
    ) -> Result:
        device = FenceDevice(
            name="test",
            agent=agent,
            options=options or {},
            password_file=password_file,
            timeout_ms=timeout_ms,
        )
        return asyncio.run(self.agents.run(device, plug, action))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("action", "exit_code", "answer"),
    [
        (Action.OFF, 0, Answer.DONE),
        (Action.OFF, 1, Answer.FAILED),
        (Action.OFF, 2, Answer.FAILED),
        (Action.STATUS, 0, Answer.DONE),
        (Action.STATUS, 2, Answer.IS_OFF),
        (Action.STATUS, 3, Answer.FAILED),
        (Action.ON, 2, Answer.FAILED),
    ],
)
def test_only_a_status_that_ends_with_2_says_off(bench: Bench, action: Action, exit_code: int, answer: Answer) -> None:
    bench.agent(f"echo 'Status: whatever'; exit {exit_code}")
    assert bench.run(action).answer is answer


def test_options_secret_action_and_plug_go_to_stdin_and_nowhere_else(bench: Bench) -> None:
    (bench.folder / "etc/bmc.secret").write_text("s3cret=x\n")
    bench.agent("cat > seen; tr '\\0' '\\n' < /proc/$$/cmdline > arguments; env > environment")
    options = {"ip": "192.0.2.111", "action": "reboot", "delay": "30", "password": "old", "lanplus": "1"}
    assert bench.run(Action.OFF, "7", options=options, password_file="bmc.secret").answer is Answer.DONE
    lines = (bench.folder / "seen").read_text().splitlines()
    assert lines == ["ip=192.0.2.111", "lanplus=1", "action=off", "plug=7", "password=s3cret=x"]
    assert "s3cret" not in (bench.folder / "arguments").read_text()
    assert "s3cret" not in (bench.folder / "environment").read_text()


def test_a_plug_of_the_devices_own_options_is_kept_when_the_level_names_none(bench: Bench) -> None:
    bench.agent("cat > seen")
    bench.run(Action.OFF, None, options={"plug": "4"})
    assert "plug=4" in (bench.folder / "seen").read_text().splitlines()
    bench.run(Action.OFF, "5", options={"plug": "4"})
    assert "plug=5" in (bench.folder / "seen").read_text().splitlines()
    assert "plug=4" not in (bench.folder / "seen").read_text().splitlines()


def test_a_value_of_two_lines_is_refused_before_anything_starts(bench: Bench) -> None:
    bench.agent("touch started")
    result = bench.run(Action.OFF, "1\naction=on")
    assert result.answer is Answer.FAILED
    assert not (bench.folder / "started").exists()


def test_the_secret_is_never_shown(bench: Bench) -> None:
    (bench.folder / "etc/bmc.secret").write_text("hunter2")
    bench.agent("cat | grep password; exit 1")
    result = bench.run(password_file="bmc.secret")
    assert result.text == "exit code 1: password=***"


def test_half_a_secret_is_never_shown_either(bench: Bench) -> None:
    (bench.folder / "etc/bmc.secret").write_text("hunter2-hunter3")
    bench.agent("cat > /dev/null; printf 'login with hunter2-hunter3'; head -c 2042 /dev/zero | tr '\\0' x; exit 1")
    assert bench.run(password_file="bmc.secret").text == "exit code 1"
    bench.agent("cat > /dev/null; head -c 4000 /dev/zero | tr '\\0' x; echo; echo 'login with hunter2-hunter3'; exit 1")
    assert bench.run(password_file="bmc.secret").text == "exit code 1: login with ***"


@pytest.mark.parametrize("name", ["missing.secret", "../etc/passwd", "/etc/passwd", ".."])
def test_a_secret_that_cannot_be_read_is_a_failure_of_the_device(bench: Bench, name: str) -> None:
    bench.agent("touch started")
    result = bench.run(password_file=name)
    assert result.answer is Answer.FAILED
    assert "PasswordFile" in result.text
    assert not (bench.folder / "started").exists()


@pytest.mark.parametrize("agent", ["fence_absent", "../fence_test", "/bin/true", "", "-x"])
def test_an_agent_that_is_not_there_or_is_a_path_is_a_failure(bench: Bench, agent: str) -> None:
    bench.agent("exit 0")
    assert bench.run(agent=agent).answer is Answer.FAILED


def test_an_agent_past_its_deadline_is_killed_with_all_its_children(bench: Bench) -> None:
    bench.agent("trap '' TERM INT HUP; sleep 60 & echo $$ $! > pids; wait")
    begun = time.monotonic()
    result = bench.run(timeout_ms=300)
    assert result.answer is Answer.FAILED
    assert result.text == "no answer within 0.3 s"
    assert time.monotonic() - begun < 3
    for pid in (bench.folder / "pids").read_text().split():
        assert not alive(int(pid))


def test_children_that_an_agent_leaves_behind_are_killed_too(bench: Bench) -> None:
    bench.agent("sleep 60 & echo $! > pids; echo 'Success: done'; exit 0")
    begun = time.monotonic()
    result = bench.run(Action.OFF)
    assert (result.answer, result.text) == (Answer.DONE, "Success: done")
    assert time.monotonic() - begun < 3
    assert not alive(int((bench.folder / "pids").read_text()))


def test_a_child_that_escapes_its_session_does_not_hold_us_up(bench: Bench) -> None:
    bench.agent("setsid sh -c 'echo $$ > pids; exec sleep 5' & while [ ! -s pids ]; do sleep 0.05; done; exit 2")
    begun = time.monotonic()
    assert bench.run().answer is Answer.IS_OFF
    assert time.monotonic() - begun < 3
    os.kill(int((bench.folder / "pids").read_text()), 9)


def test_an_agent_that_talks_without_end_costs_no_memory_and_is_killed_in_time(bench: Bench) -> None:
    bench.agent("exec yes")
    result = bench.run(timeout_ms=300)
    assert result.answer is Answer.FAILED


def test_the_last_line_is_told(bench: Bench) -> None:
    bench.agent("echo DeprecationWarning >&2; echo first; echo 'Failed: Unable to connect'; echo; exit 1")
    assert bench.run().text == "exit code 1: Failed: Unable to connect"


ERROR = "2026-01-31 12:00:00,123 ERROR:"


def test_of_stderr_only_an_agents_own_reason_is_told_and_only_of_a_failure(bench: Bench) -> None:
    bench.agent("echo \"/usr/sbin/fence_x:5: DeprecationWarning: 'pipes' is deprecated\" >&2; exit 1")
    assert bench.run().text == "exit code 1"
    reason = f"echo '{ERROR} Unable to get PowerState'; echo; echo \"{ERROR} Please use '-h' for usage\"; echo"
    bench.agent(f"( {reason} ) >&2; exit 1")
    assert bench.run().text == "exit code 1: Unable to get PowerState"
    bench.agent(f"( {reason} ) >&2; echo 'Status: OFF'; exit 2")
    assert bench.run().text == "Status: OFF"


def test_an_agent_that_complains_without_end_is_heard_to_its_end(bench: Bench) -> None:
    bench.agent(f"yes complaint | head -c 300000 >&2; echo '{ERROR} no' >&2; exit 1")
    assert bench.run().text == "exit code 1: no"


@pytest.mark.parametrize("secret", ["hunter2", "it's $9", "o\\h"])
def test_the_secret_is_not_shown_from_a_command_that_an_agent_could_not_run(bench: Bench, secret: str) -> None:
    """Debian's fence_ipmilan names the whole command when it finds no ipmitool."""
    (bench.folder / "etc/bmc.secret").write_text(secret)
    command = f"ipmitool -P {shlex.quote(secret)} chassis power off"
    (bench.folder / "complaint").write_text(f"{ERROR} Unable to run {command}\n{ERROR} {secret!r} {secret}\n")
    bench.agent("tail -1 complaint >&2; exit 1")
    assert bench.run(password_file="bmc.secret").text == "exit code 1: *** ***"
    bench.agent("head -1 complaint >&2; exit 1")
    assert bench.run(password_file="bmc.secret").text == "exit code 1: Unable to run ipmitool -P *** chassis power off"


def test_an_agent_that_dies_of_a_signal_has_failed(bench: Bench) -> None:
    bench.agent("kill -SEGV $$")
    assert bench.run().text.startswith("killed by signal 11")


def test_many_agents_leave_no_descriptor_open(bench: Bench) -> None:
    bench.agent("exit 2")
    bench.run()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(10):
        bench.run()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ip": "x"}, True),
        ({"ssl_insecure": "1"}, False),
        ({"ssl-insecure": "yes"}, False),
        ({"ssl_insecure": "0"}, True),
        ({"missing_as_off": "true"}, False),
    ],
)
def test_options_that_switch_verification_off_are_known(options: dict[str, str], expected: bool) -> None:
    device = FenceDevice(name="x", agent="fence_x", options=options)
    assert (not unverified_options(device)) is expected


def alive(pid: int) -> bool:
    """The process runs (a zombie, which nobody reaps in some containers, does not)."""
    for _ in range(40):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.05)
    return True
