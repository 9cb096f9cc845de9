"""Two nodes, and only one is left: on an operator's word it goes on, once the other one is proven off."""

from collections.abc import Iterator

import pytest
from standfast_lab import normal, observe
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab.own import own_lab, trial_in
from lab.trial import Trial

START_ALONE = ("standfast", "quorum", "start-alone")


@pytest.fixture(scope="module")
def two() -> Iterator[Lab]:
    with own_lab("alone", 2) as lab:
        yield lab


def _waits(lab: Lab, node: str) -> bool:
    """The node is up, in its group, not quorate, and no term is open there."""
    try:
        word, term = observe.properties(lab, node, "org.standfast.Groups1", "Quorate", "Term")
    except LabError:
        return False
    return (word, term) == ("no", 0)


def _go_on(trial: Trial, node: str, absent: str) -> None:
    """What is refused is tried first; then the node serves, and its journal has the proof."""
    lab = trial.lab
    asked = trial.begun if not trial.faults else trial.faults[-1].at
    wrong = lab.sh(node, *START_ALONE, node, "--yes", check=False)
    assert (wrong.returncode, "is this node" in wrong.stderr) == (1, True)
    done = lab.sh(node, *START_ALONE, absent, "--yes", "--timeout", "90")
    assert f"goes on without {absent}" in done.stdout
    trial.wait_until_started_on(node, on=(node,), timeout_s=60)
    proofs = [one for one in trial.told(node, "node-proven", since=asked) if one.fields["SUBJECT"] == absent]
    started = trial.told(node, "group-started", since=asked)
    assert proofs[-1].at < started[-1].at
    assert trial.told(node, "alone-begun", since=asked)


@pytest.mark.rounds(5)
def test_one_of_two_is_dead_at_a_cold_start(two: Lab, round_number: int) -> None:
    normal.wait(two)
    alive = two.nodes()[round_number % 2]
    with trial_in(two) as trial:
        (dead,) = trial.others(alive)
        trial.to_be_fenced.add(dead)
        boots = {node: two.boots(node) for node in two.nodes()}
        at = trial.cut_power(*two.nodes())
        two.boot(alive)
        trial.wait(lambda: _waits(two, alive), 60, f"{alive} to be up and not quorate")
        assert not trial.serves(), "without a word nothing starts"
        _go_on(trial, alive, dead)
        trial.wait_until_normal(120)
        assert {node: two.boots(node) - boots[node] for node in two.nodes()} == {alive: 1, dead: 1}
        assert trial.owner() == alive
        assert not [one for one in trial.told(dead, "attempt", since=at) if one.fields["SUBJECT"] == alive]


def test_a_node_that_is_named_and_lives_is_switched_off_before_anything_starts(two: Lab) -> None:
    normal.wait(two)
    with trial_in(two) as trial:
        lives = trial.owner()
        (other,) = trial.others(lives)
        trial.wait(lambda: trial.term_age_s(lives) > 2, 20, "both to have stored who wins")
        trial.to_be_fenced |= {lives, other}
        boots = {node: two.boots(node) for node in two.nodes()}
        trial.fault(f"{lives} and {other} do not hear each other")
        two.cut(lives, other)
        trial.wait_until_rebooted(other, boots[other], 90)
        trial.wait(lambda: _waits(two, other), 60, f"{other} to be up behind the cut, and not quorate")
        assert trial.serves(), f"{lives} goes on"
        trial.fault(f"an operator on {other} goes on without {lives}")
        _go_on(trial, other, lives)
        two.heal()
        trial.wait_until_normal(120)
        assert two.boots(lives) == boots[lives] + 1
        assert trial.owner() == other
