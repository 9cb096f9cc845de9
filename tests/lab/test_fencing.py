"""Fence devices that are slow, dead, stuck or liars, and operators who fence."""

from standfast_lab.behaviour import Mode

from lab.conftest import full_only
from lab.explained import commands, explained, rules
from lab.trial import Trial


@full_only
def test_a_slow_device_is_waited_for(trial: Trial) -> None:
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.SLOW, 2.0)
    at = trial.cut_power(victim)
    trial.wait_for_good_answer(at, 60)
    proof = trial.told(trial.others(victim)[0], "node-proven", since=at)[0]
    assert proof.at - at > 2.0
    trial.lab.bmc(victim)
    trial.wait_until_normal(120)


def test_a_device_that_does_not_answer_is_asked_again_for_ever_and_the_group_waits(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.BROKEN)
    at = trial.cut_power(victim)
    trial.wait(lambda: len(trial.told(peer, "attempt-failed", since=at)) >= 3, 60, "three failed attempts")
    assert not trial.serves(), "nothing is started before the proof"
    loss = trial.told(peer, "node-lost", since=at)[0].fields["INCIDENT"]
    old = trial.lab.sh(peer, "standfast", "fence", "confirm", victim, "0.1", check=False)
    assert (old.returncode, f"that is {loss}" in old.stderr) == (1, True)
    for node in trial.others(victim):
        found = explained(trial, node)
        assert (found["state"]["rule"], found["why"][0]["rule"]) == ("runs-not", "awaits-proof"), found["answer"]
        assert f"{victim} is off (loss {loss})" in found["answer"]
        assert {"left-ring", "failed-attempts"} <= set(rules(found["more"][0]["reasons"]))
        assert rules(found["by_itself"]) == ["until-proof", "then-runs"]
    trial.lab.bmc(victim)
    trial.wait_for_good_answer(at, 60)
    assert trial.told(peer, "node-proven", since=at)
    trial.wait_until_normal(120)


def test_what_no_device_can_prove_an_operator_confirms(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.BROKEN)
    at = trial.cut_power(victim)
    trial.wait(lambda: trial.told(peer, "attempt-failed", since=at), 60, "a failed attempt")
    loss = trial.told(peer, "node-lost", since=at)[0].fields["INCIDENT"]
    (offered,) = commands(explained(trial, peer))
    assert offered == f"standfast fence confirm {victim} {loss}"
    confirm = offered.split()
    trial.wait(
        lambda: trial.lab.sh(peer, *confirm, check=False).returncode == 0,
        30,
        "the confirmation to be taken, once knet has given up the links to the dead node",
    )
    trial.wait_for_good_answer(at, 30)
    proof = trial.told(peer, "node-proven", since=at)[0]
    assert "operator" in proof.text
    assert "uid 0" in proof.text
    trial.lab.bmc(victim)
    trial.lab.boot(victim)
    trial.wait_until_normal(120)


@full_only
def test_a_confirmation_is_refused_for_a_wrong_name_an_old_loss_and_a_node_that_still_answers(trial: Trial) -> None:
    peer = trial.owner()
    victim = trial.others(peer)[0]
    trial.to_be_fenced.add(victim)

    def refused(node: str, loss: str) -> str:
        said = trial.lab.sh(peer, "standfast", "fence", "confirm", node, loss, check=False, timeout_s=60)
        assert said.returncode == 1, said.stdout
        return said.stderr

    assert f"{victim} may not be off: Link 0 to {victim} is up" in refused(victim, "1.1"), "it is well"
    trial.lab.bmc(victim, Mode.STUCK)
    at = trial.fault(f"Corosync on {victim} hangs, and its BMC cannot switch it off")
    trial.lab.sh(victim, "pkill", "-STOP", "-x", "corosync")
    trial.wait(lambda: trial.told(peer, "attempt-failed", since=at), 60, "a failed attempt")
    loss = trial.told(peer, "node-lost", since=at)[0].fields["INCIDENT"]
    assert "There is no node node9" in refused("node9", loss)
    address = trial.lab.place.find(victim).addresses[0]
    against = refused(victim, loss)
    assert f"{victim} may not be off" in against
    assert f"answers at its address {address}" in against
    assert f"Fence device bmc-{victim} says that {victim} is on" in against
    overridden = ("--although", "address", "--although", "device", "--although", "link")
    old = trial.lab.sh(peer, "standfast", "fence", "confirm", victim, "0.1", *overridden, check=False, timeout_s=60)
    assert (old.returncode, f"that is {loss}" in old.stderr) == (1, True)
    assert not trial.told(peer, "node-proven", since=at), "nothing that was refused proves anything"
    trial.lab.bmc(victim)
    trial.wait(lambda: trial.told(peer, "node-proven", since=at), 90, "the node to be fenced by its device")
    trial.wait_until_normal(120)
    assert trial.owner() == peer


def test_a_device_that_lies_about_a_node_that_is_heard_proves_nothing(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.lab.bmc(victim, Mode.LYING)
    at = trial.fault(f"an operator fences {victim}, whose BMC lies")
    trial.to_be_fenced.add(victim)
    trial.lab.sh(peer, "standfast", "fence", "now", victim, "--timeout", "1", check=False)
    trial.wait(lambda: trial.told(peer, "attempt-failed", since=at), 60, "the attempt to fail")
    why = trial.told(peer, "attempt-failed", since=at)[0].text
    assert f"its device says that {victim} is off, but it is heard" in why
    assert not trial.told(peer, "node-proven", since=at)
    assert trial.serves(), "it runs where it ran"
    boots = trial.lab.boots(victim)
    trial.lab.bmc(victim)
    trial.wait(lambda: trial.told(peer, "node-proven", since=at), 60, "the node to be fenced once its BMC is honest")
    trial.wait_until_normal(120)
    assert trial.lab.boots(victim) == boots + 1


def test_an_operator_fences_a_node_that_is_well_and_its_group_moves(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    trial.to_be_fenced.add(victim)
    at = trial.fault(f"an operator fences {victim}")
    said = trial.lab.sh(peer, "standfast", "fence", "now", victim)
    assert f"{victim} was proven off" in said.stdout
    trial.wait_for_good_answer(at, 30)
    lost = trial.told(peer, "node-lost", since=at)[0]
    assert "an operator (uid 0 on" in lost.text
    trial.wait_until_normal(120)
    refused = trial.lab.sh(peer, "standfast", "fence", "now", "node9", check=False)
    assert (refused.returncode, "There is no node node9" in refused.stderr) == (1, True)


def test_a_fenced_that_is_killed_in_the_middle_is_asked_again(trial: Trial) -> None:
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.SLOW, 2.0)
    at = trial.cut_power(victim)

    def fencer() -> str:
        begun = [(node, trial.told(node, "fence-begun", since=at)) for node in trial.others(victim)]
        return next((node for node, told in begun if told), "")

    trial.wait(fencer, 30, "somebody to fence it")
    trial.lab.sh(fencer(), "systemctl", "kill", "--signal=SIGKILL", "standfast-fenced")
    trial.wait_for_good_answer(at, 90)
    trial.lab.bmc(victim)
    trial.wait_until_normal(120)
