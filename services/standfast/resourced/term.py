"""A term, and the call that it is made of: what `terms.Terms` moves along, is told, and does outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from standfast.configuration.quorum import Rules
from standfast.resourced.messages import Call, Lineage, Message, Open, State
from standfast.resourced.record import Record
from standfast.resourced.transfer import Pieces


class Word(StrEnum):
    """votequorum's word for the present ring; an unknown one starts nothing and stops nothing."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Outbox(Protocol):
    """What `terms.Terms` does outside."""

    def send(self, message: Message) -> None: ...
    def persist(self, record: Record | None, highest_term: int) -> bool: ...
    def leave_group(self) -> None: ...
    def cannot_speak(self, version: int) -> None: ...


@dataclass(slots=True, kw_only=True)
class Calling:
    """A valid call that this node is named in, until its term is open or it is void."""

    call: Call
    caller: str
    progress_at: int  # when the last piece of it came
    states: dict[str, State] = field(default_factory=dict)
    open: Open | None = None
    open_sent: bool = False
    alone: bool = False  # an operator's word stands for whoever is absent
    pieces: Pieces = field(default_factory=Pieces)
    has_record: bool = False
    stored: set[str] = field(default_factory=set)

    @property
    def missing(self) -> frozenset[str]:
        """Those whose next piece is awaited."""
        if len(self.states) < len(self.call.named):
            return frozenset(self.call.named) - set(self.states)
        return frozenset(self.call.named) - self.stored if self.open else frozenset()

    def best(self, rules: Rules, alone: bool) -> tuple[Lineage, bool] | None:
        """The highest lineage, and whether it comes from disks only; None while too few have sent theirs."""
        known = {name: state for name, state in self.states.items() if state.lineage is not None}
        if not known:
            return None
        highest = max(state.lineage for state in known.values() if state.lineage)
        if any(state.in_memory and state.lineage == highest for state in known.values()):
            return highest, False
        return (highest, True) if rules.majority(frozenset(known)) or alone else None


@dataclass(slots=True, kw_only=True)
class Term:
    """An open term: every named member has its record and number on disk."""

    nonce: str
    number: int
    members: tuple[str, ...]  # by id
    coordinator: str
    cold: bool
    alone: bool = False  # this node opened it on an operator's word that stands for whoever is absent
    states: Mapping[str, State]
    position: int = 0
    settled_at: int = 0  # the position from which on its record has a lineage of its own
    stored: dict[str, int] = field(default_factory=dict)
    opened_at: int = 0
