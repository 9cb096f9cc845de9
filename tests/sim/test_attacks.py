"""Every attack that broke a model or a review of the protocol, told against the real cores.

Each ends clean, and each on a rule of safety ends badly without that rule: the planted bugs beside it. Some stand
alone, because what they attack is closed twice: one sender's messages keep their order, so an old answer or call comes
before the next call (D, L), and a coordinator that changes ends its term and what it had under way (C, H7).

Not here, for what they attack does not exist yet or is not the core's:

| letter | why |
|---|---|
| rule of `met` (M) | `test_histories`, beside the three scripts of M here |
| H3 | ordering of units: tests of the drain |
| H13, D7 | `fence confirm` and `Unsafe`: tests of wishes, fenced and the lab |
| H16 | one protocol version |
| C11, H17 | the removal of a node: tests of `configuring` |
| C9, C10, H15, D8, D10 | bus, guards, journal, check: outside the core |
| H12 | `test_histories`: a group that neither starts nor stops costs one node |
| D2 | no instants in the record: the units' tests of `Waits` |
| D4, D5, D6 | no doubling of FailureExpire; addresses and agents' options are not the core's |
"""

from collections.abc import Callable

import pytest

from sim import (
    attacks_alone,
    attacks_arbiter,
    attacks_bugs,
    attacks_by_hand,
    attacks_changes,
    attacks_copies,
    attacks_crossings,
    attacks_drills,
    attacks_fencing,
    attacks_model,
    attacks_needs,
    attacks_outside,
    attacks_returns,
    attacks_review,
    attacks_versions,
    attacks_withdrawal,
    planted,
    versions_bugs,
)
from sim.conftest import Noticed

Attack = Callable[[], None]

MODEL: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_model.proof_is_read_where_corosync_hung: (attacks_bugs.first_of_the_domain_blocks_nothing,),
    attacks_model.order_that_only_its_dying_reader_has_read: (planted.only_the_last_owner_blocks,),
    attacks_model.two_records_meet: (planted.record_of_the_lowest_node,),
    attacks_model.two_records_meet_where_both_sides_are_quorate: (planted.only_the_last_owner_blocks,),
    attacks_model.coordinator_changes_with_an_order_under_way: (),
    attacks_model.view_has_the_same_name_again: (),
    attacks_model.owner_returns_with_the_same_incarnation: (attacks_bugs.return_is_a_proof,),
    attacks_model.order_comes_before_the_word_of_its_ring: (planted.gate_without_quorum,),
    attacks_model.stop_fails_while_nobody_hears_it: (attacks_bugs.failed_stop_is_not_told,),
    attacks_model.wish_that_only_the_coordinator_has_read: (planted.acknowledged_at_delivery,),
    attacks_model.stale_disk_in_a_quorate_ring: (attacks_bugs.opened_from_any_disk,),
    attacks_model.stale_disk_of_two_nodes: (planted.disks_without_a_majority,),
    attacks_model.answer_to_an_older_question: (),
}
CROSSINGS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_crossings.report_crosses_an_order: (attacks_bugs.report_of_an_older_order_counts,),
    attacks_crossings.two_orders_are_planned_on_one_number: (planted.planned_twice,),
    attacks_crossings.call_crosses_a_return: (attacks_bugs.nobody_is_suspect,),
    attacks_crossings.order_meets_no_quorum: (planted.gate_without_quorum,),
    attacks_crossings.leaving_meets_an_order: (planted.leaves_without_its_mark,),
    attacks_crossings.leaving_crosses_a_new_term: (planted.who_has_left_may_start,),
    attacks_crossings.owner_is_cut_off_as_it_leaves: (planted.marked_while_it_holds,),
    attacks_crossings.word_of_the_last_ring: (planted.quorum_of_another_ring,),
    attacks_crossings.proof_is_not_stored: (planted.acknowledged_in_the_old_lineage,),
    attacks_crossings.both_acknowledge: (planted.minority_is_settled,),
    attacks_crossings.wish_between_plan_and_order: (),
    attacks_crossings.report_that_only_its_dying_coordinator_reads: (attacks_bugs.running_in_a_state_is_no_owner,),
    attacks_crossings.first_update_that_only_one_has_read: (planted.orders_before_all_have_stored,),
    attacks_crossings.answer_after_the_next_loss: (planted.proof_for_a_later_loss,),
}
REVIEW: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_review.stopped_between_plan_and_order: (),
    attacks_review.cold_start_with_one_daemon: (attacks_bugs.opened_from_any_disk,),
    attacks_review.minority_is_asked_for_much: (planted.record_of_the_lowest_node,),
    attacks_review.word_of_a_new_ring_comes_late: (attacks_bugs.unknown_is_no,),
    attacks_review.order_is_read_long_after_corosync_hung: (attacks_bugs.gate_without_echo,),
    attacks_review.order_waits_when_its_term_ends: (attacks_bugs.orders_outlive_their_term,),
    attacks_review.ordered_daemon_restarts: (),
    attacks_review.order_is_read_by_a_daemon_that_hangs: (
        attacks_bugs.nobody_is_suspect,
        planted.away_blocks_nothing,
    ),
    attacks_review.everybody_is_alone: (planted.runs_on_without_quorum,),
    attacks_review.agent_fails: (planted.failed_attempt_is_a_proof,),
    attacks_review.agent_fails_twice_in_the_same_words: (),
    attacks_review.all_daemons_are_gone: (planted.stopped_by_a_restart_of_the_daemon,),
    attacks_review.victim_is_back_before_its_agent_ends: (attacks_bugs.victims_get_orders,),
    attacks_review.one_node_boots_late_after_a_power_cut: (attacks_bugs.no_delay_at_a_cold_start,),
    attacks_review.all_are_shut_down_in_turn: (attacks_bugs.only_the_leaving_are_marked,),
    attacks_review.agent_lies: (attacks_bugs.condemned_are_let_in,),
    attacks_review.held_goes_after_the_stop: (planted.released_before_it_stopped, attacks_bugs.nothing_waits_for_time),
    attacks_review.leaves_without_a_term: (attacks_bugs.goes_with_what_it_holds,),
    attacks_review.ring_changes_while_all_answer: (),
}
OUTSIDE: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_outside.all_probes_fail_at_once: (
        attacks_outside.nobody_else_is_looked_at,
        attacks_outside.who_sees_the_end_late_is_blamed,
    ),
    attacks_outside.two_hang_by_chance: (attacks_outside.kept_without_a_restart,),
    attacks_outside.only_group_fails_everywhere: (attacks_outside.node_before_is_forgotten,),
    attacks_outside.what_is_outside_fails_for_all: (attacks_outside.who_has_not_looked_yet_is_believed,),
    attacks_outside.what_is_outside_fails_for_one_node: (
        attacks_outside.everybody_sees_it_good,
        attacks_outside.restart_mends_what_is_outside,
    ),
    attacks_outside.peers_do_not_see_it: (),
    attacks_outside.peers_hang_while_it_is_restarted: (attacks_outside.word_of_an_older_run_counts,),
    attacks_outside.lonely_node_starts_at_once: (attacks_outside.who_is_alone_waits_for_peers,),
    attacks_outside.probe_of_one_node_is_bad: (attacks_outside.no_node_is_ever_to_blame,),
}
BY_HAND: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_by_hand.what_is_stopped_by_hand_stays_so: (
        attacks_by_hand.stopped_by_hand_is_a_failure,
        attacks_by_hand.daemon_that_begins_anew_starts_it,
    ),
    attacks_by_hand.something_else_fails_meanwhile: (attacks_by_hand.what_fails_beside_it_is_mended,),
    attacks_by_hand.owner_is_lost_meanwhile: (),
    attacks_by_hand.owner_is_cut_off_meanwhile: (),
}
DRILLS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_drills.two_begin_at_once: (attacks_drills.drills_do_not_wait_for_each_other,),
    attacks_drills.who_conducts_it_dies: (attacks_drills.nobody_ends_a_drill,),
}
RETURNS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_returns.started_again_at_once: (attacks_returns.no_way_back,),
    attacks_returns.started_again_while_its_group_stops: (
        attacks_returns.no_way_back,
        attacks_returns.only_it_knows_that_it_stays,
    ),
    attacks_returns.started_again_when_it_is_marked: (attacks_returns.only_it_knows_that_it_stays,),
    attacks_returns.started_again_as_all_leave: (),
    attacks_returns.start_is_heard_by_nobody_else: (attacks_returns.word_takes_the_mark_back,),
}
FENCING: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_fencing.two_nodes_lose_each_other: (attacks_fencing.both_shoot_at_once,),
    attacks_fencing.corosync_hangs_under_a_watchdog: (
        attacks_fencing.fed_without_an_echo,
        attacks_fencing.proof_comes_before_the_reset,
    ),
    attacks_fencing.quorumd_does_not_answer: (attacks_fencing.held_before_the_watchdog_is_armed,),
    attacks_fencing.owner_is_cut_off_under_a_watchdog: (),
    attacks_fencing.resourced_is_dead_under_a_watchdog: (),
    attacks_fencing.device_says_off_and_lies: (attacks_fencing.heard_is_off,),
}
ALONE: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_alone.one_of_two_is_dead_at_a_cold_start: (),
    attacks_alone.named_node_lives_behind_a_cut_link: (attacks_alone.word_without_proofs,),
    attacks_alone.device_of_the_named_node_fails: (attacks_alone.failed_attempt_proves,),
    attacks_alone.lying_requests_are_refused: (attacks_alone.nobody_need_be_named,),
    attacks_alone.named_node_returns_before_its_proof: (),
    attacks_alone.named_node_is_heard_and_its_device_lies: (attacks_alone.request_outlives_a_return,),
    attacks_alone.daemon_restarts_with_all_proofs: (attacks_alone.loosened_quorum_opens,),
    attacks_alone.two_of_three_are_burnt: (
        attacks_alone.alone_wishes_are_acknowledged,
        attacks_alone.absent_are_switched_on,
    ),
    attacks_alone.three_of_five_are_burnt: (),
    attacks_alone.proofs_are_of_different_times: (attacks_alone.old_proofs_count,),
    attacks_alone.absent_nodes_had_more_terms: (attacks_alone.alone_is_one_term_later,),
    attacks_alone.operator_vouches_for_a_node: (),
}
WITHDRAWAL: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_withdrawal.two_do_not_hear_each_other: (
        attacks_withdrawal.everybody_withdraws_at_once,
        attacks_withdrawal.withdraws_though_it_hears_everybody,
    ),
    attacks_withdrawal.any_two_do_not_hear_each_other: (attacks_withdrawal.withdraws_though_it_hears_everybody,),
    attacks_withdrawal.middle_of_a_star_goes: (attacks_withdrawal.everybody_withdraws_at_once,),
    attacks_withdrawal.owner_withdraws_and_cannot_be_fenced: (attacks_withdrawal.withdrawn_stop_nothing,),
    attacks_withdrawal.owner_withdraws_under_a_watchdog: (attacks_withdrawal.watchdog_does_not_wait,),
    attacks_withdrawal.fault_stays_for_long: (attacks_withdrawal.boot_ends_the_pause,),
}
ARBITER: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_arbiter.both_sides_are_quorate: (attacks_arbiter.quorate_is_a_permission,),
    attacks_arbiter.halves_of_four_are_both_quorate: (attacks_arbiter.quorate_is_a_permission,),
    attacks_arbiter.halves_of_four_ask_the_arbiter: (attacks_arbiter.vote_is_taken_for_granted,),
    attacks_arbiter.owner_is_cut_off_from_all_under_a_watchdog: (
        attacks_arbiter.proof_without_the_arbiters_times,
        attacks_arbiter.fed_by_a_vote_that_others_have,
    ),
    attacks_arbiter.both_sides_are_asked: (attacks_arbiter.arbiter_is_a_store,),
    attacks_arbiter.stale_disk_and_the_arbiter: (attacks_arbiter.arbiter_is_a_disk,),
    attacks_arbiter.arbiter_dies_under_a_lone_node: (planted.runs_on_without_quorum,),
    attacks_arbiter.arbiter_is_gone_and_both_are_here: (),
    attacks_arbiter.vote_comes_long_after_it_had_gone: (attacks_arbiter.proofs_are_counted_without_a_quorum,),
    attacks_arbiter.vote_changes_sides_after_a_watchdogs_proof: (
        attacks_arbiter.record_of_who_was_taken_for_off_counts,
    ),
}
VERSIONS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_versions.version_that_only_its_dying_coordinator_reads: (versions_bugs.acted_on_when_it_is_read,),
    attacks_versions.version_is_made_of_an_older_one: (versions_bugs.older_bases_are_taken,),
    attacks_versions.one_node_gets_three_votes_at_once: (versions_bugs.votes_change_at_will,),
    attacks_versions.quorate_half_becomes_the_majority: (versions_bugs.halves_get_other_votes,),
    attacks_versions.group_is_removed_while_it_runs: (versions_bugs.groups_go_while_they_run,),
    attacks_versions.who_holds_it_is_cut_off: (versions_bugs.losses_hold_nothing,),
    attacks_versions.start_is_under_way_where_it_is_not_allowed_any_more: (versions_bugs.strays_are_left_alone,),
    attacks_versions.version_forbids_the_node_where_it_runs: (
        versions_bugs.stopped_though_nobody_can_take_it,
        versions_bugs.stays_where_it_is_forbidden,
    ),
    attacks_versions.start_that_waits_meets_a_version: (versions_bugs.gate_of_any_version,),
    attacks_versions.who_was_off_comes_back_with_the_old_version: (versions_bugs.who_is_behind_gets_orders,),
    attacks_versions.one_of_two_pushes_alone: (versions_bugs.losses_hold_nothing,),
    attacks_versions.nobody_confirms: (
        versions_bugs.nothing_goes_back,
        versions_bugs.goes_back_at_once,
    ),
    attacks_versions.unconfirmed_version_has_brought_a_group: (versions_bugs.what_came_is_not_stopped,),
    attacks_versions.somebody_confirms: (versions_bugs.confirmation_is_ignored,),
    attacks_versions.somebody_takes_it_back: (versions_bugs.confirmation_is_ignored,),
    attacks_versions.node_goes_and_comes_back: (),
    attacks_versions.first_of_the_domain_installs_last: (versions_bugs.first_to_install_gets_it,),
    attacks_versions.first_of_the_domain_never_installs: (versions_bugs.who_installs_is_waited_for_for_ever,),
    attacks_versions.coordinator_cannot_install_what_others_have: (versions_bugs.coordinates_for_ever,),
}
CHANGES: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_changes.last_unit_is_another_one: (attacks_changes.all_of_a_group_stops, attacks_changes.nothing_stops),
    attacks_changes.unit_comes_and_another_one_leaves: (attacks_changes.nothing_stops,),
    attacks_changes.daemon_dies_while_it_stops_what_changes: (),
    attacks_changes.daemon_dies_before_the_version_is_in_place: (attacks_changes.half_a_group_has_failed,),
    attacks_changes.unit_that_leaves_does_not_stop: (attacks_changes.failed_stop_gives_way,),
    attacks_changes.unit_goes_to_another_group: (attacks_changes.units_go_where_they_like,),
    attacks_changes.frozen_group_would_change: (attacks_changes.frozen_groups_move,),
}
COPIES: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_copies.so_many_run_and_no_more: (attacks_copies.any_number_of_copies,),
    attacks_copies.third_node_starts_its_copy_before_the_proof: (attacks_copies.lost_copies_count,),
    attacks_copies.daemon_of_a_copy_is_away: (attacks_copies.away_copies_do_not_count,),
    attacks_copies.better_node_returns_where_copies_go_home: (
        attacks_copies.too_many_go_on,
        attacks_copies.copy_stops_before_another_serves,
    ),
    attacks_copies.copy_that_failed_too_often_is_not_waited_for: (),
}
NEEDS: dict[Attack, tuple[planted.Bug, ...]] = {
    attacks_needs.home_is_back_while_one_that_needs_it_starts: (attacks_needs.goes_home_whatever_starts,),
}
ATTACKS = {
    **MODEL,
    **CROSSINGS,
    **REVIEW,
    **FENCING,
    **OUTSIDE,
    **BY_HAND,
    **ALONE,
    **WITHDRAWAL,
    **ARBITER,
    **VERSIONS,
    **CHANGES,
    **COPIES,
    **NEEDS,
    **DRILLS,
    **RETURNS,
}
PAIRS = [(attack, bug) for attack, bugs in ATTACKS.items() for bug in bugs]


def named(value: Callable[[], object]) -> str:
    return value.__name__


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_an_attack_ends_clean(attack: Attack) -> None:
    attack()


@pytest.mark.parametrize(("attack", "bug"), PAIRS, ids=named)
def test_without_its_rule_the_same_attack_ends_badly(attack: Attack, bug: planted.Bug, noticed: Noticed) -> None:
    noticed(bug, attack, named(attack))
