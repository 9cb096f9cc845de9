"""The archive of `standfast report`: nothing secret, no part missing without a word, nothing half done."""

import errno
import io
import json
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from standfast import archive
from standfast.corosync.common import Code, CorosyncError
from standfast.ctl import report, report_live
from standfast.ctl.__main__ import main
from standfast.ctl.report import parse_since
from standfast.ctl.report_parts import Part, Places
from standfast.operations import ssh
from standfast.operations.ssh import Done
from unit.report_site import KEY, SECRETS, planted, unread

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def entry(message: str) -> dict[str, Any]:
    return {"__REALTIME_TIMESTAMP": 1_700_000_000_000_000, "MESSAGE": message, "STANDFAST_EVENT": "x", "_CMDLINE": "y"}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A node called node1 on which nothing runs; its journal says every secret."""
    found = planted(tmp_path / "root")

    def journal(matches: tuple[str, ...], since: datetime) -> Iterator[Mapping[str, Any]]:
        yield entry(" ".join(text for name, text in SECRETS.items() if not unread(name)))

    def corosync() -> Part:
        raise CorosyncError("cmap_initialize_map", Code.LIBRARY)

    monkeypatch.setattr(report, "HERE", found)
    monkeypatch.setattr(report_live, "read_journal", journal)
    monkeypatch.setattr(report_live, "corosync", corosync)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")
    monkeypatch.setattr(os, "uname", lambda: type("U", (), {"nodename": "node1", **dict.fromkeys(UNAME, "")})())
    monkeypatch.chdir(tmp_path)
    return found


UNAME = ("sysname", "release", "version", "machine")


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("report", *arguments))


def taken(*arguments: str) -> dict[str, bytes]:
    result = invoke("-o", "report.tar.gz", *arguments)
    assert result.exit_code == 0, result.stderr
    with Path("report.tar.gz").open("rb") as file:
        return archive.read(file)


def test_no_secret_is_in_it_wherever_one_was(places: Places) -> None:
    whole = b"\n".join(part for item in taken().items() for part in (item[0].encode(), item[1]))
    found = [name for name, text in SECRETS.items() if text.encode() in whole]
    assert found == []
    assert KEY not in whole
    assert KEY.hex().encode() not in whole
    assert b"removed-" in whole


def test_it_has_what_a_bug_report_needs(places: Places) -> None:
    files = taken()
    in_force = files["node1/configuration/in-force"].decode().strip()
    assert f"node1/configuration/{in_force}/cluster.conf" in files
    assert sum(name.endswith("/units/webserv.target") for name in files) == 2, (
        "and the version that the recording names"
    )
    assert {name for name in files if "/edited/" in name} == {
        "node1/configuration/edited/bmc.secret",
        "node1/configuration/edited/cluster.conf",
    }
    assert files["node1/flight/now.jsonl"].endswith(b"}\n"), "whole lines"
    assert "node1/flight/redacted" in files, "secrets were said there"
    assert json.loads(files["node1/about.json"])["system"] == {"NAME": '"Debian"'}
    assert b"ocf/db\n" in files["node1/state/run/names"]
    assert "node1/state/run/ocf/db" not in files
    assert json.loads(files["node1/journal/standfast.jsonl"])["at"] == "2023-11-14T22:13:20.000000+00:00"
    assert b"_CMDLINE" not in files["node1/journal/systemd.jsonl"]


def test_its_readme_says_what_is_in_it_and_what_is_not(places: Places) -> None:
    text = taken()["README"].decode()
    assert "flight/ " in text
    assert "daemons: The message bus does not answer" in text
    assert "Corosync: it does not run" in text
    assert "status.json" not in text, "what is not there is not promised"
    assert "Not removed: names of nodes" in text


def test_what_was_collected_and_what_to_do_next_is_said(places: Places) -> None:
    result = invoke("-o", "report.tar.gz")
    assert "node1: flight recorder  1 files" in result.stdout
    assert "node1: Corosync         left out: it does not run" in result.stdout
    assert result.stdout.endswith("What happened, once more: standfast simulate --replay report.tar.gz\n")


def test_its_name_says_node_and_time(places: Places, tmp_path: Path) -> None:
    assert invoke().exit_code == 0
    (path,) = tmp_path.glob("standfast-report-node1-2*Z.tar.gz")
    assert path.stat().st_mode & 0o777 == 0o600


def test_on_stdout_is_the_archive_alone(places: Places) -> None:
    result = invoke("-o", "-")
    assert result.exit_code == 0
    assert "README" in archive.read(io.BytesIO(result.stdout_bytes))
    assert "node1: configuration" in result.stderr


def test_what_hangs_is_left_out(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "COROSYNC_S", 0.3)
    monkeypatch.setattr(report_live, "corosync", threading.Event().wait)
    assert b"Corosync: no answer within 0.3 s" in taken()["README"]


def test_a_fault_of_one_part_costs_no_other(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Part:
        raise KeyError("planted")

    monkeypatch.setattr(report_live, "daemons", broken)
    files = taken()
    assert b"daemons: a fault of Standfast (KeyError: 'planted')" in files["README"]
    assert "node1/about.json" in files


def test_a_full_disk_leaves_nothing_and_is_one_sentence(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "write", full)
    result = invoke("-o", "report.tar.gz")
    assert result.exit_code == 1
    assert result.stderr == (
        "standfast: report.tar.gz cannot be written: No space left on device; nothing is left of it. "
        "Write it elsewhere: standfast report -o /PLACE/FILE\n"
    )
    assert not [path for path in Path.cwd().iterdir() if "report" in path.name]


@pytest.mark.parametrize(("name", "words"), [("no/folder", "No such file"), ("root", "is no plain file")])
def test_where_nothing_can_be_written_is_said(places: Places, name: str, words: str) -> None:
    result = invoke("-o", name)
    assert result.exit_code in (1, 2)
    assert words in result.stderr


@pytest.mark.parametrize(
    ("text", "ago"),
    [("2h", timedelta(hours=2)), ("1d", timedelta(days=1)), ("2026-01-31T11:00:00Z", timedelta(hours=1))],
)
def test_since_is_a_time_or_a_span(text: str, ago: timedelta) -> None:
    assert NOW - parse_since(text, NOW) == ago


@pytest.mark.parametrize("text", ["yesterday", "", "99999999999d"])
def test_another_since_is_a_usage_error(places: Places, text: str) -> None:
    result = invoke("--since", text)
    assert result.exit_code == 2
    assert "a span such as 2h" in result.stderr


def test_other_nodes_are_asked_over_ssh_and_one_that_hangs_is_told(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    archive.write(packed, {"README": b"of node2", "node2/flight/now.jsonl": b"{}\n"}, 0)
    asked = []

    def run(target: str, script: str, **_: Any) -> Done:
        asked.append((target, script))
        return Done(exit_code=0, output=packed.getvalue())

    monkeypatch.setattr(ssh, "run", run)
    files = taken("--all-nodes", "--since", "2h")
    assert asked == [("root@192.0.2.12", "exec standfast report -o - --since 2h")]
    assert (files["node2/flight/now.jsonl"], files["node2/README"]) == (b"{}\n", b"of node2")
    monkeypatch.setattr(ssh, "run", lambda *_, **__: Done(exit_code=255, error="Connection timed out"))
    text = taken("--all-nodes")["README"].decode()
    assert "node2/ is not here:\n  - ssh root@192.0.2.12: Connection timed out" in text


def test_the_archive_of_another_node_comes_through_ssh_as_it_is(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ssh is a program here that runs what it is told on this machine, where `standfast` has an archive."""
    archive.write_file(tmp_path / "there", {"README": b"of node2", "node2/x": bytes(range(256))}, 0)
    for name, text in {
        "ssh": 'for last; do :; done; exec sh -c "$last"',
        "standfast": f'[ "$*" = "report -o - --since 2 h" ] && cat {tmp_path}/there',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("STANDFAST_SSH", str(tmp_path / "ssh"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert taken("--all-nodes", "--since", "2 h")["node2/x"] == bytes(range(256))
