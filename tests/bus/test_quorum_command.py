"""`standfast quorum` and `quorum start-alone` against fake daemons on a private bus."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus
from fakes.daemons import ALL, ROOT, Cluster
from standfast.bus import ErrorName
from standfast.ctl import quorum_report, quorum_table
from standfast.ctl.__main__ import main
from standfast.ctl.start_alone import promise
from standfast.published import Daemon

QUORUM = ALL[1]


def invoke(*arguments: str, given: str | None = None) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("quorum", *arguments), input=given, env={"COLUMNS": "100"})


def with_daemons(
    *arguments: str,
    names: Iterable[str] = ALL,
    prepare: Callable[[Cluster], None] = lambda _: None,
    given: str | None = None,
) -> Result:
    """What the command did while these daemons ran."""

    async def play() -> Result:
        cluster = Cluster()
        prepare(cluster)
        async with cluster.running(names):
            return await asyncio.to_thread(lambda: invoke(*arguments, given=given))

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
        "term": 7,
        "without": [],
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
    assert "Standfast is not running here" in invoke("start-alone", "node2", "--yes").stderr


# start-alone


class Alone:
    """A cluster without a term that goes on when it is asked to."""

    def __init__(self) -> None:
        self.cluster: Cluster | None = None

    def prepare(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.publish(ROOT, "Groups1", Term=0, Quorate="no", Members=[])
        cluster.on_wish = self.wished

    async def wished(self, _member: str, _arguments: tuple[Any, ...]) -> None:
        assert self.cluster is not None
        self.cluster.publish(ROOT, "Groups1", Term=1007, Members=["node1"])

    @property
    def wishes(self) -> list[tuple[str, tuple[Any, ...]]]:
        assert self.cluster is not None
        return self.cluster.wishes


def test_start_alone_asks_for_a_promise_and_waits_for_the_term(private_bus: PrivateBus) -> None:
    alone = Alone()
    result = with_daemons("start-alone", "node3", "node2", "node2", prepare=alone.prepare, given="y\n")
    assert result.exit_code == 0, result.stderr
    assert alone.wishes == [("StartAlone", (["node2", "node3"],))]
    assert "Do you promise that they stay off, and nobody switches anything of that on, until more" in result.stderr
    assert result.stdout.endswith("This cluster goes on without node2, node3 (term 1007): standfast status\n")


@pytest.mark.parametrize("given", ["n\n", "\n", ""])
def test_without_the_promise_nothing_is_asked_for(private_bus: PrivateBus, given: str) -> None:
    alone = Alone()
    assert with_daemons("start-alone", "node2", prepare=alone.prepare, given=given).exit_code == 1
    assert alone.wishes == []


def test_start_alone_with_yes_asks_nothing(private_bus: PrivateBus) -> None:
    alone = Alone()
    result = with_daemons("start-alone", "node2", "node3", "--yes", prepare=alone.prepare)
    assert result.exit_code == 0
    assert "promise" not in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["node9", "--yes"], 1, "There is no node node9. Did you mean node1? Nodes: node1, node2, node3."),
        (["node1", "--yes"], 1, "node1 is this node: name those that are absent."),
        (["--yes"], 2, "Missing argument 'NODE...'"),
    ],
)
def test_names_that_cannot_be_absent_are_refused(
    private_bus: PrivateBus, words: list[str], code: int, told: str
) -> None:
    alone = Alone()
    result = with_daemons("start-alone", *words, prepare=alone.prepare)
    assert result.exit_code == code
    assert told in result.stderr
    assert alone.wishes == []


def test_start_alone_passes_on_why_it_is_refused_and_when_it_is_not_done(private_bus: PrivateBus) -> None:
    def refuse(cluster: Cluster) -> None:
        Alone().prepare(cluster)
        cluster.refuse(ErrorName.REFUSED, "node3 is absent too: name every absent node.")

    result = with_daemons("start-alone", "node2", "--yes", prepare=refuse)
    assert (result.exit_code, result.stderr) == (1, "standfast: node3 is absent too: name every absent node.\n")

    def hang(cluster: Cluster) -> None:
        Alone().prepare(cluster)
        cluster.on_wish = None
        cluster.publish(ROOT, "Groups1", Without=["node2"], NoTerm="too few nodes are here: boot node2")

    result = with_daemons("start-alone", "node2", "--yes", "--timeout", "0.3", prepare=hang)
    assert result.exit_code == 6
    assert "It is not done after 0.3 s (too few nodes are here: boot node2)" in result.stderr

    def wait_for_proof(cluster: Cluster) -> None:
        hang(cluster)
        cluster.publish(ROOT, "Groups1", Losses=[("alone-1", "node2", 1, 0, "absent at the start")])

    result = with_daemons("start-alone", "node2", "--yes", "--timeout", "0.3", prepare=wait_for_proof)
    assert result.exit_code == 6
    assert "(node2 waits for proof that it is off (loss alone-1): absent at the start; 1 failed)" in result.stderr


def test_of_two_nodes_less_is_promised() -> None:
    assert "Do you promise that it stays off" in promise(("node2",), 2)
    assert "unknown" not in promise(("node2",), 2)
    assert "unknown" in promise(("node2",), 3)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({"Without": []}, "It was given up, or standfast-resourced began anew and forgot it"),
        ({"Term": 8, "Members": ["node1", "node2"]}, "node2 is here again: term 8 was opened with it."),
    ],
)
def test_a_request_that_ended_otherwise_is_no_success(
    private_bus: PrivateBus, after: dict[str, Any], told: str
) -> None:
    def prepare(cluster: Cluster) -> None:
        Alone().prepare(cluster)

        async def wished(_: str, __: tuple[Any, ...]) -> None:
            cluster.publish(ROOT, "Groups1", **after)

        cluster.on_wish = wished

    result = with_daemons("start-alone", "node2", "--yes", prepare=prepare)
    assert result.exit_code == 1
    assert told in result.stderr


@pytest.mark.parametrize(("term", "told"), [(0, "once each is proven off"), (1007, "keep them off")])
def test_what_was_promised_is_shown(private_bus: PrivateBus, term: int, told: str) -> None:
    def prepare(cluster: Cluster) -> None:
        cluster.publish(ROOT, "Groups1", Without=["node2", "node3"], Term=term)

    shown = " ".join(with_daemons(prepare=prepare).stdout.split())
    assert "goes on without node2, node3" in shown
    assert told in shown
