"""Asking resourced for something, and waiting until it is so."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from standfast.bus import GONE, Bus, BusError, ErrorName
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit, not_running
from standfast.operations.rights import call_with_rights
from standfast.operations.telling import TICK_S, Wait, begin_wait, say, waiting_for
from standfast.published import DAEMONS, GROUPS, ROOT, Properties

GOES_ON: Final = "This command ended; what it asked for goes on: standfast status"
RESTART_S: Final = 10.0  # a resourced that is restarted is back within
ANSWER_S: Final = 30.0  # resourced itself answers "unknown" long before
_LOOKS_AGAIN: Final = 4  # after so many ticks of the progress
_AT_MOST_EVERY_S: Final = 0.05


async def ask(bus: Bus, path: str, interface: str, method: str, signature: str = "", *arguments: Any) -> None:
    """The wish is stored on enough nodes. Raises BusError (refused, not quorate …) or CommandError."""
    call = call_with_rights(bus, GROUPS, path, interface, method, signature, *arguments, timeout_s=ANSWER_S)
    try:
        async with _told("standfast-resourced stores it on more than half of the nodes"):
            await call
    except BusError as error:
        if error.name in (ErrorName.NO_REPLY, ErrorName.BUS_LOST):
            text = (
                "standfast-resourced went away while it was asked: it may or may not come true. See `standfast status`."
            )
            raise CommandError(Exit.UNKNOWN, text) from error
        raise


def _told(what: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Who is asked for a password has his terminal for that."""
    return waiting_for(what) if os.geteuid() == 0 else contextlib.nullcontext()


async def find_resourced(bus: Bus, *, starts: bool = False) -> None:
    """resourced is there. A moment's absence is waited for where the other daemons run, or where all of them were
    started just now (`starts`); else CommandError."""
    there = asyncio.Event()
    await bus.on_owner(GROUPS, lambda owner: there.set() if owner else there.clear())
    if there.is_set():
        return
    others: list[str] = []
    for name in DAEMONS.keys() - {GROUPS}:
        await bus.on_owner(name, lambda owner: others.append(owner) if owner else None)
    if not others and not starts:
        raise not_running()
    if not starts:
        say("standfast-resourced does not run just now; waiting for it")
    try:
        async with asyncio.timeout(RESTART_S):
            await there.wait()
    except TimeoutError:
        text = "standfast-resourced does not run here: systemctl status standfast-resourced.service"
        raise CommandError(Exit.NOT_RUNNING, text) from None


async def daemon_away(bus: Bus, name: str) -> CommandError:
    """Nobody owns this bus name: whether the daemon is away, or Standfast does not run here at all."""
    others: list[str] = []
    for other in DAEMONS.keys() - {name}:
        await bus.on_owner(other, lambda owner: others.append(owner) if owner else None)
    if not others:
        return not_running()
    unit = f"standfast-{DAEMONS[name]}"
    return CommandError(Exit.NOT_RUNNING, f"{unit} does not run here: systemctl status {unit}.service")


async def read_group(bus: Bus, name: str, path: str) -> Properties:
    """The group's properties. Raises CommandError when there is none of that name."""
    try:
        return await bus.get_all(GROUPS, path, "org.standfast.Group1")
    except BusError as error:
        if error.name != ErrorName.UNKNOWN_OBJECT:
            raise
    raise unknown("group", name, await groups_and_sets(bus))


async def groups_and_sets(bus: Bus) -> list[str]:
    """The names of all groups as people may write them: one with copies has its own, and each copy another."""
    return await names(bus, "org.standfast.Group1") + await names(bus, "org.standfast.Copies1")


async def check_node(bus: Bus, name: str) -> None:
    """There is a node of that name. Raises CommandError."""
    known = await names(bus, "org.standfast.Member1")
    if name not in known:
        raise unknown("node", name, known)


async def names(bus: Bus, interface: str) -> list[str]:
    """The names of all objects of resourced with this interface."""
    objects = await bus.managed_objects(GROUPS, ROOT)
    return [str(found[interface]["Name"]) for found in objects.values() if interface in found]


async def wait(
    bus: Bus, look: Callable[[], Awaitable[str]], timeout_s: float, late: str = "It goes on: standfast status"
) -> None:
    """`look` says "" : it is so. Each line of what it waits for is told when it is a new one.

    Raises CommandError (unknown) after `timeout_s`, with `late` in it, and what `look` raises to end the wait.
    """
    changed = asyncio.Event()
    await bus.subscribe(GROUPS, lambda _: changed.set(), path_namespace=ROOT)
    await bus.on_owner(GROUPS, lambda _: changed.set())
    progress, told = begin_wait(), ""
    try:
        async with asyncio.timeout(timeout_s):
            while waiting := await _look(bus, look, changed):
                told = waiting
                progress.tell(waiting)
                await asyncio.sleep(_AT_MOST_EVERY_S)  # a change brings several signals
                await _until_changed(changed, progress)
    except TimeoutError:
        text = f"It is not done after {timeout_s:g} s ({told.replace(chr(10), '; ') or 'no answer'}). {late}"
        raise CommandError(Exit.UNKNOWN, text) from None
    finally:
        progress.settle()


async def _until_changed(changed: asyncio.Event, progress: Wait) -> None:
    """Something changed, or it is time to look again whatever is signalled."""
    for _ in range(_LOOKS_AGAIN):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), TICK_S)
            return
        progress.tick()


async def _look(bus: Bus, look: Callable[[], Awaitable[str]], changed: asyncio.Event) -> str:
    changed.clear()
    try:
        return await look()
    except BusError as error:
        if bus.closed.is_set() or (error.name not in GONE and error.name != ErrorName.TIMED_OUT):
            raise
    return "standfast-resourced does not answer just now"
