"""Where the endpoint listens: $LISTEN, which /etc/default/standfast-metrics sets."""

import re
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "127.0.0.1:10664"
WHERE: Final = "LISTEN= in /etc/default/standfast-metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to listen."""

    host: str | None  # None: all addresses of this machine
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        return f"{host}:{self.port}"


def places(text: str) -> tuple[Place, ...]:
    """The places that LISTEN= names. Raises ValueError, a sentence."""
    return tuple(_place(word) for word in (text.strip() or DEFAULT).split())


def _place(word: str) -> Place:
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.%\w]+)\]|([^:\[\]]*)):(\d{1,5})", word)
    if found is None or not 0 < int(found[3]) < 65536:
        raise ValueError(
            f"{WHERE} cannot be read at {word!r}: write ADDRESS:PORT, [ADDRESS]:PORT or :PORT, with spaces between."
        )
    return Place(host=found[1] or found[2] or None, port=int(found[3]))
