"""What the other machines on a link hear and say about an address: ARP (RFC 826, 5227) and neighbour discovery
(RFC 4861, 4862).

Frames are sent on a packet socket that receives nothing, so it can be kept open: opening and closing one that
receives costs 15 ms.
"""

import select
import socket
import struct
import time

from standfast.addresses.netlink import Address, Link

PROBE_TIMES_S = (0.0, 0.05)
PROBE_S = 0.1  # probing takes so long in all
_ETH_P_ARP, _ETH_P_IPV6 = 0x0806, 0x86DD
_ARP_REQUEST, _ARP_REPLY = 1, 2
_ETHERNET_MAC = 6
_SOLICITATION, _ADVERTISEMENT = 135, 136
_ICMP6_FILTER = 1
_OVERRIDE, _ROUTER = 0x20000000, 0x80000000
_ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
_SOLICITED_NODE = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13]
_HOP_LIMIT = 255  # no router passes it on: who hears it is on the link


class Neighbours:
    """Speaks for one address on one interface."""

    def __init__(self, link: Link, address: Address) -> None:
        self._link = link
        self._address = address
        self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)

    def announce(self) -> None:
        """Whoever knew the address at another MAC was told ours, by both forms that are in use."""
        if not self._speaks():
            return
        if self._address.family == socket.AF_INET:
            for operation in (_ARP_REQUEST, _ARP_REPLY):
                self._send_arp(operation, self._address.packed)
            return
        flags = _OVERRIDE | (_ROUTER if _forwards(self._link.name) else 0)
        option = struct.pack("!BB", 2, 1) + self._link.mac  # target link-layer address, in units of 8 bytes
        body = struct.pack("!I", flags) + self._address.packed + option
        self._send_icmp(_ADVERTISEMENT, self._address.packed, _ALL_NODES, body)

    def probe(self, ours: frozenset[bytes]) -> bytes | None:
        """The MAC of somebody else who has the address; None when nobody said so within PROBE_S.

        `ours`: the MACs of all interfaces here. Linux answers on each of them for any address that it has.
        """
        if not self._speaks():
            return None
        v4 = self._address.family == socket.AF_INET
        with self._listen_arp() if v4 else self._listen_icmp() as receiver:
            begin = time.monotonic()
            due = list(PROBE_TIMES_S)
            while (now := time.monotonic() - begin) < PROBE_S:
                if due and now >= due[0]:
                    due.pop(0)
                    self._ask()
                    continue
                until = due[0] if due else PROBE_S
                if not select.select([receiver], [], [], max(0.0, until - now))[0]:
                    continue
                mac = self._claim_arp(receiver) if v4 else self._claim_icmp(receiver)
                if mac is not None and mac not in ours:
                    return mac
        return None

    def _speaks(self) -> bool:
        """ARP knows addresses of any length, our frames of neighbour discovery only Ethernet's."""
        return self._link.has_neighbours and (
            self._address.family == socket.AF_INET or len(self._link.mac) == _ETHERNET_MAC
        )

    def _ask(self) -> None:
        if self._address.family == socket.AF_INET:
            self._send_arp(_ARP_REQUEST, bytes(4))
        else:
            multicast = _SOLICITED_NODE + self._address.packed[13:]
            self._send_icmp(_SOLICITATION, bytes(16), multicast, bytes(4) + self._address.packed)

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
            print(f"<4>{self._address}: a frame on {self._link.name} was lost: {error.strerror}", flush=True)

    def _listen_arp(self) -> socket.socket:
        receiver = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        receiver.bind((self._link.name, _ETH_P_ARP))
        return receiver

    def _listen_icmp(self) -> socket.socket:
        """A raw socket that gets neighbour advertisements of this link, with their hop limits."""
        receiver = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMPV6)
        blocked = [0xFFFFFFFF] * 8
        blocked[_ADVERTISEMENT // 32] &= ~(1 << _ADVERTISEMENT % 32)
        receiver.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._link.name.encode() + b"\0")
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        return receiver

    def _claim_arp(self, receiver: socket.socket) -> bytes | None:
        """The MAC that says with an ARP packet that it has the address. A mere probe for it claims nothing."""
        data = receiver.recv(2048)
        size = len(self._link.mac)
        if len(data) < 8 + size + 4 or data[4] != size or data[5] != 4:
            return None
        return data[8 : 8 + size] if data[8 + size : 12 + size] == self._address.packed else None

    def _claim_icmp(self, receiver: socket.socket) -> bytes | None:
        """The MAC in a neighbour advertisement for the address; zeros when the sender did not tell it."""
        data, ancillary, _, _ = receiver.recvmsg(2048, socket.CMSG_SPACE(4))
        limits = [struct.unpack("=i", value)[0] for _, kind, value in ancillary if kind == socket.IPV6_HOPLIMIT]
        if limits != [_HOP_LIMIT] or len(data) < 24 or data[8:24] != self._address.packed:
            return None
        return data[26:32] if data[24:26] == b"\x02\x01" and len(data) >= 32 else bytes(6)


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
