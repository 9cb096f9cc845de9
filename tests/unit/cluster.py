"""Records and situations of a small cluster, as the tests of the core need them."""

from collections.abc import Mapping

from standfast.resourced.apply import apply
from standfast.resourced.messages import Content, Members, Update
from standfast.resourced.presence import Held, Member
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import Record, initial
from standfast.resourced.situation import Situation
from standfast.vocabulary import Holding

NODES = ("n1", "n2", "n3")
GROUP = "webserv"


def because(text: str) -> Reason:
    """A reason that reads as `text`."""
    return reason(Rule.FAILED, cause=text)


def fresh(*names: str) -> Record:
    """The first record of a cluster of these nodes (three by default)."""
    return initial("d1", dict.fromkeys(names or NODES, 1), (GROUP,))


def member(
    name: str,
    *,
    met: tuple[str, ...] = (),
    held: Holding = Holding.NOTHING,
    incarnation: str = "",
    leaving: bool = False,
) -> Member:
    """A node as it presents itself, with the configuration in force."""
    return Member(
        node=name,
        incarnation=incarnation or f"{name}/1",
        machine=f"machine-{name}",
        product=f"product-{name}",
        installed="d1",
        available="d1",
        leaving=leaving,
        held={} if held is Holding.NOTHING else {GROUP: Held(holding=held)},
        attempts=(),
        met=met,
    )


def after(record: Record, content: Content, *, number: int = 7, position: int = 0) -> Record:
    """The record after one more update of term `number`."""
    update = Update(nonce=f"n1-{number}", position=position or record.position + 1, at="now", content=content)
    return apply(record, number, update)


def term(
    record: Record,
    *names: str,
    number: int = 7,
    held: Mapping[str, Holding] | None = None,
    incarnations: Mapping[str, str] | None = None,
) -> Record:
    """The record after the first update of a term of these nodes."""
    there = tuple(
        member(name, held=(held or {}).get(name, Holding.NOTHING), incarnation=(incarnations or {}).get(name, ""))
        for name in names
    )
    return after(record, Members(members=there), number=number, position=1)


def situation(
    *,
    me: str = "n1",
    now: int = 0,
    ring: frozenset[str] = frozenset(NODES),
    cold: bool = False,
    orders_allowed: bool = True,
    resting: frozenset[str] = frozenset(),
    waits: Mapping[str, int] | None = None,
) -> Situation:
    """What a coordinator knows beside the record: all are in the ring, and nothing was waited for yet."""
    return Situation(
        me=me,
        now=now,
        ring_nodes=ring,
        cold=cold,
        orders_allowed=orders_allowed,
        resting=resting,
        quorate_since=0,
        waits=waits or {},
    )
