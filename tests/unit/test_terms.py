"""How a view becomes a term: several nodes' `Terms` over one stream that delivers to all alike."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from standfast.configuration.quorum import Rules
from standfast.resourced.codec import MessageError
from standfast.resourced.messages import (
    Call,
    Content,
    Hello,
    Leaving,
    LossDeclared,
    Members,
    Message,
    Open,
    ProtocolRaised,
    Proven,
    RecordChunk,
    State,
    Stored,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Member
from standfast.resourced.record import Record
from standfast.resourced.term import Word
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import SUSPECT_AFTER_MS, Ticks
from standfast.resourced.transfer import CHUNK_CHARACTERS, MOST_CHUNKS
from standfast.vocabulary import Ring
from unit.cluster import NODES, after, because, fresh, member, term

RING, NEXT = Ring(1, 4), Ring(1, 8)
WAIT = 5_000
numbers = count(1)


class Node:
    """One node's `Terms` and what it does outside: sends, writes, leaves."""

    def __init__(
        self, name: str, names: tuple[str, ...], record: Record | None, stream: list[tuple[str, Message]]
    ) -> None:
        self.name, self.stream = name, stream
        self.disk_good, self.left_group, self.disk_term = True, False, 0
        self.too_old_for = 0  # the version that it cannot speak
        self.terms = Terms(
            me=name,
            rules=Rules(votes_of=dict.fromkeys(names, 1), two_node=len(names) == 2),
            outbox=self,
            ticks=Ticks(name),
            fresh=lambda: next(numbers),
            present=self.present,
            record=record,
            highest_term=record.term if record else 0,
            speaks=1,
            now=0,
        )

    def present(self, _: str) -> Member:
        return member(self.name, met=tuple(sorted(self.terms.met)))

    def send(self, message: Message) -> None:
        self.stream.append((self.name, message))

    def persist(self, _: Record | None, highest_term: int) -> bool:
        self.disk_term = highest_term if self.disk_good else self.disk_term
        return self.disk_good

    def leave_group(self) -> None:
        self.left_group = True

    def cannot_speak(self, version: int) -> None:
        self.too_old_for = version


class View:
    """Nodes that hear each other; `deliver` gives them what was sent, in one order."""

    def __init__(self, names: tuple[str, ...] = NODES, records: dict[str, Record | None] | None = None) -> None:
        self.stream: list[tuple[str, Message]] = []
        self.now = 0
        known = {name: fresh(*names) for name in names} | (records or {})
        self.nodes = {name: Node(name, names, known[name], self.stream) for name in names}

    def __getitem__(self, name: str) -> Terms:
        return self.nodes[name].terms

    def join(self, *names: str, quorate: bool = True, ring: Ring = RING) -> "View":
        """These nodes, each with a process that has just joined, are one ring and one group."""
        for name in names:
            self[name].ring_changed(ring, names, self.now)
            self[name].group_changed(names, names, self.now)
            if quorate:
                self[name].quorum_told(ring, True, self.now)
        return self

    def deliver(self, until: Callable[[str, Message], bool] = lambda _, __: False) -> "View":
        """Everything that is sent, until one message that is not delivered any more."""
        while self.stream:
            sender, message = self.stream[0]
            if until(sender, message):
                break
            del self.stream[0]
            for name, node in self.nodes.items():
                if name in node.terms.members:
                    node.terms.received(sender, message, self.now)
                    node.terms.settle()
        return self

    def update(self, name: str, position: int, content: Content) -> None:
        opened = self[name].term
        assert opened is not None
        self.nodes[name].send(Update(nonce=opened.nonce, position=position, at="now", content=content))

    def opened(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        return {
            name: (node.terms.term.number, node.terms.term.members)
            for name, node in self.nodes.items()
            if node.terms.term is not None
        }


def sent(view: View, kind: type) -> list[tuple[str, Message]]:
    return [(sender, message) for sender, message in view.stream if isinstance(message, kind)]


# A term


def test_all_who_hear_each_other_open_one_term() -> None:
    view = View().join(*NODES).deliver()
    assert view.opened() == dict.fromkeys(NODES, (1, NODES))
    assert {view[name].term.coordinator for name in NODES if view[name].term} == {"n1"}  # type: ignore[union-attr]


def test_the_number_of_a_term_is_above_every_known_one() -> None:
    view = View(records={"n3": term(fresh(), *NODES, number=7)}).join(*NODES).deliver()
    assert view.opened()["n1"] == (8, NODES)
    assert all(node.disk_term == 8 for node in view.nodes.values())


def test_nothing_opens_while_too_few_are_here() -> None:
    assert View().join("n1").deliver().opened() == {}


def test_nothing_opens_without_votequorums_word_for_this_very_ring() -> None:
    view = View().join(*NODES, quorate=False).deliver()
    assert view.opened() == {}
    view["n1"].quorum_told(NEXT, True, 0)
    view.deliver()
    assert view.opened() == {}
    view["n1"].quorum_told(RING, True, 0)
    view.deliver()
    assert len(view.opened()) == 3


def test_a_change_of_the_group_ends_the_term() -> None:
    view = View().join(*NODES).deliver()
    view["n1"].group_changed(("n1", "n2"), (), 10)
    assert view["n1"].term is None


def test_a_call_that_was_sent_in_another_membership_is_void_for_everybody() -> None:
    view = View().join(*NODES)
    view.deliver(until=lambda _, message: isinstance(message, Call))
    ((_, call),) = sent(view, Call)
    for name in ("n1", "n2"):
        view[name].group_changed(("n1", "n2"), (), 10)
    view["n3"].group_changed((), (), 10)
    view.stream[:] = [("n1", call)]
    view.deliver(until=lambda _, message: isinstance(message, (Call, State)) and message is not call)
    assert sent(view, State) == []
    assert not any(node.left_group for node in view.nodes.values())
    view.deliver()
    assert view.opened()["n2"] == (1, ("n1", "n2"))


def test_a_join_makes_every_older_join_number_void() -> None:
    view = View().join(*NODES).deliver(until=lambda _, message: isinstance(message, Call))
    ((_, call),) = sent(view, Call)
    assert isinstance(call, Call)
    assert min(call.group.values()) > 0
    view["n1"].group_changed(NODES, ("n3",), 10)
    assert view["n1"].joins == {}


def test_a_member_without_a_hello_is_waited_for_and_then_left_out() -> None:
    view = View().join(*NODES)
    view.stream[:] = [(sender, message) for sender, message in view.stream if sender != "n3"]
    view.deliver()
    assert view.opened() == {}
    for name in ("n1", "n2"):
        view[name].ticks.heard("n1", 1, SUSPECT_AFTER_MS)
        view[name].ticks.heard("n2", 1, SUSPECT_AFTER_MS)
        view[name].time_passed(SUSPECT_AFTER_MS)
    view.deliver()
    assert view.opened()["n1"] == (1, ("n1", "n2"))


def test_who_is_left_out_leaves_the_group_and_comes_again() -> None:
    view = View().join(*NODES).deliver()
    view["n1"].leave_out(frozenset({"n3"}))
    view["n1"].time_passed(10)
    view.deliver()
    assert view.opened() == dict.fromkeys(("n1", "n2"), (2, ("n1", "n2")))
    assert view.nodes["n3"].left_group
    assert view["n3"].rejoin_at is not None


def test_who_is_out_of_the_group_does_not_take_a_ring_it_cannot_see_for_lost_quorum() -> None:
    terms = View().join(*NODES).deliver()["n1"]
    terms.join_anew(0)
    terms.quorum_told(NEXT, True, 100)
    assert terms.quorum(100 + 2 * WAIT, WAIT) is Word.UNKNOWN
    terms.quorum_told(Ring(1, 12), False, 200)
    assert terms.quorum(200, WAIT) is Word.NO


def test_who_does_not_answer_a_call_is_left_out_of_the_next() -> None:
    view = View().join(*NODES).deliver(until=lambda _, message: isinstance(message, State))
    view.stream[:] = [(sender, message) for sender, message in view.stream if sender != "n3"]
    view.deliver()
    assert view.opened() == {}
    for name in ("n1", "n2"):
        for other in NODES:
            view[name].ticks.heard(other, 1, SUSPECT_AFTER_MS)
    view["n1"].time_passed(SUSPECT_AFTER_MS)
    view.deliver()
    assert view.opened()["n2"] == (1, ("n1", "n2"))


def test_nobody_is_left_out_when_the_rest_would_not_hold_the_quorum() -> None:
    view = View().join("n1", "n2").deliver()
    view["n1"].leave_out(frozenset({"n2"}))
    view["n1"].time_passed(10)
    assert sent(view, Call) == []


def test_a_state_in_another_name_is_refused() -> None:
    view = View().join(*NODES).deliver(until=lambda _, message: isinstance(message, State))
    _, state = view.stream[0]
    with pytest.raises(MessageError, match=r"cluster\.conf differs"):
        view["n1"].received("n2" if view.stream[0][0] != "n2" else "n3", state, 0)


# Its record


def test_the_highest_lineage_is_everybodys() -> None:
    newer = term(fresh(), *NODES, number=7)
    newest = after(newer, Wish(id="w", kind=WishKind.STANDBY, subject="n2"))
    view = View(records={"n1": newer, "n3": newest}).join(*NODES).deliver()
    assert len(view.opened()) == 3
    for name in NODES:
        record = view[name].record
        assert record is not None
        assert record.lineage == newest.lineage


def test_of_two_records_of_one_position_the_digest_decides() -> None:
    one = after(term(fresh(), *NODES), Wish(id="w", kind=WishKind.STANDBY, subject="n1"))
    two = after(term(fresh(), *NODES), Wish(id="w", kind=WishKind.STANDBY, subject="n2"))
    view = View(records={"n1": one, "n2": two}).join(*NODES).deliver()
    assert len({record.lineage for name in NODES if (record := view[name].record)}) == 1
    assert view["n3"].record is not None
    assert view["n3"].record.lineage == max(one.lineage, two.lineage)


def test_a_record_that_is_not_the_announced_one_is_refused() -> None:
    newer = term(fresh(), *NODES, number=7)
    view = View(records={"n3": newer}).join(*NODES).deliver(until=lambda _, message: isinstance(message, RecordChunk))
    sender, chunk = view.stream[0]
    assert isinstance(chunk, RecordChunk)
    forged = RecordChunk(
        nonce=chunk.nonce, index=0, count=1, text=chunk.text.replace('"standby":false', '"standby":true')
    )
    with pytest.raises(MessageError, match="not the one that was announced"):
        view["n1"].received(sender, forged, 0)


def test_a_long_record_comes_in_pieces() -> None:
    names = tuple(f"n{index}" for index in range(1, 4))
    long = after(
        term(fresh(), *NODES), Wish(id="w", kind=WishKind.RELOCATE, subject="webserv", node="n" * 3 * CHUNK_CHARACTERS)
    )
    view = View(names, {"n3": long}).join(*names).deliver()
    assert view["n1"].record is not None
    assert view["n1"].record.lineage == long.lineage


@pytest.mark.parametrize(
    ("names", "here", "opens"),
    [(("n1", "n2"), ("n1",), False), (("n1", "n2"), ("n1", "n2"), True), (NODES, ("n1", "n2"), True)],
)
def test_from_disks_alone_a_term_needs_more_than_half_of_all_votes(
    names: tuple[str, ...], here: tuple[str, ...], opens: bool
) -> None:
    view = View(names).join(*here).deliver()
    assert bool(view.opened()) == opens
    assert all(node.terms.term.cold for node in view.nodes.values() if node.terms.term)


def test_a_node_without_a_record_does_not_count_for_that_majority() -> None:
    view = View(records={"n1": None}).join("n1", "n2").deliver()
    assert view.opened() == {}
    view = View(records={"n1": None}).join(*NODES).deliver()
    assert len(view.opened()) == 3


def test_of_two_nodes_one_goes_on_alone_with_the_record_in_its_memory() -> None:
    view = View(("n1", "n2")).join("n1", "n2").deliver()
    view["n1"].ring_changed(NEXT, ("n1",), 10)
    view["n1"].group_changed(("n1",), (), 10)
    view["n1"].quorum_told(NEXT, True, 10)
    view["n2"].group_changed((), (), 10)
    view.deliver()
    assert view.opened() == {"n1": (2, ("n1",))}


def test_no_term_opens_before_everybody_has_stored_it() -> None:
    view = View()
    view.nodes["n3"].disk_good = False
    view.join(*NODES).deliver()
    assert view.opened() == {}


def test_nothing_opens_while_nobody_has_a_record() -> None:
    view = View(records=dict.fromkeys(NODES))
    for node in view.nodes.values():
        node.terms.record = None
    assert view.join(*NODES).deliver().opened() == {}


def test_a_record_counts_only_from_who_was_named_for_it() -> None:
    view = View(records={"n3": term(fresh(), *NODES, number=7)}).join(*NODES)
    view.deliver(until=lambda _, message: isinstance(message, RecordChunk))
    for _, chunk in sent(view, RecordChunk):
        view["n1"].received("n2", chunk, 0)
    assert sent(view, Stored) == [("n3", Stored(nonce=view["n1"].calling.call.nonce, position=0))]  # type: ignore[union-attr]
    assert view.deliver().opened()["n1"] == (8, NODES)


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0), (0, MOST_CHUNKS + 1)])
def test_a_piece_that_cannot_be_is_refused(index: int, count: int) -> None:
    view = View(records={"n3": term(fresh(), *NODES, number=7)}).join(*NODES)
    view.deliver(until=lambda _, message: isinstance(message, RecordChunk))
    ((_, chunk),) = sent(view, RecordChunk)
    assert isinstance(chunk, RecordChunk)
    with pytest.raises(MessageError, match=f"piece {index} of {count}"):
        view["n1"].received("n3", replace(chunk, index=index, count=count), 0)


def test_a_record_that_does_not_know_this_node_is_not_taken_part_in() -> None:
    view = View(records={"n1": term(fresh("n1", "n2", "n4"), "n1", "n2", number=7)}).join(*NODES)
    with pytest.raises(MessageError, match=r"does not know n3: its cluster\.conf"):
        view.deliver()


# Updates


def test_updates_are_taken_from_the_coordinator_alone_and_in_order() -> None:
    view = View().join(*NODES).deliver()
    view.update("n2", 1, Leaving(node="n2"))
    view.deliver()
    assert all(view[name].term.position == 0 for name in NODES if view[name].term)  # type: ignore[union-attr]
    view.update("n1", 2, Leaving(node="n2"))
    with pytest.raises(MessageError, match="came after"):
        view.deliver()


def first_update(view: View, *names: str) -> None:
    view.update("n1", 1, Members(members=tuple(member(name) for name in names or NODES)))


def two_updates(view: View, name: str) -> Node:
    """Both were read there, and nothing was settled yet."""
    node = view.nodes[name]
    assert node.terms.term is not None
    contents: tuple[Content, ...] = (
        Members(members=tuple(map(member, NODES))),
        Wish(id="w", kind=WishKind.STOP, subject="webserv"),
    )
    for position, content in enumerate(contents, 1):
        node.terms.received("n1", Update(nonce=node.terms.term.nonce, position=position, at="now", content=content), 0)
    assert not view.stream
    return node


def test_updates_that_come_at_once_are_stored_and_said_so_once() -> None:
    view = View().join(*NODES).deliver()
    node = two_updates(view, "n2")
    node.terms.settle()
    node.terms.settle()
    assert [message.position for _, message in view.stream if isinstance(message, Stored)] == [2]


def test_what_came_at_once_is_stored_before_its_term_ends() -> None:
    view = View().join(*NODES).deliver()
    node = two_updates(view, "n2")
    node.terms.group_changed(("n1", "n2"), (), 0)
    assert node.terms.saved
    assert [message.position for _, message in view.stream if isinstance(message, Stored)] == [2]


def test_what_more_than_half_have_stored_is_durable() -> None:
    view = View().join(*NODES).deliver()
    first_update(view)
    view.deliver(until=lambda _, message: isinstance(message, Stored))
    assert not view["n1"].durable_at(1)
    view.deliver(until=lambda sender, message: isinstance(message, Stored) and sender == "n3")
    assert view["n1"].durable_at(1)
    assert not view["n1"].durable_at(2)
    assert not view["n1"].durable_at(0)


def test_alone_nothing_is_durable_before_the_proof_of_the_others_is() -> None:
    """Until then the record on the disk has its old lineage: another one of the same lineage could count instead."""
    view = View(("n1", "n2")).join("n1", "n2").deliver()
    first_update(view, "n1", "n2")
    view.deliver()
    view["n1"].ring_changed(NEXT, ("n1",), 10)
    view["n1"].group_changed(("n1",), (), 10)
    view["n1"].quorum_told(NEXT, True, 10)
    view["n2"].group_changed((), (), 10)
    view.deliver()
    first_update(view, "n1")
    view.update("n1", 2, LossDeclared(node="n2", reason=because("gone")))
    view.deliver()
    assert not view["n1"].durable_at(2)
    view.nodes["n1"].disk_good = False
    view.update("n1", 3, Proven(loss="2.1", how="agent", text="", switch_on=False))
    view.deliver()
    assert not view["n1"].durable_at(2)
    view.nodes["n1"].disk_good = True
    view.update("n1", 4, Leaving(node="n1"))
    view.deliver()
    assert view["n1"].durable_at(2)


def test_who_read_the_first_update_has_met_nobody_and_who_did_not_remembers() -> None:
    view = View().join(*NODES).deliver()
    first_update(view)
    view["n3"].group_changed(("n3",), (), 10)
    view.deliver()
    view["n1"].group_changed(("n1",), (), 20)
    assert view["n3"].met == frozenset(NODES)
    assert view["n1"].met == frozenset()


def test_an_older_terms_messages_are_nothing() -> None:
    view = View().join(*NODES).deliver()
    old = view["n1"].term
    assert old is not None
    for name in NODES:
        view[name].group_changed(NODES, ("n3",), 10)
    view.deliver()
    late = Update(nonce=old.nonce, position=1, at="", content=Leaving(node="n2"))
    assert view["n1"].received("n1", late, 20) is None
    assert (
        view["n1"].received("n1", Open(nonce=old.nonce, term=9, lineage=fresh().lineage, source="n1", cold=False), 20)
        is None
    )
    assert view["n1"].highest_term == 2


def test_a_hello_of_who_is_no_member_is_nothing() -> None:
    view = View().join("n1", "n2").deliver()
    view["n1"].received("n3", Hello(join=1), 10)
    assert "n3" not in view["n1"].joins


# Quorum's three values


def test_the_word_counts_for_its_own_ring_and_an_unknown_one_is_no_after_a_while() -> None:
    terms = View()["n1"]
    terms.ring_changed(RING, NODES, 0)
    assert terms.quorum(WAIT - 1, WAIT) is Word.UNKNOWN
    assert terms.quorum(WAIT, WAIT) is Word.NO
    terms.quorum_told(RING, True, 100)
    assert terms.quorum(100, WAIT) is Word.YES
    terms.ring_changed(NEXT, NODES, 10_000)
    assert terms.quorum(10_000 + WAIT - 1, WAIT) is Word.UNKNOWN
    terms.quorum_told(NEXT, False, 10_001)
    assert terms.quorum(10_001, WAIT) is Word.NO


def test_without_a_ring_a_no_is_a_no_and_a_yes_is_unknown() -> None:
    terms = View()["n1"]
    terms.quorum_told(RING, True, 0)
    assert terms.quorum(100 * WAIT, WAIT) is Word.UNKNOWN
    terms.quorum_told(RING, False, 0)
    assert terms.quorum(0, WAIT) is Word.NO
    terms.network_down(1_000)
    assert terms.quorum(1_000, WAIT) is Word.UNKNOWN
    assert terms.quorum(1_000 + WAIT, WAIT) is Word.NO


def test_who_does_not_speak_the_version_in_use_takes_no_part() -> None:
    old = term(fresh(), *NODES)
    record = after(old, ProtocolRaised(version=2))
    view = View(records=dict.fromkeys(NODES, record))
    for name in ("n1", "n2"):
        view.nodes[name].terms.speaks = 2
    view.join(*NODES).deliver()
    assert view.nodes["n3"].too_old_for == 2
    assert view.nodes["n3"].left_group
    assert view.nodes["n3"].terms.term is None
