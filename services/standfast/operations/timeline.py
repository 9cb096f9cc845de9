"""What happened, incident by incident: which of them somebody means, and what programs are told of each."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from standfast.configuration.load import load_in_force
from standfast.incidents import Entry, Incident, about, gather, reading, slowest, steps, with_loss
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit
from standfast.vocabulary import copies_of

_LOSS: Final = re.compile(r"\d+\.\d+")


def choose(entries: Sequence[Entry], what: str) -> tuple[Incident, ...]:
    """The incidents that a group, or the number of a loss, had a part in ("" = all), the oldest first.

    Raises CommandError: there is neither group nor loss of that name.
    """
    found = gather(entries)
    if _LOSS.fullmatch(what):
        found = with_loss(what, found)
    elif what:
        found = about(what, found)
    if what and not found:
        _refuse_unknown(what, entries)
    return tuple(found)


def group_of(what: str) -> str:
    """The group that was asked for; "": none was, or a loss."""
    return "" if _LOSS.fullmatch(what) else what


def read(since: datetime | None) -> list[Entry]:
    """Our entries, the oldest first. Raises CommandError where the journal may not, or cannot, be read."""
    try:
        return reading.read(since=since)
    except PermissionError as error:
        raise CommandError(Exit.NO_RIGHTS, str(error)) from error
    except OSError as error:
        text = f"This node's journal cannot be read ({error.strerror or error}): journalctl --verify"
        raise CommandError(Exit.REFUSED, text) from error


def _refuse_unknown(what: str, entries: Sequence[Entry]) -> None:
    """Raises CommandError unless it is a group that nothing happened to."""
    if _LOSS.fullmatch(what):
        losses = list(dict.fromkeys(entry.incident for entry in entries if entry.event == "node-lost"))
        raise unknown("incident", what, losses)
    known = {entry.group for entry in entries if entry.group} | groups_in_force()
    if not copies_of(what, known):
        raise unknown("group or incident", what, sorted(known))


def groups_in_force() -> set[str]:
    """The groups of the version in force here."""
    configuration, _ = load_in_force(system=None)
    return {group.name for group in configuration.groups} if configuration is not None else set()


def report(incident: Incident, group: str) -> dict[str, Any]:
    """One incident with its steps, as far as `group` had a part in them, and its entries."""
    made = steps(incident, group)
    slow = slowest(made)
    return {
        "losses": sorted(incident.losses),
        "groups": sorted({entry.group for entry in incident.entries if entry.group}),
        "begun": _time(made[0].at if made else incident.entries[0].at),
        "ms": sum(step.ms for step in made),
        "slowest": slow.name.value if slow is not None else None,
        "steps": [
            {
                "step": step.name.value,
                "time": _time(step.at),
                "ms": step.ms,
                "node": step.node or None,
                "event": step.entry.event,
                "text": step.entry.text,
            }
            for step in made
        ],
        "entries": [
            {
                "time": _time(entry.at),
                "ms": incident.since_start_ms(entry),
                "node": entry.node or None,
                "journal": entry.host or None,
                "event": entry.event,
                "group": entry.group or None,
                "resource": entry.resource or None,
                "incident": entry.incident or None,
                "decision": entry.decision or None,
                "position": entry.position or None,
                "parent": entry.parent or None,
                "text": entry.text,
            }
            for entry in incident.entries
        ],
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
