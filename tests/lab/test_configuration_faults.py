"""Slips of the pen in /etc/standfast: said with file and line, and what runs goes on (issue 2, line 11)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from standfast_lab import observe

from lab.trial import APACHE, GROUP, Trial

TOLD_WITHIN_S = 15.0
ETC = Path("etc/standfast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What somebody wrote into a file, and what must be said about it."""

    file: str
    old: str
    new: str
    said: str  # besides file and line


TARGET = f"units/{GROUP}.target"
SLIPS = {
    "broken cluster.conf": Slip(file="cluster.conf", old="Failback=no", new="Failback no", said="Failback no"),
    "unknown option": Slip(file="cluster.conf", old="Failback=no", new="Failbakc=no", said="Failback"),
    "option that the agent does not know": Slip(
        file="cluster.conf",
        old="Option=systems_uri=/redfish/v1/Systems/1",
        new="Option=sistems_uri=/redfish/v1/Systems/1",
        said="fence_redfish knows no option sistems_uri",
    ),
    "broken target": Slip(file=TARGET, old="MaxRestarts=10", new="MaxRestarts=often", said="MaxRestarts"),
    "missing unit": Slip(file=TARGET, old=APACHE, new=f"{APACHE} apache3.service", said="apache3.service"),
}


@contextmanager
def slip_of_the_pen(trial: Trial, node: str, slip: Slip) -> Iterator[int]:
    """The node's file has the slip while this lasts; its line number."""
    file = trial.lab.root(node) / ETC / slip.file
    good = file.read_text()
    bad = good.replace(slip.old, slip.new)
    assert bad != good
    file.write_text(bad)
    try:
        yield next(number for number, line in enumerate(bad.splitlines(), 1) if slip.new in line)
    finally:
        file.write_text(good)


@pytest.mark.parametrize("kind", SLIPS)
def test_a_slip_is_said_with_file_and_line_and_what_ran_goes_on(trial: Trial, kind: str) -> None:
    slip, node = SLIPS[kind], trial.owner()
    pids = observe.processes(trial.lab, node, APACHE)
    at = trial.fault(f"{kind} on {node}")
    with slip_of_the_pen(trial, node, slip) as line:
        said = said_about(trial, node, at)
        assert len(said) == 1, said
        assert f"{slip.file}:{line}" in said[0]
        assert slip.said in said[0]
        assert not trial.told(node, "configuration-in-force", since=at)
        check_goes_on(trial, node, pids)
    trial.wait_until_normal()
    assert observe.processes(trial.lab, node, APACHE) == pids


def said_about(trial: Trial, node: str, since: float) -> list[str]:
    """What resourced said of the files since then; nobody had to ask it to look."""

    def told() -> list[str]:
        entries = trial.told(node, "configuration-problem", since=since)
        return [one.text for one in entries if one.daemon == "resourced"]

    trial.wait(told, TOLD_WITHIN_S, f"{node}'s journal to say what is wrong")
    return told()


def check_goes_on(trial: Trial, node: str, pids: tuple[int, ...]) -> None:
    """The group runs on with the same processes, and the others see the node's files differ."""
    trial.wait(lambda: drifted(trial) == {node}, TOLD_WITHIN_S, f"{node} to be shown as drifted")
    assert trial.owner() == node
    assert trial.serves()
    assert observe.processes(trial.lab, node, APACHE) == pids


def drifted(trial: Trial) -> set[str]:
    found = observe.agreed(trial.lab)
    return set(found.drifted) if found else set()


def test_daemons_and_boot_go_on_with_the_last_good_configuration(trial: Trial) -> None:
    owner = trial.owner()
    node = trial.others(owner)[0]
    trial.fault(f"everything broken on {node}, and a reboot")
    with slip_of_the_pen(trial, node, SLIPS["broken cluster.conf"]):
        with slip_of_the_pen(trial, node, SLIPS["broken target"]):
            boots = trial.lab.boots(node)
            trial.reboot(node)
            trial.wait_until_rebooted(node, boots)
            trial.wait(lambda: online(trial, node), 30, f"{node} to take part with its last good configuration")
            (problems,) = observe.properties(
                trial.lab, node, "org.standfast.Membership1", "Problems", service="org.standfast.Membership"
            )
            assert any("cluster.conf:" in text for text in problems)
            assert any(f"{GROUP}.target:" in text for text in problems)
            assert drifted(trial) == {node}
            assert trial.owner() == owner
            assert trial.serves()
        trial.lab.sh(node, "systemctl", "restart", "standfast-membershipd.service", "standfast-resourced.service")
        trial.wait(lambda: online(trial, node), 30, f"{node} to take part again")
    trial.lab.sh(node, "systemctl", "reload", "standfast-membershipd.service")


def online(trial: Trial, node: str) -> bool:
    found = observe.agreed(trial.lab)
    return found is not None and set(found.nodes.values()) == {"online"}


def test_a_drifted_node_is_shown_and_is_given_nothing_to_run(trial: Trial) -> None:
    owner = trial.owner()
    node, third = trial.others(owner)
    slip = Slip(file=TARGET, old="MaxRestarts=10", new="MaxRestarts=11", said="")
    at = trial.fault(f"another configuration on {node}")
    with slip_of_the_pen(trial, node, slip):
        trial.wait(lambda: drifted(trial) == {node}, TOLD_WITHIN_S, f"{node} to be shown as drifted")
        told = [one.text for one in trial.told(owner, "node-drifted", since=at)]
        assert any(text.startswith(f"{node} has not the configuration in force") for text in told), told
        refused = trial.lab.sh(owner, "standfast", "group", "relocate", GROUP, node, check=False, timeout_s=60)
        assert refused.returncode == 1
        assert "configuration" in refused.stderr
        trial.lab.sh(owner, "standfast", "node", "standby", owner, timeout_s=60)
        trial.wait_until_started_on(third)
        trial.lab.sh(owner, "standfast", "node", "resume", owner, timeout_s=60)
    trial.wait_until_normal()
    for one in trial.lab.nodes():
        assert not [entry for entry in trial.told(one, "order", since=at) if entry.fields["SUBJECT"] == node]
