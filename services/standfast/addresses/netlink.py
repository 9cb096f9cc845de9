"""Links and addresses of this network namespace over rtnetlink(7), and no more of it than is needed here."""

import errno
import os
import socket
import struct
from collections.abc import Sequence

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/if.h
RTMGRP_LINK = 0x1
RTMGRP_IPV4_IFADDR = 0x10
RTMGRP_IPV6_IFADDR = 0x100
IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFF_NOARP = 0x80
IFF_LOWER_UP = 0x10000
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP_INTR, _NLM_F_DUMP = 0x1, 0x10, 0x300
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_GETADDR = 22
_IFLA_ADDRESS, _IFLA_BROADCAST, _IFLA_IFNAME = 1, 2, 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # family, hardware type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_TIMEOUT_S = 2.0
_DUMPS = 10  # tries at a dump during which nothing changes


class Link:
    """A network interface."""

    __slots__ = ("broadcast", "flags", "hardware", "index", "mac", "name")

    def __init__(self, index: int, name: str, flags: int, hardware: int, mac: bytes, broadcast: bytes) -> None:
        self.index = index
        self.name = name
        self.flags = flags
        self.hardware = hardware  # ARPHRD_*: 1 is Ethernet
        self.mac = mac  # empty for a tunnel
        self.broadcast = broadcast

    @property
    def carries(self) -> bool:
        """It is up and has its carrier."""
        return bool(self.flags & IFF_UP and self.flags & IFF_LOWER_UP)

    @property
    def has_neighbours(self) -> bool:
        """Others on it ask for addresses by ARP or neighbour solicitation."""
        return bool(self.mac) and not self.flags & (IFF_NOARP | IFF_LOOPBACK)


class Address:
    """An address on an interface."""

    __slots__ = ("family", "index", "packed", "prefix")

    def __init__(self, index: int, family: int, packed: bytes, prefix: int) -> None:
        self.index = index  # the interface's
        self.family = family
        self.packed = packed
        self.prefix = prefix

    def __str__(self) -> str:
        return f"{socket.inet_ntop(self.family, self.packed)}/{self.prefix}"


class Network:
    """The interfaces and addresses of this machine at one moment."""

    __slots__ = ("addresses", "links")

    def __init__(self, links: Sequence[Link], addresses: Sequence[Address]) -> None:
        self.links = links
        self.addresses = addresses

    def __str__(self) -> str:
        """ "eth0 192.0.2.11/24, eth1 without an address"."""
        shown = []
        for link in self.links:
            own = [str(address) for address in self.addresses if address.index == link.index]
            shown.append(f"{link.name} {' '.join(own) or 'without an address'}")
        return ", ".join(shown)

    def link(self, index: int) -> Link | None:
        return next((link for link in self.links if link.index == index), None)

    def places(self, packed: bytes) -> list[Address]:
        """Where an address is: on one interface, unless somebody added it twice."""
        return [address for address in self.addresses if address.packed == packed]

    @property
    def macs(self) -> frozenset[bytes]:
        """Linux answers on each interface for any address that it has: none of these is somebody else."""
        return frozenset(link.mac for link in self.links)


class Netlink:
    """Questions; each raises OSError when the kernel refuses."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.settimeout(_TIMEOUT_S)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def network(self) -> Network:
        return Network(self.links(), self.addresses())

    def links(self) -> list[Link]:
        """All interfaces, by index."""
        found = [_read_link(body) for body in self._dump(_RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0))]
        return sorted(found, key=lambda link: link.index)

    def addresses(self) -> list[Address]:
        """All addresses of IPv4 and IPv6, in the kernel's order."""
        found = [_read_address(body) for body in self._dump(_RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0))]
        return [address for address in found if address is not None]

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
        """Everything of a kind; taken anew while it changes under the dump."""
        for _ in range(_DUMPS):
            self._send(kind, _NLM_F_DUMP, body)
            found, whole = self._receive()
            if whole:
                return found
        raise OSError(errno.EINTR, "the network's settings change all the time")

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        length = _HEADER.size + len(body)
        self._socket.sendto(
            _HEADER.pack(length, kind, flags | _NLM_F_REQUEST, self._sequence, 0) + body,
            (0, 0),
        )

    def _receive(self) -> tuple[list[bytes], bool]:
        """The bodies of one answer, and whether nothing changed while it was made. Raises OSError on a refusal."""
        found: list[bytes] = []
        whole = True
        while True:
            for kind, flags, sequence, body in messages(self._socket.recv(65536)):
                if sequence != self._sequence:
                    continue  # left over from a question that timed out
                whole = whole and not flags & _NLM_F_DUMP_INTR
                if kind == _NLMSG_DONE:
                    return found, whole
                if kind == _NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", body)
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return found, whole
                found.append(body)


class Watch:
    """Wakes when a link or an address changes anywhere in this namespace; what changed must be asked."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        """All news up to now were read; so was the kernel's word that it had to drop some (ENOBUFS)."""
        while True:
            try:
                self._socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise


def messages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, sequence and body of each netlink message in one datagram."""
    found = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            break
        found.append((kind, flags, sequence, data[offset + _HEADER.size : offset + length]))
        offset += (length + 3) & ~3
    return found


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def _read_link(body: bytes) -> Link:
    _, hardware, index, flags, _ = _LINK.unpack_from(body)
    found = _attributes(body[_LINK.size :])
    name = found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
    return Link(index, name, flags, hardware, found.get(_IFLA_ADDRESS, b""), found.get(_IFLA_BROADCAST, b""))


def _read_address(body: bytes) -> Address | None:
    family, prefix, _, _, index = _ADDRESS.unpack_from(body)
    found = _attributes(body[_ADDRESS.size :])
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)  # LOCAL differs from ADDRESS on a point-to-point link
    if packed is None or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return Address(index, family, packed, prefix)
