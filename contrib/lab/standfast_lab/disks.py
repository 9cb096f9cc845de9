"""A block device that all nodes share: one ext4 image behind a loop device for each node.

With one loop device for all, two nodes' mounts would share a superblock and nothing would notice. Each with its own
they are two machines at one disk: a second mount is refused by ext4 itself (mmp), about 22 s after it was tried.
"""

import fcntl
import os
import struct
from pathlib import Path

from . import power
from .place import NodePlace, Place
from .processes import run

DEVICE = "/dev/vdb"  # in every node
MKFS = ("mke2fs", "-q", "-F", "-t", "ext4", "-O", "mmp", "-E", "mmp_update_interval=5")
SIZE_BYTES = 1 << 30  # sparse
_SECTOR = 512  # bytes; of so many one is left of a device that fails
# linux/loop.h: struct loop_info64 and where lo_sizelimit is in it
_LOOP_SET_STATUS64, _LOOP_GET_STATUS64 = 0x4C04, 0x4C05
_INFO_BYTES, _SIZE_LIMIT_AT = 232, 32


def add(lab: Place) -> None:
    """Every node has the disk at DEVICE, now if it is on, and after each boot; a lab that has one keeps it."""
    image = image_of(lab)
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(SIZE_BYTES)
        run(*MKFS, str(image))
    for node in lab.nodes():
        if not node.shared_disk.exists():
            loop = run("losetup", "--find", "--show", "--direct-io=on", str(image)).stdout.strip()
            node.shared_disk.write_text(loop)
        leader = power.ask(node, "status").leader
        if leader is not None:
            show(node, leader)


def image_of(lab: Place) -> Path:
    """What is behind the nodes' devices."""
    return lab.folder / "disk.img"


def show(node: NodePlace, leader: int) -> None:
    """The node whose PID 1 that is has its device in /dev, which is new in each of its lives."""
    number = os.stat(loop_of(node)).st_rdev  # noqa: PTH116 - the device that it is, not the one that it is on
    inside = ("nsenter", f"--target={leader}", "--mount", "--", "sh", "-c")
    command = f"[ -b {DEVICE} ] || mknod {DEVICE} b {os.major(number)} {os.minor(number)}"
    run(*inside, command)


def loop_of(node: NodePlace) -> Path:
    """The node's loop device on this machine."""
    return Path(node.shared_disk.read_text())


def fail(node: NodePlace) -> None:
    """Every access of the node to its disk is an I/O error from now on; other nodes notice nothing."""
    _limit(node, _SECTOR)


def announce_removal(node: NodePlace) -> None:
    """Every node's kernel says that the node's device was removed, which it was not: one in use cannot be."""
    Path("/sys/block", loop_of(node).name, "uevent").write_text("remove")


def mend(node: NodePlace) -> None:
    """The node's disk works again."""
    _limit(node, 0)


def remove(lab: Place) -> None:
    """No loop device has the lab's image; one that is mounted goes when it is not any more."""
    image = image_of(lab)
    found = run("losetup", "--noheadings", "--output=NAME", "--associated", str(image), check=False).stdout
    for loop in found.split():
        run("losetup", "--detach", loop)


def _limit(node: NodePlace, size_bytes: int) -> None:
    """So much of the image can be reached; 0: all."""
    with loop_of(node).open("rb") as device:
        info = bytearray(_INFO_BYTES)
        fcntl.ioctl(device, _LOOP_GET_STATUS64, info)
        struct.pack_into("=Q", info, _SIZE_LIMIT_AT, size_bytes)
        fcntl.ioctl(device, _LOOP_SET_STATUS64, bytes(info))
