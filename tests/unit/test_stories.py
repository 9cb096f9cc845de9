"""Random stories of groups that stand to each other: the plan always comes to rest, and stops in the right order.

A story ends with everything allowed and everybody here; whatever happened before, what can run then runs.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from standfast.configuration.model import Configuration, Domain
from standfast.resourced.absence import out
from standfast.vocabulary import Phase
from unit.cluster import NODES
from unit.test_together import GROUPS, configured
from unit.told import Story

STORIES, STEPS = 60, 25


def any_configuration(chance: random.Random, *, close: bool) -> Configuration:
    """Groups that need and follow earlier ones; `close`: some of them cannot share a node either."""
    settings: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(GROUPS):
        earlier = GROUPS[:index]
        settings[name] = {
            "needs": tuple(other for other in earlier if chance.random() < 0.5),
            "after": tuple(other for other in earlier if chance.random() < 0.2),
            "apart": tuple(other for other in earlier if close and chance.random() < 0.3),
            "exclusive": close and chance.random() < 0.15,
            "priority": chance.choice((0, 0, 5)),
            "max_restarts": chance.choice((0, 1)),
            "domain": chance.choice((None, "home", "few")),
        }
    known = configured(**settings)
    home = Domain(name="home", nodes=tuple(chance.sample(NODES, 3)), ordered=True, failback=True)
    few = Domain(name="few", nodes=tuple(chance.sample(NODES, 2)), restricted=True, ordered=True)
    most = chance.choice((None, 1))
    return replace(known, domains=(home, few), cluster=replace(known.cluster, max_starts=most))


def any_step(chance: random.Random, story: Story) -> str:
    """Something that can happen now."""
    group, node, record = chance.choice(GROUPS), chance.choice(NODES), story.record
    words = ("stop", "start", "relocate", "freeze", "thaw", "disable", "enable", "restart")
    steps = [f"operator: {chance.choice(words)} {group}", f"operator: {chance.choice(('standby', 'resume'))} {node}"]
    steps += [
        f"operator: relocate {group} to {node}",
        "a new term",
        chance.choice(("1 s pass", "30 s pass", "1 h pass")),
    ]
    steps += ["and so it is done"] * 4
    absent = sorted(set(NODES) - record.members)
    steps += [f"{absent[0]} boots"] if absent else [f"{node} is lost", f"{node} is away"]
    steps += [f"{name} is proven off" for name in absent if name in record.losses and name not in story.ring]
    for holder in record.groups[group].holders:
        if holder in record.members and not record.groups[group].open_orders:
            steps.append(f"{group} failed on {holder}: broken")
    return chance.choice(steps)


def stops_too_early(story: Story, outcome: str) -> str:
    """A group that still needs what is being stopped although it could be stopped before; "" = none."""
    record = story.record
    if not outcome.startswith("stop ") or "more than one" in outcome:
        return ""
    name = outcome.split()[1]
    if any(held.failed for held in record.groups[name].held.values()):
        return ""
    for group in story.configuration.groups:
        known = record.groups[group.name]
        unable = [node for node in known.holders if node in record.losses or out(record, node)]
        able = known.holders and not unable and not known.frozen and known.phase is not Phase.BLOCKED
        if name in group.needs and able:
            return group.name
    return ""


def runs_unwanted(story: Story, name: str) -> bool:
    """An operator wants it stopped, and it could be."""
    record = story.record
    known = record.groups[name]
    able = not known.frozen and not any(node in record.losses or out(record, node) for node in known.holders)
    return bool(known.holders) and (known.stopped or known.disabled) and able


def all_is_allowed(story: Story) -> Iterator[str]:
    for node in NODES:
        yield f"operator: resume {node}"
    for group in GROUPS:
        yield from (f"operator: {word} {group}" for word in ("thaw", "enable", "start"))
    yield "and so on until it rests"
    for node in sorted(set(NODES) - story.record.members):
        yield f"{node} boots"
    for attempt in story.record.attempts:
        if attempt.action == "off":
            yield f"the attempt on {attempt.node} fails"
    for _ in range(3):
        yield "and so on until it rests"
        yield "48 h pass"


@pytest.mark.parametrize("close", [False, True], ids=["on any node", "apart and exclusive"])
@pytest.mark.parametrize("seed", range(STORIES))
def test_whatever_happened_all_comes_to_rest_and_what_can_run_runs(seed: int, close: bool) -> None:
    chance = random.Random(seed)
    story = Story(any_configuration(chance, close=close))
    list(story.tell("n1 n2 n3 are here"))
    for _ in range(STEPS):
        step = any_step(chance, story)
        early = [stops_too_early(story, outcome) for outcome in story.tell(step)]
        assert not any(early), f"{step}: {early}"
    list(story.tell("and so on until it rests"))
    assert [name for name in GROUPS if runs_unwanted(story, name)] == []
    for step in all_is_allowed(story):
        list(story.tell(step))
    groups = story.record.groups
    for group in story.configuration.groups:
        running = bool(groups[group.name].holders)
        assert not running or all(groups[other].holders for other in group.needs)
        assert running or close
