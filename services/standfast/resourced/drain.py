"""`python3 -m standfast.resourced.drain`: every group was moved away from this node and it left cleanly.

ExecStop= of standfast-drain.service. It asks resourced, tells begin and end of it (what
becomes of each group resourced tells) and ends with 0 whatever came of it: a node that goes down goes down, and what it
did not say cleanly the others fence.

A start meanwhile waits in systemd until this has ended, so this looks whether there is one, and tells resourced that
the node stays.
"""

import asyncio
import contextlib
import sys
from typing import Final

from standfast import journal
from standfast.bus import Bus, BusError, ErrorName, escape
from standfast.journal import Event, Level
from standfast.manager import SYSTEMD, UNIT, UNIT_PATHS, kinds_of_jobs
from standfast.resourced.leases import RUN

NAME: Final = "org.standfast.Groups"
ROOT: Final = "/org/standfast"
GROUPS: Final = "org.standfast.Groups1"
GROUP: Final = "org.standfast.Group1"
DRAIN: Final = "standfast-drain.service"
LEAVE_S: Final = 600.0
BACK_S: Final = 10.0  # a resourced that restarts is back within
_PAUSE_S: Final = 0.2
_ASKED_AGAIN: Final = (
    ErrorName.REFUSED,  # somebody said that this node stays, but it is stopped still
    ErrorName.BUS_LOST,
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Disconnected",
)


class StartedAgain(Exception):  # noqa: N818  # no error: it is what happens
    """systemd is to start the drain as soon as its stop has ended."""


async def drain() -> bool:
    """True: this node left cleanly. Raises TimeoutError when that took too long."""
    while True:
        try:
            async with asyncio.timeout(LEAVE_S):
                return await _drain()
        except StartedAgain:
            if not await _stay():
                return False


async def _drain() -> bool:
    """This node left, cleanly or not. Raises StartedAgain."""
    while True:
        bus = await _connect()
        if bus is None:
            return False
        try:
            return await _leave(bus)
        except BusError as error:
            if error.name not in _ASKED_AGAIN:
                _fail(f"resourced did not let this node leave cleanly: {error.text}")
                return False
            text = f"resourced does not go on while this node is leaving ({error.text}); it is asked again"
            journal.write(Event.DRAIN_WAITS, Level.NOTICE, text)
        finally:
            await bus.close()
        await asyncio.sleep(_PAUSE_S)


async def _stay() -> bool:
    """resourced knows that this node stays, and systemd can start the drain at once; True: it is to stop again.

    A start waits for the jobs of all resources, which are ordered before the drain. Were it down so long, a stop would
    find nothing to drain. Whatever cannot be asked here the start tells resourced as well.
    """
    with contextlib.suppress(BusError):
        async with await Bus.connect() as bus:
            with contextlib.suppress(BusError):
                await bus.call(NAME, ROOT, GROUPS, "Stay")
            while (kinds := await kinds_of_jobs(bus)).get(DRAIN) == "start":
                waits_for = await bus.get(SYSTEMD, f"{UNIT_PATHS}/{escape(DRAIN)}", UNIT, "After")
                if not kinds.keys() & set(waits_for):
                    return False
                await asyncio.sleep(_PAUSE_S)
            return DRAIN in kinds
    return False


async def _connect() -> Bus | None:
    """A connection; None: there is no bus, and none comes back."""
    loop = asyncio.get_running_loop()
    until = loop.time() + BACK_S
    while True:
        try:
            return await Bus.connect()
        except BusError as error:
            if loop.time() >= until:
                _fail(f"{error.text} Nobody can be asked to move the groups away{_left_here()}.")
                return None
        await asyncio.sleep(_PAUSE_S)


async def _leave(bus: Bus) -> bool:
    there = asyncio.Event()
    await bus.on_owner(NAME, lambda owner: there.set() if owner else there.clear())
    try:
        async with asyncio.timeout(BACK_S):
            await there.wait()
    except TimeoutError:
        _fail(f"resourced does not run here{_left_here()}; this node goes without a word to the others")
        return False
    await _begin(bus)
    leave = bus.call(NAME, ROOT, GROUPS, "Leave", timeout_s=2 * LEAVE_S)  # the whole has its own limit
    asked, started = asyncio.ensure_future(leave), asyncio.ensure_future(_started_again(bus))
    try:
        await asyncio.wait((asked, started), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise StartedAgain
        await asked
    finally:
        asked.cancel()
        started.cancel()
    text = "nothing runs here any more, and the others know that this node left"
    journal.write(Event.DRAIN_DONE, Level.NOTICE, text)
    return True


async def _started_again(bus: Bus) -> None:
    while True:
        with contextlib.suppress(BusError):  # systemd is busy, or the bus is gone, which ends the other call too
            if (await kinds_of_jobs(bus)).get(DRAIN) == "start":
                return
        await asyncio.sleep(_PAUSE_S)


async def _begin(bus: Bus) -> None:
    """Which groups run here was told."""
    node = await bus.get(NAME, ROOT, GROUPS, "Node")
    journal.identify("drain", node)
    objects = [interfaces.get(GROUP, {}) for interfaces in (await bus.managed_objects(NAME, ROOT)).values()]
    names = sorted(str(one["Name"]) for one in objects if one.get("Owner") == node)
    what = f"to be moved away: {', '.join(names)}" if names else "no group runs here"
    journal.write(Event.DRAIN_BEGUN, Level.NOTICE, f"{node} leaves the cluster; {what}", group=tuple(names))


def _fail(text: str) -> None:
    journal.write(Event.DRAIN_FAILED, Level.WARNING, text)


def _left_here() -> str:
    """What was held here and is not moved away."""
    try:
        held = sorted(entry.name for entry in (RUN / "held").iterdir())
    except OSError:
        held = []
    return f", but {', '.join(held)} may" if held else ""


def main() -> int:
    journal.identify("drain")
    try:
        asyncio.run(drain())
    except TimeoutError:
        _fail(f"the groups were not moved away within {LEAVE_S / 60:g} minutes; this node goes all the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
