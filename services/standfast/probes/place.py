"""Where a connection goes to, and how much of what comes is kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

LARGEST_HEAD: Final = 32_768  # bytes that are read for one line or head
LARGEST_SEEN: Final = 4_096  # bytes of an answer that are kept for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    host: str  # of a Unix socket: whose name its certificate must have
    port: int = 0
    path: str | None = None  # a Unix socket
    tls: "ssl.SSLContext | None" = None  # see tls.tls_context
    timeout_ms: int  # of the whole try
