"""`standfast timeline`: what it shows, what it refuses, and whom it believes."""

import io
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from standfast.ctl.__main__ import main
from standfast.ctl.timeline_table import show, shown, what
from standfast.incidents import Entry, entry_of, gather, reading, steps
from standfast.operations import journals, ssh
from standfast.operations import timeline as command
from standfast.operations.problems import Exit
from standfast.operations.ssh import Done
from unit.stories import START, entry, failure, power_cut

Typed = Callable[..., Result]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """The command with a journal that has these entries."""

    def run(entries: Sequence[Entry], *arguments: str) -> Result:
        monkeypatch.setattr(reading, "read", lambda since=None: list(entries))
        monkeypatch.setattr(command, "groups_in_force", lambda: {"web", "quiet"})
        return CliRunner(mix_stderr=False).invoke(main, ("timeline", *arguments))

    return run


def test_an_incident_fits_into_80_columns_and_names_its_slowest_step() -> None:
    file = io.StringIO()
    show(gather(power_cut(0, "web")), "web", file, width=80)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("loss 8.1, 3160 ms; slowest step: detected, 2200 ms")
    assert [line.split()[1:3] for line in lines[2:5]] == [["cause", "node1"], ["2200", "detected"], ["20", "decided"]]
    assert "node1 heard for the last time" in lines[2]
    assert any("probe good" in line and "web serves on" in line for line in lines)


@pytest.mark.parametrize("missed_by", ["view-changed", "node-lost"])
def test_whoever_missed_the_node_it_is_told_in_the_same_words(missed_by: str) -> None:
    later = {"view-changed": 2200, "node-lost": 2200} | {missed_by: 1500}
    told = [replace(one, silent_ms=later.get(one.event)) for one in power_cut(0, "web")]
    cause = steps(gather(told)[0], "web")[0]
    assert (cause.name, cause.entry.event, what(cause)) == ("cause", missed_by, "node1 heard for the last time")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits_whatever_the_terminals_width(width: int) -> None:
    file = io.StringIO()
    long = entry(
        0.1, "group-failed", "a-group-with-a-long-name" * 5, node="a-node-with-a-long-name" * 5, text="why " * 99
    )
    show(gather([*power_cut(0, "web"), long]), "", file, width=width)
    assert max(map(len, file.getvalue().splitlines())) <= width


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    assert shown("a\x1b[2Jb\r\nc\x07") == "a�[2Jb c�"
    file = io.StringIO()
    show(
        gather([entry(0, "group-failed", "web", node="\x1b]0;x", text="\x1b[31m[bold]red[/bold]")]), "", file, width=80
    )
    assert "\x1b" not in file.getvalue()
    assert "[bold]red[/bold]" in file.getvalue()


def test_a_loss_is_found_by_its_number_and_a_group_by_its_name(typed: Typed) -> None:
    entries = [*power_cut(0, "web", "mail"), *failure(3600, "web")]
    by_loss = typed(entries, "8.1").stdout
    assert "mail" in by_loss and "web.service" not in by_loss and "group-failed" not in by_loss
    assert "mail" not in typed(entries, "web").stdout
    assert typed(entries, "web", "-n", "1").stdout.count("slowest step") == 1


def test_programs_get_the_steps_and_the_entries(typed: Typed) -> None:
    (report,) = json.loads(typed(power_cut(0, "web"), "--json").stdout)
    assert (report["losses"], report["groups"], report["slowest"], report["ms"]) == (["8.1"], ["web"], "detected", 3160)
    assert report["begun"] == "2026-01-01T11:59:57.800Z"
    assert [step["step"] for step in report["steps"]] == ["cause", "detected", "decided", "fenced", "started", "good"]
    assert sum(step["ms"] for step in report["steps"]) == report["ms"]
    assert report["entries"][0]["event"] == "view-changed"
    assert json.loads(typed([], "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["webb"], Exit.REFUSED, "There is no group or incident webb. Did you mean web?"),
        (["8.2"], Exit.REFUSED, "There is no incident 8.2. Did you mean 8.1? Incidents: 8.1."),
        (["--since", "soon"], Exit.USAGE, "“soon” is no time; write 30min"),
        (["--since", "99999999w"], Exit.USAGE, "is no time"),
        (["-n", "0"], Exit.USAGE, "0 is not in the range"),
        (["\x00"], Exit.REFUSED, "There is no group or incident"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(typed: Typed, arguments: list[str], code: Exit, said: str) -> None:
    result = typed(power_cut(0, "web"), *arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr


def test_a_group_to_which_nothing_happened_is_said_so(typed: Typed) -> None:
    assert typed([], "quiet").stdout == "Nothing happened to quiet that this node's journal knows of.\n"
    assert typed([], "--since", "2h").stdout == "Nothing happened since then that this node's journal knows of.\n"


def test_how_far_back_is_a_span_a_day_or_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime | None] = []

    def read(since: datetime | None = None) -> list[Entry]:
        asked.append(since)
        return []

    monkeypatch.setattr(reading, "read", read)
    for text in ("90min", "2026-01-31", "2026-01-31T03:00+00:00"):
        assert CliRunner().invoke(main, ["timeline", "--since", text]).exit_code == 0
    span, day, moment = asked
    assert span is not None and abs(datetime.now(UTC) - timedelta(minutes=90) - span) < timedelta(minutes=1)
    assert day is not None and day.astimezone().hour == 0
    assert moment == datetime(2026, 1, 31, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PermissionError("You may not read the journal"), Exit.NO_RIGHTS, "You may not read the journal"),
        (OSError(74, "Bad message"), Exit.REFUSED, "cannot be read (Bad message): journalctl --verify"),
    ],
)
def test_a_journal_that_cannot_be_read_is_said_so(
    monkeypatch: pytest.MonkeyPatch, error: OSError, code: Exit, said: str
) -> None:
    def read(since: datetime | None = None) -> list[Entry]:
        raise error

    monkeypatch.setattr(reading, "read", read)
    result = CliRunner(mix_stderr=False).invoke(main, ["timeline"])
    assert (result.exit_code, said in result.stderr) == (code, True)


class Journal:
    """A journal with forged entries, as systemd.journal.Reader shows it: matches of one field are or, others and."""

    def __init__(self, **_: Any) -> None:
        self._matches: dict[str, set[str]] = {}
        good = {"_SYSTEMD_UNIT": "standfast-resourced.service", "_UID": "0", "STANDFAST_EVENT": "order"}
        self._fields = [
            good | {"MESSAGE": "ours"},
            good | {"MESSAGE": "forged by a user", "_UID": "1000"},
            good | {"MESSAGE": "forged by another unit", "_SYSTEMD_UNIT": "evil.service"},
            {"_SYSTEMD_UNIT": "standfast-resourced.service", "_UID": "0", "MESSAGE": "not an event"},
        ]

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add_match(self, *matches: str) -> None:
        for match in matches:
            name, _, value = match.partition("=")
            self._matches.setdefault(name, set()).add(value)

    def seek_tail(self) -> None:
        pass

    def get_previous(self) -> dict[str, Any]:
        while self._fields:
            fields = self._fields.pop()
            if all(fields.get(name) in values for name, values in self._matches.items()):
                return fields | {"__REALTIME_TIMESTAMP": START}
        return {}


def test_only_what_our_own_daemons_wrote_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from systemd import journal

    monkeypatch.setattr(journal, "Reader", Journal)
    assert [one.text for one in reading.read()] == ["ours"]


def test_another_nodes_journalctl_is_asked_for_the_same_entries() -> None:
    asked = reading.arguments(10, START)
    assert {"_UID=0", "_SYSTEMD_UNIT=standfast-resourced.service", "--since=@1767268800", "--lines=10"} <= set(asked)
    assert f"--lines={reading.LIMIT}" in reading.arguments()
    assert f"--lines={reading.MOST}" in reading.arguments(since=START)


def test_other_nodes_are_asked_and_one_that_does_not_answer_is_named(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(target: str, script: str, *, within_s: float) -> Done:
        assert script.startswith("journalctl ") and within_s > 0
        if target == "192.0.2.13":
            return Done(exit_code=255, error="ssh: connect to host 192.0.2.13 port 22: No route to host\n")
        line = {"STANDFAST_EVENT": "probe-changed", "STANDFAST_GROUP": "web", "MESSAGE": "seen by node1"}
        shared = {"STANDFAST_EVENT": "node-lost", "STANDFAST_POSITION": "8.2", "MESSAGE": "node-lost!"}
        at_us = (START + timedelta(seconds=7.02) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        lines = [shared | {"__REALTIME_TIMESTAMP": str(at_us)}, line | {"__REALTIME_TIMESTAMP": str(at_us + 10_000)}]
        return Done(exit_code=0, output="\n".join(map(json.dumps, lines)).encode())

    monkeypatch.setattr(ssh, "run", run)
    monkeypatch.setattr(journals, "other_nodes", lambda: {"node1": "192.0.2.11", "node3": "192.0.2.13"})
    result = typed(power_cut(0, "web"), "--all-nodes", "--json")
    assert result.exit_code == 0, result.output
    assert "node3 is left out, its journal could not be read: ssh: connect to host 192.0.2.13" in result.stderr
    assert "node1: its clock is 7.00 s ahead, corrected" in result.stderr
    (report,) = json.loads(result.stdout)
    (other,) = [one for one in report["entries"] if one["text"] == "seen by node1"]
    assert (other["time"], other["journal"]) == ("2026-01-01T12:00:00.030Z", "node1")
    assert [one["event"] for one in report["entries"]].count("node-lost") == 1


def test_without_a_configuration_the_other_nodes_are_not_known(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = SimpleNamespace(text="there is none in force")
    monkeypatch.setattr(journals, "load_in_force", lambda system: (None, (problem,)))
    result = typed(power_cut(0, "web"), "--all-nodes")
    assert (result.exit_code, result.stderr) == (
        1,
        "standfast: The other nodes are not known here: there is none in force.\n",
    )


def test_a_real_journal_without_entries_of_ours_is_no_error() -> None:
    """The one of this machine, as it is."""
    done = subprocess.run(["journalctl", *reading.arguments(5)], capture_output=True, check=False)
    assert all(isinstance(one, Entry) for one in reading.parse(done.stdout))
    assert entry_of({"__REALTIME_TIMESTAMP": START}).event == ""
