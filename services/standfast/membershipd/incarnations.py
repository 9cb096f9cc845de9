"""What the members of the CPG group `standfast.config` tell each other: who and in which life they are."""

import json
from dataclasses import dataclass
from typing import Final

GROUP: Final = b"standfast.config"
_LONGEST: Final = 256  # characters of a name or an incarnation


class PresenceError(Exception):
    """The bytes are no presence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A node's name and incarnation (boot id and start time of its PID 1)."""

    node: str
    incarnation: str
    file: str = ""  # digest of the corosync.conf that it has written, its key included


def encode(presence: Presence) -> bytes:
    fields = {"node": presence.node, "incarnation": presence.incarnation, "file": presence.file}
    return json.dumps(fields).encode()


def decode(data: bytes) -> Presence:
    """Raises PresenceError. A field that is not known is left to the version that sent it."""
    try:
        fields = json.loads(data)
        node, incarnation, file = fields["node"], fields["incarnation"], fields.get("file", "")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PresenceError(f"{len(data)} bytes that are no presence") from error
    for value in (node, incarnation, file or "none"):
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
            raise PresenceError("a presence with a strange value")
    return Presence(node=node, incarnation=incarnation, file=file)
