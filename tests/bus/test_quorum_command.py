"""`standfast quorum` against fake daemons on a private bus."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable

from click.testing import CliRunner, Result

from bus.private import PrivateBus
from fakes.daemons import ALL, ROOT, Cluster
from standfast.ctl import quorum_report, quorum_table
from standfast.ctl.__main__ import main
from standfast.ctl.cluster import Daemon

QUORUM = ALL[1]


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("quorum", *arguments), env={"COLUMNS": "100"})


def with_daemons(
    *arguments: str,
    names: Iterable[str] = ALL,
    prepare: Callable[[Cluster], None] = lambda _: None,
) -> Result:
    """What the command did while these daemons ran."""

    async def play() -> Result:
        cluster = Cluster()
        prepare(cluster)
        async with cluster.running(names):
            return await asyncio.to_thread(lambda: invoke(*arguments))

    return asyncio.run(play())


def everything(cluster: Cluster) -> None:
    """An arbiter that is silent, a node that is not healthy and not in the view."""
    cluster.servers[QUORUM].publish(
        ROOT,
        "org.standfast.Quorum1",
        {
            "Quorate": False,
            "Votes": 1,
            "Flags": ["qdevice_registered"],
            "Arbiter": "192.0.2.99",
            "ArbiterState": "silent",
            "Healthy": False,
            "HealthMinimum": 2,
            "Health": [("gateway", 0, "/usr/bin/ping ended with exit code 1"), ("disk", 1, "/bin/test ended well")],
        },
    )
    cluster.servers[ALL[0]].publish(f"{ROOT}/node/node3", "org.standfast.Node1", {"InRing": False, "Votes": 3})


def test_the_report_for_programs_has_everything_that_the_daemons_tell(private_bus: PrivateBus) -> None:
    result = with_daemons("--json", prepare=everything)
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert made == {
        "cluster": "webha",
        "node": "node1",
        "quorate": False,
        "view": "1.12",
        "votes": 1,
        "expected_votes": 3,
        "needed_votes": 2,
        "flags": ["qdevice_registered"],
        "nodes": [
            {"name": "node1", "votes": 1, "present": True, "state": "online"},
            {"name": "node2", "votes": 1, "present": True, "state": "online"},
            {"name": "node3", "votes": 3, "present": False, "state": "online"},
        ],
        "arbiter": {"host": "192.0.2.99", "state": "silent"},
        "health": {
            "healthy": False,
            "score": 1,
            "minimum": 2,
            "heuristics": [
                {"name": "gateway", "score": 0, "seen": "/usr/bin/ping ended with exit code 1"},
                {"name": "disk", "score": 1, "seen": "/bin/test ended well"},
            ],
        },
        "watchdog": made["watchdog"],
    }


def test_the_watchdogs_sum_is_shown_row_by_row_where_it_is_told() -> None:
    sum_of = [["TickMax", 3000, "ticks may be missing for so long"], ["timeout", 5000, "as the device gave it back"]]
    nothing = dict.fromkeys(ALL, Daemon(root={}, objects={}))
    told = nothing | {QUORUM: Daemon(root={"WatchdogArithmetic": sum_of}, objects={})}
    made = quorum_report.make(told)
    assert made["watchdog"] == [
        {"name": "TickMax", "ms": 3000, "why": "ticks may be missing for so long"},
        {"name": "timeout", "ms": 5000, "why": "as the device gave it back"},
    ]
    assert quorum_report.make(nothing)["watchdog"] is None
    file = io.StringIO()
    quorum_table.show(made, file, 80)
    assert "TickMax 3.000 s ticks may be missing for so long" in " ".join(file.getvalue().split())
    assert file.getvalue().startswith("no configuration, quorum unknown, no view, seen from here")


def test_people_read_the_same_in_lines(private_bus: PrivateBus) -> None:
    shown = with_daemons(prepare=everything).stdout
    assert shown.splitlines()[0] == "webha, not quorate, 1 of 3 votes, 2 needed, view 1.12, seen from node1"
    for line in (
        "Votequorum's flags: qdevice_registered",
        "The arbiter 192.0.2.99 gives no vote to this view",
        "node1 is not healthy: score 1, 2 needed",
        "node3 3 no online",
    ):
        assert line in " ".join(shown.split()), shown


def test_what_is_not_configured_is_null_and_not_shown(private_bus: PrivateBus) -> None:
    made = json.loads(with_daemons("--json").stdout)
    assert (made["quorate"], made["arbiter"], made["health"], made["votes"]) == (True, None, None, 3)
    shown = with_daemons().stdout
    assert shown.startswith("webha, quorate, 3 of 3 votes, 2 needed")
    assert "arbiter" not in shown and "healthy" not in shown


def test_without_corosync_votes_are_unknown(private_bus: PrivateBus) -> None:
    def stop(cluster: Cluster) -> None:
        values = {"View": "", "Quorate": False, "Votes": 0, "ExpectedVotes": 0, "QuorumVotes": 0}
        cluster.servers[QUORUM].publish(ROOT, "org.standfast.Quorum1", values)

    made = json.loads(with_daemons("--json", prepare=stop).stdout)
    assert (made["view"], made["votes"], made["needed_votes"], made["flags"]) == (None, None, None, None)
    assert with_daemons(prepare=stop).stdout.startswith("webha, not quorate, no view, seen from node1")


def test_without_quorumd_it_exits_3_and_says_which_daemon(private_bus: PrivateBus) -> None:
    result = with_daemons(names=[name for name in ALL if name != QUORUM])
    assert (result.exit_code, result.stdout) == (3, "")
    assert "standfast-quorumd does not run here: systemctl status standfast-quorumd.service" in result.stderr
    assert invoke().exit_code == 3
