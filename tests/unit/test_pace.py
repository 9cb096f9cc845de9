"""Which steps leave what follows to a later one."""

from types import SimpleNamespace
from typing import Any

import pytest

from standfast.resourced.events import Event, Received, TickReceived, TimePassed
from standfast.resourced.pace import Pace

UPDATE = Received(sender="n1", data=b"", more=True)
LAST = Received(sender="n1", data=b"")
TICK = TickReceived(sender="n1", data=b"")
TERM: Any = SimpleNamespace(nonce="n1-1")
OTHER: Any = SimpleNamespace(nonce="n1-2")


def pace(*, rests: bool = True) -> Pace:
    made = Pace()
    made.advanced(TERM, "told", rests=rests)
    return made


@pytest.mark.parametrize(
    ("event", "term", "told", "leaves"),
    [
        (UPDATE, TERM, "told", True),
        (UPDATE, OTHER, "told", False),  # who it is that may act is another one now
        (UPDATE, None, "told", False),
        (LAST, TERM, "told", False),
        (TICK, TERM, "told", True),
        (TICK, TERM, "another node is suspect", False),
        (TICK, OTHER, "told", False),
        (TimePassed(), TERM, "told", False),
    ],
)
def test_what_follows_is_left_to_a_later_step_where_nothing_is_missed(
    event: Event, term: Any, told: str, leaves: bool
) -> None:
    assert pace().leaves(event, term, told) is leaves


def test_nothing_rests_without_a_term() -> None:
    made = pace()
    assert made.rests
    made.advanced(None, "told", rests=True)
    assert not made.rests


def test_a_tick_brings_on_what_waits_for_time() -> None:
    assert not pace(rests=False).leaves(TICK, TERM, "told")


def test_updates_are_taken_together_also_while_something_waits() -> None:
    assert pace(rests=False).leaves(UPDATE, TERM, "told")


@pytest.mark.parametrize(
    ("event", "term", "told", "calm"),
    [
        (TimePassed(), TERM, "told", True),
        (TimePassed(), TERM, "another node is suspect", False),
        (TimePassed(), OTHER, "told", False),
        (TimePassed(), None, "told", False),
        (TICK, TERM, "told", False),
        (LAST, TERM, "told", False),
    ],
)
def test_no_group_has_news_where_time_alone_has_passed(event: Event, term: Any, told: str, calm: bool) -> None:
    assert pace().is_calm(event, term, told) is calm
    assert not pace(rests=False).is_calm(event, term, told)  # some group waits for it


def test_an_update_whose_consequences_were_left_is_news() -> None:
    made = pace()
    made.leaves(UPDATE, TERM, "told")
    made.leaves(TICK, TERM, "told")
    assert not made.is_calm(TimePassed(), TERM, "told")
    made.advanced(TERM, "told", rests=True)
    assert made.is_calm(TimePassed(), TERM, "told")
