"""What a node keeps and says does not grow with the hours (`sim.soak` tells of whole days)."""

import pytest

from sim.soak import grown, live
from standfast.resourced.ticks import Ticks

HOURS = 0.3
PIECES = 12


def test_nothing_grows_in_a_life_with_faults_and_an_upgrade() -> None:
    assert grown(list(live(HOURS, pieces=PIECES))) == []


def test_numbers_that_are_never_forgotten_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def number(ticks: Ticks, number: int, now: int, keep_ms: int) -> int:
        ticks._sent[number] = now
        return number

    monkeypatch.setattr(Ticks, "number", number)
    (found,) = grown(list(live(HOURS, pieces=PIECES)))
    assert found.startswith("remembered")
