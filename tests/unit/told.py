"""A story of the cluster, told step by step to the real `plan` and `apply`.

As a coordinator does, whatever is planned is applied at once and planned again until nothing new comes; an order then
stays open until a step answers it (`and so it is done`, or a report).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from standfast.configuration.model import Configuration, Resource
from standfast.resourced import showing
from standfast.resourced.alone import Wanted, first_updates
from standfast.resourced.apply import apply
from standfast.resourced.configuring import into_force
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Content,
    Disabled,
    Forgiven,
    Forgotten,
    Health,
    Installed,
    Kept,
    Leaving,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    OrderKind,
    Placed,
    Proven,
    RaceDecided,
    Reported,
    SwitchedOn,
    Update,
    Viewed,
    Wish,
    WishKind,
)
from standfast.resourced.plan import Planned, plan
from standfast.resourced.presence import Held, RunningAttempt, View
from standfast.resourced.reasons import Reason, Rule, sentence
from standfast.resourced.record import Record, initial
from standfast.resourced.situation import Situation
from standfast.resourced.wishes import refuse_wish, resolve_wish
from standfast.vocabulary import Holding
from unit.cluster import member

MOST_ROUNDS = 40  # of planning until it is quiet: more of them is a plan that never ends


class Story:
    """One cluster from its first record on; `tell` does one step and yields what the plan makes of it."""

    def __init__(self, configuration: Configuration) -> None:
        votes = {node.name: node.votes for node in configuration.nodes}
        self.configuration = configuration
        self.offered: Configuration | None = None
        self.record = initial("d1", votes, tuple(group.name for group in configuration.groups))
        self.term, self.now, self.cold = 0, 0, False
        self.ring: set[str] = set()
        self.resting: set[str] = set()
        self.waits: Mapping[str, int] = {}
        self.race_ms = 0
        self.boots = dict.fromkeys(votes, 1)
        self.rules: set[Rule] = set()  # that were followed
        self.views: dict[str, dict[str, View]] = {}
        self.there: dict[tuple[str, str], Held] = {}  # what is really held: (node, group)

    def tell(self, step: str) -> Iterator[str]:
        for pattern, act in STEPS.items():
            if found := re.fullmatch(pattern, step):
                yield from act(self, *found.groups()) or ()
                self._note(why for group in self.record.groups.values() for why in group.reasons)
                self._note(loss.reason for loss in self.record.losses.values())
                yield from self._quiet()
                return
        raise AssertionError(f"no such step: {step}")

    # What happens

    def apply(self, content: Content) -> None:
        update = Update(nonce=f"t{self.term}", position=self.record.position + 1, at=str(self.now), content=content)
        self.record = apply(self.record, self.term, update)

    def here(self, names: str) -> None:
        """A new term of these nodes and nobody else; each says what it holds. The others are out of the ring."""
        self.ring = set(names.split())
        self._new_term(self.ring)

    def cold_start(self, names: str) -> None:
        """After a power cut of all: nobody holds anything, and who is not named is missing."""
        self.cold = True
        self.there = {}
        self.boots = {name: count + 1 for name, count in self.boots.items()}
        self.here(names)

    def lost(self, names: str) -> None:
        self.here(" ".join(sorted(self.ring - set(names.split()))))

    def away(self, name: str) -> None:
        self._new_term(set(self.record.members) - {name})

    def rests(self, name: str) -> None:
        self.resting.add(name)
        self.away(name)

    def back(self, name: str) -> None:
        self.resting.discard(name)
        self.ring |= {name}
        self._new_term(set(self.record.members) | {name})

    def boots_again(self, name: str) -> None:
        self.boots[name] += 1
        self.there = {place: held for place, held in self.there.items() if place[0] != name}
        self.back(name)

    def new_term(self) -> None:
        self._new_term(set(self.record.members))

    def _new_term(self, names: set[str]) -> None:
        self.term += 1
        said = []
        for name in sorted(names):
            held = {group: held for (node, group), held in self.there.items() if node == name}
            running = tuple(
                RunningAttempt(loss=attempt.loss, node=attempt.node, action=attempt.action)
                for attempt in self.record.attempts
                if attempt.fencer == name and not self.cold
            )
            about = member(name, incarnation=f"{name}/{self.boots[name]}")
            said.append(replace(about, held=held, attempts=running, views=self.views.get(name, {})))
        update = Update(nonce=f"t{self.term}", position=1, at=str(self.now), content=Members(members=tuple(said)))
        self.record = apply(self.record, self.term, update)

    def proven(self, name: str, how: str | None) -> None:
        self.there = {place: held for place, held in self.there.items() if place[0] != name}
        self.apply(Proven(loss=self.record.losses[name].number, how=how or "agent", text="", switch_on=not how))

    def starts_alone(self, name: str, names: str) -> None:
        """A cold start of one node on an operator's word: a device has proven each of the others off."""
        self.cold_start(name)
        wanted = {name: Wanted(loss="alone-1", devices=True, how="agent") for name in names.split()}
        for content in first_updates(self.record, self.term, wanted, "uid 0 on n1"):
            self.apply(content)

    def attempt_failed(self, name: str) -> None:
        attempt = max((one for one in self.record.attempts if one.node == name), key=lambda one: one.loss)
        self.apply(AttemptEnded(loss=attempt.loss, fencer=attempt.fencer, action=attempt.action, text="no answer"))

    def switched_on(self, name: str) -> None:
        self.apply(SwitchedOn(loss=self.record.owed[name], text="on"))

    def reported(self, group: str, node: str, holding: Holding, failed: str = "", partial: str | None = None) -> None:
        self.said(group, node, Held(holding=holding, failed=failed, partial=tuple((partial or "").split())))

    def said(self, group: str, node: str, held: Held) -> None:
        self.there[node, group] = held
        if held.holding is Holding.NOTHING:
            del self.there[node, group]
        order = self.record.groups[group].open_orders.get(node)
        self.apply(Reported(node=node, group=group, order=order.number if order else 0, busy=False, held=held))

    def done(self) -> None:
        """Every open order is carried out."""
        for name, group in self.record.groups.items():
            for node, order in group.open_orders.items():
                if node in self.record.members:
                    stops = order.kind is OrderKind.STOP
                    self.reported(name, node, Holding.NOTHING if stops else Holding.RUNNING)

    def by_hand(self, units: str, group: str, node: str, failed: str | None) -> None:
        held = Held(holding=Holding.RUNNING, failed=failed or "", by_hand=tuple(units.split()))
        self.said(group, node, held)

    def probed(self, group: str, verb: str, node: str, *, leaves: bool = False) -> None:
        """What runs there has bad probes, or wavers: it may be about to."""
        unit = f"{group.partition('@')[0]}.service"
        bad = verb == "are bad"
        held = Held(
            holding=Holding.RUNNING,
            failed=f"{unit}: no answer" if bad else "",
            units=(unit,) if bad else (),
            probes=(f"{unit}/",) if bad else (),
            leaves=bad and leaves,
            doubt=True,
        )
        self.said(group, node, held)

    def sees(self, node: str, group: str, what: str) -> None:
        """What the node's own probe of the group says, which it does not hold."""
        names = (f"{group.partition('@')[0]}.service/",)
        view = View(good=names if what == "good" else (), bad=names if what == "bad" else ())
        self.views.setdefault(node, {})[group] = view
        self.apply(Viewed(node=node, group=group, view=view))

    def in_vain(self) -> None:
        """Every open order is carried out; what runs then has bad probes all the same."""
        for name, group in self.record.groups.items():
            for node, order in group.open_orders.items():
                if order.kind is OrderKind.STOP:
                    self.reported(name, node, Holding.NOTHING)
                else:
                    self.probed(name, "are bad", node)

    def on_and_on(self) -> Iterator[str]:
        """Order after order is carried out, until none is open."""
        for _ in range(MOST_ROUNDS):
            yield from (line for line in self._quiet() if " waits: " not in line and line != NOTHING)
            if not any(group.open_orders for group in self.record.groups.values()):
                return
            self.done()
        raise AssertionError("it never comes to rest")

    def wish(self, kind: str, subject: str, node: str | None = None, loss: str = "") -> Iterator[str]:
        wish = Wish(id="w", kind=WishKind(kind), subject=subject, node=node or "", loss=loss, by="root")
        refused = refuse_wish(wish, self.record, self.configuration, self._situation())
        if refused:
            yield f"refused: {refused}"
        else:
            self.apply(resolve_wish(wish, self.record, self.configuration, self._situation()))

    def maintenance(self, on: str) -> Iterator[str]:
        yield from self.wish("maintenance" if on == "on" else "normal", "", None)

    def leaves(self, name: str) -> None:
        self.apply(Leaving(node=name))

    def lags(self, name: str) -> None:
        self.apply(Installed(node=name, installed="d0", available="d0"))

    def prepared(self, names: str, group: str | None) -> None:
        """d1 is installed there, and d2 was prepared, which has one more group."""
        unit = Resource(unit=f"{group}.service")
        added = (replace(self.configuration.groups[0], name=group, resources=(unit,)),) if group else ()
        self.offered = replace(self.configuration, digest="d2", groups=(*self.configuration.groups, *added))
        for name in names.split():
            self.apply(Installed(node=name, installed="d1", available="d2"))

    def confined(self, names: str, domain: str, allowed: str) -> None:
        """d1 is installed there, and d2 was prepared, whose restricted domain lists other nodes."""
        self.prepared(names, None)
        assert self.offered is not None
        domains = tuple(
            replace(one, nodes=tuple(allowed.split()), restricted=True) if one.name == domain else one
            for one in self.configuration.domains
        )
        self.offered = replace(self.offered, domains=domains)

    def objects(self, name: str, why: str) -> None:
        self.apply(Installed(node=name, installed="d1", available="", objections=(why,)))

    def pushed(self, seconds: str | None) -> Iterator[str]:
        """d2, based on d1, and confirmed within that time."""
        confirm_ms = int(seconds or 0) * 1_000
        wish = Wish(id="w", kind=WishKind.CONFIGURE, subject="d2", base="d1", by="root", confirm_ms=confirm_ms)
        refused = refuse_wish(wish, self.record, self.configuration, self._situation())
        if refused or self.offered is None:
            yield f"refused: {refused}"
            return
        content = into_force(self.offered, wish)
        self.apply(content)
        self._use(content)
        yield line(content, self.record)

    def _use(self, content: ConfigurationInForce) -> None:
        """Who plans has installed it; what it had before it can read again."""
        if self.offered is not None and self.offered.digest == content.digest:
            self.configuration, self.offered = self.offered, self.configuration

    def installed(self, names: str) -> None:
        for name in names.split():
            digest = self.record.configuration
            self.apply(Installed(node=name, installed=digest, available=digest))

    def stopped_alone(self, name: str) -> None:
        """Without a word to anybody, as a node does that is not quorate."""
        self.there = {place: held for place, held in self.there.items() if place[0] != name}

    def loses_the_race(self, count: str) -> None:
        self.race_ms = int(count) * 1_000

    def pass_time(self, count: str, unit: str) -> None:
        self.now += int(count) * {"s": 1_000, "min": 60_000, "h": 3_600_000}[unit]

    # What the plan makes of it

    def _situation(self) -> Situation:
        return Situation(
            me=min(self.record.members, default=""),
            now=self.now,
            ring_nodes=frozenset(self.ring),
            cold=self.cold,
            orders_allowed=True,
            resting=frozenset(self.resting),
            quorate_since=0,
            waits=self.waits,
            race_ms=self.race_ms,
            offered=self.offered,
        )

    def _quiet(self) -> Iterator[str]:
        said = False
        for _ in range(MOST_ROUNDS):
            planned = plan(self.record, self.configuration, self._situation())
            self.waits = planned.waits
            self._note(why for reasons in planned.waits_for.values() for why in reasons)
            for content in planned.contents:
                self.apply(content)
                self._note(getattr(content, "reasons", ()) or (getattr(content, "reason", None),))
                if isinstance(content, ConfigurationInForce):
                    self._use(content)
                yield line(content, self.record)
                said = True
            if not planned.contents:
                waiting = list(self._waiting(planned))
                yield from waiting or ([] if said else [NOTHING])
                return
        raise AssertionError("the plan never comes to rest")

    def _note(self, reasons: Iterable[Reason | None]) -> None:
        self.rules |= {why.rule for why in reasons if why is not None}

    def _waiting(self, planned: Planned) -> Iterator[str]:
        for number, node, _, seconds, _ in showing.losses(self.record, self.configuration, self._situation()):
            if seconds:
                yield f"the next attempt to switch {node} off (loss {number}) is in {seconds} s"
        for node in sorted(planned.overdue):
            yield f"{node} left an order unanswered: it is left out of the next term"
        for group, reasons in planned.waits_for.items():
            yield f"{group} waits: {because(reasons)}"


NOTHING = "nothing"

STEPS: Mapping[str, Callable[..., Iterator[str] | None]] = {
    r"(.+) (?:is|are) here": Story.here,
    r"cold start of (.+)": Story.cold_start,
    r"(.+) (?:is|are) (?:lost|gone)": Story.lost,
    r"(\w+) starts without (.+)": Story.starts_alone,
    r"(\w+) is away": Story.away,
    r"(\w+) rests": Story.rests,
    r"(\w+) is back": Story.back,
    r"(\w+) boots": Story.boots_again,
    r"a new term": Story.new_term,
    r"(\w+) is proven off(?: by an (operator))?": Story.proven,
    r"the attempt on (\w+) fails": Story.attempt_failed,
    r"(\w+) is switched on": Story.switched_on,
    r"([\w@]+) failed on (\w+): (.+)": lambda story, group, node, why: story.reported(
        group, node, Holding.RUNNING, why
    ),
    r"([\w@]+) did not start on (\w+): (.+)": lambda story, group, node, why: story.reported(
        group, node, Holding.NOTHING, why
    ),
    r"([\w@]+) did not stop on (\w+): (.+)": lambda story, group, node, why: story.reported(
        group, node, Holding.STOP_FAILED, why
    ),
    r"([\w@]+) runs on (\w+)(?: without (.+))?": lambda story, group, node, partial: story.reported(
        group, node, Holding.RUNNING, partial=partial
    ),
    r"(.+) of ([\w@]+) is stopped by hand on (\w+)(?:, where (.+))?": Story.by_hand,
    r"([\w@]+) is queued on (\w+)": lambda story, group, node: story.reported(group, node, Holding.QUEUED),
    r"([\w@]+) is stopping on (\w+)": lambda story, group, node: story.reported(group, node, Holding.STOPPING),
    r"([\w@]+) is gone from (\w+)": lambda story, group, node: story.reported(group, node, Holding.NOTHING),
    r"and so it is done": Story.done,
    r"probes of ([\w@]+) want away from (\w+)": lambda story, group, node: story.probed(
        group, "are bad", node, leaves=True
    ),
    r"(\w+) sees ([\w@]+) (good|bad|in doubt)": Story.sees,
    r"and so it is done, in vain": Story.in_vain,
    r"probes of ([\w@]+) (are bad|waver) on (\w+)": Story.probed,
    r"and so on until it rests": Story.on_and_on,
    r"operator: maintenance (on|off)": Story.maintenance,
    r"operator: (?!confirm|push)(\w+) ([\w@]+)(?: on (\w+)| to (\w+))?": lambda story, kind, subject, on, to: (
        story.wish(kind, subject, on or to)
    ),
    r"operator: confirm (\w+) \(loss ([\d.]+)\)": lambda story, node, loss: story.wish("confirm", node, loss=loss),
    r"who is left waits (\d+) s in the race": Story.loses_the_race,
    r"(\w+) is not healthy": lambda story, node: story.apply(Health(node=node, healthy=False)),
    r"(\w+) is healthy": lambda story, node: story.apply(Health(node=node, healthy=True)),
    r"(\w+) leaves": Story.leaves,
    r"(\w+) has not installed it": Story.lags,
    r"(.+) (?:has|have) prepared d2(?:, with (\w+))?": Story.prepared,
    r"(.+) (?:has|have) prepared d2, where (\w+) allows only (.+)": Story.confined,
    r"(\w+) objects: (.+)": Story.objects,
    r"operator: push d2(?:, to be confirmed within (\d+) s)?": Story.pushed,
    r"operator: confirm it": lambda story: story.wish("keep", ""),
    r"(.+) (?:has|have) installed it": Story.installed,
    r"(\w+) has stopped everything by itself": Story.stopped_alone,
    r"(\d+) (s|min|h) pass": Story.pass_time,
}


def because(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(sentence(why) + (f" ({why.setting})" if why.setting else "") for why in reasons)


def line(content: Content, record: Record) -> str:  # noqa: C901  # one row for each kind of content
    """One thing that was planned, as people would say it; `record` has it already."""
    match content:
        case OrderGiven(kind=kind, group=group, node=node, reasons=reasons):
            return f"{kind} {group} on {node}: {because(reasons)}"
        case LossDeclared(node=node, reason=why):
            return f"{node} is lost (loss {record.losses[node].number}): {because((why,))}"
        case AttemptBegun(node=node, fencer=fencer, action=action, loss=loss):
            return f"{fencer} switches {node} {action} (loss {loss})"
        case AttemptEnded(action=action, loss=loss, text=text):
            return f"the attempt to switch {action} (loss {loss}) ends: {text}"
        case SwitchedOn(loss=loss, text=text):
            return f"nothing is owed any more for loss {loss}: {text}"
        case Marked(node=node):
            return f"{node} is marked as left"
        case Placed(group=group, reason=why):
            return f"the wish where {group} runs is over: {because((why,))}"
        case Kept(group=group, reason=why):
            return f"{group} is kept: {because((why,))}"
        case Disabled(group=group, reason=why):
            return f"{group} gets the flag disabled: {because((why,))}"
        case Forgiven(group=group):
            return f"{group} may cost a node again"
        case ConfigurationInForce(digest=digest, by=by):
            return f"configuration {digest} comes into force, by {by}"
        case RaceDecided(winner=winner):
            return f"{winner} is to win a race"
        case Forgotten(group=group, node=node, failures=failures, avoided=avoided):
            return _forgotten(group, node, len(failures), avoided)
    raise AssertionError(f"nobody plans {content}")


def _forgotten(group: str, node: str, failures: int, avoided: bool) -> str:
    if avoided:
        return f"{group}: {node} is avoided no more, its failures ({failures}) are forgotten; the next time for longer"
    return (
        f"{group}: failures on {node} are forgotten ({failures})" if failures else f"{group}: {node} is as good as new"
    )
