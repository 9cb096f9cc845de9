"""`standfast explain` on a private bus: the command line with a fake resourced, and resourced's own answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from fakes.resourced import with_resourced
from standfast.bus import Bus, BusError, ErrorName
from standfast.ctl.__main__ import main
from standfast.resourced.record import Record
from unit.cluster import GROUP
from unit.test_core import Alone

GROUPS = ALL[3]
UNIT = "There is no group or node {}: it is a resource of webserv; see standfast explain webserv."
ROOT, INTERFACE = "/org/standfast", "org.standfast.Groups1"


def invoke(*arguments: str, columns: int = 80) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("explain", *arguments), env={"COLUMNS": str(columns)})


def typed(*arguments: str, columns: int = 80) -> Callable[[], Awaitable[Result]]:
    return lambda: asyncio.to_thread(invoke, *arguments, columns=columns)


def said(text: str, setting: str = "", **facts: str) -> dict[str, Any]:
    return {"rule": "x", "facts": facts, "setting": setting, "text": text}


DOCUMENT = {
    "node": "node1",
    "term": 7,
    "explanations": [
        {
            "kind": "group",
            "name": GROUP,
            "answer": "webserv runs on node1: started on node1",
            "state": said("webserv runs on node1", group=GROUP, node="node1"),
            "since": None,
            "why": [said("started on node1", "units/webserv.target:3", node="node1")],
            "passed": [],
            "more": [],
            "others": [{"name": "node2", "reasons": [said("node2 is in standby", node="node2")]}],
            "by_itself": [],
            "ways": [{"command": "standfast node resume node2", "on": None, "text": "lets it run groups"}],
            "if_node_dies": [],
        }
    ],
}


def with_fake(*arguments: str, error: str = "") -> tuple[Result, list[Any]]:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            cluster.foreseen = json.dumps(DOCUMENT)
            if error:
                cluster.refuse(error, "there is no group or node web: did you mean webserv?")
            return await asyncio.to_thread(invoke, *arguments), cluster.wishes

    return asyncio.run(play())


# the command line


def test_the_first_line_is_the_answer_and_says_where_it_is_written(private_bus: PrivateBus) -> None:
    result, asked = with_fake(GROUP)
    assert (result.exit_code, asked) == (0, [("Explain", (GROUP,))])
    assert result.stdout.splitlines() == [
        "webserv runs on node1: started on node1 (units/webserv.target:3).",
        "",
        "Other nodes",
        "  node2 is in standby.",
        "",
        "What would change it",
        "  standfast node resume node2  lets it run groups",
    ]


def test_json_is_the_document(private_bus: PrivateBus) -> None:
    result, _ = with_fake(GROUP, "--json")
    assert json.loads(result.stdout) == DOCUMENT


@pytest.mark.parametrize(
    ("error", "code"), [(ErrorName.REFUSED, 1), (ErrorName.ACCESS_DENIED, 5), (ErrorName.TIMED_OUT, 6)]
)
def test_an_answer_that_is_no_document_has_its_exit_code(private_bus: PrivateBus, error: str, code: int) -> None:
    result, _ = with_fake("web", error=error)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == "standfast: There is no group or node web: did you mean webserv?\n"


def test_without_daemons_it_says_how_to_start(private_bus: PrivateBus) -> None:
    result = invoke(GROUP)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "systemctl start standfast.target" in result.stderr


def test_without_a_name_it_is_a_usage_error() -> None:
    assert invoke().exit_code == 2


# resourced


def test_resourced_explains_its_group_and_itself_and_changes_nothing(private_bus: PrivateBus) -> None:
    alone = Alone().serve()
    before: Record | None = alone.record
    made = {name: with_resourced(alone, typed(name, "--json")) for name in (GROUP, "n1")}
    assert [one.exit_code for one in made.values()] == [0, 0], [one.stderr for one in made.values()]
    group, node = (json.loads(one.stdout) for one in made.values())
    assert (group["node"], group["term"]) == ("n1", before.term if before else None)
    assert group["explanations"][0]["answer"].startswith("webserv runs on n1: ")
    assert [one["command"] for one in group["explanations"][0]["ways"]] == ["standfast group stop webserv"]
    assert node["explanations"][0]["answer"] == "n1 is online: it has webserv"
    assert alone.record is before


@pytest.mark.parametrize("columns", [80, 60])
def test_no_line_is_wider_than_the_terminal(private_bus: PrivateBus, columns: int) -> None:
    result = with_resourced(Alone().serve(), typed(GROUP, columns=columns))
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= columns


def test_without_an_open_term_it_says_why_and_what_it_knows(private_bus: PrivateBus) -> None:
    result = with_resourced(Alone(), typed(GROUP, "--json"))
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert made["term"] is None
    (group,) = made["explanations"]
    assert group["answer"].startswith("nothing is done with webserv now: n1 is in no open term, and decides nothing: ")
    assert [one["rule"] for one in group["why"]] == ["no-term", "not-held-here"]
    node = with_resourced(Alone(), typed("n1"))
    assert node.stdout.startswith("Nothing is done with n1 now: n1 is in no open term")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("webserver", "There is no group or node webserver: did you mean webserv?"),
        ("zzz", "There is no group or node zzz; there are: webserv, n1."),
        ("web.service", UNIT.format("web.service")),
        ("web", UNIT.format("web")),
    ],
)
def test_an_unknown_name_is_refused_and_the_closest_is_named(private_bus: PrivateBus, name: str, sentence: str) -> None:
    for alone in (Alone().serve(), Alone()):
        result = with_resourced(alone, typed(name))
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"standfast: {sentence}\n")


def test_everybody_may_ask_and_a_very_long_name_is_cut_short(private_bus: PrivateBus) -> None:
    async def as_other_user() -> list[Any]:
        async with await Bus.connect() as bus:
            (text,) = await bus.call(GROUPS, ROOT, INTERFACE, "Explain", "s", GROUP)
            try:
                await bus.call(GROUPS, ROOT, INTERFACE, "Explain", "s", "w" * 100_000)
            except BusError as error:
                return [sorted(json.loads(text)), error.name, len(error.text) < 300]
            return []

    answers = with_resourced(Alone().serve(), lambda: as_nobody(as_other_user))
    assert answers == [["explanations", "node", "term"], ErrorName.REFUSED, True]
