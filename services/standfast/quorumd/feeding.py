"""Whether the watchdog is armed, fed and with which timeout; pure (DESIGN section 5, "The watchdog").

While anything is held here it is fed only while this node's tick is echoed; otherwise always.
"""

from dataclasses import dataclass
from typing import Final

from standfast.watchdog.messages import Tell
from standfast.watchdog.times import LATE_MS, Wanted

SLOWEST_MS: Final = 1_000
FEEDS_IN_A_TIMEOUT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Dog:
    """An armed device."""

    asked_ms: int  # 0: an earlier process armed it, whatever it asked for
    given_ms: int  # as WDIOC_GETTIMEOUT told it


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last word of the resourced that is connected now; of one that is gone there is none."""

    tell: Tell
    at_ms: int  # when it was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done now."""

    holding: bool  # something is held here, or may begin to be
    feed: bool  # it may be fed
    until_ms: int | None  # so long it may be fed, on these inputs; None: for ever, or not at all
    arm: bool = False
    timeout_ms: int | None = None  # ask for this timeout


def decide(*, now_ms: int, wanted: Wanted | None, dog: Dog | None, heard: Heard | None, held: bool) -> Decision:
    """The one rule of feeding. `held` is what the files below /run/standfast/held say.

    A resourced that is away while something is held feeds nothing. One that says nothing is held is believed only
    when the files agree: they are written first and removed last. To open the device and to set its timeout feeds it
    too (the kernel pings it), so neither is done while it must not be fed; a device that nobody has open may still run.
    """
    holding = held or (heard is not None and heard.tell.holding)
    until_ms = _echoed_until(wanted, heard) if holding else None
    may = not holding or (until_ms is not None and now_ms <= until_ms)
    return Decision(
        holding=holding,
        feed=dog is not None and may,
        until_ms=until_ms if may else None,
        arm=dog is None and wanted is not None and holding and (may or not held),
        timeout_ms=_timeout(wanted, dog, heard.tell.stored_ms if heard else 0) if may else None,
    )


def interval_ms(given_ms: int) -> int:
    """How often a device with this timeout is fed."""
    return min(SLOWEST_MS, given_ms // FEEDS_IN_A_TIMEOUT)


def too_late(decision: Decision, fed_at_ms: int) -> bool:
    """The device was fed, at `fed_at_ms`, when it must not be any more: this process stood still in between."""
    return decision.until_ms is not None and fed_at_ms > decision.until_ms + LATE_MS


def _echoed_until(wanted: Wanted | None, heard: Heard | None) -> int | None:
    """Neither older than resourced's own ticks allow, nor than one TickMax after its last word."""
    if heard is None or heard.tell.echoed_until_ms is None:
        return None
    if wanted is None:
        return heard.tell.echoed_until_ms
    return min(heard.tell.echoed_until_ms, heard.at_ms + wanted.tick_max_ms)


def _timeout(wanted: Wanted | None, dog: Dog | None, stored_ms: int) -> int | None:
    """Shorter at once; longer only when the record names it, so that nobody counts with a shorter one than counts."""
    if wanted is None or dog is None:
        return None
    target_ms = wanted.timeout_ms
    if 0 < stored_ms < min(target_ms, dog.given_ms):
        target_ms = max(stored_ms, wanted.shortest_ms)  # it was armed anew with more than the record names
    if target_ms in (dog.asked_ms, dog.given_ms) or dog.given_ms < target_ms > stored_ms:
        return None
    return target_ms
