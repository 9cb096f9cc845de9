"""What a program of ours tells systemd of itself; lean, for those of which many run."""

import os
import socket


def notify(text: str) -> bool:
    """sd_notify(3); False: systemd does not read. Without systemd nobody needs to."""
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(2.0)
        try:
            sender.sendto(text.encode(), "\0" + where[1:] if where.startswith("@") else where)
        except OSError:
            return False
    return True
