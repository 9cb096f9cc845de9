"""What the journal tells: one entry for each transition, as a sentence with fields (DESIGN section 11)."""

from collections.abc import Mapping

from standfast.resourced.events import Entry
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Disabled,
    Installed,
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
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.term import Term
from standfast.vocabulary import Holding, Phase

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6


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


def term_opened(term: Term) -> Entry:
    text = f"Term {term.number} is open: {', '.join(term.members)}; {term.coordinator} coordinates"
    return Entry(event="term-opened", level=INFO, text=text, fields={"TERM": str(term.number)})


def alone_asked(names: tuple[str, ...], by: str) -> Entry:
    them = ", ".join(names)
    text = f"An operator ({by}) wants to go on without {them}: first each is proven off, then a term is opened"
    return Entry(event="alone-asked", level=WARNING, text=text, fields={"SUBJECT": them})


def alone_ended(names: tuple[str, ...], why: str) -> Entry:
    them = ", ".join(names)
    text = f"That an operator goes on without {them} is over: {why}"
    return Entry(event="alone-ended", level=WARNING, text=text, fields={"SUBJECT": them, "CAUSE": why})


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
    told = [*_content(before, after, update, fields)]
    told += [entry for name in sorted(after.groups) for entry in _phase(name, before, after, fields)]
    return told


def _content(before: Record, after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case Members():
            told = [entry for name in sorted(after.members) for entry in _member(name, after, fields)]
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
            return [_entry("order", NOTICE, text, fields, GROUP=group, DECISION=kind.value, SUBJECT=node, CAUSE=why)]
        case Reported(group=group, node=node, refused=refused) if refused:
            text = f"{group}: {node} refused the order: {refused}"
            return [_entry("order-refused", WARNING, text, fields, GROUP=group, SUBJECT=node, CAUSE=refused)]
        case Reported(group=group, node=node, held=held):
            known = before.groups[group].held.get(node) if group in before.groups else None
            if not held.failed or (known is not None and known.failed == held.failed):
                return []
            text = f"{group} failed on {node}: {held.failed}"
            return [_entry("group-failed", WARNING, text, fields, GROUP=group, SUBJECT=node, CAUSE=held.failed)]
    return _operators(after, update, fields)


def _lost(node: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    loss, known = after.losses.get(node), before.losses.get(node)
    if loss is None or (known is not None and known.number == loss.number):
        return []
    why = sentence(loss.reason)
    text = f"{node} is lost (loss {loss.number}): {why}; what it may run waits for proof that it is off"
    return [_entry("node-lost", WARNING, text, fields, INCIDENT=loss.number, SUBJECT=node)]


def _proven(loss: str, how: str, why: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    found = after.by_number(loss)
    if found is None or found == before.by_number(loss):
        return []
    text = f"{found.node} is proven off (loss {loss}, {how}): {why}"
    return [_entry("node-proven", NOTICE, text, fields, INCIDENT=loss, SUBJECT=found.node)]


def _operators(after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case Wish(kind=wish, subject=subject, node=node):
            to = f" to {node}" if node else ""
            wanted = " ".join(word for word in (wish.value, subject) if word)
            return [_entry("wish", NOTICE, f"An operator wants: {wanted}{to}", fields)]
        case Disabled(group=group, reason=why) if group in after.groups:
            text = f"{group}: {sentence(why)}; to let it run again: standfast group enable {group}"
            return [_entry("group-disabled", ERROR, text, fields, GROUP=group, CAUSE=sentence(why))]
        case Marked(node=node):
            return [_entry("node-left", NOTICE, f"{node} leaves cleanly: it holds nothing", fields, SUBJECT=node)]
        case StartedAlone(without=names, by=by):
            return [_alone(names, by, after, fields)]
        case ProtocolRaised(version=version) if after.protocol == version:
            text = f"Version {version} of the protocol is in use: every node speaks it"
            return [_entry("protocol-raised", NOTICE, text, fields)]
        case ConfigurationInForce() if after.configuration == update.content.digest:
            return [_in_force(update.content, after, fields)]
    return []


def _in_force(content: ConfigurationInForce, after: Record, fields: Mapping[str, str]) -> Entry:
    by, why = content.by or "nobody", f", {content.why}" if content.why else ""
    text = f"Configuration {content.digest[:12]} is in force (version {after.version}, by {by}{why})"
    if after.unconfirmed:
        back = f"{after.unconfirmed[:12]} comes back in {after.confirm_ms // 1000} s"
        text += f"; unless that is confirmed, {back}: standfast config confirm"
    return _entry("configuration-in-force", NOTICE, text, fields, CAUSE=content.why)


def _member(name: str, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    told = _behind(name, after, fields)
    if after.nodes[name].condemned:
        text = f"{name} speaks although it was proven off: groups may have run twice; it reboots. Test its fence device"
        told.append(_entry("node-condemned", ERROR, text, fields, SUBJECT=name))
    return told


def _alone(names: tuple[str, ...], by: str, after: Record, fields: Mapping[str, str]) -> Entry:
    them = ", ".join(names)
    text = f"This cluster goes on without {them} on an operator's word ({by}), with the record that is here"
    if after.without:
        text += "; keep them off: until more than half of all votes are together every wish is answered “unknown”"
    return _entry("alone-begun", WARNING, text, fields, SUBJECT=them)


def _alone_over(before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    if not before.without or after.without:
        return []
    text = f"More than half of all votes are here again: wishes are acknowledged, {', '.join(before.without)} may boot"
    return [_entry("alone-over", NOTICE, text, fields)]


def _behind(name: str, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    if not behind(after.nodes[name], after):
        return []
    text = f"{name} has not the configuration in force ({after.configuration[:12]}): it gets nothing to run"
    return [_entry("node-drifted", WARNING, text, fields, SUBJECT=name)]


def _fencing(before: Record, after: Record, update: Update, fields: Mapping[str, str]) -> list[Entry]:
    match update.content:
        case AttemptBegun(loss=loss, node=node, fencer=fencer, action=action):
            verb = "fences" if action == "off" else "switches on"
            return [
                _entry("attempt", NOTICE, f"{fencer} {verb} {node} (loss {loss})", fields, INCIDENT=loss, SUBJECT=node)
            ]
        case AttemptEnded(loss=loss, action=action, text=text):
            said = f"Switching {action} for loss {loss} failed: {text}; it is tried again"
            found = after.by_number(loss)
            if action == "off" and found is not None:
                said += f". If {found.node} is off for certain: standfast fence confirm {found.node} {loss}"
            return [_entry("attempt-failed", ERROR, said, fields, INCIDENT=loss)]
        case Proven(loss=loss, how=how, text=text):
            return _proven(loss, how, text, before, after, fields)
        case SwitchedOn(loss=loss, text=text):
            return [
                _entry("switched-on", INFO, f"What was off for loss {loss} is on again: {text}", fields, INCIDENT=loss)
            ]
    return []


def _phase(name: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    old, new = before.groups.get(name), after.groups[name]
    if old is None or old.phase is new.phase:
        return []
    where = ", ".join(new.holders) or ", ".join(sorted(new.open_orders))
    text = f"{name} is {new.phase.value}" + (f" on {where}" if where else "")
    had = old.holders or ((old.last_owner,) if old.last_owner else ())  # a record from a disk knows no holders
    gone = [holder for holder in had if holder not in after.members]
    if new.phase is Phase.STOPPED and gone:
        text = f"{name} is held by nobody here: {', '.join(gone)} had it, and is gone"
    level = ERROR if new.phase is Phase.BLOCKED else NOTICE if new.phase in (Phase.STARTED, Phase.STOPPED) else INFO
    return [_entry(f"group-{new.phase.value}", level, text, fields, GROUP=name, SUBJECT=where, CAUSE=_cause(new))]


def _cause(group: GroupRecord) -> str:
    failed = [held.failed for held in group.held.values() if held.failed and held.holding is not Holding.RUNNING]
    return "; ".join(failed) or "; ".join(map(sentence, group.reasons[:1]))


def _entry(event: str, level: int, text: str, shared: Mapping[str, str], **fields: str) -> Entry:
    return Entry(event=event, level=level, text=text, fields={**shared, **{k: v for k, v in fields.items() if v}})
