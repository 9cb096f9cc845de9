"""Nodes that are not here: losses, attempts, what is owed, and the marks of clean leaves (DESIGN sections 4 and 6)."""

from standfast.configuration.model import Configuration
from standfast.configuration.quorum import Rules, arbiter_lingers_ms, quorum_of
from standfast.resourced.messages import AttemptBegun, AttemptEnded, Content, LossDeclared, Marked, Proven, SwitchedOn
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import Attempt, Loss, Record
from standfast.resourced.situation import Situation, Waits
from standfast.watchdog.times import proven_after_ms

FENCER_GONE_MARGIN_MS = 10_000
LONGEST_PAUSE_MS = 30_000


def losses(record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> list[Content]:
    """Who left the ring without a clean leave is lost at once; who is away, after DaemonGrace, one at a time:
    the next one when that loss was proven or ended."""
    grace = configuration.cluster.daemon_grace_ms
    gone: list[Content] = []
    late: list[Content] = []
    under_suspicion = any(loss.reason.rule is Rule.DAEMON_AWAY and not loss.proof for loss in record.losses.values())
    for name, node in record.nodes.items():
        known = record.losses.get(name)
        if node.present and not node.condemned:
            continue
        if node.condemned:
            if (
                known is not None
                and known.proof
                and waits.age(f"condemned {name}") >= configuration.cluster.stop_deadline_ms
            ):
                late.append(LossDeclared(node=name, reason=reason(Rule.NOT_REBOOTED)))
        elif node.left or (known is not None and not known.proof) or name in situation.resting & situation.ring_nodes:
            continue
        elif name in situation.ring_nodes:
            if (
                waits.age(f"away {name}") >= grace
                and enough(quorum_of(configuration), record.members)
                and not under_suspicion
            ):
                why = reason(Rule.DAEMON_AWAY, configuration.cluster.setting("DaemonGrace"), seconds=grace // 1000)
                late.append(LossDeclared(node=name, reason=why))
        elif known is None:
            rule = Rule.ABSENT_AT_START if situation.cold else Rule.LEFT_RING
            gone.append(LossDeclared(node=name, reason=reason(rule), cold=situation.cold))
    return gone + late[:1]


def enough(rules: Rules, names: frozenset[str]) -> bool:
    """These nodes will be quorate when the others are gone: the arbiter is theirs, and votes go down one by one."""
    return rules.holds(names, arbiter=True) or (rules.last_man_standing and len(names) > 1)


def attempts(record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> list[Content]:
    """An attempt for each unproven loss, for ever; `on` for whom it is owed; attempts without a fencer end."""
    contents: list[Content] = []
    for attempt in record.attempts:
        if not under_way(record, attempt) or _given_up(record, attempt, configuration, waits):
            text = f"its fencer {attempt.fencer} is gone"
            contents.append(AttemptEnded(loss=attempt.loss, fencer=attempt.fencer, action=attempt.action, text=text))
    for loss in record.losses.values():
        if not loss.proof and not record.maintenance:
            contents += _attempt(loss, "off", record, configuration, situation, waits)
    for name, number in record.owed.items():
        owed = record.losses.get(name)
        if owed is None or (name in situation.ring_nodes and _back(number, configuration, waits)):
            contents.append(SwitchedOn(loss=number, text="it is back"))
        elif name not in situation.ring_nodes:
            contents += _attempt(owed, "on", record, configuration, situation, waits)
    return contents


def watchdog_proofs(record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> list[Content]:
    """Who holds something and is not fed was reset by now; who is heard nevertheless proves nothing.

    That somebody is not fed follows from the quorum that this view has: while it has none the others may, by an
    arbiter's vote that went there, and nothing is counted.
    """
    contents: list[Content] = []
    cluster = configuration.cluster
    for name, loss in record.losses.items():
        timeout_ms = record.nodes[name].watchdog_ms
        if loss.proof or not timeout_ms:
            continue
        age = min(waits.age(f"watchdog {loss.number}"), situation.now - situation.quorate_since)
        after_ms = proven_after_ms(cluster, timeout_ms, arbiter_ms=arbiter_lingers_ms(cluster))
        if age >= after_ms and name not in situation.ring_nodes | situation.linked:
            text = f"its watchdog has reset it by now ({after_ms / 1000:g} s)"
            contents.append(Proven(loss=loss.number, how="watchdog", text=text, switch_on=False))
    return contents


def _back(number: str, configuration: Configuration, waits: Waits) -> bool:
    """Who was shot in the ring is shown in it until Corosync notices: only who stays in it is back."""
    return waits.age(f"back {number}") >= 2 * configuration.cluster.detect_within_ms


def under_way(record: Record, attempt: Attempt) -> bool:
    """False once the fencer itself is proven off: its agent died with it."""
    loss = record.losses.get(attempt.fencer)
    return attempt.fencer in record.members or loss is None or not loss.proof


def _given_up(record: Record, attempt: Attempt, configuration: Configuration, waits: Waits) -> bool:
    if attempt.fencer in record.members:
        return False
    age = waits.age(f"attempt {attempt.loss} {attempt.fencer} {attempt.action}")
    return age >= longest_round_ms(configuration, attempt.node) + FENCER_GONE_MARGIN_MS


def longest_round_ms(configuration: Configuration, name: str) -> int:
    """How long one round through all levels of a node can take: each device is asked twice."""
    timeouts = {device.name: device.timeout_ms + device.delay_ms for device in configuration.devices}
    node = configuration.node(name)
    rounds = sum(2 * timeouts.get(plug.device, 0) for level in node.fence for plug in level)
    return node.fence_delay_ms + rounds


def out(record: Record, name: str) -> bool:
    """An attempt on this node is under way: it reports and gets no order."""
    return any(
        attempt.node == name and attempt.action == "off" and under_way(record, attempt) for attempt in record.attempts
    )


def _attempt(
    loss: Loss, action: str, record: Record, configuration: Configuration, situation: Situation, waits: Waits
) -> list[Content]:
    known = [attempt for attempt in record.attempts if attempt.loss == loss.number and attempt.action == action]
    if any(attempt.fencer in record.members for attempt in known) or not configuration.node(loss.node).fence:
        return []
    if wait_ms(loss, record, configuration, situation, waits) > 0:
        return []
    fencers = [name for name in sorted(record.members, key=list(record.nodes).index) if name != loss.node]
    if not fencers:
        return []
    start = fencers.index(situation.me) if situation.me in fencers else 0
    fencer = fencers[(start + _failed(record, loss)) % len(fencers)]
    return [AttemptBegun(loss=loss.number, node=loss.node, incarnation=loss.incarnation, fencer=fencer, action=action)]


def _failed(record: Record, loss: Loss) -> int:
    return record.failed_attempts.get(loss.number, 0)


def wait_ms(loss: Loss, record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> int:
    """Milliseconds until the next attempt: PostJoinDelay or PostFailDelay before the first `off`, none before the first
    `on`, then a growing pause."""
    failed, cluster = _failed(record, loss), configuration.cluster
    if failed:
        pause = min(1000 << min(failed - 1, 6), LONGEST_PAUSE_MS)
    elif loss.hurried or loss.proof:
        pause = 0
    elif loss.cold:
        pause = cluster.post_join_delay_ms
    else:
        pause = cluster.post_fail_delay_ms + (situation.race_ms if loss.reason.rule is Rule.LEFT_RING else 0)
    return pause - waits.age(f"attempt {loss.number} after {failed}")


def next_attempt_ms(
    loss: Loss, record: Record, configuration: Configuration, situation: Situation, waits: Waits
) -> int | None:
    """Milliseconds until the next attempt to prove `loss` begins, as people see it; None: there is none to wait for."""
    fence = next((node.fence for node in configuration.nodes if node.name == loss.node), ())
    if loss.proof or not fence or record.maintenance or out(record, loss.node):
        return None
    return max(0, wait_ms(loss, record, configuration, situation, waits))


def closing(record: Record, rules: Rules) -> frozenset[str]:
    """The members that are to hold nothing because of a leave: the leaving ones, or all when those who would stay
    do not hold the quorum."""
    leaving = frozenset(name for name in record.members if record.nodes[name].leaving)
    staying = record.members - leaving
    return leaving if enough(rules, staying) or not leaving else record.members


def marks(record: Record, rules: Rules, moving: set[str]) -> list[Content]:
    """Marks for those who leave, hold nothing, and whose groups are not just `moving` elsewhere."""
    leaving = closing(record, rules)
    waited_for = {record.groups[name].last_owner for name in moving}
    busy = frozenset(name for group in record.groups.values() for name in (*group.holders, *group.open_orders))
    together = leaving == record.members
    contents: list[Content] = []
    for name in sorted(record.members):
        node = record.nodes[name]
        if node.condemned or name in record.losses or out(record, name):
            continue
        if name in leaving and not node.left and name not in busy | waited_for and not (together and busy):
            contents.append(Marked(node=name))
    return contents
