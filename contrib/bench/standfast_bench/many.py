"""A cluster of many groups in a lab: trivial services, spread over the nodes by their domains."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from standfast_lab import observe
from standfast_lab.lab import Lab
from standfast_lab.place import LabError, NodePlace

from standfast_bench import footprint

UNIT: Final = "[Unit]\nDescription=Dummy %i\n[Service]\nExecStart=/bin/sleep infinity\n"
PUSHED_WITHIN_S: Final = 900.0
RUNNING_WITHIN_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """So many groups of so many services each."""

    groups: int = 500
    resources: int = 1

    @property
    def services(self) -> int:
        return self.groups * self.resources

    def names(self) -> Iterator[str]:
        """What stands in the place of %i, of all services."""
        return (f"{group:04}-{one}" for group in range(self.groups) for one in range(self.resources))

    def push(self, lab: Lab) -> float:
        """The cluster has them, and nothing else but what its example has; the seconds it took until all run."""
        first = lab.nodes()[0]
        folder = lab.root(first) / "etc/standfast"
        for old in (folder / "units").glob("many-*.target"):
            old.unlink()
        (folder / "units/dummy@.service").write_text(UNIT)
        names = lab.nodes()
        for number in range(self.groups):
            units = " ".join(f"dummy@{number:04}-{one}.service" for one in range(self.resources))
            domain = f"Domain=many{number % len(names) + 1}"
            text = f"[Unit]\nDescription=Many {number}\n[X-Standfast]\nResources={units}\n{domain}\n"
            (folder / f"units/many-{number:04}.target").write_text(text)
        cluster = folder / "cluster.conf"
        cluster.write_text(cluster.read_text().partition("\n[Domain]\nName=many")[0] + domains(names))
        begun = time.monotonic()
        lab.sh(first, "standfast", "config", "push", "--yes", timeout_s=PUSHED_WITHIN_S)
        self.wait(lab)
        return time.monotonic() - begun

    def wait(self, lab: Lab, timeout_s: float = RUNNING_WITHIN_S) -> float:
        """All run, on whatever nodes; the seconds since this was called."""
        return lab.wait(lambda: running(lab) >= self.services, timeout_s, lambda: f"{running(lab)} services run")


def domains(names: Sequence[str]) -> str:
    """One for each node, in which it is the first."""
    text = ""
    for index in range(len(names)):
        order = " ".join((*names[index:], *names[:index]))
        text += f"\n[Domain]\nName=many{index + 1}\nNodes={order}\nOrdered=yes\nFailback=no\n"
    return text


def running(lab: Lab, without: str = "") -> int:
    """How many of the services have processes, on all nodes together but for that one."""
    return sum(running_on(node) for node in lab.place.nodes() if node.name != without)


def running_on(node: NodePlace) -> int:
    """The same of one node, counted from outside."""
    return sum(1 for _ in footprint.place(node, "system.slice/system-dummy.slice").glob("dummy@*.service"))


def stop(lab: Lab) -> None:
    """No daemon runs, nothing of any group does."""
    observe.each(lab.nodes(), lambda node: lab.sh(node, "systemctl", "stop", "standfast.target", timeout_s=300))
    if left := running(lab):
        raise LabError(f"{left} services run although nothing of Standfast does")


def start(lab: Lab) -> float:
    """All daemons of all nodes were asked to start at once; when that was, CLOCK_MONOTONIC."""
    at = time.monotonic()
    observe.each(lab.nodes(), lambda node: lab.sh(node, "systemctl", "start", "standfast.target", "--no-block"))
    return at
