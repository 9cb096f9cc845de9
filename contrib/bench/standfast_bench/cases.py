"""What a case is: what it measures, on which sides, and what section 14 of the design allows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from standfast_lab.lab import Lab

from standfast_bench.rounds import Sample

OURS: Final = "standfast"


class Side(Protocol):
    """One cluster in a lab of its own; the class's name is in the lab's."""

    lab: Lab

    def __init__(self, lab: Lab) -> None: ...

    def up(self) -> None:
        """The lab runs, also where it ran before, and can be measured."""

    def about(self) -> str:
        """Versions and settings, in a line."""


AnySide = TypeVar("AnySide", bound=Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table: one kind of sample."""

    what: str  # its key; equal to Sample.what
    title: str
    budgets: Mapping[str, float] = field(default_factory=dict)  # by side: what a round may take at most
    share: float | None = None  # our median is at most so much of each peer's
    unit: str = "s"
    digits: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[AnySide]):
    """What `--case NAME` measures. Another case is another module with one of these, named in `catalogue`."""

    name: str
    rows: tuple[Row, ...]
    sides: Mapping[str, type[AnySide]]  # in the order of their turns; OURS is the one that others compare to
    measure: Callable[[AnySide], Sequence[Sample]]  # one round on a side that is up
    rounds: int | None = None  # where it is not as many as asked for


AnyCase = Case[Any]
