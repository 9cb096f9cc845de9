"""The history of fencing: lines are added, the file stays bounded, half a line hurts nobody."""

from pathlib import Path

from standfast.fenced.history import LARGEST_BYTES, History


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    history = History(tmp_path / "standfast/fencing")
    assert history.entries() == []
    history.append(loss="8.1", state="failed", milliseconds=12)
    history.append(loss="8.1", state="proven", text="zeile\nzwei ü")
    assert [entry["state"] for entry in history.entries()] == ["failed", "proven"]
    assert (tmp_path / "standfast/fencing").stat().st_mode & 0o777 == 0o600


def test_the_file_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    history = History(tmp_path / "fencing")
    for number in range(700):
        history.append(number=number, text="x" * 1000)
    assert (tmp_path / "fencing").stat().st_size <= LARGEST_BYTES
    numbers = [entry["number"] for entry in history.entries()]
    assert numbers == list(range(700 - len(numbers), 700))
    assert len(numbers) > 100


def test_half_a_line_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "fencing").write_bytes(b'{"loss": "8.1"}\n{"loss": "8.')
    history = History(tmp_path / "fencing")
    assert [entry["loss"] for entry in history.entries()] == ["8.1"]
    history.append(loss="9.1")
    assert [entry["loss"] for entry in history.entries()] == ["8.1", "9.1"]
