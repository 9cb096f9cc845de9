"""What changes a group by itself, without anybody who types something."""

from collections.abc import Iterator

from standfast.configuration.model import Group, Recovery
from standfast.resourced.explain.facts import Fact, Said, duration, stated
from standfast.resourced.explain.look import Look
from standfast.resourced.outlook import idle
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.recovery import pause_ms
from standfast.vocabulary import Phase

UNTIL = {
    Rule.AWAITS_PROOF: Fact.UNTIL_PROOF,
    Rule.AWAITS_LOSS: Fact.UNTIL_PROOF,
    Rule.AWAITS_DAEMON: Fact.UNTIL_PROOF,
    Rule.UNSETTLED: Fact.UNTIL_SETTLED,
    Rule.NO_NODE: Fact.UNTIL_NODE,
    Rule.MAX_STARTS: Fact.UNTIL_STARTED,
    Rule.ENOUGH_COPIES: Fact.UNTIL_ROOM,
    Rule.NEEDS: Fact.UNTIL_GROUP,
    Rule.AFTER: Fact.UNTIL_GROUP,
}
KEPT = (Rule.FAILS_EVERYWHERE, Rule.FAILED_THERE_TOO, Rule.SEEN_NOWHERE)


def by_itself(group: Group, look: Look) -> Iterator[Said]:
    """What the group waits for; of one that runs well what takes it away."""
    known, waits_for = look.record.groups[group.name], look.waits_for(group.name)
    if known.holders and not waits_for and known.phase is Phase.STARTED:
        yield from _failures(group, known.holders[0])
        yield from _home(group, look)
        return
    for why in waits_for[:1]:
        yield from _until(why, group, look)
    if known.phase is not Phase.STARTED:
        yield from _then(group, look)


def _then(group: Group, look: Look) -> Iterator[Said]:
    """Where it will run when what is under way has come to its end."""
    known = look.record.groups[group.name]
    outcome = next(one for one in look.goes_on().groups if one.group == group.name)
    after = outcome.after
    if after is None or after.phase is not Phase.STARTED:
        return
    if known.phase is not Phase.STARTING or after.owner not in look.places(group.name):
        yield stated(Fact.THEN_RUNS, node=after.owner)


def _until(why: Reason, group: Group, look: Look) -> Iterator[Said]:
    known = look.record.groups[group.name]
    if why.rule is Rule.BACKING_OFF:
        yield stated(Fact.UNTIL_TRY, time=duration(pause_ms(group, known)))
    elif why.rule is Rule.BLOCKED:
        yield stated(Fact.UNTIL_GONE, node=known.holders[0])
    elif why.rule in KEPT and idle(known, look.outlook) is None:
        yield stated(Fact.UNTIL_GOOD)
    elif why.rule in UNTIL and not known.holders:
        facts = {"node": why.facts.get("node", ""), "group": why.facts.get("group", "")}
        yield stated(UNTIL[why.rule], **facts)


def _failures(group: Group, node: str) -> Iterator[Said]:
    """What its policy says of failures."""
    facts = {"count": group.max_restarts, "time": duration(group.restart_window_ms), "node": node}
    most, policy = group.setting("MaxRestarts"), group.setting("Recovery")
    match group.recovery:
        case Recovery.RESTART if not group.max_restarts:
            yield stated(Fact.FAILURE_MOVES, most, node=node)
        case Recovery.RESTART:
            yield stated(Fact.FAILURES_MOVE, most, **facts)
        case Recovery.RESTART_DISABLE if group.max_restarts:
            yield stated(Fact.FAILURES_DISABLE, policy, **facts)
        case Recovery.RELOCATE:
            yield stated(Fact.FAILURE_MOVES, policy, node=node)
        case Recovery.DISABLE | Recovery.RESTART_DISABLE:
            yield stated(Fact.FAILURE_DISABLES, policy)


def _home(group: Group, look: Look) -> Iterator[Said]:
    """A better node that it will go to."""
    domain = next((one for one in look.configuration.domains if one.name == group.domain), None)
    allowed, places = look.outlook.allowed(group), look.places(group.name)
    if domain is None or not domain.failback or not domain.ordered or places[0] not in allowed:
        return
    for better in allowed[: allowed.index(places[0])][:1]:
        yield stated(Fact.WOULD_GO_HOME, domain.setting("Failback"), node=better)
