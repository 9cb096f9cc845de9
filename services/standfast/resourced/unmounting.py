"""A mount's stop while somebody uses the file system: who it is is told, and ended when the stop has come to killing.

umount(8) fails then and systemd's job with it, at once; a unit's own control group has none of those who use it. So the
stop is asked again until it is time to kill, and then they are killed: they would cost the group its node.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from standfast import journal
from standfast.configuration.model import Probe
from standfast.configuration.mounts import mount_point
from standfast.jobs import JobResult
from standfast.probes.output import Output
from standfast.probes.transient import HungError, run
from standfast.probes.verdict import CannotCheckError
from standfast.storage.mountinfo import read_mounts

AGAIN_FIRST_S: Final = 0.5  # until an unmount that failed is tried again, doubling
AGAIN_LAST_S: Final = 4.0
AGAIN_LATE_S: Final = 30.0  # when even killing was not enough
FOUND_WITHIN_MS: Final = 3_000  # the kill step has 5 s in all (hands.KILL_MARGIN_MS)
SHOWN: Final = 5  # holders in one sentence
LONGEST_OUTPUT: Final = 65_536
PROGRAM: Final = ("/usr/bin/python3", "-I", "-S", str(Path(__file__).parent.parent / "storage/holders.py"))


class Systemd(Protocol):
    async def stop(self, unit: str) -> JobResult: ...

    async def kill(self, unit: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that uses a file system."""

    pid: int
    name: str
    group: str  # its control group
    use: str  # cwd, root, exe or a path

    def __str__(self) -> str:
        unit = self.group.rpartition("/")[2]
        unit = unit if "." in unit.strip(".") else ""  # a process outside of all units
        return f"{self.name} ({', '.join(filter(None, (f'pid {self.pid}', unit, self.use)))})"


class Unmounting:
    def __init__(self, systemd: Systemd, resources: Callable[[], Iterable[str]]) -> None:
        """`resources`: all units of groups; one of them is killed whole."""
        self._systemd = systemd
        self._resources = resources
        self._killing: set[str] = set()

    async def stop(self, group: str, unit: str) -> JobResult:
        """The stop job that ended it, or the last one before it was to be killed."""
        told, pause_s = False, AGAIN_FIRST_S
        while (result := await self._systemd.stop(unit)) is JobResult.FAILED and self._is_mounted(unit):
            if not told:
                told = True
                await self._tell_busy(group, unit)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, AGAIN_LAST_S)
            if unit in self._killing:
                break
        return result

    async def kill(self, group: str, unit: str) -> None:
        """What systemd runs for the unit was killed, and whoever uses what it mounts, until it could be stopped.

        Also when that is too late: whoever hangs in it today goes on tomorrow, and then the group is blocked no more.
        """
        await self._systemd.kill(unit)
        if unit in self._killing:
            return
        self._killing.add(unit)
        try:
            await self._end(group, unit)
        finally:
            self._killing.discard(unit)

    async def _end(self, group: str, unit: str) -> None:
        pause_s = AGAIN_FIRST_S
        while True:
            killed = await find(unit, "kill", *self._resources())
            if killed:
                text = f"{unit} was still in use when StopTimeout= of group {group} was over: killed {_named(killed)}"
                journal.write(journal.Event.MOUNT_FREED, journal.Level.WARNING, text, group=group, resource=unit)
            if await self._systemd.stop(unit) is not JobResult.FAILED or not self._is_mounted(unit):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, AGAIN_LATE_S)

    async def _tell_busy(self, group: str, unit: str) -> None:
        found, below = await find(unit), mounts_below(unit)
        if found:
            text = f"{_named(found)} uses it, and is killed when StopTimeout= of group {group} is over"
        elif below:
            text = f"{', '.join(below)} is mounted below it: umount {below[-1]}"
        else:
            text = (
                "no process is seen to use it: one hangs in it, or it has an NFS export, a swap file or a loop device"
            )
        text = f"{unit} cannot be unmounted yet: {text}"
        journal.write(journal.Event.MOUNT_BUSY, journal.Level.WARNING, text, group=group, resource=unit)

    def _is_mounted(self, unit: str) -> bool:
        return any(mounted.point == mount_point(unit) for mounted in read_mounts())


async def find(unit: str, *options: str) -> tuple[Holder, ...]:
    """Who uses what the unit mounts, as far as that could be found in time. `options` are those of the program."""
    where = mount_point(unit)
    assert where is not None
    probe = Probe(name=" ".join(("holders", *options[:1])), unit=unit, type="exec", timeout_ms=FOUND_WITHIN_MS)
    with Output(LONGEST_OUTPUT) as output:
        with contextlib.suppress(CannotCheckError, HungError):
            await run(probe, (*PROGRAM, where, *options), {}, output)
        output.drain()
        lines = bytes(output.data).split(b"\n")[:-1]
    return tuple(_holder(json.loads(line)) for line in lines)


def mounts_below(unit: str) -> list[str]:
    """Where something is mounted below the unit's mount point, outermost first."""
    where = (mount_point(unit) or "").rstrip("/") + "/"
    return sorted(mounted.point for mounted in read_mounts() if mounted.point.startswith(where))


def _holder(fields: dict[str, Any]) -> Holder:
    return Holder(pid=int(fields["pid"]), name=fields["name"], group=fields["group"], use=fields["use"])


def _named(holders: tuple[Holder, ...]) -> str:
    more = f" and {len(holders) - SHOWN} more" if len(holders) > SHOWN else ""
    return ", ".join(map(str, holders[:SHOWN])) + more
