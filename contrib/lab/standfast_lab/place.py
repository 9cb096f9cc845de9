"""Where a lab is: its folder, and the names that keep it apart from every other lab on this machine."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

BASE = Path("/var/tmp/standfast-lab")
NODES_MAX = 16
LINKS = 2
ARBITER = 0  # the arbiter's index; nodes count from 1


class LabError(Exception):
    """What the lab was asked for cannot be done; one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """The lab of one name; everything it makes in the kernel or on disk carries that name."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", self.name):
            raise LabError(f"a lab's name has a-z, 0-9 and '-', at most 31 of them: {self.name!r}")

    @property
    def folder(self) -> Path:
        """What `down` removes, whole."""
        return BASE / self.name

    @property
    def lock(self) -> Path:
        return BASE / f".{self.name}.lock"

    @property
    def shared(self) -> Path:
        """The nodes' /srv/shared, which stands in for shared storage."""
        return self.folder / "shared"

    @property
    def bridge_namespace(self) -> str:
        return f"{self.name}-br"

    def node(self, index: int) -> "NodePlace":
        return NodePlace(self, index)

    def nodes(self) -> tuple["NodePlace", ...]:
        """Every node that this lab was made with, in order; empty when there is no lab."""
        found = sorted(int(path.name.removeprefix("node")) for path in self.folder.glob("node[0-9]*"))
        return tuple(NodePlace(self, index) for index in found)

    def arbiter(self) -> "NodePlace | None":
        """The machine that is no node and breaks ties; None when this lab was made without one."""
        place = NodePlace(self, ARBITER)
        return place if place.folder.exists() else None

    def machines(self) -> tuple["NodePlace", ...]:
        """Everything that this lab boots: the nodes, then the arbiter if there is one."""
        arbiter = self.arbiter()
        return (*self.nodes(), *((arbiter,) if arbiter else ()))

    def find(self, name: str) -> "NodePlace":
        """The node called `name`, or the arbiter; LabError when this lab has none."""
        for node in self.machines():
            if node.name == name:
                return node
        names = " ".join(node.name for node in self.machines()) or "none (start it with: lab up)"
        raise LabError(f"lab {self.name} has no node {name!r}; its nodes: {names}")


@dataclass(frozen=True, slots=True)
class NodePlace:
    """One machine's share of a lab: a node's, or the arbiter's, which is no node but is booted and cut off like one."""

    lab: Place
    index: int

    @property
    def name(self) -> str:
        return f"node{self.index}" if self.index != ARBITER else "arbiter"

    @property
    def folder(self) -> Path:
        return self.lab.folder / self.name

    @property
    def root(self) -> Path:
        """The node's file system, to be read and written from here, also while it is off."""
        return self.folder / "root"

    @property
    def socket(self) -> Path:
        """Where the node's supervisor takes power on, power off and status."""
        return self.folder / "power.sock"

    @property
    def watchdog(self) -> Path:
        """The folder that has the node's watchdog, where it has one."""
        return self.folder / "watchdog"

    @property
    def ipmi(self) -> Path:
        """The folder that has the node's second BMC, where it has one."""
        return self.folder / "ipmi"

    @property
    def shared_disk(self) -> Path:
        """The file that names the node's loop device, where the nodes share a disk."""
        return self.folder / "shared-disk"

    @property
    def addresses_log(self) -> Path:
        return self.folder / "addresses.log"

    @property
    def namespace(self) -> str:
        return f"{self.lab.name}-{self.name}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's own address on each link."""
        return (f"192.0.2.{10 + self.index}", f"198.51.100.{10 + self.index}")

    @property
    def bmc_address(self) -> str:
        return f"192.0.2.{200 + self.index}"

    @property
    def ipmi_address(self) -> str:
        return f"192.0.2.{220 + self.index}"

    @property
    def ports(self) -> tuple[str, ...]:
        """The bridge's end of each link; unique below the bridge's namespace."""
        return tuple(f"{self.name}-{link}" for link in range(LINKS))

    @property
    def cgroup(self) -> str:
        return f"standfast-lab/{self.lab.name}/{self.name}"


def here() -> Place:
    """The lab that $STANDFAST_LAB_NAME names (default: standfast)."""
    return Place(os.environ.get("STANDFAST_LAB_NAME") or "standfast")
