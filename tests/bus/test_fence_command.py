"""`standfast fence` against a fenced and a resourced that answer what the test says."""

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bus.private import REPOSITORY, PrivateBus
from bus.test_command_line import NOT_RUNNING, with_daemons
from fakes.daemons import ALL, Cluster
from standfast.bus import Call, ErrorName

FENCING, GROUPS = ALL[2:]
LONG_AGO = "2026-01-01T00:00:00Z"
WISHES = """
    <!-- For tests. -->
    <method name="FenceNow"><arg name="node" type="s" direction="in"/></method>
    <!-- For tests. -->
    <method name="Confirm">
      <arg name="node" type="s" direction="in"/>
      <arg name="loss" type="s" direction="in"/>
      <arg name="although" type="as" direction="in"/>
    </method>
"""
ROWS = [
    ("node1", "bmc-node1", "on", True, LONG_AGO, "on"),
    ("node2", "pdu-a:7", "silent", False, "", "exit code 1: Failed: Unable to connect"),
    ("node3", "pdu-a:8", "off", False, LONG_AGO, "off, but node3 is online: correct its Fence="),
]
PROVEN = ("2026-01-01T10:00:00.123Z", "node3", "8.1", "bmc-node3", "off", "proven", 712, "node3 is off.")
FAILED = ("2026-01-01T09:00:00.123Z", "node3", "8.1", "", "off", "failed", 61_000, "node3 could not be fenced.")


@pytest.fixture(autouse=True)
def _interfaces(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """resourced's interface has the wishes that these commands ask for."""
    folder = tmp_path / "dbus"
    shutil.copytree(REPOSITORY / "dbus", folder)
    path = folder / f"{GROUPS}.xml"
    text = path.read_text()
    if "FenceNow" not in text:
        path.write_text(text.replace("</interface>", WISHES + "</interface>", 1))
    monkeypatch.setenv("STANDFAST_INTERFACES", str(folder))


def answering(method: str, rows: list[Any], asked: list[Any]) -> Callable[[Cluster], None]:
    """fenced answers with these rows, and what it was asked is kept."""

    def prepare(cluster: Cluster) -> None:
        async def answer(call: Call) -> tuple[Any, ...]:
            asked.append(call.arguments)
            return (rows,)

        cluster.servers[FENCING].handle("org.standfast.Fencing1", method, answer)

    return prepare


def wishing(prepare: Callable[[Cluster], None] = lambda _: None) -> Callable[[Cluster], None]:
    """resourced takes the two wishes."""

    def begin(cluster: Cluster) -> None:
        for method in ("FenceNow", "Confirm"):
            cluster.servers[GROUPS].handle("org.standfast.Groups1", method, cluster._wished)
        prepare(cluster)

    return begin


# test


def test_a_test_shows_every_plug_and_how_old_the_proof_of_its_device_is(private_bus: PrivateBus) -> None:
    asked: list[Any] = []
    result = with_daemons("fence", "test", prepare=answering("Test", ROWS, asked))
    assert asked == [("",)]
    assert result.exit_code == 1
    assert result.stderr == (
        "standfast: 2 of 3 plugs do not answer as they should: correct cluster.conf or the device.\n"
    )
    assert max(map(len, result.stdout.splitlines())) <= 80
    for words in (
        r"node1 +bmc-node1 +on +\d+ d ago",
        r"node2 +pdu-a:7 +silent +never +exit code 1",
        r"node3 +pdu-a:8 +off +\d+ d ago +off, but node3 is",
    ):
        assert re.search(words, result.stdout), words


def test_a_test_of_one_name_that_is_all_right_exits_0(private_bus: PrivateBus) -> None:
    asked: list[Any] = []
    result = with_daemons("fence", "test", "node1", "--json", prepare=answering("Test", ROWS[:1], asked))
    assert (result.exit_code, asked) == (0, [("node1",)])
    assert json.loads(result.stdout) == [
        {"node": "node1", "device": "bmc-node1", "says": "on", "ok": True, "last_answer": LONG_AGO, "text": "on"}
    ]


def test_a_test_without_devices_says_so(private_bus: PrivateBus) -> None:
    result = with_daemons("fence", "test", prepare=answering("Test", [], []))
    assert (result.exit_code, result.stdout) == (
        0,
        "No fence device is configured: /etc/standfast/cluster.conf\n",
    )


def test_a_name_that_is_not_there_is_refused(private_bus: PrivateBus) -> None:
    told = (
        "standfast: There is no fence device or node bmc-nod3. Did you mean bmc-node3? "
        "Fence devices and nodes: bmc-node1, bmc-node2, bmc-node3, node1, node2, node3.\n"
    )
    result = with_daemons("fence", "test", "bmc-nod3")
    assert (result.exit_code, result.stderr) == (1, told)


@pytest.mark.parametrize("words", [["fence", "test"], ["fence", "history"]])
def test_without_fenced_the_command_names_it_and_without_any_daemon_how_to_start(
    private_bus: PrivateBus, words: list[str]
) -> None:
    others = [name for name in ALL if name != FENCING]
    result = with_daemons(*words, names=others)
    assert result.exit_code == 3
    assert result.stderr == (
        "standfast: standfast-fenced does not run here: systemctl status standfast-fenced.service\n"
    )
    result = with_daemons(*words, names=[])
    assert (result.exit_code, result.stderr) == (3, NOT_RUNNING)


# history


def test_the_history_is_a_table_with_a_line_for_each_attempt(private_bus: PrivateBus) -> None:
    asked: list[Any] = []
    result = with_daemons("fence", "history", prepare=answering("History", [FAILED, PROVEN], asked))
    assert (result.exit_code, asked) == (0, [("", 50)])
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"node3 +8\.1 +off +failed +61\.0 s\n", result.stdout)
    assert re.search(r"2026-01-01 .*node3 +8\.1 +bmc-node3 +off +proven +0\.7 s", result.stdout)


def test_the_history_of_one_node_for_programs(private_bus: PrivateBus) -> None:
    asked: list[Any] = []
    words = ("fence", "history", "node3", "--last", "1", "--json")
    result = with_daemons(*words, prepare=answering("History", [PROVEN], asked))
    assert asked == [("node3", 1)]
    assert json.loads(result.stdout) == [
        {
            "time": PROVEN[0],
            "node": "node3",
            "loss": "8.1",
            "device": "bmc-node3",
            "action": "off",
            "result": "proven",
            "duration_ms": 712,
            "text": "node3 is off.",
        }
    ]


def test_an_empty_history_says_so(private_bus: PrivateBus) -> None:
    result = with_daemons("fence", "history", "node2", prepare=answering("History", [], []))
    assert (result.exit_code, result.stdout) == (0, "node2 was not fenced from here.\n")


# now


def fenced_at_last(cluster: Cluster, state: str = "fenced", incarnation: str = "boot3/1") -> None:
    """node3 is fenced a moment after the wish."""
    node, root = "/org/standfast/node/node3", "/org/standfast"

    async def wished(_: str, __: tuple[Any, ...]) -> None:
        loop = asyncio.get_running_loop()
        cluster.publish(root, "Groups1", Losses=[("8.1", "node3", 0, 0, "an operator wants it")])
        cluster.publish(node, "Member1", State="fencing")

        def prove() -> None:
            cluster.publish(node, "Member1", State=state, Incarnation=incarnation)
            cluster.publish(root, "Groups1", Losses=[])

        loop.call_later(0.3, prove)

    cluster.on_wish = wished


def test_now_waits_until_the_node_is_proven_off(private_bus: PrivateBus) -> None:
    result = with_daemons("fence", "now", "node3", prepare=wishing(fenced_at_last))
    assert (result.exit_code, result.stdout) == (0, "node3 was proven off\n")
    assert "node3 waits for proof that it is off (loss 8.1): an operator wants it" in result.stderr


def test_now_is_done_too_when_the_node_is_back_in_another_life(private_bus: PrivateBus) -> None:
    back = wishing(lambda cluster: fenced_at_last(cluster, "online", "boot3/2"))
    result = with_daemons("fence", "now", "node3", prepare=back)
    assert (result.exit_code, result.stdout) == (0, "node3 was proven off and is online again\n")


def test_now_of_a_node_that_is_not_proven_in_time_goes_on_and_exits_6(private_bus: PrivateBus) -> None:
    result = with_daemons("fence", "now", "node3", "--timeout", "0.3", prepare=wishing())
    assert result.exit_code == 6
    assert "It is not done after 0.3 s (node3 is online)" in result.stderr


# confirm


@pytest.mark.parametrize(
    ("options", "overridden"),
    [
        ([], []),
        (["--although", "device", "--although", "link", "--although", "device"], ["link", "device"]),
    ],
)
def test_confirm_asks_for_this_loss_with_each_override(
    private_bus: PrivateBus, options: list[str], overridden: list[str]
) -> None:
    seen: list[Cluster] = []
    result = with_daemons("fence", "confirm", "node3", "8.1", *options, prepare=wishing(seen.append))
    assert (result.exit_code, result.stdout) == (
        0,
        "Loss 8.1 of node3 is proven by your word; see `standfast status`\n",
    )
    assert seen[0].wishes == [("Confirm", ("node3", "8.1", overridden))]


def test_confirm_without_a_loss_or_with_another_override_is_a_usage_error(private_bus: PrivateBus) -> None:
    for words in (["node3"], ["node3", "8.1", "--although", "everything"]):
        result = with_daemons("fence", "confirm", *words, prepare=wishing())
        assert result.exit_code == 2, words


@pytest.mark.parametrize("words", [["now", "node3"], ["confirm", "node3", "8.1"]])
@pytest.mark.parametrize(
    ("error", "code"), [(ErrorName.REFUSED, 1), (ErrorName.NOT_QUORATE, 4), (ErrorName.OUTCOME_UNKNOWN, 6)]
)
def test_a_wish_that_is_refused_has_its_exit_code(
    private_bus: PrivateBus, words: list[str], error: ErrorName, code: int
) -> None:
    prepare = wishing(lambda cluster: cluster.refuse(error, "192.0.2.13 answers"))
    result: Result = with_daemons("fence", *words, prepare=prepare)
    assert result.exit_code == code
    assert result.stderr.startswith("standfast: 192.0.2.13 answers")


@pytest.mark.parametrize("words", [["now", "node9"], ["confirm", "node9", "8.1"]])
def test_a_node_that_is_not_there_is_refused_with_those_that_are(private_bus: PrivateBus, words: list[str]) -> None:
    result = with_daemons("fence", *words, prepare=wishing())
    wanted = "standfast: There is no node node9. Did you mean node1? Nodes: node1, node2, node3.\n"
    assert (result.exit_code, result.stderr) == (1, wanted)


# status


def test_status_tells_what_speaks_against_the_devices(private_bus: PrivateBus) -> None:
    def add_trouble(cluster: Cluster) -> None:
        cluster.servers[FENCING].publish(
            "/org/standfast",
            "org.standfast.Fencing1",
            {"Unsafe": ["node2 has no fence device."], "Problems": ["cluster.conf:7: x"], "Unfenced": False},
        )
        for node, values in {
            "node1": {"LastTest": "2026-01-02T00:00:00Z"},
            "node2": {"LastAnswer": "", "LastTest": ""},
            "node3": {},
        }.items():
            path = f"/org/standfast/device/bmc_2d{node}"
            cluster.servers[FENCING].publish(path, "org.standfast.FenceDevice1", values | {"Ok": False})

    shown = with_daemons("status", prepare=add_trouble).stdout
    for words in (
        "Unsafe: node2 has no fence device.",
        "Fence devices: cluster.conf:7: x",
        "This node is not let in at its fence device yet",
        r"bmc-node1 +does not answer +\d+ d ago",
        r"bmc-node2 +was not asked yet",
        r"bmc-node3 +says what cannot be +\d+ d ago",
    ):
        assert re.search(words, shown), words
    made = json.loads(with_daemons("status", "--json", prepare=add_trouble).stdout)
    assert made["fencing"]["unsafe"] == ["node2 has no fence device."]
    assert made["fencing"]["problems"] == ["cluster.conf:7: x"]
    assert made["fencing"]["unfenced"] is False
