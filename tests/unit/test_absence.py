"""Nodes that are not here: when they are lost, who fences them, and how clean leaves are marked."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, FenceDevice
from standfast.configuration.quorum import quorum_of
from standfast.resourced import absence
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    Content,
    Leaving,
    LossDeclared,
    Marked,
    Proven,
    SwitchedOn,
)
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import Holding
from unit.cluster import NODES, after, because, fresh, situation, term

KNOWN = replace(configuration(list(NODES)), devices=(FenceDevice(name="bmc", agent="fence_ipmilan", options={}),))
GRACE = KNOWN.cluster.daemon_grace_ms
TWO = frozenset({"n1", "n2"})


def marks(record: Record, moving: set[str]) -> list[Content]:
    return absence.marks(record, quorum_of(KNOWN), moving)


def losses(record: Record, at: Situation) -> list[Content]:
    return absence.losses(record, KNOWN, at, Waits(at.waits, at.now))


def attempts(record: Record, at: Situation, known: Configuration = KNOWN) -> list[Content]:
    return absence.attempts(record, known, at, Waits(at.waits, at.now))


def without_n3() -> Record:
    return term(term(fresh(), *NODES), "n1", "n2", number=8)


def lost_n3(*, cold: bool = False) -> Record:
    return after(without_n3(), LossDeclared(node="n3", reason=because("gone"), cold=cold), number=8)


def begun(record: Record, fencer: str, action: str = "off") -> Record:
    begin = AttemptBegun(loss="8.1", node="n3", incarnation="n3/1", fencer=fencer, action=action)
    return after(record, begin, number=8)


def failed(record: Record, fencer: str) -> Record:
    return after(begun(record, fencer), AttemptEnded(loss="8.1", fencer=fencer, action="off", text="no"), number=8)


def proven(record: Record) -> Record:
    return after(record, Proven(loss="8.1", how="agent", text="off", switch_on=True), number=8)


def test_who_left_the_ring_is_lost_at_once() -> None:
    (loss,) = losses(without_n3(), situation(ring=TWO))
    assert loss == LossDeclared(node="n3", reason=reason(Rule.LEFT_RING))


def test_who_is_missing_after_a_cold_start_is_lost_with_more_patience() -> None:
    (loss,) = losses(without_n3(), situation(ring=TWO, cold=True))
    assert isinstance(loss, LossDeclared)
    assert loss.cold


def test_who_left_cleanly_or_rests_is_not_lost() -> None:
    assert losses(term(fresh(), "n1", "n2"), situation(ring=TWO)) == []
    at = situation(resting=frozenset({"n3"}), now=2 * GRACE, waits={"away n3": 0})
    assert losses(without_n3(), at) == []


@pytest.mark.parametrize(("now", "count"), [(GRACE - 1, 0), (GRACE, 1)])
def test_who_is_away_is_lost_after_the_grace(now: int, count: int) -> None:
    assert len(losses(without_n3(), situation(now=now, waits={"away n3": 0}))) == count


def test_one_node_at_a_time_is_lost_for_being_away_and_only_where_a_majority_is_here() -> None:
    names = ("n1", "n2", "n3", "n4", "n5")
    ring = frozenset(names)
    known = configuration(list(names))
    waits = {f"away {name}": 0 for name in names}
    here = term(term(fresh(*names), *names), "n1", "n2", "n3", number=8)
    at = situation(ring=ring, now=GRACE, waits=waits)
    assert len(absence.losses(here, known, at, Waits(waits, GRACE))) == 1
    few = term(term(fresh(*names), *names), "n1", "n2", number=8)
    assert absence.losses(few, known, at, Waits(waits, GRACE)) == []


def test_the_next_one_that_is_away_is_lost_when_the_loss_of_the_first_is_proven() -> None:
    names = ("n1", "n2", "n3", "n4", "n5")
    known = configuration(list(names))
    at = situation(ring=frozenset(names), now=GRACE, waits={"away n4": 0, "away n5": 0})
    record = term(term(fresh(*names), *names), "n1", "n2", "n3", number=8)
    (first,) = absence.losses(record, known, at, Waits(at.waits, at.now))
    record = after(record, first, number=8)
    assert absence.losses(record, known, at, Waits(at.waits, at.now)) == []
    record = after(record, Proven(loss="8.1", how="agent", text="", switch_on=True), number=8)
    at = replace(at, waits={"away n5": 0})
    (second,) = absence.losses(record, known, at, Waits(at.waits, at.now))
    assert isinstance(second, LossDeclared)
    assert second.node == "n5"


def test_of_two_nodes_the_other_one_is_lost_for_being_away() -> None:
    known = configuration(["n1", "n2"])
    record = term(term(fresh("n1", "n2"), "n1", "n2"), "n1", number=8)
    waits = {"away n2": 0}
    at = situation(ring=TWO, now=GRACE, waits=waits)
    assert len(absence.losses(record, known, at, Waits(waits, GRACE))) == 1


def test_a_loss_is_declared_once() -> None:
    assert losses(lost_n3(), situation(ring=TWO)) == []
    assert losses(proven(lost_n3()), situation(ring=TWO)) == []


def test_a_proven_node_that_is_in_the_ring_but_stays_away_is_a_new_loss() -> None:
    (loss,) = losses(proven(lost_n3()), situation(now=GRACE, waits={"away n3": 0}))
    assert isinstance(loss, LossDeclared)


def test_who_speaks_after_its_proof_and_does_not_reboot_is_a_new_loss() -> None:
    record = term(proven(lost_n3()), *NODES, number=9)
    assert record.nodes["n3"].condemned
    deadline = KNOWN.cluster.stop_deadline_ms
    assert losses(record, situation(now=deadline - 1, waits={"condemned n3": 0})) == []
    assert len(losses(record, situation(now=deadline, waits={"condemned n3": 0}))) == 1


def test_the_coordinator_fences_first_and_after_a_failure_the_next_one() -> None:
    record = lost_n3()
    (first,) = attempts(record, situation(me="n1", ring=TWO))
    assert first == AttemptBegun(loss="8.1", node="n3", incarnation="n3/1", fencer="n1", action="off")
    again = failed(record, "n1")
    cause = "attempt 8.1 after 1"
    assert attempts(again, situation(me="n1", now=999, waits={cause: 0})) == []
    (second,) = attempts(again, situation(me="n1", now=1_000, waits={cause: 0}))
    assert isinstance(second, AttemptBegun)
    assert second.fencer == "n2"


def test_the_first_attempt_after_a_cold_start_waits() -> None:
    wait = KNOWN.cluster.post_join_delay_ms
    cause = "attempt 8.1 after 0"
    assert attempts(lost_n3(cold=True), situation(now=wait - 1, waits={cause: 0})) == []
    assert len(attempts(lost_n3(cold=True), situation(now=wait, waits={cause: 0}))) == 1


def test_the_pause_grows_to_half_a_minute_and_not_further() -> None:
    record = lost_n3()
    pauses = []
    for _ in range(8):
        record = failed(record, "n1")
        pauses.append(absence.wait_ms(record.losses["n3"], record, KNOWN, situation(), Waits({}, 0)))
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]


def test_one_attempt_at_a_time_and_none_without_a_device() -> None:
    assert attempts(begun(lost_n3(), "n2"), situation()) == []
    bare = replace(KNOWN, nodes=tuple(replace(node, fence=()) for node in KNOWN.nodes))
    assert attempts(lost_n3(), situation(), bare) == []


def test_the_attempt_of_a_fencer_that_is_proven_off_ends() -> None:
    record = term(begun(lost_n3(), "n2"), "n1", number=9)
    record = after(record, LossDeclared(node="n2", reason=because("gone")), number=9)
    assert not [content for content in attempts(record, situation()) if isinstance(content, AttemptEnded)]
    record = after(record, Proven(loss="9.1", how="agent", text="", switch_on=False), number=9)
    ended = [content for content in attempts(record, situation()) if isinstance(content, AttemptEnded)]
    assert [content.text for content in ended] == ["its fencer n2 is gone"]


def test_the_attempt_of_a_fencer_that_is_gone_ends_when_no_round_can_last_as_long() -> None:
    record = term(begun(lost_n3(), "n2"), "n1", number=9)
    longest = absence.longest_round_ms(KNOWN, "n3") + absence.FENCER_GONE_MARGIN_MS
    cause = "attempt 8.1 n2 off"
    for now, count in ((longest - 1, 0), (longest, 1)):
        planned = attempts(record, situation(now=now, waits={cause: 0}))
        assert sum(isinstance(content, AttemptEnded) for content in planned) == count


def test_what_was_switched_off_is_switched_on_unless_it_is_back_to_stay() -> None:
    record = proven(lost_n3())
    (content,) = attempts(record, situation(ring=TWO))
    assert isinstance(content, AttemptBegun)
    assert content.action == "on"
    assert attempts(record, situation()) == []
    longer = 2 * KNOWN.cluster.detect_within_ms
    assert attempts(record, situation(now=longer - 1, waits={"back 8.1": 0})) == []
    assert attempts(record, situation(now=longer, waits={"back 8.1": 0})) == [SwitchedOn(loss="8.1", text="it is back")]


def test_who_leaves_is_marked_when_it_holds_nothing_and_nothing_moves_away_from_it() -> None:
    empty = after(term(fresh(), *NODES), Leaving(node="n3"))
    assert marks(empty, set()) == [Marked(node="n3")]
    holding = after(term(fresh(), *NODES, held={"n3": Holding.RUNNING}), Leaving(node="n3"))
    assert marks(holding, set()) == []
    moved = after(empty, Leaving(node="n3"))
    group = replace(moved.groups["webserv"], last_owner="n3")
    assert marks(replace(moved, groups={"webserv": group}), {"webserv"}) == []


def test_when_too_few_would_stay_all_are_marked_together_and_only_when_nobody_holds_anything() -> None:
    record = term(fresh(), *NODES)
    for name in ("n2", "n3"):
        record = after(record, Leaving(node=name))
    assert marks(record, set()) == [Marked(node=name) for name in NODES]
    held = after(after(term(fresh(), *NODES, held={"n1": Holding.RUNNING}), Leaving(node="n2")), Leaving(node="n3"))
    assert marks(held, set()) == []


def test_of_two_nodes_one_may_leave_alone() -> None:
    record = after(term(fresh("n1", "n2"), "n1", "n2"), Leaving(node="n2"))
    assert absence.closing(record, quorum_of(configuration(["n1", "n2"]))) == {"n2"}
