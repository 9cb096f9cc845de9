"""Names of hosts, looked up by the system's resolver, which blocks: by a thread for each name.

A name server that hangs holds up the probes of its names. Others, and what else this process does in threads, go on.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from functools import lru_cache
from typing import Final

from standfast.probes.verdict import CannotCheckError

_SHARE: Final = 0.8  # of a try's time: a resolver that hangs is not the service
_MOST: Final = 64  # look-ups under way; a server that redirects may name one host after the other

_Found = str | CannotCheckError  # given back, for perhaps nobody waits for it any more
_asked: Final[dict[str, asyncio.Future[_Found]]] = {}  # by name; of those that are under way


async def resolve(host: str, timeout_ms: int) -> str:
    """The first address of a host; that a name cannot be looked up in time tells nothing about the service."""
    if _is_address(host):
        return host
    future = _asked.get(host)
    if future is None or future.get_loop() is not asyncio.get_running_loop():
        future = _ask(host)
    await asyncio.wait((future,), timeout=timeout_ms * _SHARE / 1000)
    if not future.done():
        raise CannotCheckError(f"{host} cannot be looked up: no name server answers")
    if isinstance(found := future.result(), CannotCheckError):
        raise CannotCheckError(str(found))  # anew: an exception keeps the frames of all who raised it
    return found


def _ask(host: str) -> asyncio.Future[_Found]:
    """The thread ends with the process: nobody waits for it at the end."""
    if len(_asked) >= _MOST:
        raise CannotCheckError(f"{host} cannot be looked up: {_MOST} other names have no answer yet")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Found] = loop.create_future()

    def look_up() -> None:
        found = _look_up(host)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, found)

    def settle(found: _Found) -> None:
        if _asked.get(host) is future:
            del _asked[host]
        future.set_result(found)

    threading.Thread(target=look_up, name=f"name {host}", daemon=True).start()
    _asked[host] = future
    return future


def _look_up(host: str) -> _Found:
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        # IPv4 first: `localhost` is both, and many a daemon listens there only
        return str(min(found, key=lambda entry: entry[0])[4][0])
    except Exception as error:  # whatever it is, those who wait hear of it; UnicodeError: no resolver is asked for it
        why = getattr(error, "strerror", None) or "it is no name"
        return CannotCheckError(f"{host} cannot be looked up: {why}")


@lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
