"""corosync-qdevice as a systemd unit: it runs while an arbiter is configured, with the settings that are in force."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from standfast import journal
from standfast.bus import Bus, BusError
from standfast.journal import Event, Level
from standfast.manager import MANAGER, MANAGER_PATH, SYSTEMD, kinds_of_jobs
from standfast.membershipd.engine import STOPPED_WITH

UNIT: Final = "corosync-qdevice.service"
_UNIT_INTERFACE: Final = "org.freedesktop.systemd1.Unit"
_LOOK_AGAIN_S: Final = 5.0
_PAUSES_S: Final = (5.0, 10.0, 20.0, 30.0)  # after the 1st, 2nd … start that did not last; systemd allows 5 in 10 s
_TELL_AFTER: Final = 3  # starts


class Device:
    """`wanted()` says the settings that it must work with; "": there is no arbiter, None: nothing can be done now."""

    def __init__(self, wanted: Callable[[], str | None], now_s: Callable[[], float]) -> None:
        self._wanted = wanted
        self._now_s = now_s
        self._look = asyncio.Event()
        self._works_with = ""  # "" also when it ran before this process
        self._starts = 0
        self._next_s = 0.0
        self._told: set[str] = set()

    def look_now(self) -> None:
        """Corosync, the bus or the settings changed."""
        self._look.set()

    async def keep(self, bus: Callable[[], Bus | None]) -> None:
        """It runs, or does not, as it is wanted; ends only by cancellation."""
        while True:
            self._look.clear()
            wanted, connection = self._wanted(), bus()
            if wanted is not None and connection is not None and not connection.closed.is_set():
                try:
                    await self._bring_about(connection, wanted)
                except BusError as error:
                    if wanted:
                        self._tell(f"systemd does not do what is asked of {UNIT}: {error.text}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), _LOOK_AGAIN_S if wanted else None)

    async def _bring_about(self, bus: Bus, wanted: str) -> None:
        """Raises BusError."""
        load, active = await _state(bus)
        runs = active in ("active", "activating", "reloading")
        if not wanted:
            self._works_with = ""
            if runs:
                await _ask(bus, "StopUnit")
        elif load in ("not-found", "masked"):
            self._tell(f"The arbiter gives no vote here: {UNIT} is {load}; install corosync-qdevice")
        elif runs and self._works_with in ("", wanted):
            self._works_with = wanted
            if active == "active":
                self._starts = 0
                self._told.clear()
        elif not await _goes_down(bus):
            await self._start(bus, wanted, "RestartUnit" if runs else "StartUnit")

    async def _start(self, bus: Bus, wanted: str, method: str) -> None:
        now = self._now_s()
        if method == "StartUnit" and now < self._next_s:
            return
        self._next_s = now + _PAUSES_S[min(self._starts, len(_PAUSES_S) - 1)]
        self._starts += 1
        if self._starts > _TELL_AFTER:
            text = (
                f"{UNIT} does not stay up, so the arbiter gives no vote here: journalctl -b -u {UNIT} says why; "
                "standfast quorum arbiter add HOST makes the certificates that it needs"
            )
            self._tell(text)
        await _ask(bus, method)
        self._works_with = wanted

    def _tell(self, text: str) -> None:
        """Once until it runs."""
        if text not in self._told:
            self._told.add(text)
            journal.write(Event.ARBITER_START_FAILED, Level.ERROR, text)


async def _ask(bus: Bus, method: str) -> None:
    await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, method, "ss", UNIT, "fail" if method == "StartUnit" else "replace")


async def _state(bus: Bus) -> tuple[str, str]:
    (path,) = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "LoadUnit", "s", UNIT)
    load = await bus.get(SYSTEMD, path, _UNIT_INTERFACE, "LoadState")
    return str(load), str(await bus.get(SYSTEMD, path, _UNIT_INTERFACE, "ActiveState"))


async def _goes_down(bus: Bus) -> bool:
    """A job for it is queued, or what it belongs to is being stopped."""
    kinds = await kinds_of_jobs(bus)
    going = ("corosync.service", *STOPPED_WITH)
    return UNIT in kinds or any(kinds.get(unit) in ("stop", "restart") for unit in going)
