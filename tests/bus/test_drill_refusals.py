"""A fire drill that is not safe is refused with its reason: resourced's own answer, with what it asks being fakes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus, as_nobody
from fakes.values import NO_RECORD
from standfast.bus import Bus, BusError, ErrorName, Server, interface_file
from standfast.configuration.model import Configuration, Domain, Recovery
from standfast.ctl.__main__ import main
from standfast.resourced.asking import Asking
from standfast.resourced.core import Core
from standfast.resourced.drilling import INTERFACE, Drilling
from standfast.resourced.drills import DrillBegun, DrillEnded
from standfast.resourced.durations import UNMEASURED
from standfast.resourced.events import Wished
from standfast.resourced.faults import CONDUCTOR, Systemd
from standfast.resourced.fencer import Fencer
from standfast.resourced.questions import FaultAct, FaultAsked
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.vocabulary import DrillKind
from unit.cluster import GROUP, NODES, situation
from unit.test_drills import NOT_SAFE, drill, known, whole

NAME, ROOT = "org.standfast.Groups", "/org/standfast"
HERE = [case for case in NOT_SAFE if case[0](whole()).groups[GROUP].holders == ("n1",)]  # a drill is for where it runs


class Node:
    """A resourced on n2 that coordinates nothing; what it asks of others is here."""

    def __init__(self, record: Record, **changes: Any) -> None:
        self.record = record
        self.configuration: Configuration = known(record)
        self.situation: Situation = replace(situation(me="n2"), **changes)
        self.doubts: list[str] = []
        self.refusal = ""  # of the node where the fault belongs
        self.conductor = "active"  # of a drill that is under way, wherever it is conducted
        self.offs_ms = [700, 900]
        self.wishes: list[DrillBegun | DrillEnded] = []
        self.asked: list[FaultAsked] = []
        self.systemd: list[tuple[str, tuple[Any, ...]]] = []
        self.powered_off: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Node"]:
        server = Server(interface_file(NAME))
        server.publish(ROOT, INTERFACE, {**NO_RECORD, "Node": "n2"})
        terms = SimpleNamespace(term=SimpleNamespace(position=1), ring_nodes=NODES)
        core = SimpleNamespace(
            me="n2",
            terms=terms,
            knowledge=None,
            coordinator=SimpleNamespace(situation=lambda _: self.situation),
        )
        core.record, core.configuration = self.record, self.configuration
        asking = SimpleNamespace(put=self._put, fault=None)
        fencer = SimpleNamespace(drill_doubts=self._doubts, cut_power=self._cut_power, offs_ms=self._offs)
        systemd = SimpleNamespace(ask=self._ask, start=None, stop=None)
        Drilling(
            cast("Core", core),
            server,
            cast("Asking", asking),
            cast("Fencer", fencer),
            cast("Systemd", systemd),
            self._answer,
            lambda: UNMEASURED,
            asyncio.Lock(),
        )
        async with await Bus.connect() as bus:
            await server.attach(bus, NAME)
            yield self

    async def _put(self, asked: FaultAsked, _: float) -> None:
        self.asked.append(asked)
        if asked.act is FaultAct.ABANDONED and self.conductor == "active":
            raise BusError(ErrorName.REFUSED, f"{asked.node} says: {CONDUCTOR} is at work")
        if self.refusal:
            raise BusError(ErrorName.REFUSED, f"n1 says: {self.refusal}")

    async def _doubts(self, _: str) -> list[str]:
        return self.doubts

    async def _offs(self, _: str) -> list[int]:
        return self.offs_ms

    async def _cut_power(self, node: str) -> None:
        self.powered_off.append(node)

    async def _ask(self, method: str, _: str = "", *arguments: Any) -> tuple[Any, ...]:
        if method == "ListUnitsByNames":
            return ([(CONDUCTOR, "", "loaded", self.conductor, "", "", "", 0, "", "")],)
        self.systemd.append((method, arguments))
        return ()

    async def _answer(self, event: Callable[[str], Any]) -> tuple[Any, ...]:
        wished = event("w1")
        assert isinstance(wished, Wished)
        assert wished.wish.drill is not None
        self.wishes.append(wished.wish.drill)
        return ()


def typed(node: Node, *words: str, answer: str = "") -> Result:
    async def play() -> Result:
        async with node.running():
            return await asyncio.to_thread(
                lambda: CliRunner(mix_stderr=False).invoke(main, ["drill", *words], input=answer, env={"COLUMNS": "80"})
            )

    return asyncio.run(play())


def call(node: Node, method: str, signature: str, *arguments: Any) -> Any:
    async def play() -> Any:
        async with node.running(), await Bus.connect() as bus:
            return await bus.call(NAME, ROOT, INTERFACE, method, signature, *arguments)

    return asyncio.run(play())


@pytest.mark.parametrize(("spoil", "kind", "words"), HERE, ids=[words for _, _, words in HERE])
def test_a_cluster_that_is_not_whole_has_no_drill(
    private_bus: PrivateBus, spoil: Callable[[Record], Record], kind: DrillKind, words: str
) -> None:
    node = Node(spoil(whole()))
    result = typed(node, kind.value, GROUP, "--yes")
    assert result.exit_code == 1, result.stdout
    assert words.lower() in " ".join(result.stderr.split()).lower()
    assert result.stderr.startswith("standfast: ")
    assert (node.wishes, node.systemd) == ([], [])


def test_the_coordinator_judges_it_once_more_and_nothing_is_started_then(
    private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(whole())

    async def refuse(_: Any) -> tuple[Any, ...]:
        raise BusError(ErrorName.REFUSED, "a fire drill is under way")

    monkeypatch.setattr(node, "_answer", refuse)
    with pytest.raises(BusError, match="a fire drill is under way"):
        call(node, "Drill", "ssb", "kill", GROUP, False)
    assert node.systemd == []


@pytest.mark.parametrize("kind", ["power", "cut"])
def test_a_fence_device_in_doubt_cuts_nobody_off(private_bus: PrivateBus, kind: str) -> None:
    node = Node(whole())
    node.doubts = ["Fence device bmc-n1 was not tested yet: standfast fence test bmc-n1"]
    result = typed(node, kind, "n1", "--yes")
    assert (result.exit_code, node.wishes) == (1, [])
    assert "was not tested yet" in result.stderr
    with pytest.raises(BusError, match="was not tested yet"):
        call(node, "Drill", "ssb", kind, "n1", False)
    assert node.wishes == []


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("cut", "nft is not there, which cuts the network: apt install nftables"), ("kill", "b.service is inactive")],
)
def test_the_node_where_the_fault_belongs_may_refuse_it(private_bus: PrivateBus, kind: str, refusal: str) -> None:
    node = Node(whole())
    node.refusal = refusal
    result = typed(node, kind, GROUP, "--yes")
    assert (result.exit_code, node.wishes) == (1, [])
    assert f"n1 says: {refusal}" in result.stderr
    assert [asked.act for asked in node.asked] == [FaultAct.CHECK]


def test_where_no_other_node_can_be_given_the_group_its_node_is_not_cut_off(private_bus: PrivateBus) -> None:
    only = Domain(name="only", nodes=("n1",), restricted=True)
    for kind, changes, why in (
        ("power", {"domain": "only"}, ""),
        ("cut", {"domain": "only"}, ""),
        ("kill", {"recovery": Recovery.DISABLE}, "disabled, as Recovery=disable says"),
    ):
        node = Node(whole())
        (group,) = node.configuration.groups
        changed = replace(group, **changes)
        node.configuration = replace(node.configuration, groups=(changed,), domains=(only,))
        result = typed(node, kind, GROUP, "--yes")
        assert (result.exit_code, node.wishes) == (1, [])
        assert f"Group {GROUP} would not run again: {why}" in result.stderr


def test_the_node_that_conducts_it_is_not_cut_off(private_bus: PrivateBus) -> None:
    result = typed(Node(whole()), "power", "n2", "--yes")
    assert result.exit_code == 1
    assert "type it on another node" in result.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("kill", "n1"), "n1 is a node; kill is for a group"),
        (("kill", "mail"), f"There is no group mail; there are: {GROUP}"),
        (("power", "n9"), "There is no group or node n9"),
    ],
)
def test_what_is_not_there_is_named_with_what_there_is(
    private_bus: PrivateBus, words: tuple[str, ...], text: str
) -> None:
    result = typed(Node(whole()), *words, "--yes")
    assert (result.exit_code, text.lower() in result.stderr.lower()) == (1, True), result.stderr


def test_who_does_not_say_yes_has_done_nothing(private_bus: PrivateBus) -> None:
    for answer in ("n\n", ""):
        node = Node(whole())
        result = typed(node, "power", GROUP, answer=answer)
        assert (result.exit_code, node.wishes, node.systemd) == (1, [], [])
        assert "Do it now: the power of n1 is cut?" in result.stderr
        assert result.stderr.endswith("standfast: Nothing was done.\n")
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert f"{GROUP} would run on n2" in result.stdout
        assert "noticed 2.2 s, proven off 800 ms, running not measured yet" in " ".join(result.stdout.split())


def test_json_without_yes_is_a_mistake(private_bus: PrivateBus) -> None:
    assert typed(Node(whole()), "kill", GROUP, "--json").exit_code == 2


def test_a_drill_that_begins_is_in_the_record_and_then_conducted(private_bus: PrivateBus) -> None:
    node = Node(whole())
    (identity,) = call(node, "Drill", "ssb", "power", GROUP, True)
    (begun,) = node.wishes
    assert isinstance(begun, DrillBegun)
    assert (begun.drill.id, begun.drill.node, begun.drill.groups) == (identity, "n1", (GROUP,))
    assert (begun.drill.leader, begun.again) == ("n2", True)
    assert node.systemd == [("StartUnit", (CONDUCTOR, "replace"))]


def test_the_fault_happens_once_where_it_belongs(private_bus: PrivateBus) -> None:
    async def play(kind: DrillKind) -> Node:
        under_way = drill(kind)
        node = Node(replace(whole(), drill=under_way))
        async with node.running(), await Bus.connect() as bus:
            await bus.call(NAME, ROOT, INTERFACE, "InjectFault", "s", "one")
            for wrong in ("one", "two"):
                with pytest.raises(BusError, match="fire drill"):
                    await bus.call(NAME, ROOT, INTERFACE, "InjectFault", "s", wrong)
        return node

    node = asyncio.run(play(DrillKind.POWER))
    assert (node.powered_off, node.asked) == (["n1"], [])
    node = asyncio.run(play(DrillKind.HANG))
    assert [(asked.node, asked.act, asked.drill) for asked in node.asked] == [("n1", FaultAct.INJECT, "one")]


def test_its_end_undoes_the_fault_and_is_in_the_record(private_bus: PrivateBus) -> None:
    node = Node(replace(whole(), drill=drill(DrillKind.HANG)))
    call(node, "EndDrill", "sa{su}sb", "one", {GROUP: 2900}, "", True)
    assert [asked.act for asked in node.asked] == [FaultAct.UNDO]
    assert node.wishes == [DrillEnded(id="one", recovered={GROUP: 2900})]


def test_everybody_may_look_but_only_who_may_fence_begins_one(private_bus: PrivateBus) -> None:
    async def ask() -> list[str]:
        said = []
        async with await Bus.connect() as bus:
            for method, signature, arguments in (
                ("ForeseeDrill", "ssb", ("power", GROUP, False)),
                ("Drill", "ssb", ("power", GROUP, False)),
                ("InjectFault", "s", ("one",)),
                ("EndDrill", "sa{su}sb", ("one", {}, "", True)),
            ):
                try:
                    (text,) = await bus.call(NAME, ROOT, INTERFACE, method, signature, *arguments)
                    said.append(json.loads(text)["refused"])
                except BusError as error:
                    said.append(error.text)
        return said

    async def play() -> list[str]:
        async with Node(whole()).running():
            found: list[str] = await as_nobody(ask)
            return found

    foreseen, begun, *ours = asyncio.run(play())
    assert foreseen == ""
    assert "org.standfast.fence" in begun
    assert all("root" in text for text in ours), ours


@pytest.mark.parametrize(("kind", "becomes"), [("kill", ("restart", "n1", "n1")), ("power", ("move", "n1", "n2"))])
def test_it_says_what_becomes_of_the_group_and_how_one_sees_the_end(
    private_bus: PrivateBus, kind: str, becomes: tuple[str, str, str]
) -> None:
    (document,) = call(Node(whole()), "ForeseeDrill", "ssb", kind, GROUP, False)
    told = json.loads(document)
    (effect,) = told["effects"]
    assert (effect["kind"], effect["source"], effect["target"]) == becomes
    assert [effect["interruption_ms"]] == [row["total_ms"] for row in told["expected"]]
    (done,), (otherwise,) = told["done"], told["otherwise"]
    assert [(one["property"], one["test"]) for one in otherwise] == [("LastDrill", "changed"), ("Drill", "is")]
    assert done[:2] == otherwise
    recovered = [(one["property"], one["test"], one["value"]) for one in done[2:]]
    assert recovered == [("Drilled", "changed", ""), ("Drilled", "lacks", 0)]


@pytest.mark.parametrize("leader", ["n2", "n3"])
def test_a_drill_whose_conductor_is_gone_is_ended_by_the_next_one(private_bus: PrivateBus, leader: str) -> None:
    old = drill(id="old", leader=leader)
    node = Node(replace(whole(), drill=old))
    with pytest.raises(BusError, match="a fire drill is under way"):
        call(node, "Drill", "ssb", "kill", GROUP, False)
    assert node.wishes == []
    node.conductor = "inactive"
    (document,) = call(node, "ForeseeDrill", "ssb", "kill", GROUP, False)
    assert json.loads(document)["refused"] == ""
    assert node.wishes == []
    call(node, "Drill", "ssb", "kill", GROUP, False)
    ended, begun = node.wishes
    assert ended == DrillEnded(id="old", failed=f"its conductor on {leader} is gone")
    assert isinstance(begun, DrillBegun)
    assert node.systemd == [("StartUnit", (CONDUCTOR, "replace"))]
