"""For how long a node that withdrew stays away: pure. Neither a crash of membershipd nor a boot makes it shorter."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Final

FIRST_MS: Final = 30_000
LONGEST_MS: Final = 3_600_000
FORGOTTEN_AFTER_MS: Final = 600_000  # in an open term: the next withdrawal begins with FIRST_MS again


class PauseError(Exception):
    """The bytes are no pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One withdrawal, as it is on disk; it stays there after the return, so that the next one can be longer."""

    reason: str  # a sentence without its full stop: who is not heard, and what came
    length_ms: int
    incarnation: str  # the node's life in which it is counted
    began_ms: int  # CLOCK_BOOTTIME of that life
    over: bool = False

    @property
    def due_ms(self) -> int:
        """When it is over, as CLOCK_BOOTTIME of its incarnation."""
        return self.began_ms + self.length_ms


def begin(before: Pause | None, reason: str, incarnation: str, now_ms: int) -> Pause:
    """The pause of a withdrawal now: twice as long as the one before, if that is not forgotten."""
    length_ms = min(2 * before.length_ms, LONGEST_MS) if before is not None else FIRST_MS
    return Pause(reason=reason, length_ms=length_ms, incarnation=incarnation, began_ms=now_ms)


def resume(pause: Pause, incarnation: str, now_ms: int) -> Pause:
    """The pause as it was read from the disk: after a boot it is counted anew."""
    if pause.over or pause.incarnation == incarnation:
        return pause
    return replace(pause, incarnation=incarnation, began_ms=now_ms)


def encode(pause: Pause) -> bytes:
    return json.dumps(asdict(pause), ensure_ascii=False, indent=1).encode() + b"\n"


def decode(data: bytes) -> Pause:
    """Raises PauseError."""
    try:
        fields = json.loads(data)
        pause = Pause(**{name: fields[name] for name in Pause.__slots__})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PauseError(f"{len(data)} bytes that are no pause") from error
    numbers = (pause.length_ms, pause.began_ms)
    texts = (pause.reason, pause.incarnation)
    if not all(type(one) is int for one in numbers) or not all(type(one) is str for one in texts):
        raise PauseError("a pause with a strange value")
    if not FIRST_MS <= pause.length_ms <= LONGEST_MS or type(pause.over) is not bool:
        raise PauseError("a pause of a strange length")
    return pause
