"""The thread that feeds the watchdog: a loop over one socket and one device, without D-Bus, Corosync or asyncio.

What it decides is in feeding.py. It tells the daemon's loop what it did and never waits for it.
"""

import ctypes
import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from standfast.files import boottime_ms
from standfast.journal import Event, Level
from standfast.quorumd.descriptors import Store
from standfast.quorumd.ear import Ear
from standfast.quorumd.feeding import Decision, Dog, decide, interval_ms, too_late
from standfast.quorumd.watchdog import (
    AUTO,
    Candidate,
    Device,
    WatchdogError,
    candidates,
    choose,
    held_files,
    set_wanted,
    stays_armed,
)
from standfast.watchdog.messages import SOCKET
from standfast.watchdog.times import Wanted

HELD: Final = Path("/run/standfast/held")
TRY_AGAIN_MS: Final = 5_000  # a device that refused
KEEP_AGAIN_MS: Final = 250  # systemd that does not read
STOP_S: Final = 3.0
_LOCK_ALL_ON_FAULT: Final = 7  # MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT: only what is used anyway stays in memory


def lock_memory() -> None:
    """Nothing of this process that is in use is swapped out; where that is not allowed it goes on without."""
    ctypes.CDLL(None, use_errno=True).mlockall(_LOCK_ALL_ON_FAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How it stands, for people and for the daemon's loop."""

    device: str = ""  # "": none is armed
    timeout_ms: int = 0  # as the device gave it back
    fed: bool = False
    holding: bool = False
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is another thing in tests."""

    socket: Path = Path(SOCKET)
    held: Path = HELD
    owner: int = 0  # the only user that may speak on the socket
    store: Store = field(default_factory=Store)
    known: Callable[[], tuple[Candidate, ...]] = candidates
    clock: Callable[[], int] = boottime_ms
    lock_memory: Callable[[], None] = lock_memory


class Feeder:
    """`on_shown` and `on_entry` are called in the thread; `on_end` last, with the exception that ended it, or None."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        on_shown: Callable[[Shown], None],
        on_entry: Callable[[Event, Level, str], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._around = surroundings
        self._on_shown, self._on_entry, self._on_end = on_shown, on_entry, on_end
        self._clock = surroundings.clock
        self._ear = Ear(surroundings.socket, surroundings.owner, surroundings.clock, self._complain)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stopping = False
        self._configuration: tuple[Wanted | None, str | None] | None = None  # None: not read yet
        self._device: Device | None = None
        self._dog: Dog | None = None  # of the device
        self._kept = True  # systemd has a copy of the descriptor
        self._refusal = ""
        self._arm_at = self._keep_at = self._feed_at = 0
        self._broken = False  # it could not be fed
        self._doomed = False  # it was fed too late: never again
        self._shown = Shown()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    # The daemon's side

    def start(self) -> None:
        self._thread.start()

    def configure(self, wanted: Wanted | None, virtual: str | None) -> None:
        """From now on this is wanted (`virtual`: see watchdog.choose)."""
        self._configuration = (wanted, virtual)
        os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        """The thread has ended: with nothing held the device is disarmed, else it runs on and systemd has it."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        self._thread.join(STOP_S)

    # The thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._take_back()
            while not self._stopping:
                self._wait(self._turn())
            self._end()
        except BaseException as problem:
            error = problem
        self._on_end(error)

    def _take_back(self) -> None:
        """The device that an earlier process armed is this one's."""
        descriptor = self._around.store.taken_back()
        if descriptor is None:
            return
        device = Device.adopt(descriptor)
        try:
            given_ms = device.timeout_ms()
        except WatchdogError as error:
            self._on_entry(Event.WATCHDOG_REFUSED, Level.ERROR, str(error))
            return
        self._device, self._dog = device, Dog(asked_ms=0, given_ms=given_ms)
        self._around.lock_memory()

    def _turn(self) -> int | None:
        """Does what is due; milliseconds until something is again, None: when somebody says something."""
        decision = self._decide()
        if self._doomed:
            pass  # nothing about the device is changed any more
        elif decision.arm and self._clock() >= self._arm_at:
            self._arm()
            self._look_at_the_clock(decision)
        elif decision.timeout_ms is not None:
            self._change_timeout(decision.timeout_ms)
            self._look_at_the_clock(decision)
        elif self._device and not decision.holding and self._configuration and self._configuration[0] is None:
            self._disarm("Watchdog= is not in the configuration any more")
        self._keep()
        decision = self._feed(decision)
        if self._configuration and self._kept:
            wanted = self._configuration[0]
            given_ms = self._dog.given_ms if self._dog else 0
            self._ear.answer(given_ms, wanted.timeout_ms if wanted else 0, self._refusal)
        return self._pause(decision)

    def _wait(self, pause_ms: int | None) -> None:
        """Until somebody speaks, or the pause is over."""
        poll = select.poll()
        for source in (self._wake, *self._ear.sources()):
            poll.register(source, select.POLLIN)
        ready = {number for number, _ in poll.poll(pause_ms)}
        if self._wake in ready:
            os.eventfd_read(self._wake)
            self._arm_at, self._refusal = 0, ""
        if self._ear.on_ready(ready):
            self._arm_at = 0

    def _end(self) -> None:
        """The end of this process; while anything is held the device stays armed, fed once more if that is allowed."""
        self._feed_at = self._keep_at = 0
        self._keep()
        decision = self._feed(self._decide())
        if self._device and not decision.holding and not self._doomed:
            self._disarm("quorumd was stopped, and nothing is held here")
        self._ear.close()

    def _decide(self) -> Decision:
        wanted = self._configuration[0] if self._configuration else None
        held = held_files(self._around.held)
        return decide(now_ms=self._clock(), wanted=wanted, dog=self._dog, heard=self._ear.heard, held=held)

    def _pause(self, decision: Decision) -> int | None:
        now, due = self._clock(), []
        if self._device:
            due.append(self._feed_at if self._shown.fed else now + interval_ms(self._shown.timeout_ms))
            due += [] if self._kept else [self._keep_at]
        elif decision.arm:
            due.append(self._arm_at)
        return max(0, min(due) - now) if due else None

    # The device

    def _feed(self, decision: Decision) -> Decision:
        """Fed if it is due and allowed at this moment: the rule is looked at right before it, the clock also after."""
        if self._device:
            decision = self._decide()
        now = self._clock()
        due = now >= self._feed_at or not self._shown.fed
        if self._device and self._dog and decision.feed and due and not self._doomed:
            try:
                self._device.feed()
                self._broken = False
            except OSError as error:
                self._break(self._device.path, error)
            self._feed_at = now + interval_ms(self._dog.given_ms)
            self._look_at_the_clock(decision)
        self._show(decision)
        return decision

    def _look_at_the_clock(self, decision: Decision) -> None:
        """Too late: the others may count with this node's end already; it comes as soon as the device can."""
        device = self._device
        if device is None or not too_late(decision, self._clock()):
            return
        self._doomed = True
        device.hurry()
        text = f"{device.path} was fed too late, for this machine stood still: it resets it at once"
        self._on_entry(Event.WATCHDOG_STARVED, Level.ERROR, text)

    def _break(self, path: str, error: OSError) -> None:
        if not self._broken:
            self._broken = True
            text = f"{path} cannot be fed ({error.strerror}): this machine will be reset; look at its driver"
            self._on_entry(Event.WATCHDOG_STARVED, Level.ERROR, text)

    def _keep(self) -> None:
        if self._device and not self._kept and self._clock() >= self._keep_at:
            self._kept = self._around.store.keep(self._device.descriptor)
            self._keep_at = self._clock() + KEEP_AGAIN_MS

    def _arm(self) -> None:
        """The device is armed and has its timeout, or `_refusal` says why not."""
        wanted, virtual = self._configuration or (None, None)
        assert wanted is not None
        self._arm_at = self._clock() + TRY_AGAIN_MS
        try:
            device, given_ms, remark = arm(wanted, self._around.known, virtual)
        except WatchdogError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                self._on_entry(Event.WATCHDOG_REFUSED, Level.ERROR, f"The watchdog is not armed: {error}")
            return
        self._device, self._dog = device, Dog(asked_ms=wanted.timeout_ms, given_ms=given_ms)
        self._kept, self._refusal, self._keep_at, self._feed_at = False, "", 0, 0
        self._around.lock_memory()
        text = f"The watchdog {device.path} is armed: it resets this machine {given_ms // 1000} s after it was last fed"
        self._on_entry(Event.WATCHDOG_ARMED, Level.NOTICE, text)
        if remark:
            self._on_entry(Event.WATCHDOG_TIMEOUT, Level.WARNING, remark)
        if stays_armed(device.path):
            text = f"{device.path} cannot be disarmed (nowayout): this machine is reset when Standfast is stopped"
            self._on_entry(Event.WATCHDOG_REFUSED, Level.WARNING, f"{text}; load its driver with nowayout=0")

    def _change_timeout(self, timeout_ms: int) -> None:
        """One that became longer than the record names is taken back: the others count with what that says."""
        assert self._device is not None and self._dog is not None
        before_ms = self._dog.given_ms
        heard = self._ear.heard
        try:
            given_ms = self._device.set_timeout(timeout_ms)
            if given_ms > max(before_ms, heard.tell.stored_ms if heard else 0):
                given_ms = self._device.set_timeout(before_ms)
        except WatchdogError as error:
            given_ms = before_ms
            self._on_entry(Event.WATCHDOG_REFUSED, Level.ERROR, str(error))
        self._dog = Dog(asked_ms=timeout_ms, given_ms=given_ms)
        text = f"{self._device.path} now has a timeout of {given_ms // 1000} s; {timeout_ms // 1000} s were asked for"
        level = Level.NOTICE if given_ms == timeout_ms else Level.WARNING
        self._on_entry(Event.WATCHDOG_TIMEOUT, level, text)

    def _disarm(self, why: str) -> None:
        assert self._device is not None
        device, self._device, self._dog, self._kept = self._device, None, None, True
        self._around.store.forget()
        try:
            device.disarm()
        except OSError as error:
            text = f"{device.path} could not be disarmed ({error.strerror}): this machine will be reset"
            self._on_entry(Event.WATCHDOG_STARVED, Level.ERROR, text)
            return
        self._on_entry(Event.WATCHDOG_DISARMED, Level.NOTICE, f"The watchdog {device.path} is disarmed: {why}")

    # What others see

    def _complain(self, text: str) -> None:
        self._on_entry(Event.WATCHDOG_CALLER, Level.WARNING, text)

    def _show(self, decision: Decision) -> None:
        shown = Shown(
            device=self._device.path if self._device else "",
            timeout_ms=self._dog.given_ms if self._dog else 0,
            fed=decision.feed and not self._broken and not self._doomed,
            holding=decision.holding,
            refusal=self._refusal,
        )
        before, self._shown = self._shown, shown
        if shown == before:
            return
        if before.fed and not shown.fed and shown.device and not self._broken and not self._doomed:
            self._on_entry(Event.WATCHDOG_STARVED, Level.ERROR, self._why_starved(shown.timeout_ms // 1000))
        if shown.fed and not before.fed and before.device:
            self._on_entry(Event.WATCHDOG_FED, Level.NOTICE, f"The watchdog {shown.device} is fed again")
        self._on_shown(shown)

    def _why_starved(self, seconds: int) -> str:
        who = "its tick is not echoed by a quorum" if self._ear.heard else "its resourced is away"
        return f"The watchdog is not fed: groups are held here and {who}; this machine is reset within {seconds} s"


def arm(wanted: Wanted, known: Callable[[], tuple[Candidate, ...]], virtual: str | None) -> tuple[Device, int, str]:
    """The armed device, its timeout in ms, and a sentence if that is not the wanted one. Raises WatchdogError."""
    told = wanted.trust and wanted.device != AUTO  # then nothing is asked of the kernel
    device = Device.arm(choose(wanted, () if told else known(), virtual))
    try:
        given_ms, remark = set_wanted(device, wanted)
    except WatchdogError:
        device.disarm()
        raise
    return device, given_ms, remark
