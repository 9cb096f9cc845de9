"""`standfast probe --on NODE` on a private bus: the command line with a fake resourced."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner, Result

from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from standfast.bus import Bus, BusError, ErrorName
from standfast.ctl.__main__ import main

UNIT = "apache2.service"
SEEN = {
    "unit": UNIT,
    "probe": "page",
    "type": "http",
    "level": "live",
    "outcome": "bad",
    "latency_ms": 7,
    "text": "GET http://127.0.0.1/: status 500, expected 200",
    "seen": "AP8=",
}


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("probe", UNIT, *arguments), env={"COLUMNS": "80"})


def with_fake(*arguments: str, error: str = "", text: str = "") -> tuple[Result, list[Any]]:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            cluster.foreseen = json.dumps([SEEN])
            if error:
                cluster.refuse(error, text)
            return await asyncio.to_thread(invoke, *arguments), cluster.wishes

    return asyncio.run(play())


def test_what_the_other_node_saw_is_shown_as_what_this_one_sees(private_bus: PrivateBus) -> None:
    result, asked = with_fake("page", "--on", "node2")
    assert (result.exit_code, asked) == (1, [("Probe", (UNIT, "page", "node2"))])
    assert result.stdout.splitlines() == [
        f"probe page of {UNIT} (live) is bad, 7 ms: GET http://127.0.0.1/: status 500, expected 200",
        "  0000  00 ff                                            ..",
    ]
    result, _ = with_fake("--on", "node2", "--json")
    assert json.loads(result.stdout) == [SEEN]


def test_a_node_that_does_not_answer_and_one_that_is_not_there_are_one_sentence(private_bus: PrivateBus) -> None:
    result, _ = with_fake("--on", "node2", error=ErrorName.TIMED_OUT, text="node2 did not answer within 6 s")
    assert (result.exit_code, result.stderr) == (6, "standfast: node2 did not answer within 6 s.\n")
    result, _ = with_fake("--on", "nod2")
    wanted = "standfast: There is no node nod2. Did you mean node2? Nodes: node1, node2, node3.\n"
    assert (result.exit_code, result.stderr) == (1, wanted)


def test_without_resourced_here_nobody_can_be_asked(private_bus: PrivateBus) -> None:
    result = invoke("--on", "node2")
    assert (result.exit_code, result.stderr) == (
        3,
        "standfast: Standfast is not running here: systemctl start standfast.target\n",
    )


def test_only_operators_make_another_node_probe(private_bus: PrivateBus) -> None:
    async def ask() -> str:
        async with await Bus.connect() as bus:
            try:
                await bus.call(ALL[3], "/org/standfast", "org.standfast.Groups1", "Probe", "sss", UNIT, "", "node2")
            except BusError as error:
                return error.text
        return "done"

    async def play() -> str:
        async with Cluster().running():
            return str(await as_nobody(ask))

    assert "org.standfast.operate" in asyncio.run(play())
