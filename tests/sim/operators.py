"""The operators of the simulator: what they asked for, and what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standfast.resourced.events import Wished
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.world import World

PATIENCE_MS = 25_000


class Operators:
    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: dict[str, Wish] = {}
        self.latest: dict[str, str] = {}  # subject: its latest wish
        self.acknowledged: dict[str, tuple[int, WishKind]] = {}  # subject: since which term
        self.busy_until: dict[str, int] = {}

    def wish(self, name: str, kind: WishKind, subject: str, node: str = "") -> None:
        """Somebody on `name` asks; one wish for a subject at a time: two at once may come true in any order."""
        world = self.world
        if world.now < self.busy_until.get(subject, 0):
            return
        self.busy_until[subject] = world.now + PATIENCE_MS
        identity = f"w{world.count}"
        world.count += 1
        world.note(f"operator on {name}: {kind.value} {subject} {node} ({identity})")
        wish = Wish(id=identity, kind=kind, subject=subject, node=node)
        self.asked[identity] = wish
        self.latest[subject] = identity
        self.acknowledged.pop(subject, None)
        world.give(name, Wished(wish=wish))

    def answered(self, name: str, identity: str, outcome: str) -> None:
        self.world.note(f"wish {identity}: {outcome}")
        wish = self.asked[identity]
        core = self.world.machines[name].core
        if outcome == "done" and self.latest[wish.subject] == identity and core is not None and core.terms.term:
            self.acknowledged[wish.subject] = (core.terms.term.number, wish.kind)

    def lost(self, term: int, record: Record) -> str:
        """An acknowledged wish that the record of a later term does not know, "" = none."""
        for subject, (since, kind) in self.acknowledged.items():
            if term > since and not _fulfilled(kind, subject, record):
                return f"{kind.value} {subject}"
        return ""


def _fulfilled(kind: WishKind, subject: str, record: Record) -> bool:
    match kind:
        case WishKind.STANDBY | WishKind.RESUME:
            return record.nodes[subject].standby == (kind is WishKind.STANDBY)
    return record.groups[subject].stopped == (kind is WishKind.STOP)
