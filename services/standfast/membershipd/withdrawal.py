"""When this node withdraws because of its own links (DESIGN section 4, "Faulty links"): pure.

Corosync wants every node to hear every other one. Where A and B both hear C but not each other, no ring lasts: each is
given up for the next before it could work, on C too, and the majority stands still although it has the quorum. It goes
on only when A or B goes.

Each node decides by what *it* hears, and only about itself. Nothing can be agreed on meanwhile, as no message comes
through, and what others hear is not known here: with A and B apart, each finds that the other one is missing. If a
node evicted another one by that, A and B would evict each other, and C alone would have no quorum. So nobody evicts
anybody. That not all go is a matter of time: the more members a node misses the sooner it goes, of two equals the one
with the higher id; one step is long enough that the others see the churn end before it is their turn.

Time is counted from the first ring of the churn, which comes to all nodes at about the same time, and of a member only
from when it was missed: who goes is missed by all who heard it, and whether its going was enough shows in the next
step. When a missed member is heard again, all begins anew: it may have been the only fault. The turns are few (two of
three nodes, else four) because a watchdog is not fed while rings churn: three missed members count like four or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

RINGS: Final = 3  # new rings within WINDOW are churn
WINDOW: Final = 5  # times DetectWithin
STEP: Final = 2  # times DetectWithin; for so long without a new ring, and the churn is over
_REMEMBERED: Final = 32  # rings


@dataclass(frozen=True, slots=True, kw_only=True)
class RingFormed:
    """Corosync on this node began to form a new ring, which it may have given up before anybody was told."""

    at_ms: int
    sequence: int  # the second half of its name


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksRead:
    """The ids of the configured nodes that this one heard just now, over any link."""

    at_ms: int
    heard: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermOpened:
    """A term with these members is open on this node."""

    at_ms: int
    members: frozenset[int]


Event = RingFormed | LinksRead | TermOpened


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """There is no churn, or it is not this node's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The links are to be read again at `until_ms`, and at each new ring."""

    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """This node stops its Corosync now."""

    missed: tuple[int, ...]  # members that it does not hear, by id
    rings: tuple[int, ...]  # the sequence numbers of the rings of the churn, oldest first
    began_ms: int  # when the first of them came


Decision = Nothing | Wait | Withdraw


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one node knows of rings, links and members; times come with the events and never go back."""

    me: int
    detect_within_ms: int
    members: frozenset[int]  # of the last open term; a node that was in none yet takes all that are configured
    missed: Mapping[int, int] = field(default_factory=dict)  # members that it does not hear, and since when
    rings: tuple[RingFormed, ...] = ()  # of this churn
    began_ms: int = 0  # when the first of them came, also when it is forgotten


def step(watch: Watch, event: Event) -> tuple[Watch, Decision]:
    """Only who has just read its links withdraws, as a heal shows there before it shows in the rings."""
    match event:
        case RingFormed():
            watch = _with_ring(watch, event)
            return watch, _not_yet(_decide(watch, event.at_ms), event.at_ms)
        case LinksRead():
            watch = _with_missed(watch, watch.members - event.heard - {watch.me}, event.at_ms)
            return watch, _decide(watch, event.at_ms)
        case TermOpened():  # who is new in it and not heard is missed from the next look at the links on
            watch = _with_missed(watch, event.members & watch.missed.keys(), event.at_ms)
            watch = replace(watch, members=event.members)
            return watch, _not_yet(_decide(watch, event.at_ms), event.at_ms)
    assert_never(event)


def churns(watch: Watch, at_ms: int) -> bool:
    """A ring came a moment ago: the links are worth a closer look."""
    return bool(watch.rings) and at_ms - watch.rings[-1].at_ms < STEP * watch.detect_within_ms


def _with_ring(watch: Watch, ring: RingFormed) -> Watch:
    if not churns(watch, ring.at_ms):
        return replace(watch, rings=(ring,), began_ms=ring.at_ms)
    return replace(watch, rings=(*watch.rings, ring)[-_REMEMBERED:])


def _with_missed(watch: Watch, missed: frozenset[int], at_ms: int) -> Watch:
    """Who was missed before counts from then on, unless somebody came back: then all begins anew."""
    old = watch.missed if watch.missed.keys() <= missed else {}
    return replace(watch, missed={node: old.get(node, at_ms) for node in sorted(missed)})


def _not_yet(decision: Decision, at_ms: int) -> Decision:
    return Wait(until_ms=at_ms) if isinstance(decision, Withdraw) else decision


def _decide(watch: Watch, at_ms: int) -> Decision:
    peers = watch.members - {watch.me}
    if not watch.missed or watch.missed.keys() == peers:
        return Nothing()  # who hears nobody is cut off: it is in nobody's way
    within = [ring for ring in watch.rings if at_ms - ring.at_ms <= WINDOW * watch.detect_within_ms]
    if len(within) < RINGS or not churns(watch, at_ms):
        return Nothing()
    due_ms, last_ms = _due_ms(watch, len(peers)), watch.rings[-1].at_ms
    if at_ms < due_ms:
        return Wait(until_ms=due_ms)
    if at_ms - last_ms > watch.detect_within_ms:
        return Wait(until_ms=last_ms + STEP * watch.detect_within_ms)  # it may be over: one more ring, or the end
    rings = tuple(ring.sequence for ring in watch.rings)
    return Withdraw(missed=tuple(sorted(watch.missed)), rings=rings, began_ms=watch.began_ms)


def _due_ms(watch: Watch, peers: int) -> int:
    """When it is this node's turn, by those that it missed first or by all of them, whichever comes first."""
    by_time = sorted(watch.missed, key=lambda node: watch.missed[node])
    step_ms = STEP * watch.detect_within_ms
    return min(
        max(watch.began_ms, watch.missed[by_time[count - 1]])
        + step_ms * (1 + _turn(watch.me, frozenset(by_time[:count]), peers))
        for count in range(1, len(by_time) + 1)
    )


def _turn(me: int, missed: frozenset[int], peers: int) -> int:
    """How many steps are for others, who miss more or have a higher id: 0 to 3, of three nodes 0 or 1.

    Whoever misses one waits until those who miss two or more had their two turns: in a star its middle goes, whatever
    its id is. Of three nodes nobody can miss two and still be in the way.
    """
    most = peers - 1
    later = 0 if len(missed) >= min(2, most) else 2
    first = len(missed) > 2 or me > max(missed)
    return later + (0 if first else 1)
