"""Who of two nodes shoots first, and how long the other one waits."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.resourced.race import MARGIN_MS, UNMEASURED_OFF_MS, Race
from standfast.resourced.term import Term
from unit.cluster import fresh

NAMES = ("n1", "n2")
KNOWN = configuration(list(NAMES))
STEP = UNMEASURED_OFF_MS + MARGIN_MS


def seen(race: Race, *winners: tuple[str, bool]) -> int:
    """How long the node waits after these winners: (who, whether both had stored it when the next thing came)."""
    record = fresh(*NAMES)
    for position, (winner, both) in enumerate(winners, 1):
        record = replace(record, winner=winner)
        term = Term(nonce="n1-1", number=1, members=NAMES, coordinator="n1", cold=False, states={}, position=position)
        term.stored = {"n1": position, "n2": position if both else position - 1}
        race.look(term, record)
    return race.wait_ms(record, KNOWN, 0)


def test_the_winner_shoots_at_once_when_both_have_stored_it_and_the_other_waits() -> None:
    assert seen(Race("n1"), ("n1", True)) == 0
    assert seen(Race("n2"), ("n1", True)) == STEP


@pytest.mark.parametrize(("me", "waits"), [("n1", 2 * STEP), ("n2", 3 * STEP)])
def test_who_does_not_know_that_the_other_has_stored_it_waits_longer_than_a_loser(me: str, waits: int) -> None:
    assert seen(Race(me), (me, False)) == waits


def test_what_was_agreed_before_another_winner_is_agreed_no_more() -> None:
    """The other one may have stored that it wins itself, and know that this node has."""
    assert seen(Race("n1"), ("n1", True), ("n2", False), ("n1", False)) == 2 * STEP


def test_a_measured_off_and_the_longest_delay_count() -> None:
    slow = replace(KNOWN, nodes=tuple(replace(node, fence_delay_ms=5_000) for node in KNOWN.nodes))
    assert Race("n2").wait_ms(replace(fresh(*NAMES), winner="n1"), slow, 1_000) == 1_000 + 5_000 + MARGIN_MS


def test_three_nodes_have_no_race() -> None:
    assert Race("n1").wait_ms(fresh(), configuration(["n1", "n2", "n3"]), 0) == 0
