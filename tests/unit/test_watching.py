"""A node that its watchdog would have reset follows its record no more (DESIGN section 5), where halves may go on."""

from dataclasses import replace

import pytest

from standfast.resourced.events import GroupChanged, LeaveGroup, NetworkDown, QuorumTold, RingChanged
from standfast.resourced.messages import Open
from standfast.vocabulary import Ring
from unit.cluster import fresh
from unit.test_core import ALONE, Alone, said

WATCHDOG_MS = 20_000
TICK_MAX_MS = 3_000
NEXT = Ring(1, 8)


def parted(*, arbiter: str = "tie", watchdog_ms: int = WATCHDOG_MS) -> Alone:
    """n1 hears n2 no more, is in an open term by the arbiter's vote, and has its record in memory."""
    record = fresh("n1", "n2")
    nodes = {name: replace(one, left=False) for name, one in record.nodes.items()}
    nodes["n1"] = replace(nodes["n1"], watchdog_ms=watchdog_ms)
    node = Alone(("n1", "n2"), replace(record, nodes=nodes))
    known = node.core.configuration
    watched = tuple(replace(one, watchdog="/dev/watchdog0") for one in known.nodes)
    node.core = node.begin(replace(known, cluster=replace(known.cluster, arbiter=arbiter), nodes=watched))
    node.desert()
    assert node.core.terms.in_memory
    assert node.core.terms.term is not None
    return node


def is_cut_off(node: Alone) -> None:
    """For a little longer than its watchdog would have waited."""
    node.give(NetworkDown())
    node.passes(TICK_MAX_MS + WATCHDOG_MS - 2_000)
    assert node.core.terms.in_memory
    node.log.clear()
    node.passes(4_000)


def proven(node: Alone, how: str) -> None:
    record = node.record
    node.core.terms.record = replace(record, losses={"n2": replace(record.losses["n2"], proof=how)})


def left(node: Alone) -> None:
    record = node.record
    nodes = {**record.nodes, "n2": replace(record.nodes["n2"], left=True)}
    node.core.terms.record = replace(record, nodes=nodes, losses={})


def test_who_would_have_been_reset_opens_no_term_with_what_it_had_in_memory() -> None:
    node = parted()
    is_cut_off(node)
    assert not node.core.terms.in_memory
    assert any(isinstance(action, LeaveGroup) for action in node.log), "what it said of its record stands"
    node.log.clear()
    node.give(RingChanged(ring=NEXT, nodes=ALONE), GroupChanged(members=ALONE, joined=ALONE))
    node.give(QuorumTold(ring=NEXT, quorate=True))
    node.passes(10_000)
    assert not said(node.log, Open)
    assert node.core.terms.term is None


def test_who_has_the_vote_all_the_time_follows_its_record() -> None:
    node = parted()
    node.passes(2 * WATCHDOG_MS)
    assert node.core.terms.in_memory
    assert node.core.terms.term is not None


@pytest.mark.parametrize("how", ["agent", "watchdog"])
def test_where_the_other_was_reset_nobody_can_have_gone_on(how: str) -> None:
    node = parted()
    node.give(NetworkDown())
    proven(node, how)
    is_cut_off(node)
    assert node.core.terms.in_memory


def test_where_the_other_left_nobody_can_have_gone_on() -> None:
    node = parted()
    node.give(NetworkDown())
    left(node)
    is_cut_off(node)
    assert node.core.terms.in_memory


def test_where_nobody_counts_on_a_watchdog_memory_stays() -> None:
    node = parted(watchdog_ms=0)
    is_cut_off(node)
    assert node.core.terms.in_memory


def test_two_majorities_have_a_common_node_so_memory_stays() -> None:
    node = parted(arbiter="")
    is_cut_off(node)
    assert node.core.terms.in_memory
