"""`python3 -m standfast.resourced.drain`: every group was moved away from this node and it left cleanly.

ExecStop= of standfast-drain.service. It asks resourced, says on stdout what happens (the journal has it) and ends with
0 whatever came of it: a node that goes down goes down, and what it did not say cleanly the others fence.
"""

import asyncio
import sys
from typing import Final

from standfast.bus import Bus, BusError, ErrorName, Signal
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


def say(text: str, level: int = 5) -> None:
    """A line in the journal; sd-daemon(3): it may begin with its level."""
    print(f"<{level}>{text}", flush=True)


class Resourced:
    """The daemon as the drain sees it: there or not, and what it says of the groups that run here."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self._groups: dict[str, dict[str, str]] = {}  # by path: Name, Phase, Owner

    async def follow(self, bus: Bus) -> None:
        changed = {"interface": "org.freedesktop.DBus.Properties", "member": "PropertiesChanged"}
        await bus.subscribe(NAME, self._changed, path_namespace=f"{ROOT}/group", **changed)
        await bus.on_owner(NAME, lambda owner: self.there.set() if owner else self.there.clear())

    async def look(self, bus: Bus) -> None:
        """Which groups run here was said."""
        node = await bus.get(NAME, ROOT, GROUPS, "Node")
        objects = await bus.managed_objects(NAME, ROOT)
        self._groups = {
            path: {key: str(interfaces[GROUP][key]) for key in ("Name", "Phase", "Owner")}
            for path, interfaces in objects.items()
            if GROUP in interfaces and interfaces[GROUP]["Owner"] == node
        }
        names = sorted(values["Name"] for values in self._groups.values())
        say(
            f"{node} leaves the cluster; "
            + (f"to be moved away: {', '.join(names)}" if names else "no group runs here")
        )

    def _changed(self, signal: Signal) -> None:
        values = self._groups.get(signal.path)
        if values is None or signal.arguments[0] != GROUP:
            return
        before = dict(values)
        values |= {key: str(value) for key, value in signal.arguments[1].items() if key in values}
        if values != before:
            where = f" on {values['Owner']}" if values["Owner"] else ""
            say(f"{values['Name']} is {values['Phase']}{where}")


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
                    say(f"resourced did not let this node leave cleanly: {error.text}", 4)
                    return False
                say("resourced went away while this node was leaving; it is asked again when it is back")
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
                say(f"{error.text} Nobody can be asked to move the groups away{_left_here()}.", 4)
                return None
        await asyncio.sleep(_PAUSE_S)


async def _leave(bus: Bus) -> bool:
    resourced = Resourced()
    await resourced.follow(bus)
    try:
        async with asyncio.timeout(BACK_S):
            await resourced.there.wait()
    except TimeoutError:
        say(f"resourced does not run here{_left_here()}; this node goes without a word to the others", 4)
        return False
    await resourced.look(bus)
    await bus.call(NAME, ROOT, GROUPS, "Leave", timeout_s=2 * LEAVE_S)  # the whole has its own limit
    say("nothing runs here any more, and the others know that this node left")
    return True


def _left_here() -> str:
    """What was held here and is not moved away."""
    try:
        held = sorted(entry.name for entry in (RUN / "held").iterdir())
    except OSError:
        held = []
    return f", but {', '.join(held)} may" if held else ""


def main() -> int:
    try:
        asyncio.run(drain())
    except TimeoutError:
        say(f"the groups were not moved away within {LEAVE_S / 60:g} minutes; this node goes all the same", 4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
