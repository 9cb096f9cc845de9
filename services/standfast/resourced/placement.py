"""Where one group runs, and why (DESIGN section 7): at most one order for each node of a group at a time."""

from dataclasses import dataclass, field

from standfast.configuration.model import Domain, Group, Recovery, StopFailure
from standfast.resourced.absence import enough
from standfast.resourced.blame import longest_look_ms, not_to_blame, outside, sees_good
from standfast.resourced.copies import enough as enough_copies
from standfast.resourced.copies import too_many
from standfast.resourced.messages import Content, Disabled, Kept, LossDeclared, OrderGiven, OrderKind, Placed
from standfast.resourced.outlook import Outlook, blocker, idle, unwanted
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule, reason, sentence
from standfast.resourced.record import GroupRecord
from standfast.resourced.recovery import avoided, failures, forgotten, pause_ms, spent, tries
from standfast.resourced.together import Together, comes_up, crowded, must_stop, must_wait, stops_first, unfit
from standfast.vocabulary import Holding

ORDER_MARGIN_MS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The next step of one group; where there is none, why it stays as it is (empty: all is well)."""

    contents: tuple[Content, ...] = ()
    overdue: frozenset[str] = field(default_factory=frozenset)
    waits_for: tuple[Reason, ...] = ()


def place(group: Group, together: Together, outlook: Outlook) -> Decided:
    """The next step of one group."""
    known = outlook.record.groups.get(group.name)
    if known is None:
        return Decided()
    old, overdue = forgotten(group, known, outlook), _overdue(group, known, outlook)
    if old or known.open_orders:
        return Decided(contents=tuple(old), overdue=overdue)
    if not outlook.situation.orders_allowed:
        return Decided()
    step = _Step(group, known, together, outlook)
    return step.held() if known.holders else step.unheld()


def _overdue(group: Group, known: GroupRecord, outlook: Outlook) -> frozenset[str]:
    longest = group.start_timeout_ms + group.stop_timeout_ms + ORDER_MARGIN_MS
    return frozenset(
        node
        for node, order in known.open_orders.items()
        if outlook.waits.age(f"order {group.name} {node} {order.number}") >= longest
    )


def refusals(group: Group, together: Together, outlook: Outlook, *, yields: bool = False) -> dict[str, Reason | None]:
    """Each node that may run the group, best first, with why it cannot be given it now (None: it can). `yields`: the
    group leaves its place to those that are about to start."""
    return {
        name: outlook.refusal(name) or unfit(group, name, together, outlook, yields=yields)
        for name in outlook.allowed(group)
        if name in outlook.record.nodes
    }


def shunned(group: Group, known: GroupRecord, name: str) -> Reason | None:
    """Why it goes to any other node rather than to this one, which could take it; None: nothing failed there lately."""
    if not avoided(group, known, name):
        return None
    return reason(Rule.AVOIDED, group.setting("MaxRestarts"), node=name, count=failures(known, name))


def home(group: Group, name: str, together: Together, outlook: Outlook) -> tuple[str, str]:
    """The better node that the group would go home to from `name`, and where that is written; "" when it would stay."""
    known, configuration = outlook.record.groups[group.name], outlook.configuration
    domain = next((one for one in configuration.domains if one.name == group.domain), None)
    if domain is None or not domain.failback or not domain.ordered:
        return "", ""
    refused = refusals(group, together, outlook)
    better = list(refused)[: list(refused).index(name)] if name in refused else list(refused)
    sound = (one for one in better if refused[one] is None and not failures(known, one) and one not in known.avoided)
    good = (one for one in sound if sees_good(group, one, outlook.record))
    return next(good, ""), domain.setting("Failback")


class _Step:
    def __init__(self, group: Group, known: GroupRecord, together: Together, outlook: Outlook) -> None:
        self.group = group
        self.known = known
        self.together = together
        self.outlook = outlook
        self.record = outlook.record

    def _order(self, kind: OrderKind, node: str, *reasons: Reason) -> Decided:
        order = OrderGiven(group=self.group.name, number=self.known.number, kind=kind, node=node, reasons=reasons)
        return Decided(contents=(order,))

    def _stop(self, node: str, why: Reason) -> Decided:
        self.outlook.leaving.add(self.group.name)
        return self._order(OrderKind.STOP, node, why)

    def _unwanted(self) -> Reason | None:
        return reason(Rule.GOES_BACK) if self.group.name in self.outlook.ending else unwanted(self.known)

    # Somebody here holds it

    def held(self) -> Decided:
        holders = self.known.holders
        if len(holders) > 1:
            return self._held_twice(holders)
        (name,) = holders
        held = self.known.held[name]
        refusal = self.outlook.refusal(name)
        if refusal is not None and refusal.rule in (Rule.BEING_FENCED, Rule.CONDEMNED):
            return Decided(waits_for=(refusal,))
        if held.holding is Holding.STOP_FAILED:
            return self._stop_failed(name, held)
        leaves = self._node_closes(name)
        resting = idle(self.known, self.outlook)
        if resting is not None and leaves is None:
            return Decided(waits_for=(resting, *filter(None, (self._outside(name),))))
        why = leaves or self._unwanted() or self._must_leave(name, held)
        if why is not None:
            return self._leave(name, held, why)
        match held.holding:
            case Holding.STOPPING:
                return self._stop(name, reason(Rule.STOP_GOES_ON))
            case Holding.QUEUED:
                return self._order(OrderKind.START, name, *(self.known.reasons or (reason(Rule.START_GOES_ON),)))
        if held.by_hand and not self.known.restart:
            facts = {"units": " ".join(held.by_hand), "node": name, "group": self.group.name}
            return Decided(waits_for=(reason(Rule.BY_ADMINISTRATOR, **facts),))
        return self._recover(name, held) if held.failed else self._settle(name)

    def _held_twice(self, holders: tuple[str, ...]) -> Decided:
        """One stops at a time, first who should have nothing at all, then who stops already; who is being fenced gets
        no order."""
        refusals = {name: self.outlook.refusal(name) for name in holders}
        rules = {name: refusal.rule if refusal else None for name, refusal in refusals.items()}
        free = [name for name in holders if rules[name] is not Rule.BEING_FENCED]
        condemned = [name for name in free if rules[name] is Rule.CONDEMNED]
        stopping = [name for name in free if self.known.held[name].holding is Holding.STOPPING]
        if condemned or len(free) > 1:
            return self._stop((condemned or stopping or free)[0], reason(Rule.HELD_TWICE, nodes=", ".join(holders)))
        return Decided(waits_for=tuple(why for name, why in refusals.items() if why and name not in free))

    def _node_closes(self, name: str) -> Reason | None:
        """It leaves, or all stop together because those who stay would not be quorate: nothing is exempt."""
        if name not in self.outlook.closing:
            return None
        leaving = self.record.nodes[name].leaving
        return reason(Rule.LEAVING, node=name) if leaving else reason(Rule.QUORUM_LEAVES)

    def _must_leave(self, name: str, held: Held) -> Reason | None:
        """What an administrator stopped by hand leaves for people's wishes only, and with what it needs."""
        if self.record.nodes[name].standby:
            return reason(Rule.STANDBY, node=name)
        wanted = self.known.wanted
        if wanted and wanted != name and self._refusal(wanted) is None:
            return reason(Rule.RELOCATED, node=wanted)
        if held.by_hand:
            return must_stop(self.group, self.outlook)
        if not self.record.nodes[name].healthy and self._elsewhere(name):
            return reason(Rule.UNHEALTHY, node=name)
        outside = self._outside(name)
        leaves = outside if outside is not None and outside.rule is Rule.RESTRICTED else None
        return must_stop(self.group, self.outlook) or leaves or too_many(self.group, self.together, self.outlook)

    def _outside(self, name: str) -> Reason | None:
        """Its restricted domain does not list `name`: RESTRICTED, or OUTSIDE while no other node would start it."""
        if name in self.outlook.allowed(self.group):
            return None
        domain = self._domain()
        setting = domain.setting("Nodes") if domain is not None else ""
        if why := self._kept():
            return reason(Rule.OUTSIDE, setting, node=name, why=why)
        return reason(Rule.RESTRICTED, setting, node=name)

    def _kept(self) -> str:
        """Why it would start nowhere now if it stopped where it is, "" = it would."""
        if why := blocker(self.group, self.outlook) or must_wait(self.group, self.outlook):
            return sentence(why)
        refused = refusals(self.group, self.together, self.outlook, yields=True)
        against = self._passed_over(list(refused), refused)
        if len(against) < len(refused):
            return ""
        return "; ".join(map(sentence, against or (reason(Rule.NO_NODE),)))

    def _domain(self) -> Domain | None:
        return next((one for one in self.outlook.configuration.domains if one.name == self.group.domain), None)

    def _elsewhere(self, name: str) -> bool:
        """Another node would take it now."""
        return any(self._refusal(other) is None for other in self.outlook.allowed(self.group) if other != name)

    def _leave(self, name: str, held: Held, why: Reason) -> Decided:
        """Who needs this group stops before it, as long as it runs well."""
        first = stops_first(self.group.name, self.together, self.outlook)
        if first and held.holding is Holding.RUNNING and not held.failed:
            self.outlook.leaving.add(self.group.name)
            return Decided(waits_for=(reason(Rule.NEEDED, group=first), why))
        return self._stop(name, why)

    def _stop_failed(self, name: str, held: Held) -> Decided:
        """A group may cost one node only, and never the quorum."""
        quorate = enough(self.outlook.rules, self.record.members - {name} - self.outlook.lost)
        fenceable = bool(self.outlook.configuration.node(name).fence)
        free = not self.known.costly and idle(self.known, self.outlook) is None
        if self.group.stop_failure is not StopFailure.FENCE or not free or not quorate or not fenceable:
            return Decided(waits_for=(reason(Rule.BLOCKED, self.group.setting("StopFailure"), cause=held.failed),))
        self.outlook.plan_loss(name)
        why = reason(Rule.STOP_FAILED, self.group.setting("StopFailure"), group=self.group.name, cause=held.failed)
        return Decided(contents=(LossDeclared(node=name, reason=why, group=self.group.name),))

    def _recover(self, name: str, held: Held) -> Decided:
        asked = outside(self.group, held)
        if asked and not self.known.restart:
            return self._seek(name, held, asked)
        spared = not_to_blame(self.group, self.known, name, held, self.outlook)
        if not avoided(self.group, self.known, name):
            facts = {"cause": held.failed, "count": max(failures(self.known, name), 1), "limit": tries(self.group)}
            return self._order(
                OrderKind.RESTART, name, reason(Rule.RESTARTED_HERE, self.group.setting("MaxRestarts"), **facts)
            )
        if spared is not None:
            return self._keep(name, held, spared)
        if not spent(self.group, self.known, name):
            return self._stop(name, reason(Rule.LEFT_AT_ONCE, cause=held.failed, node=name))
        return self._disable(held.failed) or self._stop(
            name, reason(Rule.MOVED_AWAY, self.group.setting("Recovery"), cause=held.failed, node=name)
        )

    def _seek(self, name: str, held: Held, asked: frozenset[str]) -> Decided:
        """What it asks outside fails: it goes where that is seen good, by who has looked since, or stays."""
        free = [other for other, why in refusals(self.group, self.together, self.outlook).items() if why is None]
        able = [other for other in free if other != name and not avoided(self.group, self.known, other)]
        better = next((other for other in able if sees_good(self.group, other, self.record, asked)), "")
        if not better or blocker(self.group, self.outlook) is not None:
            return self._stay(reason(Rule.SEEN_NOWHERE, cause=held.failed, node=name))
        why = reason(Rule.SEEN_THERE, cause=held.failed, node=better)
        if self.outlook.waits.age(f"looks {self.group.name}") < longest_look_ms(self.group):
            return Decided(waits_for=(why,))
        return self._stop(name, why)

    def _keep(self, name: str, held: Held, why: Reason) -> Decided:
        """It stays, and is restarted here: once at once, then after pauses that grow."""
        age = self.outlook.waits.age(f"retry {self.group.name} {self.known.failures[-1].id}")
        first = failures(self.known, name) == 1
        if first or self.known.restart or age >= pause_ms(self.group, self.known):
            return self._order(OrderKind.RESTART, name, reason(Rule.RESTARTED_AGAIN, cause=held.failed), why)
        return self._stay(why)

    def _stay(self, why: Reason) -> Decided:
        """It waits where it is; that is told once."""
        said = any(one.rule is why.rule for one in self.known.reasons)
        told = () if said else (Kept(group=self.group.name, reason=why),)
        return Decided(contents=told, waits_for=(why,))

    def _disable(self, cause: str) -> Decided | None:
        """The policy says that it runs no more."""
        recovery = self.group.recovery
        if recovery not in (Recovery.DISABLE, Recovery.RESTART_DISABLE):
            return None
        why = reason(
            Rule.DISABLED_BY_POLICY, self.group.setting("Recovery"), cause=cause, recovery=self.group.recovery.value
        )
        return Decided(contents=(Disabled(group=self.group.name, reason=why),))

    def _settle(self, name: str) -> Decided:
        """It runs well: the operator's wish is fulfilled, or cannot be; failback where the domain asks for it."""
        if self.known.wanted:
            return self._placed(name)
        if self.known.restart:
            return self._order(OrderKind.RESTART, name, reason(Rule.RESTARTED_BY_OPERATOR))
        if (outside := self._outside(name)) is not None:
            return Decided(waits_for=(outside,))
        better, setting = home(self.group, name, self.together, self.outlook)
        if not better or blocker(self.group, self.outlook) is not None:
            return Decided()
        why = reason(Rule.GOES_HOME, setting, node=better)
        if first := comes_up(self.group.name, self.together, self.outlook):  # before that the others would stop in vain
            return Decided(waits_for=(reason(Rule.NEEDED, group=first), why))
        return self._leave(name, self.known.held[name], why)

    def _placed(self, name: str) -> Decided:
        """The operator's wish for a node is over."""
        why = self._refusal(self.known.wanted) if self.known.wanted != name else None
        if why is None:
            done = self.known.reasons[0] if self.known.reasons else reason(Rule.RELOCATED, node=name)
        else:
            done = reason(Rule.STAYS, node=name, why=sentence(why))
        return Decided(contents=(Placed(group=self.group.name, reason=done),))

    def _refusal(self, name: str) -> Reason | None:
        """Why it cannot go from where it runs to `name`; it would start nowhere before the absent are proven off."""
        unable = self.outlook.refusal(name) or unfit(self.group, name, self.together, self.outlook)
        return unable or blocker(self.group, self.outlook)

    # Nobody here holds it

    def unheld(self) -> Decided:
        """Start it where it may run, once nobody else can hold it."""
        why = self._unwanted() or idle(self.known, self.outlook)
        if why is None and (disabled := self._exhausted()):
            return disabled
        why = why or blocker(self.group, self.outlook) or must_wait(self.group, self.outlook)
        why = why or enough_copies(self.group, self.together, self.outlook)
        if why is not None:
            return Decided(waits_for=(why,))
        refused = refusals(self.group, self.together, self.outlook)
        return self._wanted_in_vain(refused) or self._start(refused)

    def _wanted_in_vain(self, refused: dict[str, Reason | None]) -> Decided | None:
        """The operator's wish for a node ends where it cannot be, or has failed as often as it may."""
        wanted = self.known.wanted
        if not wanted:
            return None
        not_allowed = reason(Rule.NOT_ALLOWED, self.group.setting("Domain"), node=wanted)
        against = self._passed_over([wanted], refused) if wanted in refused else [not_allowed]
        if not against:
            return None
        why = reason(Rule.NOT_THERE, node=wanted, why=sentence(against[0]))
        return Decided(contents=(Placed(group=self.group.name, reason=why),))

    def _exhausted(self) -> Decided | None:
        """A start that failed is a failure as any other: the policy may say that it was the last."""
        last = self.known.failures[-1] if self.known.failures else None
        if last is None or not spent(self.group, self.known, last.node):
            return None
        return self._disable(last.cause)

    def _start(self, refused: dict[str, Reason | None]) -> Decided:
        able = [name for name, why in refused.items() if why is None]
        good = [name for name in able if not avoided(self.group, self.known, name)]
        good.sort(key=lambda name: not sees_good(self.group, name, self.record))
        choice = self.known.wanted or next(iter(good), "")
        if not able:
            return Decided(waits_for=(reason(Rule.NO_NODE), *filter(None, refused.values())))
        if not choice:
            age = self.outlook.waits.age(f"retry {self.group.name} {self.known.failures[-1].id}")
            if age < pause_ms(self.group, self.known):
                return Decided(waits_for=(reason(Rule.BACKING_OFF), *self._passed_over(able, refused)))
            choice = min(able, key=lambda name: failures(self.known, name))
        better = list(refused)[: list(refused).index(choice)]
        if (first := self._installs(better)) or (first := crowded(choice, self.outlook)):
            return Decided(waits_for=(first,))
        self.outlook.plan_start(self.group.name, choice)
        blind = [name for name in better if name in good and not sees_good(self.group, name, self.record)]
        against = (*self._passed_over(better, refused), *(reason(Rule.NOT_SEEN, node=name) for name in blind))
        return self._order(OrderKind.START, choice, self._why(choice, good), *against)

    def _installs(self, better: list[str]) -> Reason | None:
        """Why a node that is placed better is not ready yet; only a group that ran nowhere yet waits for that."""
        if self.known.wanted or self.known.last_owner:
            return None
        ready = (name for name in better if not avoided(self.group, self.known, name))
        return next((self.outlook.refusal(name) for name in ready if self.outlook.installs(name)), None)

    def _passed_over(self, names: list[str], refused: dict[str, Reason | None]) -> list[Reason]:
        """Why these nodes, better placed, were not taken."""
        passed = (refused[name] or shunned(self.group, self.known, name) for name in names)
        return [why for why in passed if why is not None]

    def _why(self, choice: str, good: list[str]) -> Reason:
        last = self.known.last_owner
        loss = self.record.losses.get(last)
        if loss is not None and loss.proof:
            return reason(Rule.OWNER_PROVEN_OFF, owner=last, loss=loss.number, how=loss.proof, node=choice)
        if self.known.wanted == choice:
            return reason(Rule.RELOCATED, node=choice)
        if choice not in good:
            return reason(Rule.TRIED_AGAIN, node=choice)
        if self.group.node:
            count = min(self.group.copies, len(self.together.sets[self.group.base]))
            return reason(Rule.ONE_COPY, self.group.setting("Copies"), node=choice, count=count)
        place = self.outlook.allowed(self.group).index(choice) + 1
        if not self.group.domain:
            return reason(Rule.ANY_NODE, node=choice)
        return reason(Rule.FIRST_CHOICE, self.group.setting("Domain"), node=choice, place=place)
