"""Who was heard lately, and who echoed our own ticks."""

import random
from itertools import pairwise

import pytest

from standfast.resourced.ticks import INTERVAL_MS, SUSPECT_AFTER_MS, Tick, Ticks

WITHIN = 3_000
KEEP = 10_000


def tick(number: int, *, read: dict[str, int] | None = None, fit: bool = True, holds: bool = False) -> Tick:
    return Tick(number=number, read=read or {}, fit=fit, holds=holds, term=7)


def echoing() -> Ticks:
    """n1 sent 11 at 0; it came back, and n2 echoed it."""
    ticks = Ticks("n1")
    ticks.received("n1", ticks.tick(11, 7, 0, KEEP), 5)
    ticks.received("n2", tick(21, read={"n1": 11}), 10)
    return ticks


def test_who_echoed_a_tick_of_the_last_seconds_is_an_echoer() -> None:
    ticks = echoing()
    assert ticks.echoers(WITHIN, WITHIN) == {"n1", "n2"}
    assert ticks.echoers(WITHIN + 1, WITHIN) == frozenset()


def test_nobody_echoes_while_our_own_tick_did_not_come_back() -> None:
    ticks = Ticks("n1")
    ticks.tick(11, 7, 0, KEEP)
    ticks.received("n2", tick(21, read={"n1": 11}), 10)
    assert ticks.echoers(20, WITHIN) == frozenset()


def test_the_echo_of_a_number_that_we_did_not_send_is_none() -> None:
    ticks = Ticks("n1")
    ticks.received("n1", ticks.tick(11, 7, 0, KEEP), 5)
    ticks.received("n2", tick(21, read={"n1": 10}), 10)
    assert ticks.echoers(20, WITHIN) == {"n1"}


def test_a_late_echo_of_an_older_tick_takes_nothing_back() -> None:
    ticks = echoing()
    ticks.received("n1", ticks.tick(12, 7, 1_000, KEEP), 1_005)
    ticks.received("n2", tick(22, read={"n1": 12}), 1_010)
    ticks.received("n2", tick(23, read={"n1": 11}), 1_020)
    assert ticks.echoers(3_900, WITHIN) == {"n1", "n2"}


def test_an_old_number_is_forgotten() -> None:
    ticks = Ticks("n1")
    ticks.tick(11, 7, 0, KEEP)
    ticks.tick(12, 7, KEEP + 1, KEEP)
    ticks.received("n1", tick(11), KEEP + 2)
    assert ticks.echoers(KEEP + 2, KEEP * 2) == frozenset()


def test_who_joins_anew_has_echoed_nothing_and_has_time_to_tick() -> None:
    ticks = echoing()
    ticks.joined("n2", 100)
    assert ticks.echoers(100, WITHIN) == {"n1"}
    assert ticks.suspects(("n2",), 100 + SUSPECT_AFTER_MS - 1) == frozenset()
    assert ticks.suspects(("n2",), 100 + SUSPECT_AFTER_MS) == {"n2"}


def test_our_own_join_leaves_our_own_echo() -> None:
    ticks = echoing()
    ticks.joined("n1", 100)
    assert ticks.echoers(100, WITHIN) == {"n1", "n2"}


def test_a_silent_member_is_suspect_and_this_node_never_for_its_silence() -> None:
    ticks = echoing()
    assert ticks.suspects(("n1", "n2"), 10 + SUSPECT_AFTER_MS - 1) == frozenset()
    assert ticks.suspects(("n1", "n2"), 10 + SUSPECT_AFTER_MS) == {"n2"}


def test_who_says_that_it_cannot_work_is_suspect_until_it_can() -> None:
    ticks = echoing()
    ticks.received("n2", tick(22, fit=False), 20)
    assert ticks.suspects(("n1", "n2"), 20) == {"n2"}
    assert ticks.suspects(("n1",), 20) == frozenset()
    ticks.received("n2", tick(23), 30)
    assert ticks.suspects(("n1", "n2"), 30) == frozenset()


def test_a_node_that_cannot_work_is_suspect_to_itself() -> None:
    ticks = echoing()
    ticks.fit = False
    assert "n1" in ticks.suspects(("n1",), 20)
    assert not ticks.tick(12, 7, 20, KEEP).fit


def test_who_cannot_work_and_holds_nothing_rests_while_it_is_heard() -> None:
    ticks = echoing()
    ticks.received("n2", tick(22, fit=False, holds=True), 20)
    assert ticks.resting({}, 20) == frozenset()
    ticks.received("n2", tick(23, fit=False), 30)
    assert ticks.resting({"n2": 7}, 30) == {"n2"}
    assert ticks.resting({}, 30 + SUSPECT_AFTER_MS) == frozenset()


def test_who_was_named_in_a_later_term_than_it_spoke_of_rests_no_more() -> None:
    ticks = echoing()
    ticks.received("n2", tick(23, fit=False), 30)
    assert ticks.resting({"n2": 8}, 30) == frozenset()


@pytest.mark.parametrize(
    ("due_in_ms", "sender", "in_ms"),
    [
        (500, "n2", 0),
        (1, "n2", 0),
        (501, "n2", 501),
        (1_000, "n2", 1_000),
        (500, "n1", 500),
        (0, "n2", 0),
        (-20, "n2", -20),
    ],
)
def test_a_node_ticks_along_with_another_once_half_its_time_is_over(due_in_ms: int, sender: str, in_ms: int) -> None:
    assert Ticks("n1").next_at(7_000 + due_in_ms, sender, 7_000) == 7_000 + in_ms


@pytest.mark.parametrize("seed", range(50))
def test_whatever_the_phases_nodes_tick_together_after_two_seconds_and_never_less_than_once_in_one(seed: int) -> None:
    """Messages take 1 to 5 ms; whoever is due ticks before it reads."""
    dice = random.Random(seed)
    names = [f"n{number}" for number in range(dice.choice((2, 3, 16)))]
    ticks = {name: Ticks(name) for name in names}
    due = {name: dice.randrange(INTERVAL_MS) for name in names}
    ticked: dict[str, list[int]] = {name: [] for name in names}
    arriving: list[tuple[int, str, str]] = []  # when, by whom, for whom
    for now in range(10_000):
        for name in names:
            if due[name] <= now:
                ticked[name].append(now)
                due[name] = now + INTERVAL_MS
                arriving += [(now + dice.randint(1, 5), name, other) for other in names]
        for _, sender, name in [one for one in arriving if one[0] == now]:
            due[name] = ticks[name].next_at(due[name], sender, now)
        arriving = [one for one in arriving if one[0] > now]
    for times in ticked.values():
        gaps = [after - before for before, after in pairwise(times)]
        assert min(gaps) >= INTERVAL_MS // 2
        assert max(gaps) <= INTERVAL_MS
    rounds = zip(*(times[-8:] for times in ticked.values()), strict=True)
    assert all(max(times) - min(times) <= 20 for times in rounds)
