"""How far each node has come with a version: it prepares it, it objects, it has installed it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from standfast.bus import Bus
from standfast.operations.config_versions import AtNode, Known, read_known
from standfast.operations.problems import CommandError, Exit
from standfast.operations.telling import say
from standfast.operations.wishes import find_resourced, names, wait
from standfast.status_report import Report

_OLD_S: Final = 10.0  # by then a node's objections are about what was shared now, also if they are the same as before
_AGAIN_S: Final = 3.0  # a version is not sent more often: who pushes another one meanwhile comes to an end, too
_UNCHANGED: Final = "Nothing was changed."


async def wait_prepared(
    bus: Bus, digest: str, before: Known, share: Callable[[], Awaitable[None]], timeout_s: float
) -> Known:
    """Every node that is here has prepared the version. Raises CommandError: one objects, or it takes too long.

    share: sends it to all nodes, as was done just now; again for who comes, or prepares another one, after that.
    """
    begun = sent = time.monotonic()
    now, due = before, False
    moved: set[str] = set()  # nodes whose objections are not those of an earlier version for certain

    async def look() -> str:
        nonlocal now, sent, due
        earlier, now = now, await read_known(bus)
        due = due or now.term != earlier.term or _overtaken(digest, earlier, now)
        if not now.members:
            return now.no_term or "no term is open"
        if due and time.monotonic() - sent > _AGAIN_S:
            await share()
            sent, due = time.monotonic(), False
        if time.monotonic() - begun > _OLD_S:
            moved.update(now.members)
        moved.update(name for name in now.members if _objections(name, now) != _objections(name, before))
        lines = {name: _preparing(name, digest, now, new=name in moved) for name in now.members}
        return "" if all(done for _, done in lines.values()) else "\n".join(line for line, _ in lines.values())

    await wait(bus, look, timeout_s, _UNCHANGED)
    _refuse_objections(digest, now)
    say(f"{time.monotonic() - begun:5.1f} s  prepared by {', '.join(now.members)}")
    return now


def _overtaken(digest: str, earlier: Known, now: Known) -> bool:
    """A node keeps what it prepared last, and that is another version since: one that somebody fetched, or pushes."""
    was = {name: at.prepared for name, at in earlier.nodes.items()}
    return any(at.prepared not in ("", digest, was.get(name)) for name, at in now.nodes.items())


def _objections(name: str, known: Known) -> tuple[str, ...]:
    return known.nodes[name].objections if name in known.nodes else ()


def _preparing(name: str, digest: str, now: Known, *, new: bool) -> tuple[str, bool]:
    """A line about the node, and whether it has decided."""
    at, objections = now.nodes.get(name), _objections(name, now)
    if at is not None and at.prepared == digest:
        return f"{name}: prepared", True
    if objections and new:
        return f"{name}: {objections[0]}", True
    return f"{name}: has not prepared it yet", False


def _refuse_objections(digest: str, now: Known) -> None:
    objecting = [name for name in now.members if now.nodes[name].prepared != digest]
    told = tuple(f"{name}: {objection}" for name in objecting for objection in now.nodes[name].objections)
    if objecting:
        verb = "objects" if len(objecting) == 1 else "object"
        text = f"{', '.join(objecting)} {verb}, as told above: mend that and push again. {_UNCHANGED}"
        raise CommandError(Exit.REFUSED, text, told)


async def wait_installed(digest: str, base: str, timeout_s: float, late: str) -> tuple[Known, Sequence[str]]:
    """Every node that is here has it installed; the record's word then, and the names of all nodes.

    Raises CommandError: it takes too long, or another version came into force meanwhile.
    """
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await read_known(bus)
        seen = False

        async def look() -> str:
            nonlocal known, seen
            known = await read_known(bus)
            seen = seen or known.in_force == digest
            if known.in_force != digest:
                if seen or known.in_force != base:
                    label = known.label(known.in_force)
                    text = f"Another version came into force since, {label}: standfast config history"
                    raise CommandError(Exit.REFUSED, text)
                return "it is not in force on this node yet"
            if not known.members:
                return known.no_term or "no term is open"
            lines = {name: _installing(name, digest, known.nodes.get(name)) for name in known.members}
            return "" if all(done for _, done in lines.values()) else "\n".join(line for line, _ in lines.values())

        await wait(bus, look, timeout_s, late)
        return known, await names(bus, "org.standfast.Member1")


def _installing(name: str, digest: str, at: AtNode | None) -> tuple[str, bool]:
    if at is not None and at.installed == digest:
        return f"{name}: installed", True
    why = f": {at.objections[0]}" if at is not None and at.objections else ""
    return f"{name}: has not installed it yet{why}", False


def report(known: Known, every: Sequence[str]) -> list[Report]:
    """For each node: whether it is here and has the version in force, and which of its files were edited."""
    found = []
    for name in every:
        at = known.nodes.get(name)
        found.append(
            {
                "name": name,
                "present": name in known.members,
                "installed": at.installed == known.in_force if at is not None else None,
                "objections": list(at.objections) if at is not None else [],
                "drifted": list(at.drifted) if at is not None else [],
            }
        )
    return found
