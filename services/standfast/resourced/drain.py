"""`python3 -m standfast.resourced.drain`: every group was moved away from this node and it left cleanly.

ExecStop= of standfast-drain.service. It asks resourced, tells begin and end of it (what
becomes of each group resourced tells) and ends with 0 whatever came of it: a node that goes down goes down, and what it
did not say cleanly the others fence.
"""

import asyncio
import sys
from typing import Final

from standfast import journal
from standfast.bus import Bus, BusError, ErrorName
from standfast.journal import Event, Level
from standfast.resourced.leases import RUN

NAME: Final = "org.standfast.Groups"
ROOT: Final = "/org/standfast"
GROUPS: Final = "org.standfast.Groups1"
GROUP: Final = "org.standfast.Group1"
LEAVE_S: Final = 600.0
BACK_S: Final = 10.0  # a resourced that restarts is back within
_PAUSE_S: Final = 0.2
_WENT_AWAY: Final = (
    ErrorName.BUS_LOST,
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Disconnected",
)


async def drain() -> bool:
    """True: this node left cleanly. Raises TimeoutError when that took too long."""
    async with asyncio.timeout(LEAVE_S):
        while True:
            bus = await _connect()
            if bus is None:
                return False
            try:
                return await _leave(bus)
            except BusError as error:
                if error.name not in _WENT_AWAY:
                    _fail(f"resourced did not let this node leave cleanly: {error.text}")
                    return False
                text = "resourced went away while this node was leaving; it is asked again when it is back"
                journal.write(Event.DRAIN_WAITS, Level.NOTICE, text)
            finally:
                await bus.close()
            await asyncio.sleep(_PAUSE_S)


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
    await bus.call(NAME, ROOT, GROUPS, "Leave", timeout_s=2 * LEAVE_S)  # the whole has its own limit
    text = "nothing runs here any more, and the others know that this node left"
    journal.write(Event.DRAIN_DONE, Level.NOTICE, text)
    return True


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
