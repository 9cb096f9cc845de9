"""What the clusters of Debian's that are measured beside ours have in common: units on every node."""

from typing import ClassVar

from standfast_lab import image, observe
from standfast_lab.lab import Lab

from standfast_bench.sides import PROGRAM, up_once


class Peer:
    """A subclass names its units, forms itself on bare nodes, and knows when it is settled."""

    units: ClassVar[tuple[str, ...]]  # in start order
    places: ClassVar[tuple[str, ...]]  # the control groups of its daemons
    package: ClassVar[str]
    settings: ClassVar[str]

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def up(self) -> None:
        up_once(self.lab, self.form, layer=image.PEER)
        self.settle()

    def form(self) -> None:
        """The bare nodes have its configuration."""
        raise NotImplementedError

    def settle(self) -> None:
        """Every node is on and heard, its Apache goes on if it hung unnoticed, its daemons were started; a subclass
        waits for the rest."""
        self.lab.heal()
        for node in self.lab.nodes():
            self.lab.boot(node)
            self.lab.sh(node, "pkill", "-CONT", "-x", PROGRAM, check=False)
        self.start()

    def stop(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "stop", *reversed(self.units)))

    def start(self) -> None:
        observe.each(self.lab.nodes(), lambda node: self.lab.sh(node, "systemctl", "start", *self.units))

    def about(self) -> str:
        query = ("dpkg-query", "-W", "-f=${Package} ${Version}", self.package)
        return f"{self.lab.sh(self.lab.nodes()[0], *query).stdout.strip().capitalize()}: {self.settings}"

    def steps(self, case: str, since: float) -> dict[str, float]:
        """It tells of none."""
        return {}
