"""What an operator can type, and what comes of it. What the cluster would refuse now is not offered."""

from collections.abc import Iterable, Iterator

from standfast.configuration.model import Group
from standfast.resourced.explain.facts import Fact, Part, Said, Way
from standfast.resourced.explain.look import Look
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.outlook import unwanted
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.wishes import refuse_wish
from standfast.vocabulary import Phase

MOST = 8
UNDONE_BY = {
    Rule.STOPPED_BY_OPERATOR: (WishKind.START, "standfast group start {group}", "starts it again"),
    Rule.DISABLED_BY_OPERATOR: (WishKind.ENABLE, "standfast group enable {group}", "lets it run again"),
    Rule.DISABLED_BY_POLICY: (WishKind.ENABLE, "standfast group enable {group}", "lets it run again"),
    Rule.FROZEN: (WishKind.THAW, "standfast group thaw {group}", "has it looked after again"),
    Rule.BY_ADMINISTRATOR: (WishKind.START, "standfast group start {group}", "restarts it here, and hands it back"),
    Rule.BACKING_OFF: (WishKind.START, "standfast group start {group}", "forgets its failures and tries at once"),
}
UP = (Phase.STARTING, Phase.STARTED)
SOUND = (Fact.COULD_RUN, Fact.COMES_AFTER, Fact.NO_FAILBACK, Fact.AVOIDED_FOR)


def for_group(group: Group, why: Iterable[Said], others: Iterable[Part], look: Look) -> tuple[Way, ...]:
    """What ends what it waits for, then where it can be moved to."""
    known = look.record.groups[group.name]
    found = _maintenance(look)
    found += [way for one in why if isinstance(one, Reason) for way in _of_reason(one, group.name, look)]
    if known.phase is Phase.STOPPED:
        found += [way for part in others for one in part.said for way in _of_node(one, look)]
    elif known.phase is Phase.STARTED and not group.node and unwanted(known) is None:
        for part in others:
            if any(not isinstance(one, Reason) and one.fact in SOUND for one in part.said):
                found += _relocate(group.name, part.name, look)
    if known.phase in UP and unwanted(known) is None:
        found += _wish(
            look,
            WishKind.STOP,
            group.name,
            f"standfast group stop {group.name}",
            "stops it, until group start",
        )
    return _distinct(found)


def for_node(name: str, look: Look) -> tuple[Way, ...]:
    """What brings the node back to work, or takes it away from it."""
    refusal, loss = look.outlook.refusal(name), look.record.losses.get(name)
    block = look.outlook.blocks[name]
    found = _maintenance(look) if loss is not None else []
    if refusal is not None:
        found += _of_node(refusal, look)
    if loss is not None and not loss.proof:
        found += _proof(name, loss.number, look)
    if (block is not None and block.rule is Rule.AWAITS_DAEMON) or name in look.situation.resting:
        found += _daemon(name, look)
    if refusal is None:
        text = "moves its groups away" if look.outlook.on_node[name] else "gives it no group"
        found += _wish(look, WishKind.STANDBY, name, f"standfast node standby {name}", text)
    return _distinct(found)


def for_copies(base: str, copies: Iterable[Group], look: Look) -> tuple[Way, ...]:
    """What can be done with all copies, and what ends what one of them waits for."""
    known = [look.record.groups[copy.name] for copy in copies]
    found: list[Way] = []
    for copy in copies:
        for why in look.waits_for(copy.name):
            found += [*_of_reason(why, base, look), *_of_node(why, look)]
    if any(one.holders and unwanted(one) is None for one in known):
        found += _wish(look, WishKind.STOP, base, f"standfast group stop {base}", "stops all copies")
    return _distinct(found)


def _maintenance(look: Look) -> list[Way]:
    text = "has all groups looked after again"
    return [Way(command="standfast maintenance off", text=text)] if look.record.maintenance else []


def _distinct(ways: Iterable[Way]) -> tuple[Way, ...]:
    by_command = {(way.command, way.on): way for way in reversed(list(ways))}
    return tuple(reversed(by_command.values()))[:MOST]


def _wish(
    look: Look, kind: WishKind, subject: str, command: str, text: str, node: str = "", loss: str = ""
) -> list[Way]:
    """The command, unless its wish would be refused now."""
    wish = Wish(id="", kind=kind, subject=subject, node=node, loss=loss, by="")
    if refuse_wish(wish, look.record, look.configuration, look.situation):
        return []
    return [Way(command=command, text=text)]


def _relocate(group: str, node: str, look: Look) -> list[Way]:
    command = f"standfast group relocate {group} {node}"
    return _wish(look, WishKind.RELOCATE, group, command, f"moves it to {node}", node)


def _of_reason(why: Reason, group: str, look: Look) -> Iterator[Way]:
    """What ends a reason why nothing is done with the group."""
    if why.rule in UNDONE_BY:
        kind, command, text = UNDONE_BY[why.rule]
        yield from _wish(look, kind, group, command.format(group=group), text)
    match why.rule:
        case Rule.BY_ADMINISTRATOR:
            text = "hands it back as it is"
            yield Way(command=f"systemctl start {why.facts['units']}", text=text, on=why.facts["node"])
        case Rule.NEEDS | Rule.AFTER | Rule.NEEDED:
            yield Way(
                command=f"standfast explain {why.facts['group']}", text=f"shows why {why.facts['group']} is as it is"
            )
        case Rule.BLOCKED:
            yield from _blocked(group, look)
        case Rule.AWAITS_PROOF:
            yield from _proof(why.facts["node"], why.facts["loss"], look)
        case Rule.AWAITS_LOSS | Rule.AWAITS_DAEMON:
            yield from _daemon(why.facts["node"], look)
        case Rule.UNSETTLED:
            for name, node in look.record.nodes.items():
                loss = look.record.losses.get(name)
                if not node.present and loss is not None and not loss.proof:
                    yield from _proof(name, loss.number, look)


def _of_node(why: Said, look: Look) -> Iterator[Way]:
    """What makes a node take groups again."""
    node = why.facts.get("node", "")
    if not isinstance(why, Reason):
        return
    match why.rule:
        case Rule.STANDBY:
            yield from _wish(
                look, WishKind.RESUME, node, f"standfast node resume {node}", f"lets {node} run groups again"
            )
        case Rule.UNHEALTHY:
            yield Way(command="standfast quorum", text="shows which heuristic is bad", on=node)
        case Rule.NOT_HERE if look.record.nodes[node].left:
            yield Way(command="systemctl start standfast.target", text=f"takes {node} back in", on=node)
        case Rule.BEHIND:
            units = "-u standfast-resourced -u standfast-membershipd"
            yield Way(command=f"journalctl {units}", text="tells why it has not got it", on=node)
        case Rule.CONDEMNED:
            yield Way(command="systemctl reboot", text=f"ends that {node} is kept out", on=node)
            yield Way(command=f"standfast fence test {node}", text="tells whether its fence device can be trusted")


def _blocked(group: str, look: Look) -> Iterator[Way]:
    for node in look.record.groups[group].holders:
        units = look.record.groups[group].held[node].units
        if units:
            yield Way(command=f"systemctl status {' '.join(units)}", text="shows what is left of it", on=node)
        yield from _wish(
            look, WishKind.FENCE, node, f"standfast fence now {node}", f"switches {node} off, which ends it"
        )


def _proof(node: str, loss: str, look: Look) -> Iterator[Way]:
    """Only where an attempt is waited for can it come sooner; a person's word counts where devices failed."""
    known = look.record.losses.get(node)
    if known is not None and known.cold and not known.hurried and not look.record.failed_attempts.get(loss, 0):
        text = f"fences {node} now, without waiting for it to boot"
        yield from _wish(look, WishKind.FENCE, node, f"standfast fence now {node}", text)
    text = f"your word that {node} is off, if you know it for certain"
    yield from _wish(look, WishKind.CONFIRM, node, f"standfast fence confirm {node} {loss}", text, loss=loss)


def _daemon(node: str, look: Look) -> Iterator[Way]:
    yield Way(command="systemctl restart standfast-resourced", text=f"brings {node} back, if it can", on=node)
    yield from _wish(look, WishKind.FENCE, node, f"standfast fence now {node}", f"does not wait for {node} any longer")
