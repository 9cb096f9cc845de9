"""A mounted block device that went away: told at once, not when a probe finds out.

The kernel's event only wakes; what is told is what sysfs has. A device that is still there and does not work any more
makes no such event: an [X-Probe] of Type=mount finds that out.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from standfast.configuration.mounts import mount_point
from standfast.storage.mountinfo import OWN, Mounted, read_mounts
from standfast.vocabulary import Cause, UnitState

DEVICES: Final = Path("/sys/dev/block")  # a link MAJOR:MINOR for each (sysfs-dev-block)


class Devices:
    def __init__(self, lost: Callable[[str], None], devices: Path = DEVICES, table: Path = OWN) -> None:
        """`lost` hears of each mount unit whose device goes away."""
        self._lost = lost
        self._devices, self._table = devices, table
        self._mounted: dict[str, Mounted | None] = {}  # by unit that is up; None: not on a block device
        self._gone: set[str] = set()
        self._monitor: Any = None

    def cause(self, state: UnitState) -> Cause | None:
        """Why a mount that is up does not serve: its device is gone. Of any other unit None."""
        unit = state.unit
        where = mount_point(unit)
        if where is None or state.active != "active":
            self._mounted.pop(unit, None)
            self._gone.discard(unit)
            return None
        if unit not in self._mounted:
            self._mounted[unit] = self._find(where)
            self._look(unit)
        mounted = self._mounted[unit]
        if mounted is None or unit not in self._gone:
            return None
        return Cause(kind="device", text=f"{unit}: its device {mounted.source} went away")

    def _find(self, where: str) -> Mounted | None:
        """What is mounted there, if that is a block device's; from then on its end is heard of."""
        on_top = next((one for one in reversed(read_mounts(self._table)) if one.point == where), None)
        if on_top is None or on_top.device.startswith("0:"):
            return None
        if self._monitor is None:
            self._monitor = self._listen()
        return on_top

    def _look(self, unit: str) -> bool:
        """The unit's device is found to be gone."""
        mounted = self._mounted[unit]
        if mounted is None or unit in self._gone or (self._devices / mounted.device).is_symlink():
            return False
        self._gone.add(unit)
        return True

    def _listen(self) -> Any:
        import pyudev  # 1.4 MiB that only a node with such a mount needs

        monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
        monitor.filter_by("block")
        monitor.start()
        asyncio.get_running_loop().add_reader(monitor.fileno(), self._heard)
        return monitor

    def _heard(self) -> None:
        with contextlib.suppress(OSError):  # some were lost in a flood: everything is looked at anyway
            while self._monitor.poll(timeout=0) is not None:
                pass
        lost = [unit for unit in self._mounted if self._look(unit)]
        for unit in lost:  # two mounts of one device are one failure
            self._lost(unit)
