"""A history that broke an invariant is cut down: fewer faults, then fewer nodes, as long as the same one breaks."""

import time
from collections.abc import Callable, Iterable

from sim.audit import Violation
from sim.walk import History, walk


def shrunk(found: Violation, history: History, seconds: float, tell: Callable[[str], None]) -> Violation:
    """The violation of the smallest history that was found within `seconds`; its `history` is that one."""
    best = _Best(found, history, time.monotonic() + seconds)
    best.drop_faults()
    best.drop_nodes()
    best.drop_faults()
    tell(f"{len(history.shape.faults)} faults and {len(history.shape.names)} nodes were cut down to {best.size}")
    return best.violation


class _Best:
    def __init__(self, violation: Violation, history: History, until: float) -> None:
        self.violation = violation
        self.history = history
        self.until = until

    @property
    def size(self) -> str:
        return f"{len(self.history.happening)} faults and {len(self.history.names)} nodes"

    def drop_faults(self) -> None:
        """Halves first, then ever smaller pieces."""
        size = max(len(self.history.happening) // 2, 1)
        while size and time.monotonic() < self.until:
            left = self.history.happening
            dropped = [self._breaks(without=left[start : start + size]) for start in range(0, len(left), size)]
            if size == 1 and not any(dropped):
                return
            size = max(size // 2, 1)

    def drop_nodes(self) -> None:
        for name in reversed(self.history.names):
            if len(self.history.names) > 2:
                self._breaks(dropped=(name,))

    def _breaks(self, *, without: Iterable[int] = (), dropped: Iterable[str] = ()) -> bool:
        """The same invariant breaks without these; then they stay out."""
        if time.monotonic() >= self.until:
            return False
        smaller = self.history.less(without, dropped)
        try:
            walk(smaller)
        except Violation as violation:
            if violation.invariant == self.violation.invariant:
                self.violation, self.history = violation, smaller
                return True
        return False
