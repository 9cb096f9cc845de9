"""Going on without nodes that are absent, on an operator's word (DESIGN section 5, "start-alone").

Where too few nodes are here to open a term nobody may fence either. An operator names every absent node; this node's
fenced proves each off, or the operator vouches for it (`fence confirm`). With all proofs together votequorum is told to
do without them, the record that is here counts, and the proofs are the first updates of the term. All of it is in this
memory of this process: one that begins anew knows of no request, and votequorum's word alone opens nothing from a disk.
"""

from collections.abc import Callable
from dataclasses import dataclass

from standfast.resourced import story
from standfast.resourced.coordinator import Knowledge
from standfast.resourced.events import Action, AloneAsked, Answer, Fence, FencingTold, LoosenQuorum
from standfast.resourced.fencing import heard_limit_ms
from standfast.resourced.losses import declare_loss
from standfast.resourced.messages import Content, LossDeclared, Proven, StartedAlone, Wish
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import Record
from standfast.resourced.term import Term
from standfast.resourced.terms import Terms

TOGETHER_MS = 10_000  # proofs that are further apart are no proof that all are off: no node boots and acts within it
LOOSEN_AGAIN_MS = 1_000
LONGEST_PAUSE_MS = 30_000


@dataclass(slots=True, kw_only=True)
class Wanted:
    """The proof that one absent node is off."""

    loss: str  # what it is called until the term gives the loss a number: no older proof in fenced has this name
    devices: bool
    asked: bool = False  # fenced is at it
    told: tuple[bool, str] | None = None  # how that ended
    heard_since: int | None = None  # since when a link to it is up although its device says that it is off
    failed: int = 0
    due_at: int = 0  # when fenced is asked (again)
    why: str = ""  # how the last attempt failed
    how: str = ""  # agent, operator; "" = not proven
    text: str = ""
    proven_at: int = 0


class Alone:
    """One request at a time, from asked to the term that it opens, or until it cannot be any more."""

    def __init__(self, me: str, terms: Terms, act: Callable[[Action], None], fresh: Callable[[], int]) -> None:
        """`fresh`: a number never given before."""
        self._me, self._terms, self._act, self._fresh = me, terms, act, fresh
        self.wanted: dict[str, Wanted] = {}  # by node; empty: nothing is asked
        self._by = ""
        self._ready_at: int | None = None  # since when all proofs are together
        self._loosen_at = 0

    def asked(self, event: AloneAsked, known: Knowledge) -> None:
        """The request is taken, or refused with a sentence."""
        names = tuple(sorted(set(event.without)))
        why = self._refusal(names, known.linked, known)
        if not why and self.wanted and set(names) != set(self.wanted):
            why = f"this node is about to go on without {', '.join(self.wanted)} already: wait for its end"
        if not why and not self.wanted:
            self._by, self._ready_at = event.by, None
            nodes = known.configuration.node
            self.wanted = {name: Wanted(loss=self._label(), devices=bool(nodes(name).fence)) for name in names}
            self._act(story.alone_asked(names, event.by))
        self._act(Answer(wish=event.id, outcome="refused" if why else "done", text=why))

    def confirms(self, wish: Wish, known: Knowledge) -> bool:
        """False: the confirmation is of no loss of this request."""
        wanted = self.wanted.get(wish.subject)
        if wanted is None:
            return False
        why = _refuse_confirmation(wish, wanted)
        if not why:
            wanted.how, wanted.text, wanted.proven_at = "operator", wish.by, known.now
        self._act(Answer(wish=wish.id, outcome="refused" if why else "done", text=why))
        return True

    def told(self, event: FencingTold) -> None:
        """What fenced says now; one that was restarted is asked anew."""
        for wanted in self.wanted.values():
            if event.restarted:
                wanted.asked = False
            elif wanted.asked:
                wanted.told = event.ended.get((wanted.loss, "off"))

    def advance(self, known: Knowledge) -> None:
        """Everything that follows is on its way; a request that cannot be any more ends."""
        if not self.wanted:
            return
        why = self._refusal(tuple(self.wanted), frozenset(), known)
        if why:
            self._end(why, known.now)
            return
        for name, wanted in self.wanted.items():
            self._pursue(name, wanted, known)
        if all(wanted.how for wanted in self.wanted.values()):
            self._go_on(known)

    def opened(self, term: Term, now: int) -> tuple[Content, ...]:
        """A term is open and the request is over; what its coordinator is to write first."""
        record, wanted, alone = self._terms.record, self.wanted, term.alone and term.coordinator == self._me
        if not wanted:
            return ()
        if not alone or record is None:
            self._end("a term is open", now)
            return ()
        self.wanted = {}
        self._terms.go_without(frozenset(), now)
        return first_updates(record, term.number, wanted, self._by)

    def losses(self, now: int) -> list[tuple[str, str, int, int, str]]:
        """Those that wait for their proof: loss, node, attempts failed, seconds to the next one, a sentence."""
        return [
            (wanted.loss, name, wanted.failed, max(wanted.due_at - now, 0) // 1000, _sentence(name, wanted))
            for name, wanted in self.wanted.items()
            if not wanted.how
        ]

    def _refusal(self, names: tuple[str, ...], linked: frozenset[str], known: Knowledge) -> str:
        """One sentence why this node cannot go on without exactly these, "" = it can."""
        terms = self._terms
        if terms.term is not None:
            return f"a term is open (term {terms.term.number}): this cluster goes on already, see `standfast status`"
        if self._me not in terms.members:
            return "this node has not joined its cluster yet: is Corosync up? Try again in a moment"
        if terms.record is None:
            return "this node has no record: ask on a node that was a member of this cluster"
        unknown = [name for name in names if name not in terms.order]
        if unknown:
            return f"there is no node {unknown[0]}; there are: {', '.join(terms.order)}"
        if self._me in names:
            return f"{self._me} is this node: name those that are absent"
        return self._refusal_by_place(set(names), linked)

    def _refusal_by_place(self, names: set[str], linked: frozenset[str]) -> str:
        terms = self._terms
        here, ring = set(terms.members), set(terms.ring_nodes)
        heard = sorted(names & (here | ring | linked))
        if heard:
            return f"{heard[0]} is heard: it is not absent"
        away = sorted(ring - here)
        if away:
            return f"{away[0]} is here, but its resourced is not: systemctl restart standfast-resourced there"
        missing = [name for name in terms.order if name not in names | here]
        if missing:
            return f"{missing[0]} is absent too: name every absent node"
        lowest = min(here & set(terms.order), key=lambda name: terms.order[name])
        return "" if lowest == self._me else f"the lowest node that is here opens the term: ask on {lowest}"

    def _pursue(self, name: str, wanted: Wanted, known: Knowledge) -> None:
        """What fenced said is judged; what is due is begun."""
        if wanted.told is not None:
            self._judge(name, wanted, known)
        if wanted.devices and not wanted.how and not wanted.asked and known.now >= wanted.due_at:
            record = self._terms.record
            node = record.nodes.get(name) if record is not None else None
            wanted.asked = True
            self._act(Fence(loss=wanted.loss, node=name, incarnation=node.incarnation if node else "", action="off"))

    def _judge(self, name: str, wanted: Wanted, known: Knowledge) -> None:
        """Who is still linked is not off, whatever its device says."""
        assert wanted.told is not None
        good, text = wanted.told
        if good and name in known.linked:
            wanted.heard_since = known.now if wanted.heard_since is None else wanted.heard_since
            if known.now - wanted.heard_since < heard_limit_ms(known.configuration):
                return
            good, text = False, f"its device says that {name} is off, but a link to it is up: test the device"
        wanted.told, wanted.asked, wanted.heard_since = None, False, None
        if wanted.how:
            return
        if good:
            wanted.how, wanted.text, wanted.proven_at = "agent", text, known.now
        else:
            wanted.why = text
            wanted.due_at = known.now + min(1000 << min(wanted.failed, 5), LONGEST_PAUSE_MS)
            wanted.failed += 1

    def _go_on(self, known: Knowledge) -> None:
        """All are proven off: the term may be opened without them, while their proofs are of one time."""
        if self._ready_at is None:
            old = [one for one in self.wanted.values() if _is_old(one, known.now)]
            for wanted in old:
                wanted.loss, wanted.how, wanted.due_at = self._label(), "", known.now
            if old:
                return
            self._ready_at = known.now
        if known.now - self._ready_at > TOGETHER_MS:
            self._end("all are proven off, but no term could be opened: see corosync-quorumtool -s", known.now)
            return
        terms = self._terms
        terms.go_without(frozenset(self.wanted), known.now)
        if terms.word != (terms.ring, True) and known.now >= self._loosen_at:
            self._loosen_at = known.now + LOOSEN_AGAIN_MS
            here, rules = frozenset(terms.members), terms.rules
            expected = 0 if rules.holds(here) else rules.votes(here)
            self._act(LoosenQuorum(cancel_wait_for_all=rules.wait_for_all, expected=expected))

    def _end(self, why: str, now: int) -> None:
        self._act(story.alone_ended(tuple(self.wanted), why))
        self.wanted = {}
        self._terms.go_without(frozenset(), now)

    def _label(self) -> str:
        return f"alone-{self._fresh():x}"


def first_updates(record: Record, term: int, wanted: dict[str, Wanted], by: str) -> tuple[Content, ...]:
    """What the term that was opened without these nodes begins with, after its members: each is lost, and proven off.
    Who could open a term without this one stays off: `on` is not owed."""
    contents: list[Content] = [StartedAlone(without=tuple(wanted), by=by)]
    for name, proof in wanted.items():
        if name not in record.nodes:
            continue
        lost = LossDeclared(node=name, reason=reason(Rule.STARTED_WITHOUT, by=by))
        record = declare_loss(record, term, lost)
        number = record.losses[name].number  # of the one that waits for its proof already, if there is one
        switch_on = proof.how == "agent" and not record.could_go_on(wanted)
        contents += [lost, Proven(loss=number, how=proof.how, text=proof.text, switch_on=switch_on)]
    return tuple(contents)


def _is_old(wanted: Wanted, now: int) -> bool:
    """An operator's word is for as long as it takes; what a device said is of that moment."""
    return wanted.how == "agent" and now - wanted.proven_at > TOGETHER_MS


def _refuse_confirmation(wish: Wish, wanted: Wanted) -> str:
    """As in an open term: only what waits for its proof, and no device could prove."""
    if wanted.how:
        return f"{wish.subject} is proven off already ({wanted.how})"
    if wish.loss != wanted.loss:
        return f"loss {wish.loss} of {wish.subject} is not the one that waits for its proof; that is {wanted.loss}"
    if wanted.devices and not wanted.failed:
        return f"no attempt to fence {wish.subject} has failed yet (loss {wanted.loss}): wait for its end"
    return ""


def _sentence(name: str, wanted: Wanted) -> str:
    if not wanted.devices:
        return f"it has no fence device: see that it has no power, then: standfast fence confirm {name} {wanted.loss}"
    last = f"; the last attempt failed: {wanted.why}" if wanted.why else ""
    return f"an operator goes on without it, and it is fenced first{last}"
