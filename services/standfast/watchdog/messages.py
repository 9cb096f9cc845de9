"""What resourced and quorumd say to each other about the watchdog, one datagram each, on a socket of their own.

Not over the bus: a dead bus kills nobody. resourced says Arm before anything is held, then Tell with each tick, or when
it is news where quorumd has no watchdog and wants none; quorumd answers with Armed, and says that again whenever
something of it changes. Times are milliseconds, instants CLOCK_BOOTTIME.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

SOCKET: Final = "/run/standfast/watchdog"
LONGEST: Final = 2048  # bytes


class MessageError(ValueError):
    """A datagram that is none of these messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Something is about to be held here: the watchdog is to be armed; from now on it counts as held."""

    number: int  # comes back in Armed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """What feeding depends on."""

    holding: bool  # something is held, or may begin to be at any moment
    echoed_until_ms: int | None  # this node's tick is echoed until then; None: it is not
    stored_ms: int = 0  # the shortest timeout that the record names for this node or is about to name; 0: none
    serial: int = 0  # of the last Armed that was read before this; an older stored_ms counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """How it stands. A `wanted_ms` longer than `timeout_ms` is set once the record names it (Tell.stored_ms)."""

    number: int  # of the last Arm; 0: there was none in this connection
    timeout_ms: int  # as the device gave it back; 0: it is not armed
    wanted_ms: int  # what the configuration wants; 0: no watchdog
    serial: int = 0  # goes up with each one
    refusal: str = ""  # why it is not armed although it is wanted, in one sentence


Message = Arm | Tell | Armed
_KINDS: Final[dict[str, type[Message]]] = {"arm": Arm, "tell": Tell, "armed": Armed}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def encode(message: Message) -> bytes:
    """One datagram."""
    return json.dumps({"kind": _NAMES[type(message)], **asdict(message)}, separators=(",", ":")).encode()


def decode(data: bytes) -> Message:
    """The message in a datagram. Raises MessageError for anything else, and never another error."""
    try:
        fields = json.loads(data) if len(data) <= LONGEST else None
        kind = _KINDS[fields.pop("kind")]  # type: ignore[union-attr] # None has no pop: caught below
        message = kind(**fields)  # type: ignore[arg-type] # checked below
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MessageError(f"{data[:80]!r} is no message about the watchdog") from error
    if not all(_fits(name, value) for name, value in asdict(message).items()):
        raise MessageError(f"{data[:80]!r} has a value that cannot be")
    return message


def _fits(name: str, value: Any) -> bool:
    match name:
        case "holding":
            return isinstance(value, bool)
        case "refusal":
            return isinstance(value, str)
        case "echoed_until_ms" if value is None:
            return True
        case _:
            return type(value) is int and 0 <= value < 2**53
