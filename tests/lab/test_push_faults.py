"""Power is cut in the middle of pushes: a version is in force everywhere or nowhere (issue 5, lines 2 and 3)."""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

import pytest
from standfast_lab import normal, observe
from standfast_lab.place import LabError
from standfast_lab.progress import say

from lab import changes, pushing, versions_seen
from lab.changes import Change
from lab.conftest import FULL, by_default
from lab.pushing import Outcome, Result
from lab.trial import Stage, Trial
from lab.versions_seen import STATE, WORKING_COPY, Files, digest

SEED = "STANDFAST_SEED"  # set: the changes and faults of that run again
LOOK_S = 0.005
PUSHED_WITHIN_S = 300.0
OF_ONE_PUSH_S = 2.5  # about, on an idle machine


@pytest.fixture(scope="module", autouse=True)
def example_restored_at_the_end(stage: Stage) -> Iterator[None]:
    """Other tests know the example's files."""
    yield
    lab = stage.lab
    files = versions_seen.read_files(lab.place.folder / "etc-standfast")
    normal.make(lab)
    outcome = pushing.push(lab, lab.nodes()[0], files)
    assert outcome.result is Result.ACKNOWLEDGED, outcome.said


@pytest.fixture
def dice() -> random.Random:
    seed = os.environ.get(SEED) or str(random.SystemRandom().randrange(10**6))
    print(f"again: {SEED}={seed}")
    return random.Random(seed)


# Changes while nodes come and go


@dataclass(slots=True, kw_only=True)
class Pushes:
    """What was pushed so far, and what came of it."""

    trial: Trial
    dice: random.Random
    boots: ThreadPoolExecutor
    files: Files  # acknowledged last
    attempts: Counter[str] = field(default_factory=Counter)

    def members(self) -> dict[str, frozenset[str]]:
        """For each node that takes part, who is online as it says."""
        seen = observe.each(self.trial.lab.nodes(), lambda node: observe.seen(self.trial.lab, node))
        found = {
            node: frozenset(name for name, state in view.nodes.items() if state == "online")
            for node, view in seen.items()
            if view is not None
        }
        return {node: names for node, names in found.items() if node in names}

    def change(self, number: int, *, strike: bool, until_acknowledged: bool = True) -> Files:
        """A random change was pushed, again and again while it was not acknowledged; its files."""
        change = self.dice.choice(changes.possible(self.files))
        files = changes.make(change, self.files, self.dice)
        begun = time.monotonic()
        for attempt in count(1):
            outcome = self.attempt(change, files, strike=strike and attempt == 1)
            said = outcome.said.splitlines()[-1] if outcome.said else ""
            say(f"{number}, {change}, {digest(files)[:12]}, attempt {attempt}: {outcome.result.name.lower()}: {said}")
            self.check_in_force(digest(self.files), digest(files))
            if outcome.result is Result.ACKNOWLEDGED:
                self.files = files
            if outcome.result is Result.ACKNOWLEDGED or not until_acknowledged:
                return files
            assert time.monotonic() - begun < PUSHED_WITHIN_S, f"{change} is not acknowledged: {outcome.said}"
        raise AssertionError

    def attempt(self, change: Change, files: Files, *, strike: bool) -> Outcome:
        """One push from a random member; with `strike` a random node loses its power meanwhile."""
        self.trial.wait(self.members, 120, lambda: f"a node that takes part; {normal.what_is_wrong(self.trial.lab)}")
        members = self.members() or {self.dice.choice(self.trial.lab.nodes()): frozenset()}
        node = self.dice.choice(sorted(members))
        without = self.trial.others(*members[node]) if change is Change.NEW_GROUP else ()
        with ThreadPoolExecutor(1) as pool:
            pushed = pool.submit(pushing.push, self.trial.lab, node, files, without)
            if strike:
                wait((pushed,), timeout=self.dice.uniform(0, 1.2 * OF_ONE_PUSH_S))
                self.strike()
            outcome = pushed.result()
        reason = pushing.good_reason(outcome) if outcome.result is Result.REFUSED else ""
        self.attempts[f"{outcome.result.name.lower()} {reason}".strip()] += 1
        assert reason or outcome.result is not Result.REFUSED, outcome.said
        return outcome

    def strike(self) -> None:
        """A random node lost its power; who had none has it again instead. It boots at once, or when it is fenced."""
        nodes = self.trial.lab.nodes()
        off = [node for node in nodes if not self.trial.lab.is_on(node)]
        if off:
            self.boots.submit(self.trial.lab.boot, off[0])
            return
        victim = self.dice.choice(nodes)
        self.trial.to_be_fenced.add(victim)
        self.trial.cut_power(victim)
        self.attempts["power cuts"] += 1
        if self.dice.random() < 0.5:
            self.boots.submit(self.trial.lab.boot, victim)

    def check_in_force(self, *allowed: str) -> None:
        """No node has another version in a record of its open term than those, or it is not there just now."""
        names = ("Term", "Position", "Configuration")
        for node in self.trial.lab.nodes():
            try:
                term, position, found = observe.properties(self.trial.lab, node, "org.standfast.Groups1", *names)
            except (LabError, subprocess.TimeoutExpired):
                continue
            if position.startswith(f"{term}."):
                assert found in allowed, f"{node} has {found}, not one of {allowed}"


def test_every_node_has_what_was_acknowledged_last_after_random_changes_and_power_cuts(
    trial: Trial, dice: random.Random
) -> None:
    total = 50 if os.environ.get(FULL) else 4
    struck = range(total) if os.environ.get(FULL) else (dice.randrange(total),)
    with ThreadPoolExecutor(4) as boots:
        pushes = Pushes(
            trial=trial, dice=dice, boots=boots, files=versions_seen.in_force(trial.lab, trial.lab.nodes()[0])
        )
        for number in range(1, total):
            pushes.change(number, strike=number - 1 in struck)
        last = pushes.change(total, strike=total - 1 in struck, until_acknowledged=False)
    observe.each(trial.lab.nodes(), trial.lab.boot)
    print(", ".join(f"{times} {what}" for what, times in sorted(pushes.attempts.items())))
    check_whole(trial, old=pushes.files, new=last)


def check_whole(trial: Trial, *, old: Files, new: Files) -> str:
    """All nodes have one of the two versions, whole, also in /etc/standfast but for edits that did not come into force;
    these are taken back. The digest in force."""
    lab = trial.lab
    found = versions_seen.wait_for_one_version(trial)
    assert found in (digest(old), digest(new)), f"{found} is neither {digest(old)} nor {digest(new)}"
    if found == digest(old):
        for node, copy in versions_seen.working_copies(lab).items():
            if copy == digest(new):
                versions_seen.write_working_copy(lab, node, old)
    copies = versions_seen.working_copies(lab)
    assert set(copies.values()) == {found}, f"in force is {found}; in /etc/standfast are {copies}"
    return found


# One push that is cut down


class Struck(StrEnum):
    """Who loses the power."""

    PUSHER = "pusher"
    COORDINATOR = "coordinator"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    trial: Trial
    witness: str  # a node that neither pushes nor coordinates
    new: str  # digest
    usual_s: float

    def is_shared(self) -> bool:
        return (self.trial.lab.root(self.witness) / STATE / "versions" / self.new).exists()

    def is_in_force(self) -> bool:
        told = self.trial.told(self.witness, "configuration-in-force")
        return any(self.new[:12] in entry.text for entry in told)

    def is_copied(self) -> bool:
        root = self.trial.lab.root(self.witness) / WORKING_COPY
        return digest(versions_seen.read_files(root)) == self.new

    def is_installed(self) -> bool:
        return self.new in (self.trial.lab.root(self.witness) / STATE / "installed.json").read_text()


Point = Callable[[Scene], bool] | float  # an event, or a part of a push's usual duration
POINTS: tuple[Point, ...] = (
    Scene.is_in_force,
    Scene.is_shared,
    Scene.is_copied,
    Scene.is_installed,
    *(part / 7 for part in range(1, 7)),
)


@pytest.mark.rounds(len(POINTS))
@pytest.mark.parametrize("struck", by_default(Struck, Struck.COORDINATOR))
def test_a_push_that_is_cut_down_leaves_the_old_version_or_the_new_one_whole_everywhere(
    trial: Trial, dice: random.Random, struck: Struck, round_number: int
) -> None:
    point = POINTS[(round_number + list(Struck).index(struck)) % len(POINTS)]
    lab = trial.lab
    (coordinator,) = observe.properties(lab, lab.nodes()[0], "org.standfast.Groups1", "Coordinator")
    pusher, witness = dice.sample(trial.others(coordinator), 2)
    usual_s = measure(trial, pusher, dice) if isinstance(point, float) else 0.0
    old = versions_seen.in_force(lab, pusher)
    new = everything_changed(old, dice)
    scene = Scene(trial=trial, witness=witness, new=digest(new), usual_s=usual_s)
    nodes = {Struck.PUSHER: (pusher,), Struck.COORDINATOR: (coordinator,), Struck.EVERYBODY: lab.nodes()}[struck]
    trial.to_be_fenced.update(nodes)
    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(pushing.push, lab, pusher, new)
        wait_for_point(scene, point, pushed)
        trial.cut_power(*nodes)
        if struck is Struck.EVERYBODY:
            observe.each(nodes, lab.boot)
        outcome = pushed.result()
    what = "new" if check_whole(trial, old=old, new=new) == digest(new) else "old"
    print(f"{struck} cut down {named(point)}: {outcome.result.name.lower()}, the {what} version is in force")
    assert outcome.result is not Result.ACKNOWLEDGED or what == "new", outcome.said
    assert outcome.result is not Result.REFUSED or what == "old", outcome.said


def measure(trial: Trial, pusher: str, dice: random.Random) -> float:
    """How long a push takes that nobody disturbs, in seconds, as busy as this machine is now."""
    files = changes.make(Change.DESCRIPTION, versions_seen.in_force(trial.lab, pusher), dice)
    begun = time.monotonic()
    outcome = pushing.push(trial.lab, pusher, files)
    assert outcome.result is Result.ACKNOWLEDGED, outcome.said
    return time.monotonic() - begun


def everything_changed(files: Files, dice: random.Random) -> Files:
    """Several files changed, one of them came, or went."""
    group = [change for change in changes.possible(files) if change in (Change.NEW_GROUP, Change.GROUP_REMOVED)]
    for change in (Change.PROBE, Change.DESCRIPTION, Change.DEVICE_TIMEOUT, dice.choice(group)):
        files = changes.make(change, files, dice)
    return files


def wait_for_point(scene: Scene, point: Point, pushed: Future[Outcome]) -> None:
    """The push has come to this point. An event is there to stay, so it cannot be missed."""
    if isinstance(point, float):
        wait((pushed,), timeout=point * scene.usual_s)
        return
    while not point(scene):
        assert not pushed.done() or point(scene), pushed.result().said
        wait((pushed,), timeout=LOOK_S)


def named(point: Point) -> str:
    return f"after {point:.2f} of its time" if isinstance(point, float) else f"when it {point.__name__}"
