"""What operators do: relocate, standby, leave, reboot, and starting a resource by hand (issue 2, lines 8 and 9)."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from standfast_lab import observe

from lab.explained import check_runs, commands, explained, of_node
from lab.trial import ADDRESS, APACHE, GROUP, Trial

REFUSED_WITHIN_S = 5.0
BACK_WITHIN_S = 60.0


def check_moved_before_it_went(trial: Trial, left: str, since: float) -> str:
    """Every other node's journal has the group started elsewhere, then the clean leave; returns where it went."""
    places = set()
    for node in trial.others(left):
        told = trial.told(node, "group-started", "node-left", "node-lost", since=since)
        started = [one for one in told if one.event == "group-started"]
        gone = [one for one in told if one.event == "node-left" and one.fields["SUBJECT"] == left]
        assert not [one for one in told if one.event == "node-lost"], node
        assert started, node
        assert gone, node
        assert started[0].at < gone[0].at, node
        places.add(started[0].fields["SUBJECT"])
    (place,) = places
    assert place != left
    return place


def test_relocate_moves_the_group_and_it_stays_there(trial: Trial) -> None:
    owner = trial.owner()
    place = "node2" if owner != "node2" else "node3"
    at = trial.fault(f"relocation from {owner} to {place}")
    trial.lab.sh(owner, "standfast", "group", "relocate", GROUP, place, timeout_s=60)
    assert trial.lab.holder() == place
    trial.wait_until_started_on(place)
    print(f"outage {trial.outage_s(at):.2f} s")
    trial.wait_until_normal()
    assert trial.owner() == place
    check_runs(trial, place, "relocated", "by an operator")


def test_standby_moves_the_group_and_resume_gives_the_node_back_but_moves_nothing(trial: Trial) -> None:
    owner = trial.owner()
    trial.fault(f"standby of {owner}")
    trial.lab.sh(owner, "standfast", "node", "standby", owner, timeout_s=60)
    trial.wait(lambda: trial.lab.holder() not in (None, owner), 30, f"{GROUP} to leave {owner}")
    place = trial.lab.holder()
    assert place is not None
    trial.wait_until_started_on(place)
    found = observe.status(trial.lab, owner)
    assert found is not None
    assert [one["standby"] for one in found["nodes"] if one["name"] == owner] == [True]
    assert of_node(explained(trial, owner), owner) == ["standby"]
    node = explained(trial, place, owner)
    assert (node["state"]["rule"], node["why"][0]["rule"]) == ("gets-nothing", "standby"), node["answer"]
    assert commands(node) == [f"standfast node resume {owner}"]
    trial.lab.sh(place, "standfast", "node", "resume", owner, timeout_s=60)
    trial.wait_until_normal()
    assert trial.owner() == place


def test_stop_of_the_target_on_the_owner_moves_the_group_first_and_a_start_joins_again(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"systemctl stop standfast.target on {owner}")
    trial.lab.sh(owner, "systemctl", "stop", "standfast.target", timeout_s=120)
    place = check_moved_before_it_went(trial, owner, at)
    assert trial.lab.holder() == place
    assert trial.lab.sh(owner, "systemctl", "is-active", "corosync.service", check=False).stdout.strip() != "active"

    def status() -> subprocess.CompletedProcess[str]:
        return trial.lab.sh(owner, "standfast", "status", check=False)

    trial.wait(lambda: status().returncode == 3, 20, "the last daemon to go after the target")
    assert "systemctl start standfast.target" in status().stderr
    states = observe.agreed(trial.lab, trial.others(owner))
    assert states is not None
    assert states.nodes[owner] == "left"
    node = explained(trial, place, owner)
    assert (node["state"]["rule"], commands(node)) == ("left", ["systemctl start standfast.target"]), node["answer"]
    assert of_node(explained(trial, place), owner) == ["not-here", "has-left"]
    assert trial.lab.sh(owner, "standfast", "explain", GROUP, check=False).returncode == 3
    trial.lab.sh(owner, "systemctl", "start", "standfast.target", timeout_s=60)
    trial.wait_until_normal()
    assert trial.owner() == place


def test_reboot_of_the_owner_moves_the_group_first_and_the_node_is_back_by_itself(trial: Trial) -> None:
    owner, boots = trial.owner(), trial.lab.boots(trial.owner())
    at = trial.reboot(owner)
    trial.wait_until_rebooted(owner, boots)
    place = check_moved_before_it_went(trial, owner, at)
    trial.wait_until_normal(BACK_WITHIN_S)
    print(f"outage {trial.outage_s(at):.2f} s, the node back {time.monotonic() - at:.1f} s later")
    assert trial.owner() == place


def test_start_by_hand_elsewhere_is_refused_and_the_journal_says_why_and_what_to_type(trial: Trial) -> None:
    owner = trial.owner()
    other = trial.others(owner)[0]
    for unit in (APACHE, ADDRESS):
        text = refused_start(trial, other, unit)
        assert f"group {GROUP}" in text
        assert f"runs on {owner}" in text
        assert f"standfast group relocate {GROUP} {other}" in text
    assert trial.owner() == owner


def refused_start(trial: Trial, node: str, unit: str) -> str:
    """The unit was not started on the node; the sentence, one, that the journal has about it."""
    at = trial.fault(f"systemctl start {unit} on {node}")
    assert trial.lab.sh(node, "systemctl", "start", unit, check=False).returncode != 0

    def told() -> list[str]:
        return [one.text for one in trial.told(node, "start-refused", since=at) if one.fields["RESOURCE"] == unit]

    trial.wait(told, REFUSED_WITHIN_S, f"{node}'s journal to say why {unit} was not started")
    (text,) = told()
    return text


@contextmanager
def enabled_apache(trial: Trial, node: str) -> Iterator[None]:
    """Somebody has enabled Apache on the node, as package upgrades and habits do."""
    trial.lab.sh(node, "systemctl", "enable", APACHE)
    try:
        yield
    finally:
        trial.lab.boot(node)
        trial.lab.sh(node, "systemctl", "disable", APACHE)
        trial.lab.sh(node, "systemctl", "enable", "--now", "standfast.target")


def test_enabled_apache_does_not_start_at_boot_elsewhere_not_even_without_our_daemons(trial: Trial) -> None:
    other = trial.others(trial.owner())[0]
    with enabled_apache(trial, other):
        check_boot_without_apache(trial, other)
        trial.wait_until_normal()
        trial.lab.sh(other, "systemctl", "disable", "standfast.target")
        check_boot_without_apache(trial, other)
        assert trial.lab.sh(other, "systemctl", "is-active", "standfast.target", check=False).returncode != 0
        result = trial.lab.sh(other, "systemctl", "start", APACHE, check=False)
        assert result.returncode != 0


def check_boot_without_apache(trial: Trial, node: str) -> None:
    """The node rebooted, and Apache was asked for but does not run."""
    boots = trial.lab.boots(node)
    trial.reboot(node)
    trial.wait_until_rebooted(node, boots)
    assert observe.unit_property(trial.lab, node, APACHE, "AssertResult") == "no"
    assert observe.unit_property(trial.lab, node, APACHE, "ActiveState") in ("inactive", "failed")
    assert not observe.processes(trial.lab, node, APACHE)
    address = trial.lab.place.find(node).addresses[0]
    assert trial.lab.client("curl", "-sf", "-m", "1", f"http://{address}/").returncode != 0
