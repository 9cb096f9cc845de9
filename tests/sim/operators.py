"""The operators of the simulator: what they asked for, and what they were told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from standfast.resourced.events import AloneAsked, Wished
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.world import World

PATIENCE_MS = 25_000

# What the record says for good once a wish is acknowledged, until the next wish about the same subject.
# A kind without an entry leaves nothing that only an operator takes back.
LASTING: dict[WishKind, Callable[[Record, str], bool]] = {
    WishKind.START: lambda record, group: not record.groups[group].stopped,
    WishKind.STOP: lambda record, group: record.groups[group].stopped,
    WishKind.RELOCATE: lambda record, group: not record.groups[group].stopped,
    WishKind.STANDBY: lambda record, node: record.nodes[node].standby,
    WishKind.RESUME: lambda record, node: not record.nodes[node].standby,
    WishKind.DISABLE: lambda record, group: record.groups[group].disabled,
    WishKind.FREEZE: lambda record, group: record.groups[group].frozen,
    WishKind.THAW: lambda record, group: not record.groups[group].frozen,
    WishKind.MAINTENANCE: lambda record, _: record.maintenance,
    WishKind.NORMAL: lambda record, _: not record.maintenance,
}
OF_NODES = frozenset({WishKind.STANDBY, WishKind.RESUME})
OF_THE_CLUSTER = frozenset({WishKind.MAINTENANCE, WishKind.NORMAL})


class Operators:
    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: dict[str, Wish] = {}
        self.latest: dict[str, str] = {}  # subject: its latest wish
        self.acknowledged: dict[str, tuple[int, WishKind]] = {}  # subject: since which term
        self.busy_until: dict[str, int] = {}
        self.answers: dict[str, str] = {}  # by identity: the outcome, or why it is refused

    def wish(self, name: str, kind: WishKind, subject: str, node: str = "") -> None:
        """Somebody on `name` asks; one wish for a subject at a time: two at once may come true in any order."""
        world = self.world
        if world.now < self.busy_until.get(subject, 0):
            return
        self.busy_until[subject] = world.now + PATIENCE_MS
        identity = f"w{len(self.asked)}"
        world.note(f"operator on {name}: {kind.value} {subject} {node} ({identity})")
        wish = Wish(id=identity, kind=kind, subject=subject, node=node)
        self.asked[identity] = wish
        self.latest[subject] = identity
        self.acknowledged.pop(subject, None)
        world.give(name, Wished(wish=wish))

    def configure(
        self, name: str, digest: str, base: str, *, without: tuple[str, ...] = (), confirm_ms: int = 0
    ) -> str:
        """Somebody on `name` pushes a version; returns the identity of the wish."""
        identity = f"v{len(self.asked)}"
        self.world.note(f"operator on {name}: push {digest} based on {base} ({identity})")
        wish = Wish(
            id=identity,
            kind=WishKind.CONFIGURE,
            subject=digest,
            base=base,
            without=without,
            by=f"uid 0 on {name}",
            confirm_ms=confirm_ms,
        )
        self.asked[identity] = wish
        self.world.give(name, Wished(wish=wish))
        return identity

    def start_alone(self, name: str, *without: str) -> str:
        """Somebody on `name` wants to go on without these nodes; the answer is in `answers` at once."""
        identity = f"a{len(self.answers)}"
        self.world.note(f"operator on {name}: start-alone {' '.join(without)} ({identity})")
        self.world.give(name, AloneAsked(id=identity, without=without, by=f"uid 0 on {name}"))
        return self.answers[identity]

    def confirm(self, name: str, node: str, loss: str) -> str:
        """Somebody on `name` vouches for `node`, where a start-alone wants that."""
        identity = f"c{len(self.answers)}"
        self.world.note(f"operator on {name}: {node} is off ({loss}, {identity})")
        wish = Wish(id=identity, kind=WishKind.CONFIRM, subject=node, loss=loss, by=f"uid 0 on {name}")
        self.world.give(name, Wished(wish=wish))
        return self.answers[identity]

    def answered(self, name: str, identity: str, outcome: str, text: str) -> None:
        self.world.note(f"wish {identity}: {outcome} {text}")
        self.answers[identity] = text or outcome
        wish = self.asked.get(identity)
        if wish is None:
            return
        core = self.world.machines[name].core
        if wish.kind is WishKind.CONFIGURE:
            if outcome == "done" and core is not None:
                self.world.audit.versions.acknowledged(wish.subject, core)
            return
        if outcome == "done" and self.latest[wish.subject] == identity and core is not None and core.terms.term:
            self.acknowledged[wish.subject] = (core.terms.term.number, wish.kind)

    def lost(self, term: int, record: Record) -> str:
        """An acknowledged wish that the record of a later term does not know, "" = none."""
        for subject, (since, kind) in self.acknowledged.items():
            lasting = LASTING.get(kind)
            if kind not in OF_NODES | OF_THE_CLUSTER and subject not in record.groups:
                continue
            if term > since and lasting is not None and not lasting(record, subject):
                return f"{kind.value} {subject}"
        return ""

    def removed(self, group: str) -> None:
        """It is not configured any more: one that comes back under its name begins anew."""
        self.acknowledged.pop(group, None)
        self.latest[group] = ""

    def mend(self, name: str, record: Record) -> None:
        """What was wished in the storm, or follows from a policy, is taken back on `name`, where a term is open."""
        back = [(WishKind.RESUME, node) for node, known in record.nodes.items() if known.standby]
        for group, known in record.groups.items():
            back += [(WishKind.ENABLE, group)] if known.disabled else []
            back += [(WishKind.THAW, group)] if known.frozen else []
            by_hand = any(held.by_hand for held in known.held.values())
            back += [(WishKind.START, group)] if known.stopped or by_hand else []
        back += [(WishKind.NORMAL, "")] if record.maintenance else []
        for kind, subject in back:
            self.wish(name, kind, subject)
