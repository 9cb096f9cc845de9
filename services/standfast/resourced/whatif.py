"""What the cluster would do if … : `plan` and `apply` themselves, run on a copy of the record (`standfast simulate`).

No rule is told anew here. Whatever is ordered succeeds at once, as in a healthy cluster; time goes on only when the
plan has nothing to do until then, to the moment at which it has: so the times are what the settings make it wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from standfast.configuration.model import Configuration
from standfast.configuration.quorum import quorum_of
from standfast.resourced.absence import enough
from standfast.resourced.apply import apply
from standfast.resourced.configuring import into_force, refuse_change
from standfast.resourced.foreseen import Foreseen, Outcome, Place, Step, StepKind
from standfast.resourced.messages import (
    AttemptBegun,
    ConfigurationInForce,
    Content,
    Disabled,
    Installed,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    SwitchedOn,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.plan import Planned, plan
from standfast.resourced.presence import Held, Member, RunningAttempt
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import Attempt, GroupRecord, Record
from standfast.resourced.situation import Situation
from standfast.vocabulary import Holding, Phase

HORIZON_MS = 3_600_000
FIRST_LOOK_MS = 1_000  # how far ahead the next thing to do is looked for first; then twice as far
MOST_PLANNINGS = 400
FAILURE = "it fails (simulated)"
TIME_ENDS = (
    Rule.AWAITS_PROOF,
    Rule.AWAITS_LOSS,
    Rule.AWAITS_DAEMON,
    Rule.UNSETTLED,
    Rule.BACKING_OFF,
    Rule.FAILS_EVERYWHERE,
    Rule.FAILED_THERE_TOO,
    Rule.SEEN_THERE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDies:
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFails:
    """Where it runs now."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """An operator wishes this, and `refuse_wish` has nothing against it; `text`: what that is."""

    wish: Wish
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """This version is pushed."""

    configuration: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """This configuration comes into force now, and every node that is here has it."""

    configuration: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingElse:
    """What is under way goes on."""


Hypothesis = NodeDies | GroupFails | Standby | Wished | Configured | InForce | NothingElse


def refuse(hypothesis: Hypothesis, record: Record, situation: Situation) -> str:
    """One sentence why this cannot be supposed, "" = it can."""
    match hypothesis:
        case NodeDies(node=name) | Standby(node=name) if name not in record.nodes:
            return f"there is no node {name}; there are: {', '.join(record.nodes)}"
        case NodeDies(node=name) if name not in record.members | situation.ring_nodes:
            return f"{name} is not here, so it cannot die"
        case GroupFails(group=name) if name not in record.groups:
            return f"there is no group {name}; there are: {', '.join(record.groups) or 'none'}"
        case GroupFails(group=name) if not record.groups[name].holders:
            return f"{name} runs nowhere, so it cannot fail"
    return ""


def foresee(record: Record, configuration: Configuration, situation: Situation, hypothesis: Hypothesis) -> Foreseen:
    """What would happen if the hypothesis came true now; `refuse` has nothing against it."""
    return _Future(record, configuration, situation).suppose(hypothesis).run()


class _Future:
    """A copy of the cluster that goes its own way."""

    def __init__(self, record: Record, configuration: Configuration, situation: Situation) -> None:
        self.before = record
        self.record = record
        self.configuration = configuration
        # Healthy: each term's first update is stored everywhere. Any member may be asked; the coordinator decides.
        me = next((node.name for node in configuration.nodes if node.name in record.members), situation.me)
        self.situation = replace(situation, me=me, orders_allowed=True)
        self.began = situation.now
        self.term = record.term
        self.position = record.position
        self.quorate = True
        self.cut_off = False
        self.steps: list[Step] = []
        self.touched: set[str] = set()
        self.plannings = 0
        self.unsaid: Step | None = None  # time that went by: told before what happens next
        self.planned = Planned(contents=(), waits={})

    # What is supposed

    def suppose(self, hypothesis: Hypothesis) -> "_Future":
        match hypothesis:
            case NodeDies(node=name):
                self._tell(StepKind.SUPPOSED, name, name, f"{name} dies")
                self._notice(name)
                self._gone(name)
            case GroupFails(group=name):
                node = self.record.groups[name].holders[0]
                self._tell(StepKind.SUPPOSED, name, node, f"{name} fails")
                self._report(name, node, Held(holding=Holding.RUNNING, failed=FAILURE))
            case Standby(node=name):
                self._tell(StepKind.SUPPOSED, name, name, f"{name} is put in standby")
                self._apply(Wish(id="", kind=WishKind.STANDBY, subject=name))
            case Wished(wish=wish, text=text):
                self._tell(StepKind.SUPPOSED, wish.subject, wish.node, text)
                self._apply(wish)
            case Configured(configuration=offered):
                self._tell(StepKind.SUPPOSED, "", "", "this version is pushed")
                if refusal := refuse_change(self.record, self.configuration, offered):
                    self._tell(StepKind.NOT_IN_FORCE, "", "", f"it does not come into force: {refusal}")
                else:
                    self._put_in_force(offered)
            case InForce(configuration=offered):
                self._put_in_force(offered)
        return self

    def _put_in_force(self, offered: Configuration) -> None:
        """Every node that is here has prepared it, and installs it at once."""
        self.situation = replace(self.situation, offered=offered)
        base = self.record.configuration
        push = Wish(id="", kind=WishKind.CONFIGURE, subject=offered.digest, base=base)
        self._carry_out(into_force(offered, push))

    def _notice(self, name: str) -> None:
        """Corosync tells the others of a node that is silent after a while."""
        cluster = self.configuration.cluster
        if name in self.situation.ring_nodes:
            self.situation = replace(self.situation, now=self.situation.now + cluster.detect_within_ms)

    def _gone(self, name: str) -> None:
        """The ring goes on without the node, and so does a new term if it was in the present one."""
        quorate = enough(quorum_of(self.configuration), self.record.members - {name})
        self.situation = replace(self.situation, ring_nodes=self.situation.ring_nodes - {name})
        if name not in self.record.members:
            return
        rest = [one.name for one in self.configuration.nodes if one.name in self.record.members - {name}]
        why = reason(Rule.LEFT_RING, self.configuration.cluster.setting("DetectWithin"))
        if not quorate:
            self.quorate = False
            stay = f"all groups stop on {', '.join(rest)}" if rest else "nobody is left"
            self._tell(StepKind.QUORUM_LOST, "", "", stay, reason(Rule.QUORUM_LEAVES))
            return
        self.term, self.position = self.term + 1, 0
        self._apply(Members(members=tuple(presented(self.record, one) for one in rest)))
        if rest[0] != self.situation.me:  # another coordinator counts its waits from the beginning
            self.situation = replace(self.situation, me=rest[0], waits={})
        self._tell(StepKind.TERM, name, rest[0], f"a term without {name}: {', '.join(rest)}", why)

    # What follows

    def run(self) -> Foreseen:
        """Until nothing changes any more."""
        while self.quorate and self._goes_on():
            continue
        self._tell_what_stays()
        places = {name: self._place(group) for name, group in self.record.groups.items()}
        return Foreseen(steps=tuple(self.steps), groups=tuple(self._outcomes(places)))

    def _tell_what_stays(self) -> None:
        """Why groups do not run."""
        if not self.quorate or self.cut_off:
            return
        for name, group in self.record.groups.items():
            if group.phase is not Phase.STARTED and (why := self.planned.waits_for.get(name)):
                self._tell(StepKind.WAITS, name, _place(group).owner, f"{name} does not run", *why)

    def _goes_on(self) -> bool:
        """False: nothing is left to do, or to wait for within the horizon."""
        if self.plannings >= MOST_PLANNINGS:
            self.cut_off = True
            self._tell(StepKind.CUT_OFF, "", "", "more would happen; the simulation ends here")
            return False
        self.planned = self._plan(self.situation.now)
        self.situation = replace(self.situation, waits=self.planned.waits)
        changed = [self._carry_out(content) for content in self.planned.contents]
        changed += [self._answer_group(name) for name in self.record.groups]
        changed += [self._answer_attempt(attempt) for attempt in self.record.attempts]
        return any(changed) or (not self.planned.contents and self._time_passes())

    def _plan(self, now: int) -> Planned:
        self.plannings += 1
        return plan(self.record, self.configuration, replace(self.situation, now=now))

    def _carry_out(self, content: Content) -> bool:
        """False: it did not fit any more."""
        if not self._apply(content):
            return False
        self._tell_content(content)
        if isinstance(content, ConfigurationInForce) and self.situation.offered is not None:
            self.configuration = self.situation.offered
            for name in sorted(self.record.members):
                self._apply(Installed(node=name, installed=content.digest, available=content.digest))
        return True

    def _apply(self, content: Content) -> bool:
        self.position += 1
        update = Update(nonce="simulated", position=self.position, at="", content=content)
        before, self.record = self.record, apply(self.record, self.term, update)
        return replace(self.record, term=before.term, position=before.position) != before

    # As a healthy cluster answers

    def _answer_group(self, name: str) -> bool:
        answered = False
        for node, order in self.record.groups[name].open_orders.items():
            runs = order.kind is not OrderKind.STOP
            self._report(name, node, Held(holding=Holding.RUNNING if runs else Holding.NOTHING))
            answered = True
        return answered

    def _report(self, name: str, node: str, held: Held) -> None:
        order = self.record.groups[name].open_orders.get(node)
        number = order.number if order is not None else 0
        self._apply(Reported(node=node, group=name, order=number, busy=False, held=held))
        self.touched.add(name)

    def _answer_attempt(self, attempt: Attempt) -> bool:
        """Its fencer, if it is here, has done it."""
        if attempt.fencer not in self.record.members or attempt not in self.record.attempts:
            return False
        if attempt.action == "on":
            return self._carry_out(SwitchedOn(loss=attempt.loss, text="simulated"))
        if attempt.action != "off":
            return False
        proven = self._carry_out(Proven(loss=attempt.loss, how="agent", text="simulated", switch_on=True))
        if proven:
            self._gone(attempt.node)
        return proven

    # Time

    def _time_passes(self) -> bool:
        """It is the first moment at which something is to be done; False: there is none within the horizon."""
        idle, busy = self.situation.now, self.situation.now + FIRST_LOOK_MS
        end = self.began + HORIZON_MS
        if not self.planned.waits or not self._plan(end).contents:
            return False
        while busy < end and not self._plan(busy).contents:
            idle, busy = busy, min(busy + 2 * (busy - idle), end)
        while busy - idle > 1:
            middle = (idle + busy) // 2
            idle, busy = (idle, middle) if self._plan(middle).contents else (middle, busy)
        since = self.unsaid.at_ms if self.unsaid else self._at_ms
        self.situation = replace(self.situation, now=busy)
        seconds = f"{(self._at_ms - since) / 1000:g}"
        reasons = (why for reasons in self.planned.waits_for.values() for why in reasons)
        why = next(((why,) for why in reasons if why.rule in TIME_ENDS), ())
        self.unsaid = Step(at_ms=since, kind=StepKind.TIME, subject="", node="", text=f"{seconds} s go by", reasons=why)
        return True

    @property
    def _at_ms(self) -> int:
        return self.situation.now - self.began

    # Telling

    def _tell_content(self, content: Content) -> None:
        match content:
            case OrderGiven(group=name, kind=kind, node=node, reasons=reasons):
                self.touched.add(name)
                self._tell(StepKind(kind.value), name, node, f"{name} {kind.value}s", *reasons)
            case LossDeclared(node=node, reason=why):
                self._tell(StepKind.LOST, node, "", f"{node} is lost", why)
            case AttemptBegun(node=node, fencer=fencer, action=action):
                if action == "off":
                    self._tell(StepKind.FENCING, node, fencer, f"{fencer} fences {node}")
                else:
                    self._tell(StepKind.SWITCHED_ON, node, fencer, f"{fencer} switches {node} on again")
            case Proven(loss=loss):
                found = self.record.by_number(loss)
                node = found.node if found else ""
                self._tell(StepKind.PROVEN, node, "", f"{node} is proven off")
            case Marked(node=node):
                self._tell(StepKind.LEFT, node, node, f"{node} leaves")
            case Disabled(group=name, reason=why):
                self.touched.add(name)
                self._tell(StepKind.DISABLED, name, "", f"{name} is disabled", why)
            case ConfigurationInForce():
                self._tell(StepKind.CONFIGURATION, "", "", "the configuration comes into force")

    def _tell(self, kind: StepKind, subject: str, node: str, text: str, *reasons: Reason) -> None:
        if self.unsaid is not None:
            self.steps.append(self.unsaid)
            self.unsaid = None
        self.steps.append(Step(at_ms=self._at_ms, kind=kind, subject=subject, node=node, text=text, reasons=reasons))

    def _place(self, known: GroupRecord) -> Place:
        if not self.quorate:
            return Place(phase=Phase.STOPPED, owner="")
        return _place(known)

    def _outcomes(self, places: Mapping[str, Place]) -> list[Outcome]:
        lost = () if self.quorate else (reason(Rule.QUORUM_LEAVES),)
        return [
            Outcome(
                group=name,
                before=_place(self.before.groups[name]) if name in self.before.groups else None,
                after=places.get(name),
                touched=name in self.touched,
                waits_for=self.planned.waits_for.get(name, ()) or lost,
            )
            for name in {**self.before.groups, **places}
        ]


def _place(known: GroupRecord) -> Place:
    owner = next(iter((*known.holders, *sorted(known.open_orders))), "")
    return Place(phase=known.phase, owner=owner)


def presented(record: Record, name: str) -> Member:
    """The node as it would present itself in the next term."""
    node = record.nodes[name]
    held = {group: known.held[name] for group, known in record.groups.items() if name in known.holders}
    attempts = tuple(
        RunningAttempt(loss=one.loss, node=one.node, action=one.action) for one in record.attempts if one.fencer == name
    )
    return Member(
        node=name,
        incarnation=node.incarnation,
        machine=node.machine,
        product=node.product,
        installed=node.installed,
        available=node.available,
        leaving=node.leaving,
        healthy=node.healthy,
        objections=node.objections,
        drifted=node.drifted,
        held=held,
        speaks=node.speaks,
        attempts=attempts,
        views=node.views,
    )
