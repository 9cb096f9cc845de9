"""Our cluster, with one Apache behind one address on three nodes, and what every such cluster can do."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from standfast_lab import cluster, normal, observe
from standfast_lab.image import Layer
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench import many
from standfast_bench.cases import Side
from standfast_bench.footprint import DAEMONS
from standfast_bench.many import Many

APACHE: Final = "apache2.service"
PROGRAM: Final = "apache2"
# `standfast timeline` counts a start from nothing from no cause: these entries are its steps
START: Final = {
    "view-changed": "ring",
    "quorum-gained": "quorum",
    "term-opened": "term",
    "order": "decided",
    "group-active": "started",
    "group-started": "good",
}


class Server(Side, Protocol):
    """A cluster that serves a page; every method returns when what it says is so."""

    def settle(self) -> None:
        """Whatever was done to it is undone, and everything is as it should be."""

    def relocate(self, node: str) -> None:
        """An operator asked for the service to run there; it need not be done yet."""

    def stop(self) -> None:
        """No daemon of the cluster runs on any node."""

    def start(self) -> None:
        """They were all started, at once; nothing need be served yet."""

    def steps(self, case: str, since: float) -> dict[str, float]:
        """What it tells of where the time since (time.time()) went, in milliseconds; nothing where it does not."""


class Standfast:
    """Ours, as the lab's example has it."""

    places: ClassVar[tuple[str, ...]] = DAEMONS
    detect = "2.2s"
    settings = "the page every 1 s, again after 0.2 s, Timeout=800ms, FailAfter=2"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def up(self) -> None:
        up_once(self.lab, self._form)
        self.settle()

    def _form(self) -> None:
        tree = self.lab.place.folder / "etc-standfast"
        cluster.write_tree(self.lab.place, tree)
        self.configure(tree)
        first = self.lab.place.nodes()[0]
        cluster.copy_tree(tree, first)
        self.lab.sh(first.name, "standfast", "init")

    def configure(self, tree: Path) -> None:
        """What differs from the example is written into the tree, and done to the nodes."""

    def settle(self) -> None:
        normal.make(self.lab)

    def load(self, groups: Many) -> float:
        groups.push(self.lab)
        many.stop(self.lab)
        return many.start(self.lab)

    def relocate(self, node: str) -> None:
        self.lab.sh(self.lab.nodes()[0], "standfast", "group", "relocate", normal.GROUP, node)

    def stop(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "stop", "standfast.target"))

    def start(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "start", "standfast.target"))

    def about(self) -> str:
        version = self.lab.sh(self.lab.nodes()[0], "standfast", "--version").stdout.strip()
        return f"Standfast {version}: DetectWithin={self.detect}; {self.settings}; fence_redfish"

    def steps(self, case: str, since: float) -> dict[str, float]:
        for node in self.lab.nodes():
            if self.lab.is_on(node) and (incidents := self._timeline(node, since)):
                return started(incidents, since) if case == "start" else served(incidents)
        return {}

    def _timeline(self, node: str, since: float) -> list[dict[str, Any]]:
        at = datetime.fromtimestamp(since, UTC).isoformat()
        words = ("standfast", "timeline", normal.GROUP, "-n", "9", "--since", at, "--json")
        try:
            told = self.lab.sh(node, *words, check=False, timeout_s=20)
        except (LabError, subprocess.TimeoutExpired):
            return []
        found: list[dict[str, Any]] = json.loads(told.stdout) if told.returncode == 0 else []
        return found


def served(incidents: list[dict[str, Any]]) -> dict[str, float]:
    """The steps of the first incident that has any, but for the cause itself, which takes no time."""
    steps: list[dict[str, Any]] = next((one["steps"] for one in incidents if one["steps"]), [])
    return {one["step"]: float(one["ms"]) for one in steps if one["step"] != "cause"}


def started(incidents: list[dict[str, Any]], since: float) -> dict[str, float]:
    """The steps from `since` (time.time()): milliseconds from one to the next."""
    last, found = since, {}
    entries = [entry for one in incidents for entry in one["entries"]]
    for event, step in START.items():
        times = [datetime.fromisoformat(one["time"]).timestamp() for one in entries if one["event"] == event]
        at = min((time for time in times if time >= last), default=None)
        if at is not None:
            found[step] = round((at - last) * 1000, 1)
            last = at
    return found


class Quick(Standfast):
    """Ours with half the detection time."""

    detect = "1.1s"

    def configure(self, tree: Path) -> None:
        file = tree / "cluster.conf"
        file.write_text(file.read_text().replace("[Cluster]\n", f"[Cluster]\nDetectWithin={self.detect}\n"))


class AddressOnly(Standfast):
    """Ours with nothing but the address: Apache runs on every node anyway."""

    settings = "the address alone"

    def configure(self, tree: Path) -> None:
        serve_everywhere(self.lab)
        file = tree / "units" / f"{normal.GROUP}.target"
        file.write_text(file.read_text().replace(f" {APACHE}", ""))
        (tree / "units" / f"{APACHE}.d" / "standfast.conf").unlink()


def up_once(lab: Lab, form: Callable[[], None], *, layer: Layer | None = None) -> None:
    """The lab runs, and `form` was done to its bare nodes; one in which that was interrupted is made anew."""
    formed = lab.place.folder / "formed"
    if not formed.exists():
        lab.down()
    lab.up(bare=True, with_package=layer is None, layer=layer)
    if not formed.exists():
        form()
        formed.touch()


def serve_everywhere(lab: Lab) -> None:
    """Apache runs on every node, without any cluster's help, also after a boot."""
    observe.each(lab.nodes(), lambda node: lab.sh(node, "systemctl", "enable", "--now", APACHE))
