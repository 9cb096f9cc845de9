"""Two nodes and an arbiter: one side goes on, and nothing runs twice, though quorum overlaps (issue 4, line 3)."""

import contextlib
import time
from collections.abc import Iterator
from functools import partial

import pytest
from standfast_lab import normal, observe
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.own import own_lab, trial_in
from lab.trial import GROUP, Trial

ARBITER = "arbiter"
SERVED_WITHIN_S = 60.0
TOLD_WITHIN_S = 40.0  # quorumd gives the arbiter 20 s before it calls it silent


@pytest.fixture(scope="module")
def tied() -> Iterator[Lab]:
    with own_lab("arbiter", 2, arbiter=True) as lab:
        yield lab


@contextlib.contextmanager
def trial_on(tied: Lab, round_number: int) -> Iterator[Trial]:
    """In even rounds node1 has the group, whom the arbiter prefers, in odd ones node2."""
    tied.boot(ARBITER)
    normal.make(tied)
    owner = tied.nodes()[round_number % 2]
    tied.sh(owner, "standfast", "group", "relocate", GROUP, owner, check=False)
    with trial_in(tied) as trial:
        assert trial.owner() == owner
        trial.wait(lambda: all(arbiter_is(trial, node, "votes") for node in tied.nodes()), 30, "the arbiter's vote")
        yield trial


def arbiter_is(trial: Trial, node: str, state: str) -> bool:
    (found,) = observe.properties(
        trial.lab, node, "org.standfast.Quorum1", "ArbiterState", service="org.standfast.Quorum"
    )
    return bool(found == state)


def served_elsewhere(trial: Trial, owner: str, at: float) -> None:
    """The group is served by the other node, which proved `owner` off first and was not shot itself."""
    (other,) = trial.others(owner)
    tell_served(trial, at, trial.wait_for_good_answer(at, SERVED_WITHIN_S))
    assert trial.lab.holder() == other
    assert trial.told(other, "node-proven", since=at), f"{other} has proven nothing"


def tell_served(trial: Trial, at: float, outage_s: float) -> None:
    requests = [one for one in trial.lab.client_requests() if one.t_start >= at]
    last_bad = max(one.t_start for one in requests if not one.ok)
    served = min(one.t_end for one in requests if one.ok and one.t_start > last_bad)
    print(f"served {served - at:.1f} s after the fault or its end, {outage_s:.1f} s without an answer")


@pytest.mark.rounds(10)
def test_after_a_power_cut_of_the_owner_the_other_one_serves(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        (other,) = trial.others(owner)
        trial.to_be_fenced.add(owner)
        boots = trial.lab.boots(other)
        served_elsewhere(trial, owner, trial.cut_power(owner))
        trial.wait_until_normal()
        assert trial.lab.boots(other) == boots


@pytest.mark.rounds(10)
def test_of_two_nodes_that_do_not_hear_each_other_the_arbiter_lets_one_survive(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        winner, loser = trial.lab.nodes()  # the arbiter prefers the lowest id
        trial.to_be_fenced.add(loser)
        boots = {node: trial.lab.boots(node) for node in trial.lab.nodes()}
        at = trial.fault(f"{winner} and {loser} do not hear each other")
        trial.lab.cut(winner, loser)
        trial.wait(lambda: trial.told(winner, "node-proven", since=at), 30, f"{winner} to prove {loser} off")
        if owner == loser:
            served_elsewhere(trial, owner, at)
        trial.lab.heal()
        trial.wait_until_normal()
        assert trial.lab.boots(winner) == boots[winner], "the winner was shot"
        assert trial.lab.boots(loser) == boots[loser] + 1
        assert trial.owner() == winner
        if owner == winner:
            print(f"the longest time without an answer was {trial.outage_s(at):.1f} s")
            assert not trial.told(winner, "group-stopping", "group-starting", since=at), "the group ran on"


@pytest.mark.rounds(10)
def test_an_owner_cut_off_from_its_peer_and_the_arbiter_loses_the_group(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        (other,) = trial.others(owner)
        trial.to_be_fenced.add(owner)
        boots = {node: trial.lab.boots(node) for node in trial.lab.nodes()}
        at = trial.fault(f"{owner} hears neither {other} nor the arbiter")
        trial.lab.cut(owner, (other, ARBITER))
        served_elsewhere(trial, owner, at)
        trial.lab.heal()
        trial.wait_until_normal()
        assert trial.lab.boots(owner) == boots[owner] + 1
        assert trial.lab.boots(other) == boots[other], "the survivor was shot"


@full_only
@pytest.mark.rounds(10)
def test_without_the_arbiter_all_goes_on_until_a_node_dies_too(tied: Lab, round_number: int) -> None:
    """Then the other one, with one vote of three, may not act, until the arbiter or the dead node is back."""
    with trial_on(tied, round_number) as trial:
        lab, owner = trial.lab, trial.owner()
        (other,) = trial.others(owner)
        trial.to_be_fenced.add(owner)
        at = trial.fault("the arbiter has no power")
        lab.kill(ARBITER)
        trial.wait(lambda: arbiter_is(trial, other, "silent"), TOLD_WITHIN_S, "quorumd to miss the arbiter")
        for node in lab.nodes():
            trial.wait(partial(trial.told, node, "arbiter-silent", since=at), TOLD_WITHIN_S, f"{node} to say so")
            assert "The arbiter arbiter gives no vote" in lab.sh(node, "standfast", "status").stdout
        print(f"the longest time without an answer was {trial.outage_s(at):.1f} s")
        assert trial.owner() == owner
        assert not trial.told(owner, "group-stopping", "group-starting", since=at), "something happened to the group"

        at = trial.cut_power(owner)
        trial.wait(lambda: trial.told(other, "quorum-lost", since=at), 30, f"{other} to lose the quorum")
        found = observe.status(lab, other)
        assert found is not None and found["quorate"] is False
        assert lab.holder() is None and not trial.told(other, "attempt", "group-starting", since=at)
        at = time.monotonic()
        lab.boot((ARBITER, owner)[round_number % 2])
        tell_served(trial, at, trial.wait_for_good_answer(at, 2 * SERVED_WITHIN_S))
        lab.boot(ARBITER)
        trial.wait_until_normal()
        trial.wait(lambda: all(arbiter_is(trial, node, "votes") for node in lab.nodes()), 30, "the arbiter's vote")
