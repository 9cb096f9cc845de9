"""What the other machines on a link hear and say about an address: ARP (RFC 826, 5227) and neighbour discovery
(RFC 4861, 4862).

Frames are sent on a packet socket that receives nothing, so it can be kept open: opening and closing one that
receives costs 15 ms.
"""

import array
import select
import socket
import struct
import time

from standfast.addresses.netlink import Address, Link
from standfast.addresses.telling import tell
from standfast.addresses.units import unit_for

PROBE_TIMES_S = (0.0, 0.025)
PROBE_S = 0.05  # probing takes so long in all; an answer that comes later is told of, too
_ETH_P_ARP, _ETH_P_IPV6 = 0x0806, 0x86DD
_ARP_REQUEST, _ARP_REPLY = 1, 2
_ETHERNET_MAC = 6
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ICMP6_FILTER = 1
_OVERRIDE, _ROUTER = 0x20000000, 0x80000000
_ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
_SOLICITED_NODE = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13]
_HOP_LIMIT = 255  # no router passes it on: who hears it is on the link
_SO_ATTACH_FILTER = 26
_WHOLE = 0xFFFF
# linux/filter.h: load a byte into A, move A to X, load a word at X, jump when A is equal, return
_LOAD_BYTE, _TO_INDEX, _LOAD_WORD_AT, _JUMP_EQUAL, _RETURN = 0x30, 0x07, 0x40, 0x15, 0x06


def open_sender() -> socket.socket:
    """A packet socket that receives nothing; one is enough for all addresses."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)


class Neighbours:
    """Speaks for one address on one interface."""

    def __init__(self, link: Link, address: Address, sender: socket.socket) -> None:
        self._link = link
        self._address = address
        self._sender = sender

    def announce(self) -> None:
        """Whoever knew the address at another MAC was told ours, by both forms that are in use."""
        if not self.speaks:
            return
        if self._address.family == socket.AF_INET:
            for operation in (_ARP_REQUEST, _ARP_REPLY):
                self._send_arp(operation, self._address.packed)
            return
        flags = _OVERRIDE | (_ROUTER if _forwards(self._link.name) else 0)
        option = struct.pack("!BB", 2, 1) + self._link.mac  # target link-layer address, in units of 8 bytes
        body = struct.pack("!I", flags) + self._address.packed + option
        self._send_icmp(_ADVERTISEMENT, self._address.packed, _ALL_NODES, body)

    def ask(self) -> None:
        """Whoever has the address was asked to say so."""
        if not self.speaks:
            return
        if self._address.family == socket.AF_INET:
            self._send_arp(_ARP_REQUEST, bytes(4))
        else:
            multicast = _SOLICITED_NODE + self._address.packed[13:]
            self._send_icmp(_SOLICITATION, bytes(16), multicast, bytes(4) + self._address.packed)

    @property
    def speaks(self) -> bool:
        """ARP knows addresses of any length, our frames of neighbour discovery only Ethernet's."""
        return self._link.has_neighbours and (
            self._address.family == socket.AF_INET or len(self._link.mac) == _ETHERNET_MAC
        )

    def _send_arp(self, operation: int, source: bytes) -> None:
        mac, packed = self._link.mac, self._address.packed
        target = self._link.broadcast if operation == _ARP_REPLY else bytes(len(mac))
        head = struct.pack("!HHBBH", self._link.hardware, 0x0800, len(mac), len(packed), operation)
        self._send(_ETH_P_ARP, self._link.broadcast, head + mac + source + target + packed)

    def _send_icmp(self, kind: int, source: bytes, destination: bytes, body: bytes) -> None:
        """`body`: what follows type, code and checksum."""
        length = 4 + len(body)
        pseudo = source + destination + struct.pack("!II", length, socket.IPPROTO_ICMPV6)
        checksum = _checksum(pseudo + struct.pack("!BBH", kind, 0, 0) + body)
        message = struct.pack("!BBH", kind, 0, checksum) + body
        head = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_ICMPV6, _HOP_LIMIT) + source + destination
        self._send(_ETH_P_IPV6, b"\x33\x33" + destination[12:], head + message)

    def _send(self, protocol: int, mac: bytes, payload: bytes) -> None:
        """The frame is on its way, or lost: a full queue is no reason to fail, and a lost link is seen elsewhere."""
        try:
            self._sender.sendto(payload, (self._link.name, protocol, 0, 0, mac))
        except OSError as error:
            text = f"{self._address}: a frame on {self._link.name} was lost: {error.strerror}"
            tell("frame-lost", text, unit_for(str(self._address).partition("/")[0]))


class Claim:
    """Somebody says that an address is his."""

    __slots__ = ("interface", "mac", "packed")

    def __init__(self, interface: str, packed: bytes, mac: bytes) -> None:
        self.interface = interface  # where it was heard
        self.packed = packed
        self.mac = mac  # zeros: it was not told


class Ears:
    """Hears on all links what others claim of some addresses; the kernel passes over all other ARP packets."""

    def __init__(self) -> None:
        self._arp: socket.socket | None = None  # each is opened with the first address of its family
        self._icmp: socket.socket | None = None
        self._packed: frozenset[bytes] = frozenset()

    def close(self) -> None:
        for receiver in self.sockets:
            receiver.close()

    @property
    def sockets(self) -> list[socket.socket]:
        """Those that become readable."""
        return [receiver for receiver in (self._arp, self._icmp) if receiver is not None]

    def listen(self, packed: frozenset[bytes]) -> None:
        """Claims of these addresses are heard from now on, and of no other."""
        if packed == self._packed:
            return
        self._packed = packed
        if any(len(one) == 16 for one in packed) and self._icmp is None:
            self._icmp = _listen_icmp()
        v4 = sorted(one for one in packed if len(one) == 4)
        if v4 or self._arp is not None:
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._arp = self._arp or socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ARP))
            _only_claims_of(self._arp, v4)

    def heard(self) -> list[Claim]:
        """What was claimed since the last call."""
        found = []
        for receiver in self.sockets:
            read = _read_arp if receiver is self._arp else _read_icmp
            while True:
                try:
                    claim = read(receiver)
                except BlockingIOError:
                    break
                except OSError:  # an interface went down: told once, and seen elsewhere
                    continue
                if claim is not None and claim.packed in self._packed:
                    found.append(claim)
        return found


def find_owner(link: Link, address: Address, ours: frozenset[bytes]) -> bytes | None:
    """The MAC of somebody else who has the address; None when nobody said so within PROBE_S. Blocks so long.

    `ours`: the MACs of all interfaces here. Linux answers on each of them for any address that it has.
    """
    ears = Ears()
    with open_sender() as sender:
        neighbours = Neighbours(link, address, sender)
        if not neighbours.speaks:
            return None
        try:
            ears.listen(frozenset((address.packed,)))
            return _await_owner(ears, neighbours, link, ours)
        finally:
            ears.close()


def _await_owner(ears: Ears, neighbours: Neighbours, link: Link, ours: frozenset[bytes]) -> bytes | None:
    begin = time.monotonic()
    due = list(PROBE_TIMES_S)
    while (now := time.monotonic() - begin) < PROBE_S:
        if due and now >= due[0]:
            due.pop(0)
            neighbours.ask()
        until = due[0] if due else PROBE_S
        select.select(ears.sockets, [], [], max(0.0, until - now))
        for claim in ears.heard():
            if claim.interface == link.name and claim.mac not in ours:
                return claim.mac
    return None


def _only_claims_of(receiver: socket.socket, addresses: list[bytes]) -> None:
    """The kernel hands over ARP packets whose sender says that it has one of these addresses, and no other.

    A mere probe for one claims nothing. The sender's address follows 8 bytes and its MAC, whose length byte 4 tells.
    """
    steps = [(_LOAD_BYTE, 0, 0, 4), (_TO_INDEX, 0, 0, 0), (_LOAD_WORD_AT, 0, 0, 8)]
    for packed in addresses:
        steps += [(_JUMP_EQUAL, 0, 1, int.from_bytes(packed, "big")), (_RETURN, 0, 0, _WHOLE)]
    steps.append((_RETURN, 0, 0, 0))
    program = array.array("B", b"".join(struct.pack("=HBBI", *step) for step in steps))
    receiver.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(steps), program.buffer_info()[0]))


def _listen_icmp() -> socket.socket:
    """A raw socket that gets neighbour advertisements, with their hop limits and the interfaces that they came by."""
    receiver = socket.socket(
        socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6
    )
    blocked = [0xFFFFFFFF] * 8
    blocked[_ADVERTISEMENT // 32] &= ~(1 << _ADVERTISEMENT % 32)
    receiver.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return receiver


def _read_arp(receiver: socket.socket) -> Claim | None:
    data, (interface, *_) = receiver.recvfrom(2048)
    size = data[4] if len(data) >= 8 else 0
    if not size or len(data) < 8 + size + 4 or data[5] != 4:
        return None
    return Claim(interface, data[8 + size : 12 + size], data[8 : 8 + size])


def _read_icmp(receiver: socket.socket) -> Claim | None:
    data, ancillary, _, _ = receiver.recvmsg(2048, socket.CMSG_SPACE(4) + socket.CMSG_SPACE(20))
    told = {kind: value for _, kind, value in ancillary}
    limit, came_by = told.get(socket.IPV6_HOPLIMIT), told.get(socket.IPV6_PKTINFO)
    if limit != struct.pack("=i", _HOP_LIMIT) or came_by is None or len(data) < 24:
        return None
    mac = data[26:32] if data[24:26] == b"\x02\x01" and len(data) >= 32 else bytes(6)
    return Claim(socket.if_indextoname(struct.unpack("=16xI", came_by)[0]), data[8:24], mac)


def mac_text(mac: bytes) -> str:
    return mac.hex(":")


def _forwards(interface: str) -> bool:
    """This machine is a router on the interface: an advertisement that denied it would lose its neighbours' routes."""
    try:
        with open(f"/proc/sys/net/ipv6/conf/{interface}/forwarding", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not lean
            return file.read().strip() != "0"
    except OSError:
        return False


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
