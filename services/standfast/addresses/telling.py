"""What is told of addresses in the journal, as `standfast.journal` does it; that module is not lean."""

import socket
import sys

SOCKET = "/run/systemd/journal/socket"
# the events, with journal.message_id() of each (a test compares them) and their levels
EVENTS = {
    "address-failed": ("c0c187a252a65347b8298cda4968e36f", 4),
    "address-claimed": ("59fa556e547a5b0abca41f18d199c6d9", 4),
    "address-free": ("a68b4c81367a5d38a0f9a1bf71786a16", 6),
    "frame-lost": ("234ff0a6c6b7506c8563ef5b9ac63ec5", 4),
}


def tell(event: str, text: str, unit: str) -> None:
    """One entry of `unit` is in the journal (without a journal: one line on stderr); `systemctl status` shows it."""
    identity, level = EVENTS[event]
    entry = {
        "MESSAGE": text.replace("\n", " "),
        "MESSAGE_ID": identity,
        "PRIORITY": str(level),
        "SYSLOG_IDENTIFIER": "standfast-addresses",
        "STANDFAST_EVENT": event,
        "STANDFAST_RESOURCE": unit,
        "OBJECT_SYSTEMD_UNIT": unit,  # journalctl -u UNIT finds it by this
    }
    data = "".join(f"{name}={value}\n" for name, value in entry.items()).encode(errors="replace")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)  # a hung journald must not hang the addresses
        try:
            sender.sendto(data, SOCKET)
        except BlockingIOError:
            return
        except OSError:
            print(f"<{level}>{entry['MESSAGE']} [{event}]", file=sys.stderr, flush=True)
