"""A group with Copies= on real nodes: each copy recovers by itself, and a lost node's is not waited for."""

from standfast_lab import observe
from standfast_lab.place import LabError

from lab.examples import taken_back
from lab.trial import Trial

TARGET = "[X-Standfast]\nResources=pair.service\nDomain=web\nCopies=2\n"
SERVICE = "[Service]\nExecStart=/usr/bin/sleep infinity\n"
UNIT = "pair.service"
PUSHED_WITHIN_S = 60.0


def running(trial: Trial) -> list[str]:
    """The nodes whose copy is started, as all that are on agree, where systemd says the same."""
    on = [node for node in trial.lab.nodes() if trial.lab.is_on(node)]
    found = observe.agreed(trial.lab, on)
    groups = found.groups if found is not None else {}
    names = [one.owner for name, one in sorted(groups.items()) if name.startswith("pair@") and one.phase == "started"]
    active = [node for node in on if observe.unit_property(trial.lab, node, UNIT, "ActiveState") == "active"]
    return names if names == active else []


def wait_until_on(trial: Trial, *nodes: str) -> None:
    def there() -> bool:
        try:
            return running(trial) == list(nodes)
        except LabError:
            return False

    trial.wait(there, 40.0, lambda: f"copies on {' and '.join(nodes)}; {observe.agreed(trial.lab)}")


def about(trial: Trial, node: str, event: str, since: float) -> list[str]:
    """The groups that the node's journal tells this of."""
    return [one.fields["GROUP"] for one in trial.told(node, event, since=since)]


def test_each_copy_recovers_by_itself_and_nobody_waits_for_the_proof_of_a_lost_one(trial: Trial) -> None:
    lab = trial.lab
    first, second, third = lab.nodes()
    lost = first if trial.owner() != first else second
    stays = trial.others(lost, third)[0]
    with taken_back(trial, third):
        for name, text in (("pair.target", TARGET), (UNIT, SERVICE)):
            lab.root(third).joinpath("etc/standfast/units", name).write_text(text)
        lab.sh(third, "standfast", "config", "push", "--yes", timeout_s=PUSHED_WITHIN_S)
        wait_until_on(trial, first, second)
        assert lab.sh(third, "systemctl", "start", UNIT, check=False).returncode != 0  # its copy has no lease there

        pids = {node: observe.unit_property(lab, node, UNIT, "MainPID") for node in (first, second)}
        at = trial.fault(f"{UNIT} killed on {lost}")
        lab.sh(lost, "systemctl", "kill", "-s", "KILL", UNIT)
        trial.wait(lambda: about(trial, lost, "group-failed", at), 30.0, f"{lost} to say that its copy failed")
        wait_until_on(trial, first, second)
        after = {node: observe.unit_property(lab, node, UNIT, "MainPID") for node in (first, second)}
        assert [node for node in pids if pids[node] != after[node]] == [lost]
        assert set(about(trial, stays, "group-failed", at)) == {f"pair@{lost}"}

        trial.to_be_fenced.add(lost)
        at = trial.cut_power(lost)
        trial.wait(lambda: trial.told(stays, "node-proven", since=at), 30.0, f"{lost} to be proven off")
        wait_until_on(trial, *sorted((stays, third)))
        (proven, *_) = trial.told(stays, "node-proven", since=at)
        started = [
            one.at for one in trial.told(stays, "group-starting", since=at) if one.fields["GROUP"] == f"pair@{third}"
        ]
        assert started[0] < proven.at
        trial.wait_until_normal()
        wait_until_on(trial, *sorted((stays, third)))
        assert about(trial, stays, "group-starting", at) == [f"pair@{third}"]  # it is back, and nothing moved

        assert lab.sh(lost, "standfast", "group", "stop", "pair").stdout == "pair is stopped\n"
        assert running(trial) == []
