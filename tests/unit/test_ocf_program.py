"""standfast-ocf@: what an agent answers, and what of it is believed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from house.source import REPOSITORY
from standfast.ocf import __main__ as ocf_program
from standfast.ocf import settings
from standfast.ocf.agent import Agent, parse_agent, parse_parameter, words
from standfast.ocf.settings import NotConfiguredError, kept, read_settings
from standfast.resourced.unit_reading import Machine
from unit.ocf_agent import Bench

UNIT = "standfast-ocf@db.service"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_start_is_good_when_a_monitor_after_it_says_so(bench: Bench) -> None:
    done = bench.resource().start()
    assert (done.code, done.text) == (0, "ocf:test:Thing runs")
    assert bench.calls() == ["monitor", "start", "monitor"]
    assert (bench.runs, bench.held) == (True, True)


def test_an_agent_gets_the_environment_that_the_api_promises(bench: Bench) -> None:
    bench.resource().start()
    told = bench.environment("start")
    wanted = {
        "OCF_ROOT": str(bench.root),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": "db",
        "OCF_RESOURCE_TYPE": "Thing",
        "OCF_RESOURCE_PROVIDER": "test",
        "OCF_RESKEY_here": str(bench.here),
        "OCF_RESKEY_CRM_meta_interval": "0",
        "OCF_CHECK_LEVEL": "0",
    }
    assert {name: told.get(name) for name in wanted} == wanted
    assert 15_000 < int(told["OCF_RESKEY_CRM_meta_timeout"]) < 20_000
    bench.resource().monitor(interval_ms=10_000, depth=20)
    told = bench.environment("monitor")
    assert (told["OCF_CHECK_LEVEL"], told["OCF_RESKEY_CRM_meta_interval"]) == ("20", "10000")


def test_what_runs_already_is_not_started_again(bench: Bench) -> None:
    (bench.here / "running").touch()
    done = bench.resource().start()
    assert (done.code, bench.calls(), bench.held) == (0, ["monitor"], True)
    assert done.text == "ocf:test:Thing ran already, and was taken over"


def test_what_has_failed_is_stopped_before_it_is_started(bench: Bench) -> None:
    bench.answers("monitor", 1)
    assert bench.resource().start().code == 0
    assert bench.calls() == ["monitor", "stop", "start", "monitor"]


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6])
def test_what_no_second_try_would_change_is_told_before_anything_is_started(bench: Bench, code: int) -> None:
    bench.answers("monitor", code)
    done = bench.resource().start()
    assert (done.code, bench.calls(), bench.held) == (code, ["monitor"], False)
    assert done.text == f"monitor of ocf:test:Thing says: {words(code)}"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "it failed"),
        (2, "wrong arguments"),
        (3, "not implemented"),
        (4, "not allowed"),
        (5, "not installed"),
        (6, "not configured rightly"),
        (7, "not running"),
        (8, "it runs promoted, which nobody asked for"),
        (9, "it runs promoted and has failed"),
        (77, "exit code 77, which means nothing to OCF"),
    ],
)
def test_a_start_that_fails_says_so_in_words_and_counts_until_it_is_undone(bench: Bench, code: int, told: str) -> None:
    bench.answers("start", code)
    bench.says("start", "Thing(db)[1]: INFO: hello\nocf-exit-reason:no \x1b room\nThing(db)[1]: INFO: bye\n")
    done = bench.resource().start()
    assert (done.code, done.text) == (code, f"start of ocf:test:Thing says: {told} (no   room)")
    assert bench.held
    assert bench.resource().settle().code == 0
    assert not bench.held


def test_a_start_that_lies_is_found_by_monitor(bench: Bench) -> None:
    bench.answers("start", 0)
    done = bench.resource().start()
    assert done.code == 1
    assert done.text == "start says that it succeeded; then monitor of ocf:test:Thing says: not running"


def test_a_start_that_says_a_bit_too_early_that_it_runs_is_believed_in_the_end(bench: Bench) -> None:
    bench.answers("monitor", 7, 7, 7)
    assert bench.resource().start().code == 0
    assert bench.calls().count("monitor") == 4


@pytest.mark.parametrize("code", [0, 190])
def test_one_that_runs_degraded_runs(bench: Bench, code: int) -> None:
    bench.answers("monitor", 7, code)
    assert bench.resource().start().code == 0


def test_a_stop_is_over_when_monitor_says_that_nothing_runs(bench: Bench) -> None:
    bench.resource().start()
    done = bench.resource().stop()
    assert (done.code, done.text, bench.held, bench.runs) == (0, "ocf:test:Thing is stopped", False, False)


def test_a_stop_that_fails_although_nothing_runs_is_a_success(bench: Bench) -> None:
    bench.resource().start()
    (bench.here / "running").unlink()
    bench.answers("stop", 1)
    done = bench.resource().stop()
    assert (done.code, bench.held) == (0, False)
    assert done.text == "ocf:test:Thing is stopped; its stop said: it failed"


@pytest.mark.parametrize("code", [1, 2, 5, 6])
def test_a_stop_that_fails_while_it_runs_is_none(bench: Bench, code: int) -> None:
    bench.resource().start()
    bench.answers("stop", code)
    done = bench.resource().stop()
    assert (done.code, bench.held) == (code, True)
    assert done.text == f"monitor still says: success; stop of ocf:test:Thing says: {words(code)}"


@pytest.mark.parametrize("code", [0, 8, 9])
def test_a_stop_that_lies_is_none(bench: Bench, code: int) -> None:
    bench.resource().start()
    bench.answers("stop", 0)
    bench.answers("monitor", code)
    done = bench.resource().stop()
    assert (done.code != 0, bench.held) == (True, True)
    assert done.text == f"stop says that it succeeded; then monitor of ocf:test:Thing says: {words(code)}"


def test_an_agent_without_its_program_has_not_seen_that_nothing_runs(bench: Bench) -> None:
    """ocf:heartbeat:Filesystem says so of what is mounted, where modprobe was removed meanwhile."""
    bench.resource().start()
    bench.answers("stop", 5)
    bench.answers("monitor", 5)
    done = bench.resource().stop()
    assert (done.code, bench.held) == (5, True)


def test_a_stop_that_succeeded_is_believed_where_monitor_is_confused(bench: Bench) -> None:
    bench.resource().start()
    bench.answers("monitor", 6)
    assert (bench.resource().stop().code, bench.held) == (0, False)


def test_an_agent_that_hangs_is_killed_with_what_it_started(bench: Bench) -> None:
    bench.limit_s = 2.0
    bench.hangs("start")
    begin = time.monotonic()
    done = bench.resource().start()
    assert time.monotonic() - begin < 20
    assert (done.code, done.text) == (124, "start of ocf:test:Thing says: no answer in time")
    pid = int((bench.here / "start.pid").read_text())
    with pytest.raises(ProcessLookupError):
        _wait_gone(pid)


def _wait_gone(pid: int) -> None:
    """Raises ProcessLookupError when it is gone or a zombie that nobody here reaps."""
    for _ in range(200):
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.05)


def test_a_monitor_that_hangs_before_a_start_starts_nothing(bench: Bench) -> None:
    bench.limit_s = 2.0
    bench.hangs("monitor")
    assert (bench.resource().start().code, bench.calls(), bench.held) == (124, ["monitor"], False)


def test_a_stop_after_which_monitor_hangs_is_none(bench: Bench) -> None:
    bench.resource().start()
    bench.limit_s = 2.0
    bench.hangs("monitor")
    assert (bench.resource().stop().code, bench.held) == (124, True)


def test_a_program_that_is_not_there_is_not_installed_and_one_that_is_killed_has_failed(bench: Bench) -> None:
    bench.install(script="#!/bin/sh\nkill -9 $$\n")
    assert bench.resource().monitor().code == -9
    assert words(-9) == "it was killed by signal 9"
    bench.install().unlink()
    done = bench.resource().start()
    assert (done.code, "No such file or directory" in done.text) == (5, True)
    bench.install().chmod(0o644)
    assert bench.resource().start().code == 4


def test_an_agent_that_talks_without_end_costs_no_memory(bench: Bench) -> None:
    bench.limit_s = 2.0
    bench.install(script="#!/bin/sh\nwhile :; do echo spam spam spam >&2; done\n")
    answer = bench.resource().monitor()
    assert (answer.code, answer.said) == (124, "spam spam spam")


def test_a_daemon_that_an_agent_leaves_keeps_its_stderr(bench: Bench, tmp_path: Path) -> None:
    """It would end with SIGPIPE at its next word; what it says goes to the journal."""
    script = '#!/bin/sh\n(while [ ! -e "$OCF_RESKEY_here/go" ]; do sleep 0.05; done; echo late >&2\n'
    bench.install(script=f"{script} touch $OCF_RESKEY_here/said) &\n")
    code = (
        "from standfast.ocf.agent import Agent; from standfast.ocf.resource import Resource; from pathlib import Path\n"
        f"agent = Agent(instance='db', provider='test', type='Thing', parameters={{'here': '{bench.here}'}})\n"
        f"print(Resource(agent, 20.0, root=Path('{bench.root}')).monitor().code, flush=True)\n"
    )
    environment = {"PYTHONPATH": str(REPOSITORY / "services"), "PATH": os.environ["PATH"]}
    with (tmp_path / "stderr").open("wb") as said:
        program = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=said)
    assert program.stdout == b"0\n"
    (bench.here / "go").touch()
    for _ in range(200):
        if (bench.here / "said").exists() and "late" in (tmp_path / "stderr").read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"it said {(tmp_path / 'stderr').read_text()!r}")


def test_what_was_kept_at_the_start_is_what_is_stopped(bench: Bench) -> None:
    bench.resource().start()
    assert kept("db", bench.kept) == Agent(
        instance="db", provider="test", type="Thing", parameters={"here": str(bench.here)}
    )
    assert kept("other", bench.kept) is None
    for broken in ("", "[]", '{"provider": 1}', '{"provider": "a", "type": "b", "parameters": []}', "{"):
        (bench.kept / "db").write_text(broken)
        with pytest.raises(NotConfiguredError, match="cannot be read"):
            kept("db", bench.kept)


def test_a_unit_counts_as_not_stopped_while_something_is_kept(bench: Bench) -> None:
    machine = Machine(bench.folder, agents=bench.kept)
    assert not machine.has_traces(UNIT)
    bench.resource().start()
    assert machine.has_traces(UNIT)
    assert not machine.has_traces("standfast-ocf@other.service")
    bench.resource().stop()
    assert not machine.has_traces(UNIT)


def write_dropin(units: Path, text: str, name: str = "db.conf") -> None:
    folder = units / f"{UNIT}.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_the_settings_are_those_of_the_drop_ins(tmp_path: Path) -> None:
    write_dropin(tmp_path, "[X-Ocf]\nAgent=heartbeat:Filesystem\nParameter=device=/dev/x\nParameter=options=rw,a=b\n")
    found = read_settings("db", str(tmp_path))
    assert (found.agent.name, found.start_s, found.stop_s) == ("ocf:heartbeat:Filesystem", 60, 20)
    assert found.agent.parameters == {"device": "/dev/x", "options": "rw,a=b"}
    write_dropin(tmp_path, "[Service]\nTimeoutStopSec=2min\n[X-Ocf]\nParameter=\nParameter=device=/dev/y\n", "x.conf")
    found = read_settings("db", str(tmp_path))
    assert (found.start_s, found.stop_s, found.agent.parameters) == (60, 120, {"device": "/dev/y"})
    write_dropin(tmp_path, "[Service]\nTimeoutSec=infinity\n", "y.conf")
    assert read_settings("db", str(tmp_path)).start_s == 3600


def test_the_times_are_those_of_the_template() -> None:
    text = (REPOSITORY / "units/standfast-ocf@.service").read_text()
    assert re.findall(r"Timeout(?:Start|Stop)Sec=(\d+)", text) == [
        str(int(settings.START_S)),
        str(int(settings.STOP_S)),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no drop-in of standfast-ocf@db.service says in [X-Ocf] which Agent= it is"),
        ("[X-Ocf]\nParameter=a=b\n", "says in [X-Ocf] which Agent= it is"),
        ("[X-Ocf]\nAgent=../x\n", "“../x” is no agent's name; write for example ocf:heartbeat:Filesystem"),
        ("[X-Ocf]\nAgent=a:b\nParameter=secret\n", "write NAME=VALUE with a name of letters, digits and “_”"),
        ("[X-Ocf]\nwhat\n", "“what” is neither"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    write_dropin(tmp_path, text)
    with pytest.raises(NotConfiguredError, match=re.escape(told)):
        read_settings("db", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("systemd:apache2", "write apache2.service into Resources="),
        ("lsb:mysqld", "write mysqld.service into Resources="),
        ("stonith:fence_ipmilan", "it belongs in [FenceDevice] of cluster.conf"),
        ("upstart:heartbeat:x", "only ocf: is run by standfast-ocf@"),
        ("Filesystem", "is no agent's name"),
        ("ocf:heartbeat:../../bin/sh", "is no agent's name"),
        ("ocf:a:b:c", "is no agent's name"),
    ],
)
def test_what_is_no_ocf_agent_is_told_what_to_write(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_agent(text)


def test_a_parameter_is_a_name_and_a_value_of_which_nothing_is_shown() -> None:
    assert parse_parameter("options = rw,a=b") == ("options", "rw,a=b")
    for text in ("hunter2", "a-b=c", "CRM_meta_timeout=1", "=x"):
        with pytest.raises(ValueError, match=r"^(write NAME|CRM_meta_timeout is)"):
            parse_parameter(text)


def test_why_a_start_failed_is_what_systemd_keeps_also_when_it_was_undone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(ocf_program, "notify", told.append)
    monkeypatch.setattr(ocf_program, "Resource", lambda *_: bench.resource())
    found = settings.Settings(agent=Agent(instance="db", provider="test", type="Thing", parameters={}))
    monkeypatch.setattr(settings, "read_settings", lambda _: found)
    monkeypatch.setattr(settings, "kept", lambda _: found.agent)
    bench.answers("start", 1)
    assert ocf_program.main(["start", "db"]) == 1
    assert ocf_program.main(["settle", "db"]) == 0
    assert told == ["STATUS=start of ocf:test:Thing says: it failed"]
    assert ocf_program.main(["start", "db"]) == 0
    bench.answers("stop", 1)
    assert ocf_program.main(["stop", "db"]) == 1
    assert told[1:] == [
        "STATUS=ocf:test:Thing runs",
        "STATUS=monitor still says: success; stop of ocf:test:Thing says: it failed",
    ]


def test_the_program_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    for arguments in ((), ("start",), ("promote", "db"), ("monitor", "db", "deep")):
        command = [sys.executable, "-s", "-S", "-P", "-m", "standfast.ocf", *arguments]
        done = subprocess.run(command, env={"PYTHONPATH": str(REPOSITORY / "services")}, capture_output=True, text=True)
        assert (done.returncode, done.stderr[:25]) == (2, "<4>standfast-ocf: usage: ")
