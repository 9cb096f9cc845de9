"""When a watchdog proves a loss, how short its timeout may be, and what cluster.conf may say of it."""

from pathlib import Path

import pytest

from standfast.configuration.load import load
from standfast.configuration.model import Cluster, Configuration, ConfigurationError, Node, Problem, QuorumLoss, Source
from standfast.configuration.watchdogs import check_watchdogs
from standfast.watchdog.times import Row, echoed_until_ms, explain, proven_after_ms, shortest_ms, wanted_ms

CLUSTER = Cluster(name="webha")
NODES = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Watchdog=/dev/watchdog0
[Node]
Name=node2
Id=2
Address=192.0.2.12
Watchdog=auto
WatchdogTimeout=40s
WatchdogTrust=yes
[Node]
Name=node3
Id=3
Address=192.0.2.13
Watchdog=auto
"""


def node(**settings: object) -> Node:
    lines = ("Watchdog", "WatchdogTimeout", "WatchdogTrust")
    sources = {name: Source(path="cluster.conf", line=number) for number, name in enumerate(lines, 7)}
    fields = {"name": "node1", "id": 1, "addresses": ("192.0.2.11",), "sources": sources}
    return Node(**{**fields, **settings})  # type: ignore[arg-type] # the test names the model's fields


def read(folder: Path, text: str) -> Configuration:
    folder.mkdir(exist_ok=True)
    (folder / "cluster.conf").write_text(text)
    (folder / "corosync.key").touch(mode=0o600)
    (folder / "corosync.key").write_text("k" * 1024)
    return load(folder, system=None)


def told(cluster: Cluster, *nodes: Node, arbiter: bool = False) -> list[str]:
    problems: list[Problem] = []
    check_watchdogs(cluster, nodes, arbiter=arbiter, problems=problems)
    return [str(problem) for problem in problems]


def test_a_loss_is_proven_when_the_last_echo_is_too_old_and_the_device_had_its_time_and_a_margin() -> None:
    assert proven_after_ms(CLUSTER, 20_000) == 3_000 + 20_000 + 2_000
    assert proven_after_ms(CLUSTER, 60_000) == 3_000 + 60_000 + 6_000, "a slow clock is slow in proportion"
    assert proven_after_ms(Cluster(name="c", tick_max_ms=5_000), 20_000) == 5_000 + 20_000 + 2_000


def test_an_arbiters_vote_keeps_a_lost_node_fed_for_its_timeouts_and_one_detection_longer() -> None:
    assert proven_after_ms(CLUSTER, 20_000, arbiter_ms=12_000) == 25_000 + 2_200 + 12_000
    assert proven_after_ms(CLUSTER, 20_000, arbiter_ms=0) == 25_000 + 2_200, "its vote counts, however fast it is"


def test_the_shortest_timeout_leaves_time_to_find_churn_and_for_two_to_withdraw() -> None:
    assert shortest_ms(CLUSTER) == 20_000  # 9 detections are 19.8 s
    assert shortest_ms(Cluster(name="c", detect_within_ms=1_100)) == 10_000
    assert shortest_ms(Cluster(name="c", detect_within_ms=10_000)) == 90_000


def test_without_a_timeout_thirty_seconds_are_wanted_or_the_shortest_allowed() -> None:
    assert wanted_ms(CLUSTER, node()) == 30_000
    assert wanted_ms(Cluster(name="c", detect_within_ms=10_000), node()) == 90_000
    assert wanted_ms(CLUSTER, node(watchdog_timeout_ms=21_000)) == 21_000


@pytest.mark.parametrize(
    ("echoed", "until"),
    [
        ({"n1": 5_000, "n2": 4_000, "n3": 1_000}, 7_000),  # the tick of 4.0 s is the newest that two of three echoed
        ({"n1": 5_000, "n2": 1_000, "n3": 4_500}, 7_500),
        ({"n1": 1_000, "n2": 5_000, "n3": 5_000}, 4_000),  # its own tick did not come back since
        ({"n2": 5_000, "n3": 5_000}, None),
        ({"n1": 5_000}, None),
        ({}, None),
    ],
)
def test_a_node_may_be_fed_for_tick_max_after_the_newest_tick_that_it_and_a_quorum_echoed(
    echoed: dict[str, int], until: int | None
) -> None:
    assert echoed_until_ms(echoed, "n1", lambda names: len(names) >= 2, 3_000) == until


@pytest.mark.parametrize("arbiter_ms", [None, 12_000])
def test_the_explanation_adds_up_to_the_proof_and_ends_with_the_shortest(arbiter_ms: int | None) -> None:
    rows = explain(CLUSTER, 20_000, arbiter_ms=arbiter_ms)
    names = [row.name for row in rows]
    total = names.index("proven after")
    assert (
        rows[total].ms == sum(row.ms for row in rows[:total]) == proven_after_ms(CLUSTER, 20_000, arbiter_ms=arbiter_ms)
    )
    assert names[:total] == ["TickMax", "watchdog", "margin", *(["DetectWithin", "arbiter"] if arbiter_ms else [])]
    by_name = {row.name: row.ms for row in rows}
    assert by_name["finding churn"] + by_name["withdrawal"] <= by_name["shortest timeout"] == 20_000
    assert all(isinstance(row, Row) and row.why for row in rows)


def test_three_nodes_with_watchdogs_need_no_fence_device(tmp_path: Path) -> None:
    found = read(tmp_path / "etc", NODES)
    assert [(one.watchdog, one.watchdog_timeout_ms, one.watchdog_trust) for one in found.nodes] == [
        ("/dev/watchdog0", None, False),
        ("auto", 40_000, True),
        ("auto", None, False),
    ]
    with pytest.raises(ConfigurationError, match="node1 has no Fence= and no Watchdog="):
        read(tmp_path / "etc", NODES.replace("Watchdog=/dev/watchdog0\n", ""))


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (
            "=40s",
            "=19s",
            "cluster.conf:13: with DetectWithin=2.2s faulty links can take longer to find; WatchdogTimeout=20s",
        ),
        ("=40s", "=40.5s", "cluster.conf:13: WatchdogTimeout=: 40.5s is no whole number of seconds"),
        ("=40s", "=2h", "cluster.conf:13: WatchdogTimeout=: 2h is longer than 1h"),
        ("/dev/watchdog0", "softdog", "cluster.conf:7: Watchdog=: “softdog” is neither auto nor a device"),
        ("/dev/watchdog0", "/dev/", "cluster.conf:7: Watchdog=: “/dev/” is neither auto nor a device"),
        (
            "auto\nWatchdogTimeout",
            "\nWatchdogTimeout",
            "cluster.conf:13: WatchdogTimeout= of node2 means nothing without",
        ),
        (
            "auto\nWatchdogTimeout",
            "\nWatchdogTimeout",
            "cluster.conf:14: WatchdogTrust= of node2 means nothing without",
        ),
    ],
)
def test_a_slip_is_one_sentence_with_its_line(tmp_path: Path, right: str, wrong: str, sentence: str) -> None:
    assert right in NODES
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path / "etc", NODES.replace(right, wrong, 1))
    assert any(str(problem).startswith(sentence) for problem in caught.value.problems), caught.value


def test_a_wrong_device_is_told_once_and_not_as_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path / "etc", NODES.replace("Watchdog=auto\nWatchdogTimeout", "Watchdog=none\nWatchdogTimeout"))
    assert [str(problem.source) for problem in caught.value.problems] == ["cluster.conf:12"]


def test_two_nodes_need_an_arbiter_one_or_three_do_not() -> None:
    first, second = node(watchdog="auto"), node(name="node2", id=2, sources={})
    (sentence,) = told(CLUSTER, first, second)
    assert sentence.startswith("cluster.conf:7: of two nodes without an arbiter")
    assert not told(CLUSTER, first, second, arbiter=True)
    assert not told(CLUSTER, node(watchdog="auto", sources={}))
    assert not told(CLUSTER, first, node(name="node2", id=2, sources={}), node(name="node3", id=3, sources={}))


def test_freezing_without_quorum_and_a_watchdog_contradict_each_other() -> None:
    where = {"QuorumLoss": Source(path="cluster.conf", line=3)}
    frozen = Cluster(name="c", quorum_loss=QuorumLoss.FREEZE, sources=where)
    (sentence,) = told(frozen, node(watchdog="auto"))
    assert sentence.startswith("cluster.conf:3: the watchdog of node1 would reset it for what QuorumLoss=freeze")
    assert not told(frozen, node(sources={}))
    assert not told(CLUSTER, node(watchdog="auto"))
