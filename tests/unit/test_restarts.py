"""A daemon that crashes again and again joins later each time."""

from pathlib import Path

from standfast.resourced.restarts import Restarts


def test_after_the_first_crash_it_joins_at_once_and_then_ever_later(tmp_path: Path) -> None:
    path = tmp_path / "run" / "crashes"
    assert [Restarts(path).pause_s for _ in range(9)] == [0, 0, 1, 2, 4, 8, 16, 16, 16]


def test_an_ordered_end_begins_the_count_anew(tmp_path: Path) -> None:
    path = tmp_path / "crashes"
    for _ in range(5):
        last = Restarts(path)
    last.settled()
    last.settled()
    assert [Restarts(path).pause_s for _ in range(3)] == [0, 0, 1]


def test_where_nothing_can_be_written_it_joins_at_once(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    for _ in range(5):
        restarts = Restarts(tmp_path / "run" / "crashes")
        assert restarts.pause_s == 0
    restarts.settled()
