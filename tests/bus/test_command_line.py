"""`standfast status`, `group` and `node` against fake daemons on a private bus."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.polkit import NO, YES, Question, Written
from bus.private import REPOSITORY, PrivateBus, as_nobody, until
from fakes.daemons import ALL, RESOURCES, Cluster
from standfast.bus import ErrorName
from standfast.ctl.__main__ import main
from standfast.operations import rights, wishes

MEMBERSHIP, QUORUM, FENCING, GROUPS = ALL
NOT_RUNNING = "standfast: Standfast is not running here: systemctl start standfast.target\n"


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, arguments, env={"COLUMNS": "80"})


def with_daemons(
    *arguments: str, names: Iterable[str] = ALL, prepare: Callable[[Cluster], Awaitable[None] | None] = lambda _: None
) -> Result:
    """What the command did while these daemons ran."""

    async def play() -> Result:
        async with Cluster().running(names) as cluster:
            waits = prepare(cluster)
            if waits is not None:
                await waits
            return await asyncio.to_thread(invoke, *arguments)

    return asyncio.run(play())


def report(**options: Any) -> dict[str, Any]:
    result = with_daemons("status", "--json", **options)
    assert result.exit_code == 0, result.stderr
    made: dict[str, Any] = json.loads(result.stdout)
    return made


# status


def resource(unit: str, probe: str) -> dict[str, Any]:
    return {"unit": unit, "state": "active", "probe": probe, "cause": None, "probes": []}


def test_status_tells_nodes_groups_quorum_and_fencing_as_the_contract_says(private_bus: PrivateBus) -> None:
    made = report()
    assert (
        made
        | {
            "cluster": "webha",
            "node": "node1",
            "quorate": True,
            "view": "1.12",
            "config_version": 4,
            "detect_within_ms": 2200,
            "safe": True,
            "maintenance": False,
            "without": [],
            "away": {},
        }
        == made
    )
    assert made["nodes"][2] == {
        "name": "node3",
        "id": 3,
        "state": "online",
        "standby": False,
        "healthy": True,
        "drifted": False,
        "edited": [],
        "incarnation": "boot3/1",
        "links": [
            {"link": 0, "up": True, "since": "2026-01-01T00:00:00Z"},
            {"link": 1, "up": False, "since": "2026-01-01T00:00:00Z"},
        ],
    }
    assert made["groups"] == [
        {
            "name": "webserv",
            "phase": "started",
            "flags": [],
            "owner": "node1",
            "last_owner": None,
            "since": "2026-01-01T00:00:00Z",
            "reason": "node1 is first",
            "drilled": None,
            "resources": [
                resource("standfast-ip@192.0.2.100.service", "none"),
                resource("apache2.service", "good"),
            ],
        }
    ]
    assert made["fencing"]["pending"] == []
    assert made["fencing"]["devices"][0] == {
        "name": "bmc-node1",
        "agent": "fence_redfish",
        "last_test": "2026-01-01T00:00:00Z",
        "last_answer": "2026-01-01T00:00:00Z",
        "ok": True,
        "answer": "on",
        "verified": True,
    }


def test_status_names_a_loss_that_waits_for_its_proof(private_bus: PrivateBus) -> None:
    def lose_node3(cluster: Cluster) -> None:
        cluster.publish("/org/standfast/node/node3", "Member1", State="fencing")
        cluster.publish("/org/standfast", "Groups1", Losses=[("8.1", "node3", 2, 4, "left the ring")])

    assert report(prepare=lose_node3)["fencing"]["pending"] == [
        {"node": "node3", "loss": "8.1", "attempt": 2, "next_attempt_in_s": 4, "reason": "left the ring"}
    ]
    shown = with_daemons("status", prepare=lose_node3).stdout
    assert "node3 waits for proof that it is off (loss 8.1): left the ring; 2 failed; next attempt in 4 s" in " ".join(
        shown.split()
    )


def test_status_counts_down_to_the_first_attempt_and_says_how_not_to_wait(private_bus: PrivateBus) -> None:
    def miss_node3(cluster: Cluster) -> None:
        cluster.publish(
            "/org/standfast", "Groups1", Losses=[("2.1", "node3", 0, 42, "it is not here after a cold start")]
        )

    (pending,) = report(prepare=miss_node3)["fencing"]["pending"]
    assert (pending["attempt"], pending["next_attempt_in_s"]) == (0, 42)
    shown = " ".join(with_daemons("status", prepare=miss_node3).stdout.split())
    assert "it is not here after a cold start; it is fenced in 42 s, or at once: standfast fence now node3" in shown


@pytest.mark.parametrize("away", ALL)
def test_status_does_with_what_is_there_when_one_daemon_is_away(private_bus: PrivateBus, away: str) -> None:
    names = [name for name in ALL if name != away]
    made = report(names=names)
    daemon = {MEMBERSHIP: "membershipd", QUORUM: "quorumd", FENCING: "fenced", GROUPS: "resourced"}[away]
    assert made["away"] == {daemon: "does not run"}
    assert made["quorate"] is True
    assert [node["name"] for node in made["nodes"]] == ["node1", "node2", "node3"]
    assert (made["view"] is None) == (away == MEMBERSHIP)
    assert (made["groups"] is None) == (away == GROUPS)
    assert (made["fencing"]["devices"] is None) == (away == FENCING)
    shown = with_daemons("status", names=names)
    assert shown.exit_code == 0
    assert f"standfast-{daemon} does not run here" in shown.stdout


def test_without_daemons_every_command_says_how_to_start_and_exits_3(private_bus: PrivateBus) -> None:
    for words in (["status"], ["status", "--json"], ["group", "start", "webserv"], ["node", "standby", "node1"]):
        result = invoke(*words)
        assert (result.exit_code, result.stderr, result.stdout) == (3, NOT_RUNNING, ""), words


def test_without_a_bus_every_command_says_how_to_start_and_exits_3(private_bus: PrivateBus) -> None:
    private_bus.kill()
    for words in (["status"], ["group", "stop", "webserv"]):
        result = invoke(*words)
        assert (result.exit_code, result.stderr) == (3, NOT_RUNNING), words


def test_resources_are_shown_in_start_order_however_they_became_known(private_bus: PrivateBus) -> None:
    def put_in_front(cluster: Cluster) -> None:
        values = {"Unit": "srv-www.mount", "State": "active", "Probe": "none", "Cause": ""}
        cluster.publish("/org/standfast/group/webserv/resource/srv_2dwww_2emount", "Resource1", Place=0, **values)

    (group,) = json.loads(with_daemons("status", "--json", prepare=put_in_front).stdout)["groups"]
    assert [one["unit"] for one in group["resources"]] == ["srv-www.mount", *RESOURCES]


def test_the_table_fits_into_80_columns_and_names_everything(private_bus: PrivateBus) -> None:
    def add_trouble(cluster: Cluster) -> None:
        cluster.publish("/org/standfast/node/node2", "Member1", Standby=True, Drifted=True, Edited=["cluster.conf"])
        cluster.group(Reason="restarted here: apache2.service was killed by signal 9 (SIGKILL), and so on and on")
        path = "/org/standfast/group/webserv/resource/apache2_2eservice"
        cluster.publish(path, "Resource1", Cause="a cause of many words that would like to have the whole line")
        since = "2026-01-01T00:00:00Z"
        bad = ("db", "pgsql", "degraded", "bad", "refused", 1000, since)
        probes = [("", "http", "live", "good", "GET x", 12, since), bad]
        shown_at = cluster.servers[GROUPS].live
        shown_at("org.standfast.Resource1", "Probes", lambda unit: probes if unit == path else [])
        cluster.publish("/org/standfast", "Groups1", Safe=False)

    shown = with_daemons("status", prepare=add_trouble).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "would like to have the whole line" in " ".join(shown.split())
    for words in (
        r"webha, quorate, view 1\.12, term 7, node1 coordinates, seen from node1",
        r"Unsafe: not every node has a fence device",
        r"node1 +online",
        r"node2 +online +standby, drifted, edited +0 up, 1 up",
        r"node3 +online +0 up, 1 down for \d+ d",
        r"webserv  started on node1 for \d+ d",
        r"  apache2\.service +active +probe good +a cause of many",
        r"    the probe without a name +good +12 ms *$",
        r"    probe db +bad +1000 ms +\(degraded\) refused",
        r"3 fence devices answer, the first asked \d+ d ago",
    ):
        assert re.search(words, shown, re.MULTILINE), words


def test_status_of_a_group_or_verbose_names_what_is_well_too(private_bus: PrivateBus) -> None:
    for words in (["status", "webserv"], ["status", "-v"]):
        shown = with_daemons(*words).stdout
        assert re.search(r"^  standfast-ip@192\.0\.2\.100\.service +active", shown, re.MULTILINE), words
        assert re.search(r"^  apache2\.service +active +probe good", shown, re.MULTILINE), words
    assert re.search(r"^bmc-node3 +answers +\d+ d ago +on", shown, re.MULTILINE)
    assert "standfast-ip" not in with_daemons("status").stdout
    assert [group["name"] for group in json.loads(with_daemons("status", "webserv", "--json").stdout)["groups"]] == [
        "webserv"
    ]
    result = with_daemons("status", "webser")
    assert (result.exit_code, "Did you mean webserv?" in result.stderr) == (1, True)


# group


def comes_true(cluster: Cluster, owner: str, phase: str = "started") -> None:
    """Wishes are stored, and come true a moment later."""

    async def wished(method: str, arguments: tuple[Any, ...]) -> None:
        loop = asyncio.get_running_loop()
        later = "2026-01-01T00:01:00Z"
        loop.call_later(0.1, lambda: cluster.group(later, Phase="stopping", Reason="an operator wants it"))
        loop.call_later(0.3, lambda: cluster.group(later, Phase=phase, Owner=owner, Reason="done"))

    cluster.on_wish = wished


def test_relocate_waits_until_the_group_runs_on_the_other_node(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "relocate", "webserv", "node2", prepare=lambda c: comes_true(c, "node2"))
    assert (result.exit_code, result.stdout) == (0, "webserv is started on node2\n")
    assert "s  webserv is stopping on node1: an operator wants it." in result.stderr


def test_relocate_without_a_node_waits_for_any_other_owner(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "relocate", "webserv", prepare=lambda c: comes_true(c, "node3"))
    assert (result.exit_code, result.stdout) == (0, "webserv is started on node3\n")


def test_relocate_that_ends_on_another_node_than_asked_for_has_failed(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "relocate", "webserv", "node2", prepare=lambda c: comes_true(c, "node1"))
    assert result.exit_code == 1
    assert "standfast: webserv is started on node1: done. See `standfast timeline webserv`." in result.stderr


def test_a_group_that_is_started_again_on_the_way_has_not_refused(private_bus: PrivateBus) -> None:
    """It failed just before the wish came: its restart is not where it settles."""

    def prepare(cluster: Cluster) -> None:
        async def wished(method: str, arguments: tuple[Any, ...]) -> None:
            loop, again, there = asyncio.get_running_loop(), "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"
            loop.call_later(0.1, lambda: cluster.group(again, WantedOn="node2", Reason="an operator wants it"))
            loop.call_later(0.4, lambda: cluster.group(there, Owner="node2", Reason="done"))

        cluster.on_wish = wished

    result = with_daemons("group", "relocate", "webserv", "node2", prepare=prepare)
    assert (result.exit_code, result.stdout) == (0, "webserv is started on node2\n")


def test_stop_waits_until_nothing_runs(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "stop", "webserv", prepare=lambda c: comes_true(c, "", "stopped"))
    assert (result.exit_code, result.stdout) == (0, "webserv is stopped\n")


def test_start_of_what_runs_already_is_done_at_once(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "start", "webserv")
    assert (result.exit_code, result.stdout) == (0, "webserv is started on node1\n")


def test_a_group_that_becomes_blocked_ends_the_wait(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "stop", "webserv", prepare=lambda c: comes_true(c, "node1", "blocked"))
    assert result.exit_code == 1
    assert "webserv is blocked on node1: done." in result.stderr


def test_a_wish_that_does_not_come_true_in_time_goes_on_and_exits_6(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "stop", "webserv", "--timeout", "0.3")
    assert result.exit_code == 6
    assert "It is not done after 0.3 s (webserv is started on node1: node1 is first.). It goes on" in result.stderr


def test_an_unknown_group_or_node_is_refused_with_the_names_that_exist(private_bus: PrivateBus) -> None:
    result = with_daemons("group", "start", "website")
    assert (result.exit_code, result.stderr) == (
        1,
        "standfast: There is no group website. Did you mean webserv? Groups: webserv.\n",
    )
    result = with_daemons("node", "resume", "node9")
    assert (result.exit_code, result.stderr) == (
        1,
        "standfast: There is no node node9. Did you mean node1? Nodes: node1, node2, node3.\n",
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ErrorName.REFUSED, 1),
        (ErrorName.FAILED, 1),
        (ErrorName.NOT_QUORATE, 4),
        (ErrorName.ACCESS_DENIED, 5),
        (ErrorName.OUTCOME_UNKNOWN, 6),
    ],
)
def test_an_answer_that_is_no_yes_has_its_own_exit_code(private_bus: PrivateBus, error: ErrorName, code: int) -> None:
    result = with_daemons("group", "stop", "webserv", prepare=lambda c: c.refuse(error, "it cannot be"))
    assert result.exit_code == code
    assert result.stderr.startswith("standfast: It cannot be.")


def test_another_user_than_root_may_read_and_change_nothing(private_bus: PrivateBus) -> None:
    async def as_other_user() -> list[Any]:
        codes = [await asyncio.to_thread(invoke, *words) for words in (["status"], ["group", "stop", "webserv"])]
        return [(result.exit_code, result.stderr) for result in codes]

    async def play() -> tuple[Any, list[Any]]:
        async with Cluster().running() as cluster:
            return await as_nobody(as_other_user), cluster.wishes

    (read, changed), wishes_seen = asyncio.run(play())
    assert read == [0, ""]
    assert changed[0] == 5
    assert changed[1].startswith("standfast: Only root may call org.standfast.Group1.Stop: polkit")
    assert wishes_seen == []


@pytest.mark.parametrize("terminal", [False, True])
def test_who_is_not_root_may_be_asked_for_a_password_while_the_command_waits(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    """On a terminal an agent of polkit is there for exactly as long as the call."""
    folder = private_bus.socket.parent / "agent"
    folder.mkdir()
    folder.chmod(0o777)
    script = folder / "pkttyagent"
    # closes the descriptor that it was told to when it is ready, and says when it is ended
    script.write_text(
        f"#!/bin/bash\ntrap 'echo gone >>{folder}/seen; exit' TERM\necho $1 $3 $5 >>{folder}/seen\n"
        'eval "exec $4>&-"\nwhile :; do sleep 0.02; done\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(rights, "AGENT", str(script))

    async def allow(question: Question) -> Any:
        seen = (folder / "seen").read_text() if (folder / "seen").exists() else ""
        assert seen == ("--process --notify-fd --fallback\n" if terminal else "")
        return YES if question.interactive else NO

    async def as_other_user() -> list[Any]:
        monkeypatch.setattr(rights, "_has_terminal", lambda: terminal)
        result = await asyncio.to_thread(invoke, "group", "stop", "webserv")
        return [result.exit_code, result.stderr, result.stdout]

    async def play() -> Any:
        async with Cluster().running() as cluster, Written(tmp_path, allow).running():

            async def stop(*_: Any) -> None:
                cluster.group(Phase="stopped", Owner="")

            cluster.on_wish = stop
            return await as_nobody(as_other_user)

    assert asyncio.run(play()) == [0, "", "webserv is stopped\n"]
    if terminal:
        assert (folder / "seen").read_text().endswith("gone\n")


def test_a_resourced_that_is_being_restarted_is_waited_for(private_bus: PrivateBus) -> None:
    async def play() -> Result:
        async with Cluster().running(ALL[:3]) as cluster:
            asyncio.get_running_loop().call_later(0.5, lambda: asyncio.ensure_future(cluster.start(GROUPS)))
            return await asyncio.to_thread(invoke, "group", "start", "webserv")

    result = asyncio.run(play())
    assert result.exit_code == 0, result.stderr
    assert "waiting for it" in result.stderr


def test_a_resourced_that_stays_away_exits_3(private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishes, "RESTART_S", 0.2)
    result = with_daemons("group", "start", "webserv", names=ALL[:3])
    assert result.exit_code == 3
    assert "systemctl status standfast-resourced.service" in result.stderr


def test_a_resourced_that_dies_before_it_answered_leaves_the_outcome_unknown(private_bus: PrivateBus) -> None:
    async def play() -> Result:
        async with Cluster().running() as cluster:

            async def die(_: str, __: tuple[Any, ...]) -> None:
                await cluster.kill(GROUPS)

            cluster.on_wish = die
            return await asyncio.to_thread(invoke, "group", "stop", "webserv")

    result = asyncio.run(play())
    assert result.exit_code == 6
    assert "it may or may not come true" in result.stderr


def test_ctrl_c_ends_the_waiting_and_says_that_the_wish_goes_on(private_bus: PrivateBus) -> None:
    async def play() -> tuple[int | None, str]:
        async with Cluster().running() as cluster:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "standfast.ctl", "group", "stop", "webserv"),
                env=os.environ | {"PYTHONPATH": str(REPOSITORY / "services")},
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stderr is not None
            first = await asyncio.wait_for(process.stderr.readline(), 10)
            await until(lambda: bool(cluster.wishes))
            process.send_signal(signal.SIGINT)
            rest = await asyncio.wait_for(process.stderr.read(), 10)
            return await process.wait(), (first + rest).decode()

    code, told = asyncio.run(play())
    assert code == 6
    assert "what it asked for goes on: standfast status" in told


# node


def test_standby_waits_until_the_node_runs_no_group(private_bus: PrivateBus) -> None:
    result = with_daemons("node", "standby", "node1", prepare=lambda c: comes_true(c, "node2"))
    assert (result.exit_code, result.stdout) == (
        0,
        "node1 is in standby and runs no group; to end it: standfast node resume node1\n",
    )
    assert "webserv is stopping on node1: an operator wants it" in result.stderr


def test_resume_is_done_when_it_is_stored(private_bus: PrivateBus) -> None:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            return await asyncio.to_thread(invoke, "node", "resume", "node2"), cluster.wishes

    result, asked = asyncio.run(play())
    assert (result.exit_code, result.stdout) == (0, "node2 is given groups again\n")
    assert asked == [("SetStandby", ("node2", False))]


def test_rejoin_asks_this_nodes_membershipd(private_bus: PrivateBus) -> None:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            return await asyncio.to_thread(invoke, "node", "rejoin"), cluster.wishes

    result, asked = asyncio.run(play())
    assert result.exit_code == 0
    assert result.stdout.startswith("Corosync is started again on this node; ")
    assert asked == [("Rejoin", ())]


def test_rejoin_of_a_node_that_has_not_withdrawn_is_refused(private_bus: PrivateBus) -> None:
    text = "This node has not withdrawn: it takes part, or tries to."
    result = with_daemons("node", "rejoin", prepare=lambda c: c.refuse(ErrorName.REFUSED, text))
    assert (result.exit_code, result.stderr) == (1, f"standfast: {text}\n")


def test_status_says_that_this_node_has_withdrawn(private_bus: PrivateBus) -> None:
    text = "node1 has withdrawn from the cluster: it does not hear node2"

    def withdraw(cluster: Cluster) -> None:
        cluster.servers[MEMBERSHIP].publish("/org/standfast", "org.standfast.Membership1", {"Withdrawn": text})

    assert report(prepare=withdraw)["withdrawn"] == text
    assert f"Withdrawn: {text}" in " ".join(with_daemons("status", prepare=withdraw).stdout.split())


@pytest.mark.parametrize(("state", "told"), [("votes", False), ("silent", True), ("away", True)])
def test_status_says_when_the_arbiter_gives_no_vote(private_bus: PrivateBus, state: str, told: bool) -> None:
    def tie(cluster: Cluster) -> None:
        values = {"Arbiter": "192.0.2.99", "ArbiterState": state}
        cluster.servers[QUORUM].publish("/org/standfast", "org.standfast.Quorum1", values)

    assert report(prepare=tie)["arbiter"] == {"host": "192.0.2.99", "state": state}
    words = "The arbiter 192.0.2.99 gives no vote to this view: standfast quorum"
    assert (words in " ".join(with_daemons("status", prepare=tie).stdout.split())) is told


def test_a_wrong_word_is_a_usage_error(private_bus: PrivateBus) -> None:
    assert invoke("group", "begin", "webserv").exit_code == 2


@pytest.mark.parametrize(
    ("verb", "wish", "flags", "done"),
    [
        ("disable", "Disable", ["disabled"], "webserv is stopped"),
        ("freeze", "Freeze", ["frozen"], "webserv is started on node1"),
        ("thaw", "Thaw", [], "webserv is started on node1"),
        ("enable", "Enable", [], "webserv is started on node1"),
        ("restart", "Restart", [], "webserv is started on node1"),
    ],
)
def test_each_verb_of_a_group_waits_until_it_came_true(
    private_bus: PrivateBus, verb: str, wish: str, flags: list[str], done: str
) -> None:
    async def play() -> tuple[Result, list[Any]]:
        cluster = Cluster()

        async def obey(_: str, __: tuple[Any, ...]) -> None:
            phase, owner = ("stopped", "") if verb == "disable" else ("started", "node1")
            cluster.group("2026-01-01T00:00:09Z", Phase=phase, Owner=owner, Flags=flags)

        cluster.on_wish = obey
        async with cluster.running():
            return await asyncio.to_thread(invoke, "group", verb, "webserv"), cluster.wishes

    result, asked = asyncio.run(play())
    assert (result.exit_code, result.stdout) == (0, f"{done}\n")
    assert asked == [(wish, ())]


@pytest.mark.parametrize(("word", "wanted"), [("on", True), ("off", False)])
def test_maintenance_begins_and_ends(private_bus: PrivateBus, word: str, wanted: bool) -> None:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            return await asyncio.to_thread(invoke, "maintenance", word), cluster.wishes

    result, asked = asyncio.run(play())
    assert result.exit_code == 0
    assert asked == [("SetMaintenance", (wanted,))]


def test_status_says_that_the_cluster_is_in_maintenance(private_bus: PrivateBus) -> None:
    shown = with_daemons("status", prepare=lambda c: c.publish("/org/standfast", "Groups1", Maintenance=True)).stdout
    assert "standfast maintenance off" in " ".join(shown.split())
