"""Who holds which address: every change in every node's namespace, for the whole life of the lab.

One process listens to all namespaces (rtnetlink(7)), so that one clock and one reader order what happened; it runs at
real-time priority, so that a busy machine does not make it late. What it wrote is read by `holders` and `overlap_ms`.
"""

import contextlib
import ctypes
import errno
import ipaddress
import json
import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .place import LabError, NodePlace, Place

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_DONE = 3
RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x10, 0x100
IFA_ADDRESS, IFA_LOCAL = 1, 2
CLONE_NEWNET = 0x40000000

Interval = tuple[float, float | None]  # CLOCK_MONOTONIC seconds, from and to; to is None: still held


def _socket_in(namespace: str) -> socket.socket:
    """A netlink socket that stays in `namespace`, subscribed to its addresses."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        if libc.setns(home, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns back")
    finally:
        os.close(home)
        os.close(there)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    listener.bind((0, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
    return listener


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of each netlink message in one datagram."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16:
            return
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _address(payload: bytes) -> str | None:
    """The address of one ifaddrmsg; its own end where it is a point-to-point one."""
    found: dict[int, bytes] = {}
    at = 8
    while at + 4 <= len(payload):
        length, kind = struct.unpack_from("=HH", payload, at)
        if length < 4:
            break
        found[kind] = payload[at + 4 : at + length]
        at += (length + 3) & ~3
    raw = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS)
    return str(ipaddress.ip_address(raw)) if raw else None


class Watch:
    """The watch over one node's namespace."""

    def __init__(self, node: NodePlace) -> None:
        self.socket = _socket_in(node.namespace)
        self._log = node.addresses_log.open("a", buffering=1)
        self._ask()

    def _ask(self) -> None:
        """What is held already comes as if it were new."""
        header = struct.pack("=IHHII", 24, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
        self.socket.send(header + bytes(8))

    def read(self) -> None:
        """Writes down what one datagram told."""
        try:
            data = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._write("overrun", None)  # something was missed: a test must not pass on this
            self._ask()
            return
        for kind, payload in _messages(data):
            if kind in (RTM_NEWADDR, RTM_DELADDR):
                self._write("held" if kind == RTM_NEWADDR else "dropped", _address(payload))

    def _write(self, change: str, address: str | None) -> None:
        line = {"at": time.monotonic(), "change": change, "address": address}
        self._log.write(json.dumps(line) + "\n")


def watch(lab: Place) -> None:
    """Never returns."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(50))
    selector = selectors.DefaultSelector()
    for node in lab.nodes():
        one = Watch(node)
        selector.register(one.socket, selectors.EVENT_READ, one)
    (lab.folder / "witness.ready").touch()
    while True:
        for key, _ in selector.select():
            key.data.read()


def holders(lab: Place, address: str) -> Mapping[str, tuple[Interval, ...]]:
    """For each node, when it held `address`, oldest first. LabError when the witness missed something."""
    wanted = str(ipaddress.ip_address(address))
    return {node.name: tuple(_intervals(node.addresses_log, wanted)) for node in lab.nodes()}


def _intervals(log: Path, address: str) -> Iterator[Interval]:
    since: float | None = None
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        if entry["change"] == "overrun":
            raise LabError(f"{log}: the witness missed changes")
        if entry["address"] != address:
            continue
        if entry["change"] == "held" and since is None:
            since = entry["at"]
        elif entry["change"] == "dropped" and since is not None:
            yield (since, entry["at"])
            since = None
    if since is not None:
        yield (since, None)


def overlap_ms(lab: Place, address: str, since: float = 0.0) -> float:
    """For how many milliseconds, from `since` (CLOCK_MONOTONIC) on, two or more nodes held `address`."""
    now = time.monotonic()
    edges = []
    for intervals in holders(lab, address).values():
        for begin, end in intervals:
            first, last = max(begin, since), now if end is None else end
            if last > first:
                edges += [(first, 1), (last, -1)]
    total, held, before = 0.0, 0, 0.0
    for at, step in sorted(edges):
        if held >= 2:
            total += at - before
        held, before = held + step, at
    return total * 1000


if __name__ == "__main__":
    watch(Place(sys.argv[1]))
