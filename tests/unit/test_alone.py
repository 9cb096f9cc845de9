"""Going on alone on an operator's word: what is refused, what proves, what ends it, and what the term begins with."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.quorum import Rules
from standfast.resourced.alone import TOGETHER_MS, Wanted, first_updates
from standfast.resourced.apply import apply
from standfast.resourced.events import (
    AloneAsked,
    Answer,
    ConfigurationRead,
    Entry,
    Fence,
    FencingTold,
    GroupChanged,
    LinksTold,
    LoosenQuorum,
    QuorumTold,
    RingChanged,
    TimePassed,
    Wished,
)
from standfast.resourced.messages import LossDeclared, Proven, StartedAlone, Update, Wish, WishKind
from standfast.resourced.record import Record, initial
from standfast.resourced.terms import ALONE_TERMS
from standfast.vocabulary import Ring
from unit.cluster import GROUP, NODES, after, because, fresh, term
from unit.test_core import ALONE, RING, Alone

PAIR = ("n1", "n2")
HEARD_MS = 60_000
NEXT = Ring(1, 99)


def waiting(*names: str) -> Alone:
    """n1 of these nodes is up, and not quorate."""
    node = Alone(names or PAIR)
    node.give(RingChanged(ring=RING, nodes=ALONE), TimePassed(), GroupChanged(members=ALONE, joined=ALONE))
    node.give(QuorumTold(ring=RING, quorate=False))
    assert node.core.terms.term is None
    return node


def ask(node: Alone, *names: str) -> str:
    """ "" = the request is taken."""
    actions = node.give(AloneAsked(id="a", without=names, by="uid 0 on n1"))
    (answer,) = [action for action in actions if isinstance(action, Answer)]
    assert answer.outcome == ("refused" if answer.text else "done")
    return answer.text


def asked(*names: str) -> Alone:
    """All others of these nodes are named."""
    node = waiting(*names)
    assert ask(node, *(names or PAIR)[1:]) == ""
    return node


def fences(node: Alone) -> list[Fence]:
    return [action for action in node.log if isinstance(action, Fence)]


def ends(node: Alone, name: str, *, good: bool, text: str = "status is off") -> None:
    """What fenced was asked last of this node has ended."""
    fence = [fence for fence in fences(node) if fence.node == name][-1]
    node.give(FencingTold(running=(), ended={(fence.loss, "off"): (good, text)}))


def confirm(node: Alone, name: str, loss: str) -> str:
    wish = Wish(id="c", kind=WishKind.CONFIRM, subject=name, loss=loss, by="uid 0 on n1")
    (answer,) = [action for action in node.give(Wished(wish=wish)) if isinstance(action, Answer)]
    return answer.text


def loosened(node: Alone) -> list[LoosenQuorum]:
    return [action for action in node.log if isinstance(action, LoosenQuorum)]


def quorate(node: Alone) -> None:
    node.give(QuorumTold(ring=RING, quorate=True))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "n2 is absent too: name every absent node"),
        (("n2",), "n3 is absent too: name every absent node"),
        (("n1", "n2", "n3"), "n1 is this node: name those that are absent"),
        (("n2", "n3", "n4"), "there is no node n4; there are: n1, n2, n3"),
    ],
)
def test_exactly_the_absent_nodes_are_named(names: tuple[str, ...], told: str) -> None:
    node = waiting(*NODES)
    assert ask(node, *names) == told
    assert node.core.alone.wanted == {}
    assert ask(node, "n3", "n2", "n2") == ""


def test_who_is_heard_is_not_absent() -> None:
    node = waiting()
    node.give(LinksTold(up=frozenset({"n2"})))
    assert ask(node, "n2") == "n2 is heard: it is not absent"
    node.give(LinksTold(up=frozenset()), RingChanged(ring=NEXT, nodes=PAIR))
    assert ask(node, "n2") == "n2 is heard: it is not absent"


def test_a_node_whose_resourced_is_away_is_neither_absent_nor_here() -> None:
    node = waiting(*NODES)
    node.give(RingChanged(ring=NEXT, nodes=PAIR))
    assert ask(node, "n3") == "n2 is here, but its resourced is not: systemctl restart standfast-resourced there"


def test_where_a_term_is_open_there_is_nothing_to_do() -> None:
    node = Alone().join()
    assert ask(node, "n2").startswith("a term is open (term 1): this cluster goes on already")


def test_before_it_has_joined_a_node_cannot_say_who_is_absent() -> None:
    assert ask(Alone(PAIR), "n2").startswith("this node has not joined its cluster yet")


def test_the_same_request_twice_is_one() -> None:
    node = asked()
    assert ask(node, "n2") == ""
    assert len(fences(node)) == 1


def test_the_proof_is_asked_for_before_anything_and_opens_the_term() -> None:
    node = asked()
    (fence,) = fences(node)
    assert (fence.node, fence.action) == ("n2", "off")
    quorate(node)
    assert node.core.terms.term is None
    ends(node, "n2", good=True)
    assert node.core.terms.term is not None
    assert node.core.terms.term.number == ALONE_TERMS
    node.passes(1_000)
    record = node.core.record
    assert record is not None
    assert (record.losses["n2"].proof, record.losses["n2"].number) == ("agent", f"{ALONE_TERMS}.1")
    assert record.owed == {"n2": f"{ALONE_TERMS}.1"}
    assert node.core.alone.wanted == {}


def test_votequorum_is_told_only_with_all_proofs_and_again_until_it_says_yes() -> None:
    node = asked(*NODES)
    node.passes(5_000)
    ends(node, "n2", good=True)
    assert loosened(node) == []
    ends(node, "n3", good=True)
    assert loosened(node) == [LoosenQuorum(cancel_wait_for_all=False, expected=1)]
    node.passes(1_000)
    assert len(loosened(node)) == 2
    quorate(node)
    assert node.core.terms.term is not None
    node.passes(3_000)
    assert len(loosened(node)) == 2


def test_of_two_nodes_waiting_for_all_is_cancelled_and_the_votes_stay() -> None:
    node = asked()
    ends(node, "n2", good=True)
    assert loosened(node) == [LoosenQuorum(cancel_wait_for_all=True, expected=0)]


def test_a_failed_attempt_is_told_and_tried_again_after_a_growing_pause() -> None:
    node = asked()
    ends(node, "n2", good=False, text="no answer")
    (row,) = node.core.alone.losses(node.now)
    assert row[1:3] == ("n2", 1)
    assert "the last attempt failed: no answer" in row[4]
    assert len(fences(node)) == 1
    node.passes(1_200)
    assert len(fences(node)) == 2
    assert len({fence.loss for fence in fences(node)}) == 1
    ends(node, "n2", good=False)
    node.passes(1_200)
    assert len(fences(node)) == 2
    node.passes(1_200)
    assert len(fences(node)) == 3


def test_a_fenced_that_began_anew_is_asked_anew() -> None:
    node = asked()
    node.give(FencingTold(running=(), ended={}, restarted=True))
    assert len(fences(node)) == 2


def test_a_device_is_not_believed_while_a_link_to_its_node_is_up() -> None:
    node = asked()
    node.give(LinksTold(up=frozenset({"n2"})))
    ends(node, "n2", good=True)
    node.passes(1_000)
    assert not node.core.alone.wanted["n2"].how
    node.passes(HEARD_MS)
    assert node.core.alone.wanted["n2"].failed > 0
    assert "a link to it is up" in node.core.alone.wanted["n2"].why


def test_old_proofs_are_asked_for_anew_under_another_name() -> None:
    node = asked(*NODES)
    ends(node, "n2", good=True)
    node.passes(TOGETHER_MS + 1_000)
    ends(node, "n3", good=True)
    assert loosened(node) == []
    node.passes(250)
    names = [fence.loss for fence in fences(node) if fence.node == "n2"]
    assert len(set(names)) == 2
    ends(node, "n2", good=True)
    assert len(loosened(node)) == 1


@pytest.mark.parametrize(("late", "loss"), [(False, ""), (True, "8.1")])
def test_an_operator_confirms_only_what_no_device_could_prove(late: bool, loss: str) -> None:
    node = asked()
    shown = node.core.alone.wanted["n2"].loss
    if late:
        ends(node, "n2", good=False)
    assert confirm(node, "n2", loss or shown) != ""
    ends(node, "n2", good=False)
    assert confirm(node, "n2", shown) == ""
    quorate(node)
    node.passes(1_000)
    record = node.core.record
    assert record is not None
    assert record.losses["n2"].proof == "operator"
    assert record.owed == {}


def test_where_there_is_no_device_the_operator_is_asked_at_once() -> None:
    node = Alone(PAIR)
    bare = configuration(list(PAIR))
    nodes = tuple(replace(one, fence=()) for one in bare.nodes)
    node.give(ConfigurationRead(configuration=replace(bare, nodes=nodes), installed="d1", offered=bare))
    node.give(RingChanged(ring=RING, nodes=ALONE), TimePassed(), GroupChanged(members=ALONE, joined=ALONE))
    assert ask(node, "n2") == ""
    ((loss, _, _, _, told),) = node.core.alone.losses(node.now)
    assert told.endswith(f"then: standfast fence confirm n2 {loss}")
    assert fences(node) == []
    assert confirm(node, "n2", loss) == ""


def test_it_is_over_when_a_named_node_is_heard_and_its_proof_counts_no_more() -> None:
    node = asked()
    node.give(RingChanged(ring=NEXT, nodes=PAIR))
    told = [action.text for action in node.log if isinstance(action, Entry) and action.event == "alone-ended"]
    assert told == ["That an operator goes on without n2 is over: n2 is heard: it is not absent"]
    ends(node, "n2", good=True)
    assert loosened(node) == []
    assert node.core.terms.proven_off == frozenset()


def test_it_is_over_when_no_term_can_be_opened_for_long() -> None:
    node = asked()
    ends(node, "n2", good=True)
    node.passes(TOGETHER_MS + 1_000)
    assert node.core.alone.wanted == {}
    quorate(node)
    node.passes(5_000)
    assert node.core.terms.term is None


def settled(record: Record, *without: str, how: str = "agent") -> Record:
    """The record once the term that goes on without these nodes has begun."""
    wanted = {name: Wanted(loss="alone-1", devices=True, how=how) for name in without}
    for position, content in enumerate(first_updates(record, 1007, wanted, "uid 0 on n1"), 2):
        record = apply(record, 1007, Update(nonce="n1-1", position=position, at="now", content=content))
    return record


def test_a_loss_that_waits_for_its_proof_already_is_proven_and_others_are_declared() -> None:
    record = after(term(fresh(), "n1"), LossDeclared(node="n2", reason=because("lost")))
    number = record.losses["n2"].number
    contents = first_updates(
        record, 1007, {name: Wanted(loss="a", devices=True, how="agent") for name in ("n2", "n3")}, "me"
    )
    assert isinstance(contents[0], StartedAlone)
    assert [content.loss for content in contents if isinstance(content, Proven)] == [number, "1007.1"]


def test_of_more_than_two_nodes_it_is_remembered_and_nobody_is_switched_on() -> None:
    record = settled(term(fresh(), "n1"), "n2", "n3")
    assert record.settled
    assert record.without == ("n2", "n3")
    assert record.owed == {}
    assert term(record, "n1", number=1008).without == ("n2", "n3")
    assert term(record, "n1", "n2", number=1008).without == ()


@pytest.mark.parametrize(("how", "owed"), [("agent", True), ("operator", False)])
def test_of_two_nodes_nothing_is_remembered_and_who_was_shot_is_switched_on(how: str, owed: bool) -> None:
    record = settled(term(fresh(*PAIR), "n1"), "n2", how=how)
    assert record.without == ()
    assert bool(record.owed) is owed


def test_of_two_nodes_one_with_more_votes_could_go_on_by_itself() -> None:
    votes = initial("d1", {"n1": 1, "n2": 2}, (GROUP,))
    record = settled(term(votes, "n1"), "n2")
    assert (record.without, record.owed) == (("n2",), {})
    assert term(record, "n1", "n2", number=1008).without == ()


def test_an_operators_word_stands_for_all_others_or_for_nobody() -> None:
    rules = Rules(votes_of=dict.fromkeys(("n1", "n2", "n3", "n4", "n5"), 1))
    here = frozenset({"n1", "n2"})
    assert not rules.may_hold(here)
    assert rules.may_hold(here, frozenset({"n3", "n4", "n5"}))
    assert not rules.may_hold(here, frozenset({"n3", "n4"}))
    assert not rules.may_hold(frozenset({"n1"}), frozenset({"n3", "n4", "n5"}))
    assert not rules.may_hold(frozenset(), frozenset(rules.votes_of))
