"""One echo request and its reply (RFC 792, RFC 4443); by a ping socket where the kernel grants one (icmp(7))."""

import asyncio
import secrets
import socket
import struct
from typing import Final

from standfast.configuration.model import Probe
from standfast.probes.names import resolve
from standfast.probes.verdict import CannotCheckError

_HEADER: Final = struct.Struct("!BBHHH")  # type, code, checksum, identity, sequence
_REQUEST: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: Final = {socket.AF_INET: 0, socket.AF_INET6: 129}
_IDENTITY: Final = 0x5346


def subject(probe: Probe) -> str:
    """Who is asked."""
    return f"ping {probe.host}"


async def look(probe: Probe, seen: bytearray) -> str:
    """The host replies. Raises as any checker does."""
    assert probe.host is not None
    address = await resolve(probe.host, probe.timeout_ms)
    loop = asyncio.get_running_loop()
    mark = secrets.token_bytes(16)  # what comes back with it is the reply to this request
    with _open(address) as own:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        await loop.sock_sendall(own, _message(_REQUEST[family], mark))
        while True:
            data = await loop.sock_recv(own, 2048)
            if own.type == socket.SOCK_RAW and family == socket.AF_INET:
                data = data[(data[0] & 0x0F) * 4 :] if data else b""  # a raw socket gives the IP header too
            if data[:1] == bytes((_REPLY[family],)) and data[_HEADER.size :] == mark:
                return "it answers"


def _open(address: str) -> socket.socket:
    """A socket that hears of this address only."""
    family, protocol = socket.AF_INET, socket.IPPROTO_ICMP
    if ":" in address:
        family, protocol = socket.AF_INET6, socket.IPPROTO_ICMPV6
    try:
        own = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except OSError:
        try:
            own = socket.socket(family, socket.SOCK_RAW, protocol)
        except PermissionError as error:
            raise CannotCheckError("only root may ask here (net.ipv4.ping_group_range)") from error
    own.setblocking(False)
    try:
        own.connect((address, 0))
    except BaseException:
        own.close()
        raise
    return own


def _message(kind: int, mark: bytes) -> bytes:
    """The kernel writes another identity for a ping socket, and the checksum for that and for IPv6."""
    return _HEADER.pack(kind, 0, _checksum(_HEADER.pack(kind, 0, 0, _IDENTITY, 1) + mark), _IDENTITY, 1) + mark


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
