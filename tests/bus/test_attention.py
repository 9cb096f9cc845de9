"""What needs a person: resourced answers with the sentences of `standfast status`, whoever else is away."""

import asyncio
from typing import Any

from click.testing import CliRunner

from bus.private import PrivateBus, as_nobody
from fakes.daemons import ALL, Cluster
from fakes.resourced import with_resourced
from standfast.bus import Bus
from standfast.ctl.__main__ import main
from unit.test_core import Alone

GROUPS = ALL[3]
OTHERS = ALL[:3]
ROOT, INTERFACE = "/org/standfast", "org.standfast.Groups1"


async def attention() -> list[Any]:
    async with await Bus.connect() as bus:
        (sentences,) = await bus.call(GROUPS, ROOT, INTERFACE, "Attention")
    return list(sentences)


def status() -> list[str]:
    """What `standfast status` prints below its headline."""
    result = CliRunner(mix_stderr=False).invoke(main, ["status"], env={"COLUMNS": "500"})
    return result.stdout.split("\n\n")[0].splitlines()[1:]


def test_the_sentences_are_those_of_the_command_line(private_bus: PrivateBus) -> None:
    async def ask() -> tuple[list[Any], list[str]]:
        async with Cluster().running(OTHERS):
            return await attention(), await asyncio.to_thread(status)

    made, typed = with_resourced(Alone().serve(), ask)
    assert [text for _, text in made] == typed
    assert [
        False,
        "node3 is not heard on link 1: look at cable, switch and address there",
    ] not in made  # no member here
    assert [urgent for urgent, _ in made] == sorted((urgent for urgent, _ in made), reverse=True)


def test_daemons_that_are_away_are_told_and_not_waited_for(private_bus: PrivateBus) -> None:
    made = with_resourced(Alone().serve(), attention)
    away = [f"standfast-{name} does not run here" for name in ("membershipd", "quorumd", "fenced")]
    assert [text.split(",")[0] for urgent, text in made if urgent][:3] == away


def test_without_a_term_it_says_why(private_bus: PrivateBus) -> None:
    made = with_resourced(Alone(), attention)
    assert any(text.startswith("No term is open, so nothing is decided here: ") for _, text in made)


def test_everybody_may_ask(private_bus: PrivateBus) -> None:
    assert with_resourced(Alone().serve(), lambda: as_nobody(attention))


def test_many_who_ask_at_once_share_answers_that_were_made_after_they_asked(private_bus: PrivateBus) -> None:
    async def ask() -> tuple[list[Any], list[Any]]:
        cluster = Cluster()
        async with cluster.running(OTHERS):
            before = await asyncio.gather(*(attention() for _ in range(20)))
            values = {"Withdrawn": "its links fail until noon"}
            cluster.servers[ALL[0]].publish(ROOT, "org.standfast.Membership1", values)
            return before, await attention()

    before, after = with_resourced(Alone().serve(), ask)
    assert all(made == before[0] for made in before)
    assert [True, "Withdrawn: its links fail until noon"] in after
