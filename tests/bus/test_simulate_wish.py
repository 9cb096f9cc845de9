"""`standfast simulate group stop` and the like on a private bus; and whether somebody may do what he looks at."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.polkit import CHALLENGE, NO, YES, Question, Written
from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from fakes.resourced import with_resourced
from standfast.bus import Bus, BusError, ErrorName
from standfast.ctl.__main__ import main
from standfast.ctl.simulate_table import interruption
from unit.cluster import GROUP
from unit.test_core import Alone

GROUPS = ALL[3]
ROOT, INTERFACE = "/org/standfast", "org.standfast.Groups1"
MOVE = {"group": GROUP, "kind": "move", "source": "node1", "target": "node2", "reason": "", "setting": None}
FORESEEN = {
    "steps": [],
    "groups": [],
    "effects": [{**MOVE, "interruption_ms": 2300, "measured": "stopped in 300 ms, started in 2 s"}],
}


def invoke(*arguments: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ("simulate", *arguments), env={"COLUMNS": "80"})


def with_fake(*arguments: str) -> tuple[Result, list[Any]]:
    async def play() -> tuple[Result, list[Any]]:
        async with Cluster().running() as cluster:
            cluster.foreseen = json.dumps(FORESEEN)
            return await asyncio.to_thread(invoke, *arguments), cluster.wishes

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("group", "start", GROUP, "node2"), ("start", GROUP, "node2")),
        (("group", "start", GROUP), ("start", GROUP, "")),
        (("group", "stop", GROUP), ("stop", GROUP, "")),
        (("group", "thaw", GROUP), ("thaw", GROUP, "")),
        (("node", "resume", "node2"), ("resume", "node2", "")),
        (("fence", "now", "node2"), ("fence", "node2", "")),
        (("fence", "confirm", "node2"), ("confirm", "node2", "")),
        (("maintenance", "on"), ("maintenance", "", "")),
        (("maintenance", "off"), ("normal", "", "")),
    ],
)
def test_what_is_typed_without_simulate_is_what_is_supposed(
    private_bus: PrivateBus, words: tuple[str, ...], asked: tuple[str, str, str]
) -> None:
    result, wishes = with_fake(*words)
    assert (result.exit_code, wishes) == (0, [("SimulateWish", asked)])
    assert result.stdout.splitlines()[-1].startswith("webserv would not be served for 2.3 s: stopped in 300 ms")


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        ({"kind": "untouched", "interruption_ms": 0, "measured": ""}, ""),
        ({"kind": "stop", "interruption_ms": None, "measured": "it is not served any more"}, ""),
        ({"kind": "start", "interruption_ms": 0, "measured": "started in 2 s"}, " is not served now: started in 2 s"),
        ({"kind": "restart", "interruption_ms": 40, "measured": ""}, " would not be served for 40 ms"),
        ({"kind": "move", "interruption_ms": None, "measured": "9 s"}, " would not be served for a while; 9 s"),
    ],
)
def test_what_is_known_of_an_interruption_is_said(effect: dict[str, Any], line: str) -> None:
    assert interruption({**MOVE, **effect}) == (GROUP + line if line else "")


# resourced


def ask(kind: str, subject: str, node: str = "") -> Callable[[], Awaitable[Any]]:
    async def asked() -> Any:
        async with await Bus.connect() as bus:
            try:
                (text,) = await bus.call(GROUPS, ROOT, INTERFACE, "SimulateWish", "sss", kind, subject, node)
            except BusError as error:
                return error.name, error.text
            return json.loads(text)

    return asked


def test_resourced_says_what_becomes_of_the_group_and_changes_nothing(private_bus: PrivateBus) -> None:
    alone = Alone().serve()
    before = alone.record
    made = with_resourced(alone, ask("stop", GROUP))
    assert sorted(made) == ["done", "effects", "groups", "node", "otherwise", "steps", "term", "wish"]
    assert made["wish"] == {"kind": "stop", "subject": GROUP, "node": None, "loss": None}
    assert made["effects"] == [
        {"group": GROUP, "kind": "stop", "source": "n1", "target": None, "setting": None, "interruption_ms": None}
        | {"reason": "stopped by an operator", "measured": "it is not served any more"}
    ]
    assert alone.record is before


def test_the_conditions_are_about_objects_that_are_on_the_bus(private_bus: PrivateBus) -> None:
    async def follow() -> tuple[list[Any], list[Any]]:
        made = await ask("stop", GROUP)()
        async with await Bus.connect() as bus:

            async def values() -> list[Any]:
                (way,) = made["done"]
                return [await bus.get(GROUPS, one["path"], one["interface"], one["property"]) for one in way]

            before = await values()
            await bus.call(GROUPS, f"{ROOT}/group/{GROUP}", "org.standfast.Group1", "Stop")
            return before, await values()

    before, then = with_resourced(Alone().serve(), follow)
    assert before == [[], "started"]
    assert then[0] == ["stopped"]


@pytest.mark.parametrize(
    ("words", "name", "text"),
    [
        (("relocate", GROUP), ErrorName.REFUSED, "no other node can run webserv now"),
        (("stop", "nothing"), ErrorName.REFUSED, "there is no group nothing"),
        (("fly", GROUP), ErrorName.INVALID_ARGUMENTS, "there is no wish fly"),
    ],
)
def test_what_could_not_be_wished_is_refused_with_the_same_sentence(
    private_bus: PrivateBus, words: tuple[str, str], name: str, text: str
) -> None:
    found, said = with_resourced(Alone().serve(), ask(*words))
    assert found == name
    assert said.startswith(text)


def test_without_an_open_term_nobody_knows(private_bus: PrivateBus) -> None:
    found, said = with_resourced(Alone(), ask("stop", GROUP))
    assert (found, "no term is open on n1" in said) == (ErrorName.NOT_QUORATE, True)


# rights


async def rights() -> dict[str, str]:
    async with await Bus.connect() as bus:
        (missing,) = await bus.call(GROUPS, ROOT, INTERFACE, "MissingRights")
    return dict(missing)


def test_root_lacks_nothing(private_bus: PrivateBus) -> None:
    missing = with_resourced(Alone().serve(), rights)
    assert missing == dict.fromkeys(("org.standfast.configure", "org.standfast.fence", "org.standfast.operate"), "")


def test_others_are_told_what_polkit_does_not_give_them_and_nobody_is_asked_for_a_password(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def operators(question: Question) -> Any:
        answers = {"org.standfast.operate": YES, "org.standfast.fence": CHALLENGE}
        return answers.get(question.action, NO)

    authority = Written(tmp_path, operators)

    async def play() -> dict[str, str]:
        async with authority.running():
            found: dict[str, str] = await as_nobody(rights)
            return found

    missing = with_resourced(Alone().serve(), play)
    assert missing["org.standfast.operate"] == ""
    assert missing["org.standfast.configure"].endswith(
        "org.standfast.configure, which is not given to you: try again as root."
    )
    assert "where an administrator's password can be asked for" in missing["org.standfast.fence"]
    assert [question.interactive for question in authority.questions] == [False, False, False]


def test_without_polkit_only_root_may(private_bus: PrivateBus) -> None:
    async def play() -> dict[str, str]:
        found: dict[str, str] = await as_nobody(rights)
        return found

    missing = with_resourced(Alone().serve(), play)
    assert all("polkit" in text for text in missing.values())
    assert len(missing) == 3
