"""Slips of the pen in /etc/standfast: nothing comes of them, and a push says file and line (issues 2 and 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from standfast_lab import observe

from lab.conftest import by_default
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


@pytest.mark.parametrize("kind", by_default(SLIPS, "broken cluster.conf", "missing unit"))
def test_a_slip_is_refused_with_file_and_line_and_what_ran_goes_on(trial: Trial, kind: str) -> None:
    slip, node = SLIPS[kind], trial.owner()
    pids = observe.processes(trial.lab, node, APACHE)
    at = trial.fault(f"{kind} on {node}")
    with slip_of_the_pen(trial, node, slip) as line:
        pushed = trial.lab.sh(node, "standfast", "config", "push", "--yes", check=False, timeout_s=60)
        assert pushed.returncode == 1
        assert f"{slip.file}:{line}: " in pushed.stderr
        assert slip.said in pushed.stderr
        assert "Nothing was changed." in pushed.stderr
        trial.wait(lambda: edited(trial) == {node}, TOLD_WITHIN_S, f"{node} to be shown as edited")
        assert trial.told(node, "configuration-edited", since=at)
        assert not trial.told(node, "configuration-in-force", since=at)
        assert trial.owner() == node
        assert trial.serves()
    trial.wait(lambda: edited(trial) == set(), TOLD_WITHIN_S, f"{node}'s files to be those in force again")
    trial.wait_until_normal()
    assert observe.processes(trial.lab, node, APACHE) == pids


def edited(trial: Trial) -> set[str] | None:
    """The nodes whose files differ from what is in force, as all nodes say; None while they differ."""
    found = observe.agreed(trial.lab)
    return set(found.edited) if found else None


def test_daemons_and_boot_do_not_read_what_somebody_edited(trial: Trial) -> None:
    owner = trial.owner()
    node = trial.others(owner)[0]
    trial.fault(f"everything broken on {node}, and a reboot")
    with slip_of_the_pen(trial, node, SLIPS["broken cluster.conf"]):
        with slip_of_the_pen(trial, node, SLIPS["broken target"]):
            boots = trial.lab.boots(node)
            trial.reboot(node)
            trial.wait_until_rebooted(node, boots)
            trial.wait(lambda: edited(trial) == {node} and online(trial), 30, f"{node} to take part, shown as edited")
            assert trial.owner() == owner
            assert trial.serves()
        trial.lab.sh(node, "systemctl", "restart", "standfast-membershipd.service", "standfast-resourced.service")
        trial.wait(lambda: online(trial), 30, f"{node} to take part again")
    trial.wait(lambda: edited(trial) == set(), TOLD_WITHIN_S, f"{node}'s files to be those in force again")
    trial.wait_until_normal()


def online(trial: Trial) -> bool:
    found = observe.agreed(trial.lab)
    return found is not None and set(found.nodes.values()) == {"online"} and not found.drifted


def test_a_push_reaches_every_node_and_a_file_that_was_edited_elsewhere_is_left_alone(trial: Trial) -> None:
    owner = trial.owner()
    node, third = trial.others(owner)
    trial.fault(f"a push from {owner} while {node} has a draft of its own")
    with (
        slip_of_the_pen(trial, node, Slip(file=TARGET, old="MaxRestarts=10", new="MaxRestarts=11", said="")),
        slip_of_the_pen(trial, owner, Slip(file=TARGET, old="MaxRestarts=10", new="MaxRestarts=12", said="")),
    ):
        trial.lab.sh(owner, "standfast", "config", "push", "--yes", "--why", "MaxRestarts", timeout_s=90)
        files = {name: (trial.lab.root(name) / ETC / TARGET).read_text() for name in trial.lab.nodes()}
        assert "MaxRestarts=12" in files[owner]
        assert "MaxRestarts=12" in files[third]
        assert "MaxRestarts=11" in files[node]
        trial.wait(lambda: edited(trial) == {node}, TOLD_WITHIN_S, f"all nodes to say that a file is edited on {node}")
        told = trial.lab.sh(node, "standfast", "config", "diff", check=False)
        assert told.returncode == 1
        assert "+MaxRestarts=11" in told.stdout
    trial.lab.sh(owner, "standfast", "config", "rollback", "--yes", timeout_s=90)
    trial.wait(lambda: edited(trial) == set(), TOLD_WITHIN_S, "all files to be those in force")
    for one in trial.lab.nodes():
        assert "MaxRestarts=10" in (trial.lab.root(one) / ETC / TARGET).read_text()
    trial.wait_until_normal()
