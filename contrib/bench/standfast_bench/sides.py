"""The clusters that are measured beside each other, each with one Apache behind one address on three nodes."""

from typing import Protocol

from standfast_lab import normal, observe
from standfast_lab.lab import Lab


class Side(Protocol):
    """One cluster in its lab; every method returns when that is so."""

    name: str
    lab: Lab

    def up(self) -> None:
        """The lab runs, and the page is served."""

    def settle(self) -> None:
        """Whatever was done to it is undone, and everything is as it should be."""

    def relocate(self, node: str) -> None:
        """An operator asked for the service to run there; it need not be done yet."""

    def stop(self) -> None:
        """No daemon of the cluster runs on any node."""

    def start(self) -> None:
        """They were all started, at once; nothing need be served yet."""

    def about(self) -> str:
        """Versions and settings, in a line."""


class Standfast:
    """Ours, as the lab's example has it."""

    name = "standfast"

    def __init__(self) -> None:
        self.lab = Lab(f"bench-{self.name}")

    def up(self) -> None:
        self.lab.up()

    def settle(self) -> None:
        normal.make(self.lab)

    def relocate(self, node: str) -> None:
        self.lab.sh(self.lab.nodes()[0], "standfast", "group", "relocate", normal.GROUP, node)

    def stop(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "stop", "standfast.target"))

    def start(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "start", "standfast.target"))

    def about(self) -> str:
        version = self.lab.sh(self.lab.nodes()[0], "standfast", "--version").stdout.strip()
        return (
            f"Standfast {version}: DetectWithin=2.2s; the page every 1 s, again after 0.2 s, Timeout=800ms, FailAfter=2"
        )
