"""A wire between the probes and the servers of one machine: what is sent to 198.18.0.2 comes back as if from there.

While /run/wire.delay has a number, the first packet of each conversation is so many seconds late, in each direction.
"""

import fcntl
import heapq
import os
import select
import struct
import subprocess
import time
from pathlib import Path

DELAY = Path("/run/wire.delay")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
TCP, SYN = 6, 0x02
ICMP, UNREACHABLE = 1, 3


def delay_s(packet: bytes) -> float:
    head = (packet[0] & 0x0F) * 4
    if packet[9] == TCP and not packet[head + 13] & SYN:
        return 0.0
    return float(DELAY.read_text()) if DELAY.exists() else 0.0


def turned(packet: bytes) -> bytes:
    """From the other end, and so is the packet that an ICMP error quotes; the checksums stay right."""
    inside = (packet[0] & 0x0F) * 4 + 8
    if packet[9] == ICMP and packet[inside - 8] == UNREACHABLE:
        packet = packet[:inside] + turned(packet[inside:])
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


def main() -> None:
    wire = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(wire, TUNSETIFF, struct.pack("16sH", b"wire", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "address", "add", "198.18.0.1/30", "dev", "wire"], check=True)
    subprocess.run(["ip", "link", "set", "wire", "up"], check=True)
    under_way: list[tuple[float, bytes]] = []
    while True:
        pause_s = max(under_way[0][0] - time.monotonic(), 0) if under_way else None
        if select.select([wire], [], [], pause_s)[0]:
            packet = os.read(wire, 65536)
            if packet[0] >> 4 == 4:
                heapq.heappush(under_way, (time.monotonic() + delay_s(packet), turned(packet)))
        while under_way and under_way[0][0] <= time.monotonic():
            os.write(wire, heapq.heappop(under_way)[1])


main()
