"""Two fence levels, Redfish then IPMI, and IPMI alone: Debian's fence_ipmilan against ipmi_sim (issue 4, line 1)."""

import json
import re
from collections.abc import Iterator

import pytest
from standfast_lab import observe
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.own import own_lab, trial_in
from lab.trial import Trial

SERVED_WITHIN_S = 60.0
DROP_IN = "etc/standfast/cluster.conf.d/levels.conf"
SERVICES = ("Membership", "Quorum", "Fencing", "Groups")
SHOWING = {  # by command: what it is sure to print
    "journalctl --output=export --all --no-pager": "_SYSTEMD_UNIT=standfast-fenced.service",
    "systemctl show --all '*'": "Id=standfast-fenced.service",
    "standfast status --json; standfast fence history": "bmc-node1",
    "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ": "standfast.fenced",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with own_lab("ipmi", 3, second_bmcs=True) as lab:
        yield lab


@pytest.fixture
def trial(lab: Lab) -> Iterator[Trial]:
    with trial_in(lab) as trial:
        yield trial


@full_only
def test_a_device_that_refuses_the_password_is_told_and_the_next_level_cuts_the_power_at_once(trial: Trial) -> None:
    victim = trial.owner()
    peer = trial.others(victim)[0]
    boots = trial.lab.boots(victim)
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.REFUSING)
    at = trial.fault(f"an operator fences {victim}, whose first device refuses the password")
    said = trial.lab.sh(peer, "standfast", "fence", "now", victim).stdout
    assert f"{victim} was proven off" in said
    print(f"outage {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.2f} s")
    (failed,) = failures(trial, victim, at)
    assert f"fence device bmc-{victim}: off failed: exit code 1: Unable to get PowerState" in failed
    assert f"ipmi-{victim} switched it off and says so" in proof_of(trial, victim, at)
    assert by_ipmi(trial, victim, at)[0] == "ForceOff", "the second level cuts the power, and nobody else did"
    trial.lab.bmc(victim)
    trial.wait_until_normal()
    assert trial.lab.boots(victim) == boots + 1


def test_a_dead_device_costs_its_deadline_and_the_next_level_takes_over(trial: Trial) -> None:
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    trial.lab.bmc(victim, Mode.DEAD)
    at = trial.cut_power(victim)
    print(f"outage {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.2f} s")
    (failed,) = failures(trial, victim, at)
    assert f"fence device bmc-{victim}: off failed: " in failed
    assert f"ipmi-{victim} switched it off and says so" in proof_of(trial, victim, at)
    trial.lab.bmc(victim)
    trial.wait_until_normal()


@full_only
def test_the_password_is_nowhere_to_be_read(lab: Lab) -> None:
    """After all those attempts. Who may read it: root, in the two copies of PasswordFile=.

    While an agent runs, Debian's fence_ipmilan gives it to ipmitool on the command line; ipmitool overwrites it there
    as soon as it has read it. Nothing of ours ever has it on one.
    """
    password = (lab.place.folder / "bmc.password").read_text()
    for node in lab.nodes():
        check_secret(lab, node, password)


def check_secret(lab: Lab, node: str, password: str) -> None:
    """Nothing that the node shows has the password, and only root may read the files that have it."""
    assert lab.sh(node, "standfast", "fence", "test", node, check=False).returncode == 0
    for command, part in SHOWING.items():
        text = printed(lab, node, command)
        assert part in text, f"{command} on {node} would show it"
        assert password not in text, f"{command} on {node} shows it"
    for service in SERVICES:
        assert password not in json.dumps(observe.objects(lab, node, f"org.standfast.{service}"))
    places = ("/etc", "/run", "/tmp", "/srv", "/var/lib/standfast", "/var/log/apache2", "/var/tmp")
    holding = lab.sh(node, "grep", "-rlsF", password, *places, check=False).stdout
    written, stored = sorted(holding.split())
    assert written == "/etc/standfast/bmc.secret"
    assert re.fullmatch(r"/var/lib/standfast/versions/[0-9a-f]{64}/bmc\.secret", stored)
    modes = lab.sh(node, "stat", "--format=%a %U", written, stored).stdout.splitlines()
    assert modes == ["600 root", "600 root"]


def printed(lab: Lab, node: str, command: str) -> str:
    """What the command prints, as far as it is ASCII."""
    return lab.sh(node, "sh", "-c", f"{{ {command}; }} 2>&1 | tr -cd '\\11\\12\\40-\\176'").stdout


def test_a_power_cut_is_fenced_end_to_end_by_ipmi_alone(trial: Trial) -> None:
    """The last one here: the lab keeps the configuration that it leaves."""
    leave_only_ipmi(trial)
    victim = trial.owner()
    trial.to_be_fenced.add(victim)
    at = trial.cut_power(victim)
    print(f"outage {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.2f} s")
    assert f"ipmi-{victim} switched it off and says so" in proof_of(trial, victim, at)
    trial.wait_until_normal()
    assert by_ipmi(trial, victim, at)[-1] == "On", "it was switched on by nobody else"
    told = [one for one in trial.lab.bmc_requests(victim, at) if one["method"] == "POST"]
    assert {one["path"] for one in told} == {"ipmi"}


def leave_only_ipmi(trial: Trial) -> None:
    """No node's Fence= in force names another device than its IPMI BMC."""
    text = "".join(f"[Node]\nName={node}\nFence=\nFence=ipmi-{node}\n" for node in trial.lab.nodes())
    node = trial.lab.nodes()[0]
    file = trial.lab.root(node) / DROP_IN
    file.parent.mkdir()
    file.write_text(text)
    trial.lab.sh(node, "standfast", "config", "push", "--yes", timeout_s=90)


def failures(trial: Trial, victim: str, since: float) -> list[str]:
    """What was told of devices that failed, by whoever fenced it."""
    told = [one for node in trial.others(victim) for one in trial.told(node, "fence-agent-failed", since=since)]
    texts = [one.text for one in told if one.fields["ACTION"] == "off"]
    print("\n".join(texts))
    return texts


def proof_of(trial: Trial, victim: str, since: float) -> str:
    """What every other node's journal says alike of the proof."""
    (text,) = {one.text for node in trial.others(victim) for one in trial.told(node, "node-proven", since=since)}
    return text


def by_ipmi(trial: Trial, victim: str, since: float) -> list[str]:
    """What the node's IPMI BMC was told to do since then, and did."""
    asked = [one for one in trial.lab.bmc_requests(victim, since) if one["path"] == "ipmi" and one["body"]]
    return [json.loads(one["body"])["ResetType"] for one in asked]
