"""systemd keeps the watchdog's descriptor open over our restarts and crashes (sd_notify(3), FDSTORE=1).

With the descriptor closed nobody could feed the device before its timeout; with it systemd's copy keeps it armed, and
the next quorumd gets it as an inherited descriptor (sd_listen_fds(3)).
"""

import os
import select
import socket
from collections.abc import MutableMapping
from typing import Final

NAME: Final = "watchdog"
BARRIER_S: Final = 1.0
_FIRST_INHERITED: Final = 3


class Store:
    """systemd's store of this service; without systemd (NOTIFY_SOCKET) everything succeeds and nothing is kept."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._environment = environment
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def taken_back(self) -> int | None:
        """The descriptor that an earlier process stored; others that were handed over are closed. Call it once."""
        environment = self._environment
        count, pid = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
        names = environment.pop("LISTEN_FDNAMES", "").split(":")
        if not count.isdecimal() or pid != str(os.getpid()):
            return None
        found = None
        for descriptor, name in zip(range(_FIRST_INHERITED, _FIRST_INHERITED + int(count)), names, strict=False):
            if name == NAME and found is None:
                os.set_inheritable(descriptor, False)
                found = descriptor
            else:
                os.close(descriptor)
        return found

    def keep(self, descriptor: int) -> bool:
        """systemd has a copy of it now, and read that: a crash right after this loses nothing. False: try again."""
        return self._send(f"FDSTORE=1\nFDNAME={NAME}\nFDPOLL=0", descriptor) and self._barrier()

    def forget(self) -> bool:
        """systemd closes its copy. False: it reads nothing now."""
        return self._send(f"FDSTOREREMOVE=1\nFDNAME={NAME}")

    def _barrier(self) -> bool:
        """systemd handled all that was sent: it closes the pipe's end that comes with BARRIER=1."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            sent = self._send("BARRIER=1", writer)
            os.close(writer)
            if not sent:
                return False
            if not self._address:
                return True
            poll = select.poll()
            poll.register(reader, 0)  # POLLHUP is always told
            return bool(poll.poll(BARRIER_S * 1000))
        finally:
            os.close(reader)

    def _send(self, text: str, *descriptors: int) -> bool:
        if not self._address:
            return True
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.connect(self._address)
                if descriptors:
                    socket.send_fds(sender, [text.encode()], descriptors)
                else:
                    sender.send(text.encode())
            except OSError:
                return False  # its queue is full: it reloads
        return True
