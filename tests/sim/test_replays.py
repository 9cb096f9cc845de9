"""What the flight recorder keeps of a history is complete: replayed, it leads to the same decisions."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sim.walk import walk
from sim.world import World
from standfast.configuration.model import Group
from standfast.resourced import apply
from standfast.resourced.core import Core
from standfast.resourced.events import Action, Event
from standfast.resourced.flight import FORMAT, Begun, read_line
from standfast.resourced.messages import Reported
from standfast.resourced.outlook import Outlook
from standfast.resourced.recording import Recording
from standfast.resourced.replay import Replay, Replayed

SEEDS = ((1, 3), (2, 2), (3, 3), (5, 4), (7, None), (11, 5), (12, None), (13, None))
Recorded = dict[str, list[bytes]]  # by node, the lines of its daemons one after the other


def recorded(monkeypatch: pytest.MonkeyPatch, seed: int, count: int | None) -> tuple[World, Recorded]:
    """A random history, and what each node recorded of it; now and then a file ends and another one begins."""
    lines: Recorded = {}
    recordings: dict[int, tuple[Core, Recording]] = {}
    random = Random(f"files of {seed}")
    step: Callable[..., list[Action]] = Core.step

    def begun(core: Core) -> Begun:
        return Begun(format=FORMAT, node=core.me, incarnation=core.identity.incarnation, at=core.at)

    def recording_step(core: Core, event: Event, now: int, at: str) -> list[Action]:
        actions = step(core, event, now, at)
        known = recordings.get(id(core))
        if known is None or random.random() < 0.002:
            made = core.coordinator.made if known else None
            known = recordings[id(core)] = (core, Recording(begun(core), made))
        lines.setdefault(core.me, []).extend(known[1].look(core, event))
        return actions

    monkeypatch.setattr(Core, "step", recording_step)
    world = walk(seed, count)
    monkeypatch.undo()
    return world, lines


def replayed(world: World, lines: list[bytes]) -> Replayed:
    again = Replay(world.files.versions.get)
    for line in lines:
        again.take(read_line(line))
    return again.done


@pytest.mark.parametrize(("seed", "count"), SEEDS)
def test_a_history_replays_to_the_same_decisions_on_every_node(
    monkeypatch: pytest.MonkeyPatch, seed: int, count: int | None
) -> None:
    world, lines = recorded(monkeypatch, seed, count)
    found = {name: replayed(world, kept) for name, kept in lines.items()}
    for name, done in found.items():
        assert not done.differences, (name, done.differences[0])
        assert (done.gaps, done.unknown) == (0, {}), name
        assert done.digests > 0
        assert done.updates > 0
    assert sum(done.decisions for done in found.values()) > 3


def test_another_rule_of_placement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same history with a plan that prefers the last node of a domain: what differs is named, with both sides."""
    world, lines = recorded(monkeypatch, 1, 3)
    allowed: Callable[[Outlook, Group], tuple[str, ...]] = Outlook.allowed
    monkeypatch.setattr(Outlook, "allowed", lambda outlook, group: allowed(outlook, group)[::-1])
    found = [difference for kept in lines.values() for difference in replayed(world, kept).differences]
    monkeypatch.undo()
    assert found
    first = next(one for one in found if one.recorded and one.replayed)
    assert first.what.endswith("decided")
    assert "start on" in first.recorded[0]
    assert "start on" in first.replayed[0]
    assert first.recorded != first.replayed


def test_another_rule_of_apply_is_found_by_the_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    world, lines = recorded(monkeypatch, 1, 3)
    changes: Any = apply.CHANGES
    monkeypatch.setitem(changes, Reported, lambda record, _: record)
    found = [difference for kept in lines.values() for difference in replayed(world, kept).differences]
    assert "the record" in {difference.what for difference in found}


def test_a_line_that_is_missing_is_told_as_a_gap_and_what_follows_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, lines = recorded(monkeypatch, 1, 3)
    kept = next(kept for kept in lines.values() if any(b'"is":"Applied"' in line for line in kept))
    place = next(number for number, line in enumerate(kept) if line.startswith(b'{"is":"Applied"'))
    done = replayed(world, [*kept[:place], *kept[place + 1 :]])
    assert (done.gaps, done.differences) == (1, [])
    assert done.updates < replayed(world, kept).updates
