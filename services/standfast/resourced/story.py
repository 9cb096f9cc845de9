"""What the journal tells: one entry for each transition, as a sentence with fields (DESIGN section 11).

POSITION names the update that an entry tells of, INCIDENT the loss, NODE the node that it is about.
"""

from collections.abc import Mapping
from dataclasses import replace

from standfast.resourced import group_story
from standfast.resourced.drills import Drill, DrillBegun, DrillEnded
from standfast.resourced.events import Entry
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Disabled,
    Installed,
    Kept,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    ProtocolRaised,
    Proven,
    Reported,
    StartedAlone,
    SwitchedOn,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.outlook import behind
from standfast.resourced.reasons import sentence
from standfast.resourced.record import GroupRecord, Loss, Record
from standfast.resourced.telling import ERROR, INFO, NOTICE, WARNING, tell
from standfast.resourced.term import Term
from standfast.vocabulary import DrillKind, Ring, copies_of


def bad_message(sender: str, text: str, count: int) -> Entry:
    return Entry(
        event="bad-message",
        level=WARNING,
        text=f"A message of {sender} was refused, {count} of it so far ({text}); the record is taken anew",
    )


def too_old(version: int) -> Entry:
    text = (
        f"The cluster speaks version {version} of the protocol, which this release does not know: this node takes no "
        f"part. Install the release that the other nodes have, then systemctl restart standfast-resourced"
    )
    return Entry(event="release-too-old", level=ERROR, text=text)


def bad_tick(sender: str, text: str) -> Entry:
    return Entry(
        event="bad-message",
        level=WARNING,
        text=f"The ticks of {sender} cannot be understood ({text}): install the same version on every node",
    )


def disk(good: bool) -> Entry:
    if good:
        return Entry(
            event="disk-good", level=NOTICE, text="The record can be written again; this node takes part again"
        )
    text = "The record cannot be written to /var/lib/standfast: free space there; this node takes no part until then"
    return Entry(event="disk-bad", level=ERROR, text=text)


def term_opened(term: Term, ring: Ring | None) -> Entry:
    text = f"Term {term.number} is open: {', '.join(term.members)}; {term.coordinator} coordinates"
    who = {"COORDINATOR": term.coordinator, "MEMBERS": " ".join(term.members)}
    fields = {"TERM": str(term.number), "POSITION": f"{term.number}.0", "VIEW": str(ring or ""), **who}
    return Entry(event="term-opened", level=INFO, text=text, fields=fields)


def alone_asked(names: tuple[str, ...], by: str) -> Entry:
    them = ", ".join(names)
    text = f"An operator ({by}) wants to go on without {them}: first each is proven off, then a term is opened"
    return Entry(event="alone-asked", level=WARNING, text=text, fields={"SUBJECT": them})


def alone_ended(names: tuple[str, ...], why: str) -> Entry:
    them = ", ".join(names)
    text = f"That an operator goes on without {them} is over: {why}"
    return Entry(event="alone-ended", level=WARNING, text=text, fields={"SUBJECT": them, "CAUSE": why})


def stays(node: str) -> Entry:
    text = f"{node} was to leave, and was started again: it stays, and takes part again in the next term"
    return Entry(event="node-stays", level=NOTICE, text=text, fields={"SUBJECT": node})


def quorum_lost(groups: list[str]) -> Entry:
    text = f"This node is not quorate: it stops what it runs at once ({', '.join(groups)})"
    return Entry(event="quorum-lost-stop", level=WARNING, text=text)


def start_refused(group: str, unit: str, record: Record | None, me: str) -> Entry:
    """Why a start by hand did nothing, where the group runs and what to type."""
    known = record.groups.get(group) if record else None
    owner = ", ".join(known.holders) if known and known.holders else ""
    place = f"it runs on {owner}" if owner else "it runs nowhere now"
    todo = f"standfast group relocate {group} {me}" if owner else f"standfast group start {group}"
    text = (
        f"{unit} was not started: it belongs to group {group}, which is not held here; {place}. To have it here: {todo}"
    )
    return Entry(event="start-refused", level=WARNING, text=text, fields={"GROUP": group, "RESOURCE": unit})


def entries(before: Record, after: Record, term: int, update: Update) -> list[Entry]:
    """The entries of one update, the same on every member."""
    fields = {"TERM": str(term), "POSITION": f"{term}.{update.position}"}
    told = [_with_groups(entry, before, after) for entry in _content(before, after, update, fields)]
    told += [entry for name in sorted(after.groups) for entry in group_story.phase(name, before, after, fields)]
    return told


def _with_groups(entry: Entry, before: Record, after: Record) -> Entry:
    """What is told of a node's loss is part of the story of every group that the node had, and of each that is to run
    and runs nowhere: it waits for the proof."""
    loss = after.by_number(entry.fields.get("INCIDENT", ""))
    if loss is None or "GROUP" in entry.fields:
        return entry
    return replace(entry, groups=tuple(name for name, group in sorted(before.groups.items()) if _part(loss, group)))


def _part(loss: Loss, group: GroupRecord) -> bool:
    had = loss.node in {*group.held, *group.open_orders, group.last_owner}
    return had or not (group.held or group.stopped or group.disabled)


def _content(before: Record, after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case Members():
            told = [entry for name in sorted(after.members) for entry in _member(name, before, after, fields)]
            return [*told, *_alone_over(before, after, fields)]
        case Installed(node=node) if node in before.nodes and not behind(before.nodes[node], before):
            return _behind(node, after, fields)
        case LossDeclared(node=node):
            return _lost(node, before, after, fields)
        case Wish(kind=WishKind.FENCE, subject=node):
            return [*_operators(after, update, fields), *_lost(node, before, after, fields)]
        case Wish(kind=WishKind.CONFIRM, loss=loss, by=by):
            return [*_operators(after, update, fields), *_proven(loss, "operator", by, before, after, fields)]
        case AttemptBegun() | AttemptEnded() | Proven() | SwitchedOn():
            return _fencing(before, after, update, fields)
        case OrderGiven(group=group, kind=kind, node=node, reasons=reasons):
            if before.groups.get(group) is None or after.groups[group].number == before.groups[group].number:
                return []
            why = "; ".join(map(sentence, reasons))
            text = f"{group}: {kind.value} on {node}: {why}"
            own = {"GROUP": group, "DECISION": kind.value, "INCIDENT": group_story.loss_of(reasons)}
            return [tell("order", NOTICE, text, fields, SUBJECT=node, CAUSE=why, **own)]
        case Reported(group=group, node=node, refused=refused) if refused:
            text = f"{group}: {node} refused the order: {refused}"
            return [tell("order-refused", WARNING, text, fields, GROUP=group, SUBJECT=node, CAUSE=refused)]
        case Reported():
            told = [
                *group_story.failed(before, update.content, fields),
                *group_story.by_hand(before, after, update.content, fields),
            ]
            return [*told, *group_story.served(before, after, update.content, fields)]
        case DrillBegun() | DrillEnded():
            return _drills(before, after, update, fields)
    return _operators(after, update, fields)


def _drills(before: Record, after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case DrillBegun(drill=drill) if before.drill is None:
            return _drill_begun(drill, fields)
        case DrillEnded() if before.drill is not None and after.drill is None:
            return _drill_ended(before.drill, update.content, after, fields)
    return []


def _drill_begun(drill: Drill, fields: Mapping[str, str]) -> list[Entry]:
    """One for each group, so that the story of each has it."""
    what = f"fire drill: {FAULTS[drill.kind].format(unit=drill.unit, node=drill.node)} ({drill.by})"
    return [
        tell(
            "drill-begun",
            NOTICE,
            f"{name}: {what}" if name else what,
            fields,
            GROUP=name,
            SUBJECT=drill.node,
            CAUSE=what,
        )
        for name in drill.groups or ("",)
    ]


FAULTS: Mapping[DrillKind, str] = {
    DrillKind.KILL: "the main process of {unit} is killed on {node}",
    DrillKind.HANG: "the processes of {unit} are stopped on {node}",
    DrillKind.POWER: "the power of {node} is cut",
    DrillKind.CUT: "{node} is cut off from the other nodes",
}


def _drill_ended(drill: Drill, content: DrillEnded, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    told = []
    for name in drill.groups or ("",):
        group = after.groups.get(name)
        passed = group is not None and group.drilled is not None and group.drilled.passed
        ms = group.drilled.ms if group is not None and group.drilled is not None else 0
        end = f"it ran again after {ms / 1000:.1f} s" if passed else "it did not run again in time"
        end = end if content.struck else "it had no fault"
        text = f"{name}: the fire drill has ended: {end}" if name else "The fire drill has ended"
        level = NOTICE if (passed or not name) and not content.failed else WARNING
        text += f"; {content.failed}" if content.failed else ""
        told.append(tell("drill-ended", level, text, fields, GROUP=name, SUBJECT=drill.node, CAUSE=content.failed))
    return told


def _lost(node: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    loss, known = after.losses.get(node), before.losses.get(node)
    if loss is None or (known is not None and known.number == loss.number):
        return []
    why = sentence(loss.reason)
    text = f"{node} is lost (loss {loss.number}): {why}; what it may run waits for proof that it is off"
    return [tell("node-lost", WARNING, text, fields, INCIDENT=loss.number, SUBJECT=node)]


def _proven(loss: str, how: str, why: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    found = after.by_number(loss)
    if found is None or found == before.by_number(loss):
        return []
    text = f"{found.node} is proven off (loss {loss}, {how}): {why}"
    return [tell("node-proven", NOTICE, text, fields, INCIDENT=loss, SUBJECT=found.node)]


def _operators(after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case Wish(kind=wish, subject=subject, node=node):
            to = f" to {node}" if node else ""
            wanted = " ".join(word for word in (wish.value, subject) if word)
            group = subject if copies_of(subject, after.groups) else ""
            own = {
                "GROUP": group,
                "SUBJECT": subject if subject in after.nodes else "",
                "INCIDENT": update.content.loss,
            }
            return [tell("wish", NOTICE, f"An operator wants: {wanted}{to}", fields, **own)]
        case Disabled(group=group, reason=why) if group in after.groups:
            text = f"{group}: {sentence(why)}; to let it run again: standfast group enable {group}"
            return [tell("group-disabled", ERROR, text, fields, GROUP=group, CAUSE=sentence(why))]
        case Kept(group=group, reason=why) if group in after.groups:
            return [tell("group-kept", WARNING, f"{group}: {sentence(why)}", fields, GROUP=group, CAUSE=sentence(why))]
        case Marked(node=node):
            return [tell("node-left", NOTICE, f"{node} leaves cleanly: it holds nothing", fields, SUBJECT=node)]
        case StartedAlone(without=names, by=by):
            return [_alone(names, by, after, fields)]
        case ProtocolRaised(version=version) if after.protocol == version:
            text = f"Version {version} of the protocol is in use: every node speaks it"
            return [tell("protocol-raised", NOTICE, text, fields)]
        case ConfigurationInForce() if after.configuration == update.content.digest:
            return [_in_force(update.content, after, fields)]
    return []


def _in_force(content: ConfigurationInForce, after: Record, fields: Mapping[str, str]) -> Entry:
    by, why = content.by or "nobody", f", {content.why}" if content.why else ""
    text = f"Configuration {content.digest[:12]} is in force (version {after.version}, by {by}{why})"
    if after.unconfirmed:
        back = f"{after.unconfirmed[:12]} comes back in {after.confirm_ms // 1000} s"
        text += f"; unless that is confirmed, {back}: standfast config confirm"
    return tell("configuration-in-force", NOTICE, text, fields, CAUSE=content.why)


def _member(name: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    told = [*_back(name, before, after, fields), *_behind(name, after, fields)]
    if after.nodes[name].condemned:
        text = f"{name} speaks although it was proven off: groups may have run twice; it reboots. Test its fence device"
        told.append(tell("node-condemned", ERROR, text, fields, SUBJECT=name))
    return told


def _back(name: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    """It was lost, or had left, and takes part again."""
    loss = before.losses.get(name)
    if name in after.losses or not (loss is not None or (before.nodes[name].left and not after.nodes[name].left)):
        return []
    text = f"{name} takes part again" + (f" (loss {loss.number} is over)" if loss is not None else "")
    return [tell("node-back", NOTICE, text, fields, INCIDENT=loss.number if loss is not None else "", SUBJECT=name)]


def _alone(names: tuple[str, ...], by: str, after: Record, fields: Mapping[str, str]) -> Entry:
    them = ", ".join(names)
    text = f"This cluster goes on without {them} on an operator's word ({by}), with the record that is here"
    if after.without:
        text += "; keep them off: until more than half of all votes are together every wish is answered “unknown”"
    return tell("alone-begun", WARNING, text, fields, SUBJECT=them)


def _alone_over(before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    if not before.without or after.without:
        return []
    text = f"More than half of all votes are here again: wishes are acknowledged, {', '.join(before.without)} may boot"
    return [tell("alone-over", NOTICE, text, fields)]


def _behind(name: str, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    if not behind(after.nodes[name], after):
        return []
    text = f"{name} has not the configuration in force ({after.configuration[:12]}): it gets nothing to run"
    return [tell("node-drifted", WARNING, text, fields, SUBJECT=name)]


def _fencing(before: Record, after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case AttemptBegun(loss=loss, node=node, fencer=fencer, action=action):
            verb = "fences" if action == "off" else "switches on"
            return [
                tell("attempt", NOTICE, f"{fencer} {verb} {node} (loss {loss})", fields, INCIDENT=loss, SUBJECT=node)
            ]
        case AttemptEnded(loss=loss, action=action, text=text):
            said = f"Switching {action} for loss {loss} failed: {text}; it is tried again"
            found = after.by_number(loss)
            if action == "off" and found is not None:
                said += f". If {found.node} is off for certain: standfast fence confirm {found.node} {loss}"
            victim = found.node if found is not None else ""
            level = ERROR if action == "off" else WARNING
            return [tell("attempt-failed", level, said, fields, INCIDENT=loss, SUBJECT=victim)]
        case Proven(loss=loss, how=how, text=text):
            return _proven(loss, how, text, before, after, fields)
        case SwitchedOn(loss=loss, text=text):
            said, found = f"What was off for loss {loss} is on again: {text}", before.by_number(loss)
            node = found.node if found is not None else ""
            return [tell("switched-on", INFO, said, fields, INCIDENT=loss, SUBJECT=node)]
    return []
