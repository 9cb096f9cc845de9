"""Two nodes and an arbiter, no fence device that answers, only watchdogs: served again, never twice."""

import contextlib
from collections.abc import Iterator

import pytest
from standfast_lab import normal
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.own import own_lab, trial_in
from lab.trial import GROUP, Trial

ARBITER = "arbiter"
SERVED_WITHIN_S = 90.0  # DetectWithin, and 36 s: TickMax, the watchdog's timeout, margin, and what the arbiter adds


@pytest.fixture(scope="module")
def tied() -> Iterator[Lab]:
    with own_lab("arbiter-watched", 2, watchdogs=True, arbiter=True) as lab:
        yield lab


@contextlib.contextmanager
def trial_on(tied: Lab, round_number: int) -> Iterator[Trial]:
    """In even rounds node1 has the group, whom the arbiter prefers, in odd ones node2."""
    tied.boot(ARBITER)
    normal.make(tied)
    owner = tied.nodes()[round_number % 2]
    other = tied.nodes()[1 - round_number % 2]
    for node in (other, owner):  # a watchdog is armed before the first group is held, and proves nothing before
        tied.sh(node, "standfast", "group", "relocate", GROUP, node, check=False)
        normal.wait(tied)
    with trial_in(tied) as trial:
        assert trial.owner() == owner
        for node in tied.nodes():
            tied.bmc(node, Mode.BROKEN)
        yield trial
        tied.heal()
        for node in tied.nodes():
            tied.bmc(node, Mode.OK)
            if not tied.is_on(node):
                tied.boot(node)


def moved(trial: Trial, owner: str, at: float) -> None:
    """The other node serves, after the watchdog's time and not before."""
    (other,) = trial.others(owner)
    print(f"{trial.wait_for_good_answer(at, SERVED_WITHIN_S):.1f} s without an answer")
    proofs = trial.told(other, "node-proven", since=at)
    assert [one.fields["SUBJECT"] for one in proofs] == [owner]
    assert all("watchdog" in one.text for one in proofs)
    assert trial.lab.holder() == other


@full_only
@pytest.mark.rounds(10)
def test_a_power_cut_is_proven_by_the_watchdog(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        moved(trial, owner, trial.cut_power(owner))


@full_only
@pytest.mark.rounds(10)
def test_of_two_nodes_that_do_not_hear_each_other_the_arbiter_lets_one_go_on(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        winner, loser = trial.lab.nodes()  # the arbiter prefers the lowest id
        boots = {node: trial.lab.boots(node) for node in trial.lab.nodes()}
        at = trial.fault(f"{winner} and {loser} do not hear each other")
        trial.lab.cut(winner, loser)
        trial.wait(
            lambda: trial.told(winner, "node-proven", since=at), SERVED_WITHIN_S, f"{winner} to prove {loser} off"
        )
        if owner == loser:
            moved(trial, owner, at)
        trial.lab.heal()
        trial.wait_until_normal()
        assert trial.owner() == winner
        assert {node: trial.lab.boots(node) for node in trial.lab.nodes()} == boots, "a node was reset that had stopped"


@full_only
@pytest.mark.rounds(10)
def test_an_owner_cut_off_from_its_peer_and_the_arbiter_loses_the_group(tied: Lab, round_number: int) -> None:
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        (other,) = trial.others(owner)
        at = trial.fault(f"{owner} hears neither {other} nor the arbiter")
        trial.lab.cut(owner, (other, ARBITER))
        moved(trial, owner, at)


@full_only
@pytest.mark.rounds(10)
def test_an_owner_that_is_cut_off_and_hangs_is_reset_in_time(tied: Lab, round_number: int) -> None:
    """All of ours on it hang, so nothing stops the group there but the watchdog."""
    with trial_on(tied, round_number) as trial:
        owner = trial.owner()
        at = trial.fault(f"Corosync and corosync-qdevice on {owner} hang")
        trial.powered_off.append((owner, at))
        trial.lab.sh(owner, "pkill", "-STOP", "corosync")
        moved(trial, owner, at)
