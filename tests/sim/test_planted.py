"""Each planted bug is noticed, and the very same history is clean without it."""

from collections.abc import Callable
from functools import partial

import pytest

from sim import planted
from sim.attacks_crossings import (
    answer_after_the_next_loss,
    both_acknowledge,
    first_update_that_only_one_has_read,
    leaving_meets_an_order,
    order_meets_no_quorum,
    owner_is_cut_off_as_it_leaves,
    wish_between_plan_and_order,
)
from sim.attacks_model import wish_that_only_the_coordinator_has_read
from sim.attacks_review import agent_fails, everybody_is_alone
from sim.audit import Violation
from sim.test_attacks import ATTACKS
from sim.test_histories import test_who_opened_a_term_with_a_node_no_longer_believes_that_it_left as who_was_met
from sim.walk import walk

History = Callable[[], object]

WALKS: dict[planted.Bug, tuple[int, int]] = {
    planted.disks_without_a_majority: (2, 2),
    planted.quorum_of_another_ring: (25, 2),
    planted.record_of_the_lowest_node: (2, 2),
    planted.losses_that_do_not_end: (4, 2),
    planted.only_the_last_owner_blocks: (1, 3),
    planted.away_blocks_nothing: (2, 3),
    planted.released_before_it_stopped: (0, 3),
    planted.stopped_by_a_restart_of_the_daemon: (2, 3),
}
HISTORIES: dict[planted.Bug, History] = {
    planted.gate_without_quorum: order_meets_no_quorum,
    planted.leaves_without_its_mark: leaving_meets_an_order,
    planted.marked_while_it_holds: owner_is_cut_off_as_it_leaves,
    planted.runs_on_without_quorum: everybody_is_alone,
    planted.minority_is_settled: both_acknowledge,
    planted.planned_twice: wish_between_plan_and_order,
    planted.orders_before_all_have_stored: first_update_that_only_one_has_read,
    planted.acknowledged_at_delivery: wish_that_only_the_coordinator_has_read,
    planted.proof_for_a_later_loss: answer_after_the_next_loss,
    planted.failed_attempt_is_a_proof: agent_fails,
    planted.who_was_met_is_forgotten: partial(who_was_met, 2),
    **{bug: partial(walk, seed, count) for bug, (seed, count) in WALKS.items()},
}


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: str(bug.__name__))
def test_a_planted_bug_is_noticed(bug: planted.Bug) -> None:
    with bug(), pytest.raises(Violation):
        HISTORIES[bug]()


TOLD_HERE = {bug: history for bug, history in HISTORIES.items() if history not in ATTACKS}


@pytest.mark.parametrize("history", TOLD_HERE.values(), ids=[bug.__name__ for bug in TOLD_HERE])
def test_its_history_is_clean_without_it(history: History) -> None:
    history()
