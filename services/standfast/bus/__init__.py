"""D-Bus for all daemons and the command line: `Bus` calls and listens, `Server` publishes.

dbus-next's message layer is used here and nowhere else, so that it can be swapped. Its own connection is not:
EAGAIN on send ends it (upstream issue 153), it reads until the peer pauses, and a reply that never comes leaks.
"""

from standfast.bus.client import Bus, Signal
from standfast.bus.errors import GONE, BusError, ErrorName
from standfast.bus.handover import call_for_descriptor
from standfast.bus.interfaces import interface_file
from standfast.bus.labels import escape, unescape
from standfast.bus.server import Call, Server, serve_forever
from standfast.bus.values import Variant

__all__ = [
    "GONE",
    "Bus",
    "BusError",
    "Call",
    "ErrorName",
    "Server",
    "Signal",
    "Variant",
    "call_for_descriptor",
    "escape",
    "interface_file",
    "serve_forever",
    "unescape",
]
