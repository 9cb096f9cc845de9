"""Each planted bug that no attack shows is noticed, and the very same history is clean without it."""

from collections.abc import Callable
from functools import partial

import pytest

from sim import (
    attacks_alone,
    attacks_arbiter,
    attacks_bugs,
    attacks_by_hand,
    attacks_changes,
    attacks_copies,
    attacks_drills,
    attacks_fencing,
    attacks_needs,
    attacks_outside,
    attacks_returns,
    attacks_withdrawal,
    planted,
    versions_bugs,
)
from sim.conftest import Noticed
from sim.test_attacks import PAIRS
from sim.test_histories import test_who_opened_a_term_with_a_node_no_longer_believes_that_it_left as who_was_met
from sim.test_resting import rests_for_a_moment_before_a_term
from sim.test_ticking import nobody_is_suspect_at_rest
from sim.walk import History, walk
from unit.test_hands import test_the_end_of_another_stop_lets_nothing_go_that_runs as another_stop
from unit.test_terms import test_a_call_that_was_sent_in_another_membership_is_void_for_everybody as other_membership

Story = Callable[[], object]

WALKS: dict[planted.Bug, tuple[int, int]] = {
    planted.disks_without_a_majority: (2, 2),
    planted.record_of_the_lowest_node: (2, 2),
    planted.losses_that_do_not_end: (4, 2),
    planted.only_the_last_owner_blocks: (1, 3),
    planted.away_blocks_nothing: (4, 3),
    planted.released_before_it_stopped: (0, 3),
    planted.stopped_by_a_restart_of_the_daemon: (4, 3),
}


def only(seed: int, *faults: int) -> History:
    """Nothing of the seed happens but these faults."""
    history = History(seed=seed)
    return history.less(set(history.happening) - set(faults))


# n3 has half of the votes, and a full disk while a term is about to open
LATE_DISK = only(676206912957, 9, 14)
HISTORIES: dict[planted.Bug, Story] = {
    planted.another_tick_puts_ours_off: nobody_is_suspect_at_rest,
    planted.end_of_a_stop_is_believed: another_stop,
    planted.rest_outlives_the_next_term: partial(rests_for_a_moment_before_a_term, 0),
    planted.mended_disk_changes_nothing: partial(walk, LATE_DISK),
    planted.who_was_met_is_forgotten: partial(who_was_met, 2),
    attacks_bugs.calls_name_no_membership: other_membership,
    **{bug: partial(walk, seed, count) for bug, (seed, count) in WALKS.items()},
}


def named(bug: planted.Bug) -> str:
    if bug in WALKS:
        return f"walk {WALKS[bug][0]}"
    return str(getattr(HISTORIES[bug], "__name__", "a history of its own"))


def test_every_planted_bug_has_its_history() -> None:
    others = (
        attacks_outside,
        attacks_by_hand,
        attacks_fencing,
        attacks_alone,
        attacks_withdrawal,
        attacks_arbiter,
        versions_bugs,
        attacks_changes,
        attacks_copies,
        attacks_needs,
        attacks_drills,
        attacks_returns,
    )
    everywhere = (planted, attacks_bugs, *others)
    assert {*HISTORIES, *(bug for _, bug in PAIRS)} == {bug for place in everywhere for bug in place.BUGS}


@pytest.mark.parametrize("bug", HISTORIES, ids=lambda bug: str(bug.__name__))
def test_a_planted_bug_is_noticed(bug: planted.Bug, noticed: Noticed) -> None:
    noticed(bug, HISTORIES[bug], named(bug))


@pytest.mark.parametrize("history", HISTORIES.values(), ids=[bug.__name__ for bug in HISTORIES])
def test_its_history_is_clean_without_it(history: Story) -> None:
    history()
