"""The coordinator is struck while a group starts, stops or moves (issue 3, line 6).

The gates make sure that the fault strikes there. The rounds vary where the group and the coordinator are, in which half
of a move the fault comes, and whether what waits at the gate goes on before or after the others have a new term.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from itertools import product

import pytest
from standfast_lab import normal, observe
from standfast_lab.behaviour import Mode

from lab import gate
from lab.conftest import by_default
from lab.gate import Gate
from lab.trial import APACHE, GROUP, Stage, Trial

HUNG_S = 12.0
COROSYNC = "corosync.service"
RESOURCED = "standfast-resourced.service"


class Point(StrEnum):
    """What was under way."""

    START = "start"
    STOP = "stop"
    RELOCATION = "relocation"


class Blow(StrEnum):
    """What the coordinator suffers."""

    POWER = "power"
    KILL = "kill"
    PARTITION = "partition"


class Role(Enum):
    """A node, by its part in the term."""

    COORDINATOR = 0
    SECOND = 1  # coordinates when the first one is gone
    THIRD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the group is and goes, and where the fault strikes it."""

    owner: Role
    place: Role  # where it starts; of a stop: the owner
    gate: Gate


SCENES = {
    Point.START: (
        Scene(owner=Role.COORDINATOR, place=Role.COORDINATOR, gate=Gate.START),
        Scene(owner=Role.SECOND, place=Role.SECOND, gate=Gate.START),
    ),
    Point.STOP: (
        Scene(owner=Role.COORDINATOR, place=Role.COORDINATOR, gate=Gate.STOP),
        Scene(owner=Role.SECOND, place=Role.SECOND, gate=Gate.STOP),
    ),
    Point.RELOCATION: (
        Scene(owner=Role.COORDINATOR, place=Role.SECOND, gate=Gate.STOP),
        Scene(owner=Role.SECOND, place=Role.COORDINATOR, gate=Gate.START),
        Scene(owner=Role.SECOND, place=Role.THIRD, gate=Gate.STOP),
        Scene(owner=Role.COORDINATOR, place=Role.SECOND, gate=Gate.START),
        Scene(owner=Role.SECOND, place=Role.COORDINATOR, gate=Gate.STOP),
        Scene(owner=Role.SECOND, place=Role.THIRD, gate=Gate.START),
    ),
}


BY_DEFAULT = ((Point.START, Blow.KILL), (Point.STOP, Blow.POWER), (Point.RELOCATION, Blow.PARTITION))


@pytest.fixture(scope="module", autouse=True)
def gates_removed_at_the_end(stage: Stage) -> Iterator[None]:
    yield
    gate.remove(stage.lab)


@pytest.mark.rounds(20)
@pytest.mark.parametrize("case", by_default(product(Point, Blow), *BY_DEFAULT), ids="-".join)
def test_nothing_runs_twice_when_the_coordinator_is_struck(
    trial: Trial, case: tuple[Point, Blow], round_number: int
) -> None:
    point, blow = case
    variant = round_number + list(Blow).index(blow)
    scene = SCENES[point][variant % len(SCENES[point])]
    at_once = variant // 2 % 2 == 0
    print(
        f"{scene.owner.name} to {scene.place.name}, at its gate {'at once' if at_once else 'for longer'}: {scene.gate}"
    )
    gate.install(trial.lab)
    nodes = by_role(trial)
    struck, *survivors = nodes
    bring_to(trial, nodes[scene.owner.value])
    if point is Point.START:
        trial.lab.sh(survivors[1], "standfast", "group", "stop", GROUP, timeout_s=60)
    with gate.shut(trial.lab.place, scene.gate) as let_through:
        wished_at = time.monotonic()
        wish(trial, survivors[1], point, nodes[scene.place.value])
        wait_until_at_the_gate(trial, nodes[(scene.place if scene.gate is Gate.START else scene.owner).value], scene)
        assert by_role(trial)[0] == struck
        at = strike(trial, blow, struck)
        if at_once:
            let_through()
        trial.wait(lambda: have_new_term(trial, survivors, at), 30, f"a new term of {' and '.join(survivors)}")
    if blow is Blow.PARTITION:
        if not at_once:
            trial.wait(lambda: has_ended(trial, point, survivors), 60, f"{survivors} to end the {point} meanwhile")
        trial.lab.heal()
    if point is Point.STOP:
        check_stopped_until_started(trial, survivors[1])
    trial.wait_until_normal()
    if point is not Point.STOP:
        print(f"outage {trial.outage_s(wished_at if point is Point.RELOCATION else at):.2f} s")


def by_role(trial: Trial) -> tuple[str, ...]:
    """The nodes, the coordinator first, as all say alike."""
    said = observe.each(trial.lab.nodes(), lambda node: coordinator_by(trial, node))
    (coordinator,) = set(said.values())
    return coordinator, *trial.others(coordinator)


def coordinator_by(trial: Trial, node: str) -> str:
    (name,) = observe.properties(trial.lab, node, "org.standfast.Groups1", "Coordinator")
    return str(name)


def bring_to(trial: Trial, node: str) -> None:
    """webserv is started on the node."""
    if trial.owner() != node:
        trial.lab.sh(node, "standfast", "group", "relocate", GROUP, node, timeout_s=60)
        trial.wait_until_started_on(node)


def wish(trial: Trial, speaker: str, point: Point, place: str) -> None:
    """The operator's command runs on the speaker; it waits there for what it wants, not here."""
    words = {Point.START: f"start {GROUP} {place}", Point.STOP: f"stop {GROUP}"}
    command = words.get(point, f"relocate {GROUP} {place}")
    trial.lab.sh(speaker, "sh", "-c", f"standfast group {command} >/dev/null 2>&1 &")


def wait_until_at_the_gate(trial: Trial, node: str, scene: Scene) -> None:
    """Apache waits at the gate on the node, and every node knows it."""
    phase = "starting" if scene.gate is Gate.START else "stopping"

    def is_there() -> bool:
        if observe.unit_property(trial.lab, node, APACHE, "ActiveState") != scene.gate:
            return False
        found = observe.agreed(trial.lab)
        return found is not None and (found.groups[GROUP].phase, found.groups[GROUP].owner) == (phase, node)

    trial.wait(is_there, 30, lambda: f"{GROUP} to be {phase} on {node}; {normal.what_is_wrong(trial.lab)}")


def strike(trial: Trial, blow: Blow, node: str) -> float:
    """It has happened to the node; when."""
    if blow is Blow.KILL:
        at = trial.fault(f"kill -9 of resourced on {node}, the coordinator")
        observe.signal_all(trial.lab, node, RESOURCED, "KILL")
        return at
    trial.to_be_fenced.add(node)
    if blow is Blow.POWER:
        return trial.cut_power(node)
    at = trial.fault(f"{node}, the coordinator, cut off from both others")
    trial.lab.cut(node)
    return at


def have_new_term(trial: Trial, nodes: list[str], since: float) -> bool:
    return all(trial.told(node, "term-opened", since=since) for node in nodes)


def has_ended(trial: Trial, point: Point, nodes: list[str]) -> bool:
    """The nodes agree that what was under way has come to its end, or to the start elsewhere."""
    found = observe.agreed(trial.lab, nodes)
    if found is None:
        return False
    return found.groups[GROUP].phase == ("stopped" if point is Point.STOP else "started")


def check_stopped_until_started(trial: Trial, speaker: str) -> None:
    """The wish outlived the fault: it is served nowhere, and served again when an operator wants it."""

    def stopped() -> bool:
        found = observe.agreed(trial.lab)
        if found is None or set(found.nodes.values()) != {"online"}:
            return False
        return (found.groups[GROUP].phase, found.groups[GROUP].flags) == ("stopped", ("stopped",))

    trial.wait(stopped, normal.NORMAL_WITHIN_S, lambda: f"{GROUP} to be stopped; {normal.what_is_wrong(trial.lab)}")
    assert trial.lab.holder() is None
    trial.lab.sh(speaker, "standfast", "group", "start", GROUP, timeout_s=60)


@pytest.mark.rounds(20)
def test_nothing_runs_twice_when_corosync_hangs_on_the_owner(trial: Trial, round_number: int) -> None:
    """The frozen Corosync goes on saying "quorate" all the time.

    In odd rounds the owner does not coordinate; in every other pair its power cannot be cut before Corosync runs on.
    """
    owner = by_role(trial)[(Role.COORDINATOR if round_number % 2 == 0 else Role.SECOND).value]
    unfenced = round_number // 2 % 2 == 1
    bring_to(trial, owner)
    trial.lab.bmc(owner, Mode.STUCK if unfenced else Mode.OK)
    trial.to_be_fenced.add(owner)
    at = hang_corosync(trial, owner)
    if unfenced:
        assert trial.lab.holder() == owner, "nobody has proved that it is off"
        trial.lab.bmc(owner, Mode.OK)
    trial.wait_until_normal()
    if not unfenced:
        assert trial.owner() != owner, "the others proved that it is off and started the group"
        print(f"outage {trial.outage_s(at):.2f} s")


def hang_corosync(trial: Trial, node: str) -> float:
    """Corosync on the node stood still for HUNG_S, if the node lived so long, and runs on; since when."""
    boots = trial.lab.boots(node)
    at = trial.fault(f"SIGSTOP of Corosync on {node} for {HUNG_S:g} s")
    pids = observe.signal_all(trial.lab, node, COROSYNC, "STOP")
    trial.wait(lambda: time.monotonic() >= at + HUNG_S, HUNG_S + 1, f"{HUNG_S:g} s to pass")
    if trial.lab.boots(node) == boots:
        trial.lab.sh(node, "kill", "-s", "CONT", *map(str, pids), check=False)
    return at
