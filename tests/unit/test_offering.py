"""Files are offered when this node's fenced found nothing against their fence devices; until then they wait."""

import asyncio
from dataclasses import replace

from sim.machine import configuration
from standfast.bus import BusError, ErrorName
from standfast.configuration.model import Configuration
from standfast.resourced.offering import Offering

FILES = replace(configuration(["n1"]), digest="d2")
OTHERS = replace(FILES, digest="d3")
PROBLEM = "cluster.conf:23: fence_pdu knows no option plgu; did you mean plug?"


class Fenced:
    """What it answers, and what was told."""

    def __init__(self, digest: str = "d2", *problems: str) -> None:
        self.digest, self.problems, self.away = digest, problems, False
        self.asked = 0
        self.told: list[str] = []
        self.offering = Offering(self.ask, self.told.append)

    async def ask(self) -> tuple[str, tuple[str, ...]]:
        self.asked += 1
        if self.away:
            raise BusError(ErrorName.SERVICE_UNKNOWN, "it is away")
        return self.digest, self.problems

    def judge(self, files: Configuration | None, in_force: str = "d1") -> Configuration | None:
        asyncio.run(self.offering.judge(files, in_force))
        return self.offering.offered(files, in_force)


def test_what_nothing_speaks_against_is_offered_and_asked_for_once() -> None:
    fenced = Fenced()
    assert fenced.offering.offered(FILES, "d1") is None
    assert fenced.offering.waits
    assert fenced.judge(FILES) is FILES
    assert fenced.judge(FILES) is FILES
    assert fenced.offering.offered(FILES, "d1") is FILES
    assert (fenced.asked, fenced.offering.waits, fenced.told) == (1, False, [])


def test_what_an_agent_objects_to_is_told_and_not_offered_until_it_is_read_anew() -> None:
    fenced = Fenced("d2", PROBLEM)
    assert fenced.judge(FILES) is None
    assert fenced.offering.offered(FILES, "d1") is None
    assert (fenced.told, fenced.offering.waits) == ([PROBLEM], False)
    fenced.problems = ()
    assert fenced.judge(FILES) is FILES, "an agent of another version"


def test_what_is_in_force_needs_no_question_whatever_an_agent_says_by_now() -> None:
    fenced = Fenced("d2", PROBLEM)
    assert fenced.judge(FILES, in_force="d2") is FILES
    assert fenced.judge(FILES, in_force="") is FILES, "a node without a record decides nothing"
    assert fenced.judge(None) is None
    assert (fenced.asked, fenced.offering.waits) == (0, False)


def test_a_fenced_that_is_away_or_has_read_other_files_is_asked_again() -> None:
    fenced = Fenced()
    fenced.away = True
    assert fenced.judge(FILES) is None
    assert fenced.offering.waits
    fenced.away = False
    assert fenced.judge(OTHERS) is None
    assert fenced.offering.waits
    fenced.digest = "d3"
    assert fenced.judge(OTHERS) is OTHERS
    assert not fenced.offering.waits
    assert fenced.offering.offered(FILES, "d1") is None, "it was judged as other files"
