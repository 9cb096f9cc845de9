"""`python3 -m standfast.addresses ADDRESS` serves an address until SIGTERM; `--remove ADDRESS` takes it away.

systemd runs it as standfast-ip@ADDRESS.service. It exits non-zero with one sentence when somebody else has the address
(3), or when the address, the interface or its carrier is lost (1). ExecStopPost= runs `--remove`: after SIGKILL nobody
else would.
"""

import os
import select
import signal
import socket
import sys
import time

from standfast.addresses.neighbours import Neighbours, mac_text
from standfast.addresses.netlink import Address, Link, Netlink, Watch
from standfast.addresses.place import CannotServeError, choose, read_address, read_settings

ANNOUNCE_TIMES_S = (1.0, 3.0)  # after the first one
EXIT_LOST = 1
EXIT_USAGE = 2
EXIT_DUPLICATE = 3


class DuplicateError(CannotServeError):
    """Somebody else on the link has the address."""


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case [text] if not text.startswith("-"):
                return serve(text)
            case ["--remove", text]:
                remove(Netlink(), *read_address(text))
                return 0
    except DuplicateError as error:
        return _fail(str(error), EXIT_DUPLICATE)
    except CannotServeError as error:
        return _fail(str(error), EXIT_LOST)
    except OSError as error:
        return _fail(f"{arguments[-1]}: the kernel refused: {error.strerror or error}", EXIT_LOST)
    return _fail("usage: python3 -m standfast.addresses [--remove] ADDRESS", EXIT_USAGE)


def serve(text: str) -> int:
    """The address was on its interface until SIGTERM came; now it is not. Raises CannotServeError."""
    family, packed = read_address(text)
    stop = _catch_stop()
    netlink, watch = Netlink(), Watch()
    links = netlink.links()
    settings = read_settings(f"standfast-ip@{text}.service")
    link, address = choose(family, packed, settings, links, netlink.addresses())
    if not link.carries:
        raise CannotServeError(f"{link.name} has no carrier: {text} would answer nobody.")
    neighbours = Neighbours(link, address)
    stranger = neighbours.probe(frozenset(link.mac for link in links))
    if stranger is not None:
        _judge_duplicate(text, link, stranger, settings.defend)
    _take(netlink, address)
    neighbours.announce()
    if not _notify(f"READY=1\nSTATUS={address} on {link.name}"):
        raise CannotServeError(f"systemd does not read that {address} is served.")
    _keep(netlink, watch, stop, link, address, neighbours)
    remove(netlink, family, packed)
    return 0


def remove(netlink: Netlink, family: int, packed: bytes) -> None:
    """No interface of this machine has the address."""
    for address in netlink.addresses():
        if (address.family, address.packed) == (family, packed):
            netlink.remove(address)


def _judge_duplicate(text: str, link: Link, stranger: bytes, defend: bool) -> None:
    sentence = f"{text} is in use by {mac_text(stranger)} on {link.name}"
    if not defend:
        raise DuplicateError(f"{sentence}: end it there, or write Duplicate=defend in [X-Address].")
    print(f"<4>{sentence}; taken from it (Duplicate=defend).", flush=True)


def _take(netlink: Netlink, address: Address) -> None:
    """The address is where it belongs and nowhere else; one of us that was killed may have left it."""
    for other in netlink.addresses():
        same = (other.family, other.packed) == (address.family, address.packed)
        if same and (other.index, other.prefix) != (address.index, address.prefix):
            netlink.remove(other)
    netlink.add(address)


def _keep(
    netlink: Netlink, watch: Watch, stop: socket.socket, link: Link, address: Address, neighbours: Neighbours
) -> None:
    """Returns when SIGTERM came. Raises CannotServeError when the address or the link is lost."""
    begin = time.monotonic()
    due = list(ANNOUNCE_TIMES_S)
    poll = select.poll()  # systemd's own descriptors may be many: select() ends at 1024
    poll.register(stop, select.POLLIN)
    poll.register(watch, select.POLLIN)
    _check(netlink, link, address)  # what changed before the watch was read
    while True:
        wait_ms = max(0.0, due[0] - (time.monotonic() - begin)) * 1000 if due else None
        ready = {descriptor for descriptor, _ in poll.poll(wait_ms)}
        if stop.fileno() in ready:
            return
        if watch.fileno() in ready:
            watch.drain()
            _check(netlink, link, address)
        if due and time.monotonic() - begin >= due[0]:
            due.pop(0)
            neighbours.announce()


def _check(netlink: Netlink, link: Link, address: Address) -> None:
    now = next((other for other in netlink.links() if other.index == link.index), None)
    if now is None:
        raise CannotServeError(f"{link.name} is gone, and {address} with it.")
    if not now.carries:
        raise CannotServeError(f"{now.name} lost its carrier or was set down: {address} answers nobody.")
    wanted = (address.index, address.packed, address.prefix)
    if all((other.index, other.packed, other.prefix) != wanted for other in netlink.addresses()):
        raise CannotServeError(f"Somebody removed {address} from {now.name}.")


def _catch_stop() -> socket.socket:
    """A socket that becomes readable when systemd wants us to end."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.detach())
    return reader


def _notify(text: str) -> bool:
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


def _fail(sentence: str, code: int) -> int:
    print(f"<3>{sentence}", file=sys.stderr, flush=True)
    _notify(f"STATUS={sentence}")  # resourced reads it into the cause; if it is lost, the journal has it
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
