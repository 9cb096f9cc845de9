"""What an operator may ask for, why not, and what answer comes back."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.resourced.events import Answer
from standfast.resourced.messages import LossDeclared, Message, Reported, Update, Wish, WishKind
from standfast.resourced.operators import WAIT_MS, Operators
from standfast.resourced.presence import Held
from standfast.resourced.record import Record
from standfast.resourced.wishes import refuse_wish, resolve_wish
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term
from unit.test_terms import View, first_update

KNOWN = configuration(list(NODES))


def wish(kind: WishKind, subject: str = GROUP, node: str = "") -> Wish:
    return Wish(id="w", kind=kind, subject=subject, node=node)


def running(*, standby: tuple[str, ...] = ()) -> Record:
    record = term(fresh(), *NODES, held={"n1": Holding.RUNNING})
    for name in standby:
        record = after(record, wish(WishKind.STANDBY, name))
    return record


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (wish(WishKind.STANDBY, "n2"), ""),
        (wish(WishKind.STANDBY, "n9"), "there is no node n9; there are: n1, n2, n3"),
        (wish(WishKind.STOP), ""),
        (wish(WishKind.STOP, "mail"), "there is no group mail; there are: webserv"),
        (wish(WishKind.START, node="n2"), ""),
        (wish(WishKind.START, node="n3"), "n3 cannot run webserv now: n3 is in standby"),
        (wish(WishKind.RELOCATE), ""),
        (wish(WishKind.RELOCATE, node="n9"), "n9 may not run webserv: its domain allows n1, n2, n3"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else f"{value.kind.value} {value.subject} {value.node}",
)
def test_a_wish_that_cannot_be_is_refused_in_one_sentence(asked: Wish, answer: str) -> None:
    assert refuse_wish(asked, running(standby=("n3",)), KNOWN, situation()) == answer


def test_a_relocation_finds_the_best_other_node() -> None:
    record = after(
        running(),
        Reported(node="n2", group=GROUP, order=99, busy=False, held=Held(holding=Holding.NOTHING, failed="broken")),
    )
    assert resolve_wish(wish(WishKind.RELOCATE), record, KNOWN, situation()).node == "n3"
    assert resolve_wish(wish(WishKind.RELOCATE, node="n2"), record, KNOWN, situation()).node == "n2"
    assert resolve_wish(wish(WishKind.STOP), record, KNOWN, situation()).node == ""


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (wish(WishKind.RELOCATE), True),
        (wish(WishKind.RELOCATE, node="n2"), True),
        (wish(WishKind.START, node="n2"), True),
        (wish(WishKind.START, node="n1"), False),
        (wish(WishKind.START), False),
    ],
    ids=["relocate", "relocate there", "start there", "start here", "start"],
)
def test_what_runs_is_not_stopped_to_start_nowhere(asked: Wish, refused: bool) -> None:
    record = after(running(), LossDeclared(node="n3", reason=because("gone")))
    text = "webserv would not start elsewhere now: it waits for the proof that n3 is off (loss 7.1)"
    assert refuse_wish(asked, record, KNOWN, situation()) == (text if refused else "")


def test_a_relocation_that_no_other_node_can_take_is_refused() -> None:
    record = running(standby=("n2", "n3"))
    assert "no other node" in refuse_wish(wish(WishKind.RELOCATE), record, KNOWN, situation())


class Asked:
    """A view of three with an open term; an operator on n1."""

    def __init__(self, *, opened: bool = True) -> None:
        self.view = View()
        if opened:
            self.view.join(*NODES).deliver()
            first_update(self.view)
            self.view.deliver()
        self.sent: list[Message] = []
        self.answers: list[Answer] = []
        self.operators = Operators(self.view["n1"], self.sent.append, self.answers.append)
        self.operators.wished(wish(WishKind.STOP), 0)
        self.operators.advance(0)

    def written(self) -> None:
        """The coordinator writes what was asked for, and everybody reads and stores it."""
        content = replace(wish(WishKind.STOP))
        self.view.update("n1", 2, content)
        self.operators.delivered(Update(nonce="", position=2, at="", content=content))

    def outcome(self, now: int) -> list[str]:
        self.operators.advance(now)
        return [answer.outcome for answer in self.answers]


def test_a_wish_is_sent_once_and_done_when_it_is_durable() -> None:
    asked = Asked()
    assert len(asked.sent) == 1
    asked.written()
    assert asked.outcome(10) == []
    asked.view.deliver()
    assert asked.outcome(20) == ["done"]
    assert asked.outcome(30) == ["done"]
    assert len(asked.sent) == 1


def test_a_wish_whose_term_ended_is_unknown() -> None:
    asked = Asked()
    asked.operators.term_changed()
    assert asked.outcome(10) == ["unknown"]


def test_a_wish_without_an_answer_is_unknown_after_a_while() -> None:
    asked = Asked()
    assert asked.outcome(WAIT_MS - 1) == []
    assert asked.outcome(WAIT_MS) == ["unknown"]


def test_a_wish_without_an_open_term_waits_and_then_changed_nothing() -> None:
    asked = Asked(opened=False)
    asked.operators.term_changed()
    assert asked.outcome(WAIT_MS - 1) == []
    assert asked.outcome(WAIT_MS) == ["not-quorate"]
    assert asked.sent == []


def test_a_refused_wish_says_why() -> None:
    asked = Asked()
    asked.operators.refused("another", "no")
    asked.operators.refused("w", "there is no group")
    assert asked.answers == [Answer(wish="w", outcome="refused", text="there is no group")]
