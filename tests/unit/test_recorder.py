"""The flight recorder: bounded, for root, quiet while nothing happens, and nothing that goes wrong with it is felt."""

import errno
import os
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from standfast import journal
from standfast.resourced import recorder as recorders
from standfast.resourced.core import Core
from standfast.resourced.events import Act, Action, Event, TimePassed, Wished
from standfast.resourced.flight import Line, Planned, read_line
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.recorder import AGAIN_MS, BEFORE, NOW, Recorder
from standfast.resourced.recording import Recording
from standfast.resourced.replay import Replay, Replayed
from standfast.resourced.service import Service
from standfast.resourced.situation import Situation
from unit.cluster import GROUP
from unit.test_core import Alone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "flight"


class Recorded(Alone):
    """Its core with a recorder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.recorder = Recorder("n1", "n1/1", folder)
        step = self.core.step

        def recorded(event: Event, now: int, at: str) -> list[Action]:
            actions = step(event, now, at)
            self.recorder.look(self.core, event)
            return actions

        self.core.step = recorded  # type: ignore[method-assign]


def lines(*paths: Path) -> list[Line]:
    return [read_line(one) for path in paths for one in path.read_bytes().splitlines()]


def replayed(node: Alone, *paths: Path) -> Replayed:
    again = Replay({"d1": node.core.configuration}.get)
    for line in lines(*paths):
        again.take(line)
    return again.done


def wish(node: Alone, kind: WishKind) -> list[Action]:
    node.now += 1_000
    return node.give(Wished(wish=Wish(id=f"w{node.now}", kind=kind, subject=GROUP)), TimePassed())


def test_what_happened_is_in_a_file_for_root_and_replays(folder: Path) -> None:
    node = Recorded(folder)
    node.serve().passes(2_000)
    wish(node, WishKind.RESTART)
    assert (folder.stat().st_mode & 0o777, (folder / NOW).stat().st_mode & 0o777) == (0o700, 0o600)
    done = replayed(node, folder / NOW)
    assert (done.node, done.coordinators, done.gaps, done.differences) == ("n1", ["n1"], 0, [])
    assert done.decisions >= 2, "a start and a restart"
    assert done.digests >= 2
    assert f"{GROUP}: restart on n1: restarted by an operator" in [step.text for step in done.steps]


def test_all_that_a_plan_is_made_of_is_in_its_line() -> None:
    """Whoever adds a field to `Situation` adds it here, or incidents stop replaying to the same decisions."""
    known = {field.name for field in fields(Situation)} - {"waits"}
    assert known <= {field.name for field in fields(Planned)}


def test_while_nothing_happens_nothing_is_written(folder: Path) -> None:
    node = Recorded(folder)
    node.serve().passes(2_000)
    size = (folder / NOW).stat().st_size
    node.passes(3_600_000)
    assert (folder / NOW).stat().st_size == size


def test_two_files_are_kept_and_each_is_whole_in_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "LARGEST_BYTES", 20_000)
    node = Recorded(folder)
    node.serve()
    for _ in range(60):
        wish(node, WishKind.FREEZE)
        wish(node, WishKind.THAW)
    assert sorted(path.name for path in folder.iterdir()) == [BEFORE, NOW]
    assert max(path.stat().st_size for path in folder.iterdir()) < 30_000
    for paths in ((folder / BEFORE,), (folder / NOW,), (folder / BEFORE, folder / NOW)):
        done = replayed(node, *paths)
        assert (done.gaps, done.differences) == (0, [])
        assert done.digests > 0
    assert replayed(node, folder / BEFORE, folder / NOW).updates > 5


def test_the_plan_that_was_made_before_a_file_is_not_taken_for_one_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Recorded(folder)
    node.serve()
    monkeypatch.setattr(recorders, "LARGEST_BYTES", 1)
    wish(node, WishKind.FREEZE)
    monkeypatch.undo()
    made = node.core.coordinator.made
    node.give(TimePassed())
    assert node.core.coordinator.made is made, "nothing was planned by that"
    assert not [line for line in lines(folder / NOW) if isinstance(line, Planned)]


def test_a_new_process_goes_on_in_the_same_file(folder: Path) -> None:
    Recorded(folder).serve()
    node = Recorded(folder)
    node.serve()
    done = replayed(node, folder / NOW)
    assert (done.gaps, done.differences) == (0, [])
    assert [step.text for step in done.steps].count("Term 1 is open: n1; n1 coordinates") == 2


@pytest.mark.parametrize("short", [False, True])
def test_a_full_run_is_told_nowhere_and_delays_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    node = Recorded(folder)
    node.join()
    before = (folder / NOW).read_bytes()
    write, tries = os.write, []

    def full(descriptor: int, data: bytes) -> int:
        tries.append(data)
        if short:
            return write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    node.serve()
    assert wish(node, WishKind.RESTART)
    assert len(tries) == 1, "it is not tried again at once"
    assert (folder / NOW).read_bytes() == before, "half of what there was no room for is taken back"
    monkeypatch.undo()
    node.passes(AGAIN_MS)
    wish(node, WishKind.FREEZE)
    done = replayed(node, folder / NOW)
    assert (done.gaps, done.differences) == (0, [])
    assert "An operator wants: freeze webserv" in [step.text for step in done.steps]


def test_a_recorder_that_is_broken_is_told_once_and_the_cluster_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> list[bytes]:
        raise KeyError("planted")

    told: list[Any] = []
    monkeypatch.setattr(Recording, "look", broken)
    monkeypatch.setattr(journal, "write", lambda *entry: told.append(entry))
    node = Recorded(folder)
    node.serve()
    assert any(isinstance(action, Act) for action in node.log)
    assert [event.value for event, _, _ in told] == ["recorder-stopped"]
    assert "planted" in told[0][2]


def test_what_the_core_could_not_take_is_the_last_line(folder: Path) -> None:
    node = Recorded(folder)
    node.serve()
    node.recorder.failed(node.core, Wished(wish=Wish(id="w", kind=WishKind.STOP, subject=GROUP)), KeyError("planted"))
    (last,) = [step for step in replayed(node, folder / NOW).steps if step.kind == "failed"]
    assert last.text.startswith("resourced ended: KeyError('planted') over Wished(wish=Wish(")


def test_the_daemon_records_what_it_ends_over(folder: Path) -> None:
    node = Recorded(folder)
    node.serve()

    def broken(event: Event, now: int, at: str) -> list[Action]:
        raise KeyError("planted")

    node.core.step = broken  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        Service._step(cast(Service, SimpleNamespace(core=node.core, recorder=node.recorder)), TimePassed())
    assert replayed(node, folder / NOW).steps[-1].text == "resourced ended: KeyError('planted') over TimePassed()"


def test_without_a_folder_nothing_is_recorded_and_nothing_is_raised(tmp_path: Path) -> None:
    node = Recorded(tmp_path / "not" / "there")
    node.serve()
    assert not (tmp_path / "not").exists()
    assert isinstance(node.core, Core)
