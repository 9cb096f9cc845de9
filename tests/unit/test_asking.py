"""A probe that is made on another node: the question goes there, and what it saw comes back within a bound."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sim.machine import configuration
from standfast.bus import BusError, Call, ErrorName, Server
from standfast.configuration.model import Configuration, Group, Probe, Resource
from standfast.probes import making
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import asking
from standfast.resourced.asking import AT_ONCE, Asking
from standfast.resourced.codec import decode, encode
from standfast.resourced.core import Core
from standfast.resourced.questions import ProbeAnswered, ProbeAsked, Question
from unit.probing import UNIT, in_loop, probe


def known(*probes: Probe) -> Configuration:
    group = Group(name="webserv", description="", resources=(Resource(unit=UNIT, probes=probes),))
    return replace(configuration(["n1", "n2", "n3"]), groups=(group,))


class Cluster:
    """Some nodes that hear each other; what was said in `said`. `deaf` nodes answer nothing."""

    def __init__(self, tasks: asyncio.TaskGroup, known: Configuration, *nodes: str) -> None:
        self.said: list[tuple[str, Question]] = []
        self.deaf: set[str] = set()
        self.methods: dict[str, Callable[[Call], Any]] = {}
        self.nodes: dict[str, Asking] = {}
        for node in nodes:
            core = SimpleNamespace(me=node, configuration=known, terms=SimpleNamespace(ring_nodes=nodes))
            serve = SimpleNamespace(handle=lambda _, __, handler, node=node: self.methods.update({node: handler}))
            self.nodes[node] = Asking(cast("Core", core), cast("Server", serve), self._sender(node), tasks)

    def _sender(self, node: str) -> Callable[[bytes], None]:
        return lambda data: self.hear(node, data)

    def hear(self, node: str, data: bytes) -> None:
        self.said.append((node, decode(Question, data)))
        for other, one in self.nodes.items():
            if other not in self.deaf:
                one.heard(node, data)

    async def ask(self, unit: str, name: str, node: str) -> Any:
        """From n1; the document that came."""
        call = Call(path="/", interface="", member="Probe", arguments=(unit, name, node), uid=0, sender=":1")
        (text,) = await self.methods["n1"](call)
        return json.loads(text)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each try says, and how many there were."""
    told: dict[str, Any] = {"seen": b"\x00\xff", "tries": 0, "until": None}

    async def check(_: Probe) -> Try:
        told["tries"] += 1
        if told["until"] is not None:
            await told["until"].wait()
        return Try(outcome=Outcome.BAD, text="status 500", seen=told["seen"], latency_ms=7)

    monkeypatch.setattr(making, "check", check)
    return told


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - one turn of the loop, no time
        await asyncio.sleep(0)


REPORT = {
    "unit": UNIT,
    "probe": "page",
    "type": "http",
    "level": "live",
    "outcome": "bad",
    "latency_ms": 7,
    "text": "status 500",
    "seen": "AP8=",
}


@pytest.mark.parametrize(("node", "said"), [("n2", 2), ("n1", 0)])
@in_loop
async def test_what_a_node_saw_comes_back_byte_for_byte_and_this_node_asks_nobody(
    seen: dict[str, Any], node: str, said: int
) -> None:
    async with asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(probe(name="page")), "n1", "n2")
        assert await cluster.ask("apache2", "page", node) == [REPORT]
        assert (len(cluster.said), seen["tries"]) == (said, 1)


@pytest.mark.parametrize(
    ("words", "name", "text"),
    [
        ((UNIT, "", "n22"), ErrorName.REFUSED, "there is no node n22; did you mean n2?"),
        ((UNIT, "", "other"), ErrorName.REFUSED, "there is no node other; there are n1, n2, n3"),
        ((UNIT, "", "n3"), ErrorName.REFUSED, "n3 is not heard, so it cannot be asked"),
        ((UNIT, "pages", "n2"), ErrorName.REFUSED, f"There is no probe pages of {UNIT}: its probes are called page."),
        (("b.service", "", "n2"), ErrorName.REFUSED, "b.service is in no group."),
        ((UNIT, "x" * 300, "n2"), ErrorName.INVALID_ARGUMENTS, "Nothing has a name of more than 255 characters."),
    ],
)
@in_loop
async def test_what_cannot_be_asked_is_refused_at_once(
    seen: dict[str, Any], words: tuple[str, str, str], name: str, text: str
) -> None:
    async with asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(probe(name="page")), "n1", "n2")
        with pytest.raises(BusError) as caught:
            await cluster.ask(*words)
        assert (caught.value.name, caught.value.text.startswith(text)) == (name, True), caught.value.text
        assert not cluster.said


@in_loop
async def test_a_node_that_does_not_answer_is_waited_for_as_long_as_the_probe_may_take(
    seen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MARGIN_S", 0.0)
    async with asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(probe(name="page", timeout_ms=50)), "n1", "n2")
        cluster.deaf.add("n2")
        with pytest.raises(BusError) as caught:
            await cluster.ask(UNIT, "", "n2")
        late = ProbeAnswered(id=cluster.said[0][1].id, document="[]")
        cluster.hear("n2", encode(late))  # nobody waits for it any more
    assert caught.value.name == ErrorName.TIMED_OUT
    assert caught.value.text.startswith("n2 did not answer within 0.05 s: ")


@in_loop
async def test_only_a_few_are_asked_for_and_made_at_once(seen: dict[str, Any]) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(probe(timeout_ms=60_000)), "n1", "n2")
        seen["until"] = asyncio.Event()
        several = [tasks.create_task(cluster.ask(UNIT, "", "n2")) for _ in range(AT_ONCE)]
        await until(lambda: seen["tries"] == AT_ONCE)
        with pytest.raises(BusError, match=f"{AT_ONCE} probes are asked for already"):
            await cluster.ask(UNIT, "", "n2")
        cluster.hear("n1", encode(ProbeAsked(id="one more", node="n2", unit=UNIT, name="")))
        await until(lambda: "one more" in [message.id for node, message in cluster.said if node == "n2"])
        assert "it makes 4 probes for others already" in cast("ProbeAnswered", cluster.said[-1][1]).refusal
        seen["until"].set()
        assert len(await asyncio.gather(*several)) == seen["tries"] == AT_ONCE


@in_loop
async def test_hostile_messages_and_answers_of_others_change_nothing(seen: dict[str, Any]) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(probe()), "n1", "n2")
        for data in (b"", b"{", b"[]", b'{"is":"ProbeAsked"}', b"\xff", b"[" * 200_000):
            cluster.nodes["n2"].heard("n1", data)
        seen["until"] = asyncio.Event()
        task = tasks.create_task(cluster.ask(UNIT, "", "n2"))
        await until(lambda: bool(seen["tries"]))
        forged = encode(ProbeAnswered(id=cluster.said[0][1].id, document="[]"))
        cluster.nodes["n1"].heard("n3", forged)
        assert not task.done()
        seen["until"].set()
        assert (await task)[0]["outcome"] == "bad"


@in_loop
async def test_an_answer_that_is_too_large_says_what_to_ask_for(seen: dict[str, Any]) -> None:
    seen["seen"] = b"x" * 4096
    async with asyncio.TaskGroup() as tasks:
        cluster = Cluster(tasks, known(*(probe(name=f"p{number}") for number in range(20))), "n1", "n2")
        with pytest.raises(BusError, match="more than 64 KiB: name one of them"):
            await cluster.ask(UNIT, "", "n2")
        assert len(await cluster.ask(UNIT, "p7", "n2")) == 1
