"""A password that is not taken, a node that is back too early, a fencing node that dies (issue 4, line 1)."""

import re
from collections.abc import Iterator

import pytest
from standfast_lab import observe
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.own import own_lab, trial_in
from lab.trial import GROUP, Trial

SERVED_WITHIN_S = 90.0
SLOW_S = 4.0  # before each answer of a device: four make an `off`, one more the status after it


def test_a_password_that_is_not_taken_is_told_with_what_to_type_and_the_operator_ends_it(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.REFUSING)
    at = trial.cut_power(victim)
    trial.wait(lambda: len(trial.told(peer, "attempt-failed", since=at)) >= 2, 60, "two failed attempts")
    said = f"fence device bmc-{victim}: off failed: exit code 1: Unable to get PowerState"
    fencers = {one.node for node in trial.others(victim) for one in trial.told(node, "fence-agent-failed", since=at)}
    for node in fencers:
        assert all(said in one.text for one in trial.told(node, "fence-agent-failed", since=at))
    assert fencers == set(trial.others(victim)), "the next round is another node's"
    assert not trial.serves(), "nothing is started before the proof"
    assert not trial.told(peer, "node-proven", since=at)
    command = what_to_type(trial, peer, at)
    assert command[-2] == victim
    trial.wait(
        lambda: trial.lab.sh(peer, *command, check=False).returncode == 0,
        30,
        "the confirmation to be taken, once knet has given up the links to the dead node",
    )
    trial.wait_for_good_answer(at, 30)
    assert "operator" in trial.told(peer, "node-proven", since=at)[0].text
    trial.lab.bmc(victim)
    trial.lab.boot(victim)
    trial.wait_until_normal(120)


def what_to_type(trial: Trial, node: str, since: float) -> list[str]:
    """The command that the node's journal names for an operator who knows that the lost node is off."""
    found = re.search(r"standfast fence confirm \S+ \S+", trial.told(node, "attempt-failed", since=since)[-1].text)
    assert found
    return found[0].split()


def begun(trial: Trial, victim: str, at: float) -> str:
    """Who began the first round of `off` for the victim."""

    def fencer() -> str:
        told = [one for node in trial.others(victim) for one in trial.told(node, "fence-begun", since=at)]
        return min(told, key=lambda one: one.at).node if told else ""

    trial.wait(fencer, 30, f"somebody to fence {victim}")
    return fencer()


def state(trial: Trial, of: str, seen_from: str) -> str:
    found = trial.seen(seen_from)
    return found.nodes[of] if found is not None else ""


@full_only
def test_a_node_that_is_back_before_its_slow_device_answered_gets_nothing_until_the_attempt_ended(
    trial: Trial,
) -> None:
    """The attempt ends without having cut its power: then it is a member like the others."""
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    boots = trial.lab.boots(victim)
    trial.lab.bmc(victim, Mode.SLOW, 5 * SLOW_S)
    at = trial.cut_power(victim)
    fencer = begun(trial, victim, at)
    trial.lab.boot(victim)
    trial.wait(lambda: is_member(trial, fencer, victim, at), 30, f"{victim} to be named in a term again")
    assert state(trial, victim, fencer) == "fencing"
    trial.wait_for_good_answer(at, SERVED_WITHIN_S)
    refused = trial.lab.sh(fencer, "standfast", "group", "relocate", GROUP, victim, check=False, timeout_s=60)
    assert refused.returncode == 1
    assert state(trial, victim, fencer) == "fencing", "the attempt is still under way"
    trial.lab.bmc(victim, Mode.BROKEN)  # what was asked already is answered, what is asked next is not
    trial.wait(lambda: state(trial, victim, fencer) == "online", 60, f"{victim} to be let in when the attempt ended")
    failed = trial.told(fencer, "attempt-failed", since=at)
    assert failed
    for node in trial.others(victim):
        orders = [one for one in trial.told(node, "order", since=at) if one.fields["SUBJECT"] == victim]
        assert all(one.at > failed[-1].at for one in orders)
        assert not trial.told(node, "node-proven", since=at), "its return ended the loss; that proves nothing of it"
    assert trial.lab.boots(victim) == boots + 1
    trial.lab.bmc(victim)
    trial.wait_until_normal()
    trial.lab.sh(fencer, "standfast", "group", "relocate", GROUP, victim, timeout_s=60)
    trial.wait_until_started_on(victim)


def is_member(trial: Trial, node: str, of: str, since: float) -> bool:
    """The node's journal has a term since then that names `of`."""
    return any(of in one.text for one in trial.told(node, "term-opened", since=since) if one.at > since)


@full_only
def test_a_node_that_is_back_before_its_slow_device_cuts_its_power_is_lost_anew(trial: Trial) -> None:
    """The cut comes after its return has ended the loss: the proof of that one is void, the new loss has its own."""
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.to_be_fenced.add(victim)
    boots = trial.lab.boots(victim)
    trial.lab.bmc(victim, Mode.SLOW, 2 * SLOW_S)
    at = trial.cut_power(victim)
    fencer = begun(trial, victim, at)
    trial.lab.boot(victim)
    trial.wait(lambda: is_member(trial, fencer, victim, at), 30, f"{victim} to be named in a term again")
    assert state(trial, victim, fencer) == "fencing"
    trial.wait(lambda: forced_off(trial, victim, at), 60, f"{victim} to be switched off by its slow device")
    trial.lab.bmc(victim)
    trial.wait(lambda: trial.told(peer, "node-proven", since=at), 60, f"{victim} to be proven off")
    first, *later = [one.fields["INCIDENT"] for one in trial.told(peer, "node-lost", since=at)]
    proven = [one.fields["INCIDENT"] for one in trial.told(peer, "node-proven", since=at)]
    assert first not in proven
    assert proven == later
    trial.wait_until_normal(120)
    assert trial.lab.boots(victim) == boots + 2
    assert not [one for one in trial.told(peer, "order", since=at) if one.fields["SUBJECT"] == victim]


def forced_off(trial: Trial, node: str, since: float) -> bool:
    return any("ForceOff" in one["body"] for one in trial.lab.bmc_requests(node, since))


@full_only
def test_a_fencing_node_that_dies_in_the_middle_takes_the_quorum_along_and_begins_anew_when_it_is_back(
    trial: Trial,
) -> None:
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.SLOW, SLOW_S)
    at = trial.cut_power(victim)
    fencer = begun(trial, victim, at)
    (third,) = set(trial.others(victim)) - {fencer}
    cut_at = trial.cut_power(fencer)
    trial.wait(lambda: quorate(trial, third) == "no", 30, f"{third} to see that it is alone")
    assert not trial.told(third, "node-proven", "order", since=at)
    assert not trial.serves()
    trial.lab.boot(fencer)
    trial.wait_for_good_answer(at, SERVED_WITHIN_S)
    proof = trial.told(third, "node-proven", since=at)[0]
    assert proof.fields["SUBJECT"] == victim
    assert [one for node in (fencer, third) for one in trial.told(node, "fence-begun", since=cut_at)]
    trial.lab.bmc(victim)
    trial.wait_until_normal(120)


def quorate(trial: Trial, node: str) -> str:
    (word,) = observe.properties(trial.lab, node, "org.standfast.Groups1", "Quorate")
    return str(word)


@pytest.fixture(scope="module")
def five() -> Iterator[Lab]:
    with own_lab("levels", 5) as lab:
        yield lab


@full_only
@pytest.mark.rounds(3)
def test_where_the_quorum_is_left_another_node_takes_over_from_a_fencing_node_that_dies_in_the_middle(
    five: Lab, round_number: int
) -> None:
    with trial_in(five) as trial:
        victim = trial.owner()
        trial.to_be_fenced.add(victim)
        five.bmc(victim, Mode.SLOW, SLOW_S)
        at = trial.cut_power(victim)
        fencer = begun(trial, victim, at)
        trial.to_be_fenced.add(fencer)
        cut_at = trial.cut_power(fencer)
        trial.wait_for_good_answer(at, SERVED_WITHIN_S)
        rest = [node for node in trial.others(victim) if node != fencer]
        took_over = [one for node in rest for one in trial.told(node, "fence-begun", since=cut_at)]
        assert {one.fields["NODE"] for one in took_over} == {victim, fencer}
        proven = {one.fields["SUBJECT"] for one in trial.told(rest[0], "node-proven", since=cut_at)}
        assert proven == {victim, fencer}
        lost = {
            (one.fields["SUBJECT"], one.fields["INCIDENT"])
            for node in rest
            for one in trial.told(node, "node-lost", since=at)
        }
        assert len(lost) == 2, "the victim's loss is the same, whoever fences"
        five.bmc(victim)
        trial.wait_until_normal(120)
