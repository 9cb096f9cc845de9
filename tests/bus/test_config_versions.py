"""`standfast config diff`, `show` and `history`."""

import asyncio
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from bus.desk import Desk
from bus.private import REPOSITORY, as_nobody
from fakes.pushing import CLUSTER, KEY, PASSWORD, TARGET
from standfast.operations import config_versions

# diff


def test_no_difference_exits_0_and_says_nothing(desk: Desk) -> None:
    result = desk.type("diff")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_difference_exits_1_and_shows_lines_but_never_a_secret(desk: Desk) -> None:
    desk.changed()
    desk.write("bmc.secret", "another password")
    desk.write("units/other.service", "[Service]\nExecStart=/bin/false")
    (desk.etc / "units/site.service").write_bytes(b"[Service]\n\x1b[2J")
    result = desk.type("diff")
    assert result.exit_code == 1
    assert result.stdout == (
        "bmc.secret: changed, secret\n"
        "--- /dev/null\n"
        f"+++ {desk.etc}/units/other.service\n"
        "@@ -0,0 +1,2 @@\n"
        "+[Service]\n"
        "+ExecStart=/bin/false\n"
        "\\ No newline at end of file\n"
        "units/site.service: changed, no text\n"
        "--- version 1/units/webserv.target\n"
        f"+++ {desk.etc}/units/webserv.target\n"
        "@@ -1,4 +1,4 @@\n"
        " [Unit]\n"
        "-Description=The site\n"
        "+Description=The new site\n"
        " [X-Standfast]\n"
        " Resources=site.service\n"
    )


def test_what_was_secret_in_either_version_is_not_shown(desk: Desk) -> None:
    """Also where cluster.conf does not name it any more, or never did."""
    desk.write("cluster.conf", CLUSTER.replace("PasswordFile=bmc.secret\n", ""))
    desk.write("bmc.secret", "another password")
    (desk.etc / "bmc.secret").chmod(0o644)
    desk.write("new.secret", "a third one")
    (desk.etc / "new.secret").chmod(0o600)
    (desk.etc / "corosync.key").unlink()
    shown = desk.type("diff").stdout
    for line in ("bmc.secret: changed, secret", "new.secret: added, secret", "corosync.key: removed, secret"):
        assert line in shown
    assert "another" not in shown and "third" not in shown


def test_versions_are_named_by_number_or_by_the_digest(desk: Desk) -> None:
    desk.pushing.install(desk.changed(), "the second one")
    digest = desk.pushing.history[1][1]
    assert desk.type("diff", "1", "2").exit_code == 1
    assert "-Description=The new site\n" in desk.type("diff", "2", "1").stdout
    shown = desk.type("diff", digest[:8]).stdout
    assert shown.startswith(f"--- version 1/units/webserv.target\n+++ {desk.etc}/units/webserv.target\n")


@pytest.mark.parametrize(
    "words", [["diff", "9"], ["diff", "1", "nothing"], ["show", "abcdef012345"], ["rollback", "7"]]
)
def test_an_unknown_version_is_a_usage_error_that_names_those_there_are(desk: Desk, words: list[str]) -> None:
    result = desk.type(*words)
    assert result.exit_code == 2
    assert "Known versions: 1;" in result.stderr


def test_a_diff_for_programs(desk: Desk) -> None:
    desk.write("bmc.secret", "another password")
    desk.write("units/empty.service", "")
    made = json.loads(desk.type("diff", "--json").stdout)
    assert made == [
        {"name": "bmc.secret", "change": "changed", "hidden": "secret", "diff": None},
        {"name": "units/empty.service", "change": "added", "hidden": "empty", "diff": None},
    ]


def test_a_node_on_which_nothing_runs_compares_what_is_on_its_disk(desk: Desk) -> None:
    desk.changed()
    result = desk.invoke("diff")
    assert result.exit_code == 1
    assert f"--- version {desk.pushing.history[0][1][:12]}/units/webserv.target" in result.stdout


def test_a_version_that_is_not_here_is_asked_for(desk: Desk) -> None:
    there = desk.changed()
    desk.pushing.elsewhere[there.digest] = there
    desk.pushing.history.insert(0, (2, there.digest, "", "2026-01-02T00:00:00Z", "root on node2", ""))
    desk.pushing.publish()
    assert desk.type("diff").exit_code == 0
    assert desk.wishes == [("Want", (there.digest,))]


def test_a_version_that_nobody_has_ends_with_the_outcome_unknown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_versions, "FETCH_S", 0.2)
    desk.pushing.history.insert(0, (2, "f" * 64, "", "", "", ""))
    desk.pushing.publish()
    result = desk.type("diff", "2")
    assert (result.exit_code, result.stdout) == (6, "")
    assert "This node does not have version 2 whole" in result.stderr


# show and history


def test_history_is_a_table_with_the_newest_first(desk: Desk) -> None:
    desk.pushing.install(desk.changed(), "a better name")
    result = desk.type("history")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    rows = [line for line in result.stdout.splitlines() if line[:1].isdigit()]
    assert rows[0].startswith("2 ") and "a better name" in rows[0] and "root on node1" in rows[0]
    assert rows[1].startswith("1 ")
    made = json.loads(desk.type("history", "--json").stdout)
    assert [one["number"] for one in made["versions"]] == [2, 1]
    assert made["versions"][0]["base"] == made["versions"][1]["digest"]


def test_show_tells_who_when_why_and_names_every_file_and_node(desk: Desk) -> None:
    desk.pushing.install(desk.changed(), "a better name")
    desk.pushing.nodes["node2"][3] = ["cluster.conf"]
    desk.pushing.publish(Unconfirmed=(desk.pushing.history[1][1], 240_000), Members=["node1", "node2"])
    result = desk.type("show")
    assert result.exit_code == 0
    for words in (
        r"Version 2, in force\n",
        desk.pushing.history[0][1],
        r"by +root on node1\n",
        r"why +a better name\n",
        r"based on +version 1\n",
        r"node2 +installed +cluster.conf",
        r"node3 +not here",
        rf"{len(KEY)} +corosync.key +secret",
        r"units/webserv.target",
        r"In 4 min version 1 comes back, unless: standfast config confirm",
    ):
        assert re.search(words, result.stdout), words
    made = json.loads(desk.type("show", "1", "--json").stdout)
    assert (made["number"], made["nodes"], made["in_force"]) == (1, None, False)
    assert {"name": "bmc.secret", "bytes": len(PASSWORD), "mode": "0600", "secret": True} in made["files"]


def test_show_prints_a_file_as_it_is_and_no_secret(desk: Desk) -> None:
    desk.pushing.install(desk.changed(), "a better name")
    assert desk.type("show", "1", "units/webserv.target").stdout == TARGET
    for name, told in (("bmc.secret", "is secret"), ("corosync.key", "is secret"), ("units/x", "There is no file")):
        result = desk.type("show", "1", name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert told in result.stderr


def test_who_is_not_root_reads_what_the_record_has_and_no_file(desk: Desk) -> None:
    (desk.disk / "versions").chmod(0o700)

    async def as_other_user() -> list[Any]:
        results = [
            await asyncio.to_thread(desk.invoke, *words)
            for words in (["history"], ["show"], ["diff"], ["push", "--yes"])
        ]
        return [(result.exit_code, result.stdout + result.stderr) for result in results]

    async def play() -> Any:
        async with desk.cluster.running():
            return await as_nobody(as_other_user)

    read, shown, diff, push = asyncio.run(play())
    assert read[0] == 0
    assert shown[0] == 0 and "Its files can be read by root" in shown[1]
    assert diff[0] == 5 and "Only root may read" in diff[1]
    assert push[0] == 5
    assert desk.wishes == []


def test_other_commands_do_not_wait_for_what_these_need() -> None:
    script = "import standfast.ctl.__main__, standfast.ctl.status, sys; print(*sorted(sys.modules))"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "services")}
    loaded = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True, text=True)
    names = set(loaded.stdout.split())
    assert "standfast.ctl.status" in names
    assert not names & {"standfast.configuration", "standfast.ctl.config", "standfast.ctl.group", "rich", "systemd"}
