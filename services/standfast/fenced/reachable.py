"""Whether anything still answers at an address: ICMP echo, TCP, and ARP or neighbour discovery on the same link.

One answer is enough to be heard; silence proves nothing, a firewall is silent too.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from typing import Final

from standfast.addresses.neighbours import find_owner
from standfast.addresses.netlink import Netlink
from standfast.addresses.place import CannotServeError, Settings, choose, read_address

WITHIN_S: Final = 1.5
_TRIES: Final = 3  # echo requests, spread over that time
_PORT: Final = 22  # a port that firewalls let pass; that it is closed is an answer as good
_ECHO: Final = {socket.AF_INET: (socket.IPPROTO_ICMP, 8), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128)}


async def answers(address: str) -> bool:
    """Somebody has the address: it answered one of the three within WITHIN_S."""
    asked = (_answers_echo(address), _answers_tcp(address), asyncio.to_thread(_answers_neighbours, address))
    return any(await asyncio.gather(*asked))


async def _answers_echo(address: str) -> bool:
    family = _family(address)
    _, request = _ECHO[family]
    token = os.urandom(16)
    body = struct.pack("!HH", os.getpid() & 0xFFFF, 1) + token
    checksum = _checksum(struct.pack("!BBH", request, 0, 0) + body) if family == socket.AF_INET else 0
    packet = struct.pack("!BBH", request, 0, checksum) + body
    try:
        with _echo_socket(family) as connection:
            connection.connect((address, 0))
            for _ in range(_TRIES):
                connection.send(packet)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WITHIN_S / _TRIES):
                        await _receive(connection, token, request)
                        return True
    except OSError:  # no route, no such family, no right: nothing answered
        return False
    return False


async def _receive(connection: socket.socket, token: bytes, request: int) -> None:
    """The echo came back. A raw socket of this machine hears its own request too."""
    loop = asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(connection, 2048)
        before, found, _ = data.partition(token)
        if found and len(before) >= 8 and before[-8] != request:
            return


def _echo_socket(family: int) -> socket.socket:
    """For whoever net.ipv4.ping_group_range lets; else a raw one, which takes CAP_NET_RAW (icmp(7), raw(7))."""
    protocol, _ = _ECHO[socket.AddressFamily(family)]
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        return socket.socket(family, socket.SOCK_DGRAM | flags, protocol)
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW | flags, protocol)


async def _answers_tcp(address: str) -> bool:
    """A connection was made or refused."""
    with socket.socket(_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as connection:
        try:
            async with asyncio.timeout(WITHIN_S):
                await asyncio.get_running_loop().sock_connect(connection, (address, _PORT))
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError):
            return False
    return True


def _answers_neighbours(address: str) -> bool:
    """Another machine on a link of this one says that it has the address. Blocks for a tenth of a second."""
    try:
        netlink = Netlink()
        try:
            links = netlink.links()
            link, found = choose(*read_address(address), Settings(), links, netlink.addresses())
        finally:
            netlink.close()
        return find_owner(link, found, frozenset(link.mac for link in links)) is not None
    except (OSError, CannotServeError):  # not on a link of this machine
        return False


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
