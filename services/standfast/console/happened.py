"""What happened, and which versions there were: read from the journals, the record and this node's disk."""

import asyncio
import contextlib
import grp
import json
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from standfast.bus import Bus, BusError
from standfast.configuration.checkout import drift
from standfast.configuration.load import load_in_force
from standfast.configuration.redaction import Redaction
from standfast.console.texts import for_everybody, texts_of
from standfast.incidents import Entry
from standfast.operations import config_versions, history, journals, newcomer
from standfast.operations import timeline as told
from standfast.operations.config_versions import Named
from standfast.operations.differences import compare, unified
from standfast.operations.node_wait import states_of
from standfast.operations.problems import CommandError, Exit
from standfast.operations.telling import say

MOST: Final = 100
READERS: Final = ("systemd-journal", "adm", "wheel")  # groups that may read the journal (systemd-journald.service(8))
OTHERS_S: Final = 10.0
_ONLY_ROOT: Final = "only for root are the other nodes' journals read"

Row = dict[str, Any]


async def timeline(what: str, number: int, until: str, *, uid: int) -> tuple[Any, ...]:
    """The last NUMBER incidents before UNTIL, of all nodes that answer."""
    if not 1 <= number <= MOST:
        raise CommandError(Exit.USAGE, f"Ask for 1 to {MOST} incidents, not for {number}.")
    before = _moment(until)
    if not await asyncio.to_thread(_may_read, uid):
        text = "You may not read the journal: ask as root or as a member of the group systemd-journal."
        raise CommandError(Exit.NO_RIGHTS, text)
    away = await _away() if uid == 0 else {}
    async with _ONE:
        return (await asyncio.to_thread(_document, what, number, before, None if uid else away),)


_ONE: Final = asyncio.Semaphore(1)  # each call reads the journals of all nodes


async def _away() -> dict[str, str]:
    """The nodes that cannot answer, and what they are; nobody waits for those."""
    try:
        async with await Bus.connect() as bus:
            states = await states_of(bus)
    except BusError:
        return {}
    return {name: state for name, state in states.items() if state != "online"}


def _document(what: str, number: int, before: datetime | None, away: Mapping[str, str] | None) -> str:
    """What Timeline answers; the other nodes are asked, but those that are away (None: nobody)."""
    own = told.read(None)
    here = _here()
    others = _others()
    nodes: list[Row] = [{"name": here, "answered": True, "text": ""}]
    if away is None:
        entries = own
        nodes += [{"name": name, "answered": False, "text": _ONLY_ROOT} for name in others]
    else:
        entries, rows = _with_others(own, others, away, _since(own, what, number, before))
        nodes += rows
    found = _reports(entries, what, before)[-number:]
    return json.dumps({"node": here, "nodes": nodes, "incidents": found})


def _reports(entries: Sequence[Entry], what: str, before: datetime | None) -> list[Row]:
    rows = [told.report(one, told.group_of(what)) for one in told.choose(entries, what)]
    return [row for row in rows if before is None or datetime.fromisoformat(row["begun"]) < before]


def _since(own: Sequence[Entry], what: str, number: int, before: datetime | None) -> datetime | None:
    """When the first of the wanted incidents began, as this node knows; None: it does not know so many."""
    try:
        rows = _reports(own, what, before)[-number:]
    except CommandError:
        return None
    return datetime.fromisoformat(rows[0]["begun"]) if len(rows) == number else None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(Exit.USAGE, f"“{text[:40]}” is no time; write 2026-01-31T03:00:00Z.") from error


def _may_read(uid: int) -> bool:
    """This user may read the whole journal of this machine."""
    if uid == 0:
        return True
    readers = set()
    for name in READERS:
        with contextlib.suppress(KeyError):
            readers.add(grp.getgrnam(name).gr_gid)
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return False
    return bool(readers & set(os.getgrouplist(user.pw_name, user.pw_gid)))


def _here() -> str:
    """What this node is called, in the cluster if it is in one."""
    host = os.uname().nodename
    configuration, _ = load_in_force(config_versions.DISK, system=None)
    node = newcomer.node_of(configuration, host) if configuration is not None else None
    return node.name if node is not None else host.partition(".")[0]


def _others() -> dict[str, str]:
    """By name where each other node is asked."""
    try:
        return journals.other_nodes()
    except CommandError:
        return {}


def _with_others(
    own: Sequence[Entry], others: Mapping[str, str], away: Mapping[str, str], since: datetime | None
) -> tuple[list[Entry], list[Row]]:
    """The entries of all nodes that answer, and a row for each other node."""
    asked = {name: target for name, target in others.items() if name not in away}
    if asked:
        say(f"the journals of {', '.join(asked)} are read over ssh")
    answers = journals.ask(asked, since, OTHERS_S)
    entries, ahead = journals.together(own, answers, None)
    rows = []
    for name in others:
        why = f"it is {away[name]}" if name in away else answers.refused.get(name)
        text = why if why is not None else journals.clock(name, ahead.get(name))
        rows.append({"name": name, "answered": why is None, "text": text})
    return entries, rows


async def versions() -> tuple[Any, ...]:
    """The versions that were in force, and what of /etc/standfast is otherwise."""
    async with contextlib.AsyncExitStack() as stack:
        _, known = await config_versions.look(stack)
    in_force = await asyncio.to_thread(config_versions.on_disk, known.in_force or config_versions.in_force_here())
    edited = await asyncio.to_thread(drift, config_versions.FOLDER, in_force) if in_force is not None else ()
    return (json.dumps({**history.document(known), "edited": list(edited)}),)


async def version(number: int) -> tuple[Any, ...]:
    """The files of a version."""
    named = await _named(number)
    return (texts_of(named.tree),)


async def difference(old: int, new: int, *, uid: int) -> tuple[Any, ...]:
    """What differs between two versions, or between one and /etc/standfast."""
    before = await _named(old)
    after = await _named(new) if new else await asyncio.to_thread(config_versions.folder)
    if uid != 0:
        redaction = Redaction()
        before = replace(before, tree=for_everybody(before.tree, redaction))
        after = replace(after, tree=for_everybody(after.tree, redaction))
    return (unified(await asyncio.to_thread(compare, before, after)),)


async def _named(number: int) -> Named:
    """The version of this number; 0 = the one in force."""
    async with contextlib.AsyncExitStack() as stack:
        bus, known = await config_versions.look(stack)
        one = config_versions.pick(str(number) if number else "", known, ())
        return Named(label=one.label, tree=await config_versions.fetch(bus, one))
