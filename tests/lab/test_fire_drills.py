"""Fire drills on real nodes: injected, measured and told by every node; refused where the cluster is not whole."""

import json
from typing import Any

from standfast_lab import observe

from lab.conftest import full_only
from lab.trial import GROUP, Trial

Report = dict[str, Any]
GOES_ON = "The fire drill goes on: standfast status."


def conduct(trial: Trial, node: str, kind: str, name: str = GROUP) -> Report:
    """The report of a drill that was typed on `node`, which passed."""
    trial.fault(f"fire drill: {kind} of {name}")
    done = trial.lab.sh(node, "standfast", "drill", kind, name, "--yes", "--again", "--json", timeout_s=120)
    report: Report = json.loads(done.stdout)
    assert (report["passed"], report["failed"]) == (True, None)
    return report


def group_of(report: Report) -> Report:
    """Its only group, whose steps add up to no more than the whole."""
    (found,) = report["groups"]
    assert found["group"] == GROUP
    steps = found["steps"]
    assert sum(step["ms"] for step in steps) == steps[-1]["since_fault_ms"]
    names = [step["step"] for step in steps]
    assert {"decided", "started"} <= set(names), names
    print(report["kind"], found["recovered_ms"], "ms", {step["step"]: step["ms"] for step in steps})
    result: Report = found
    return result


def last_drill(trial: Trial, node: str) -> Report | None:
    status = observe.status(trial.lab, node)
    drilled: Report | None = status["groups"][0]["drilled"] if status is not None else None
    return drilled


def wait_until_proven(trial: Trial, kind: str) -> None:
    """Every node says that the group's recovery was proven so."""

    def proven() -> bool:
        found = [last_drill(trial, node) for node in trial.lab.nodes()]
        return all(one is not None and (one["kind"], one["passed"]) == (kind, True) for one in found)

    trial.wait(proven, 60, f"every node to say that {kind} was proven")


def refusal(trial: Trial, node: str, *words: str) -> str:
    done = trial.lab.sh(node, "standfast", "drill", *words, "--yes", check=False)
    assert done.returncode == 1, (done.stdout, done.stderr)
    return done.stderr


def test_a_process_is_killed_and_its_recovery_is_measured_and_told_on_every_node(trial: Trial) -> None:
    owner = trial.owner()
    (first, *_) = trial.others(owner)
    found = group_of(conduct(trial, first, "kill"))
    assert found["owner"] == owner
    wait_until_proven(trial, "kill")
    for node in trial.lab.nodes():
        told = [(one.event, one.fields["GROUP"]) for one in trial.told(node, "drill-begun", "drill-ended")]
        assert told == [("drill-begun", GROUP), ("drill-ended", GROUP)], node
    history = json.loads(trial.lab.sh(first, "standfast", "drill", "history", GROUP, "--last", "1", "--json").stdout)
    assert history[0]["groups"][0]["recovered_ms"] == found["recovered_ms"]
    assert "the last fire drill has just ended" in refusal(trial, first, "kill", GROUP).lower()


def test_a_cluster_that_is_not_whole_has_no_drill_and_the_own_node_is_not_cut_off(trial: Trial) -> None:
    owner = trial.owner()
    first, second = trial.others(owner)
    trial.lab.sh(first, "standfast", "node", "standby", second)
    assert f"{second} is in standby" in refusal(trial, first, "power", GROUP, "--again")
    trial.lab.sh(first, "standfast", "node", "resume", second)
    assert "type it on another node" in refusal(trial, owner, "power", GROUP, "--again")
    trial.wait_until_normal()
    assert trial.owner() == owner


def test_a_power_cut_that_nobody_was_told_of_goes_on_after_ctrl_c(trial: Trial) -> None:
    owner = trial.owner()
    (first, *_) = trial.others(owner)
    trial.to_be_fenced.add(owner)
    boots = trial.lab.boots(owner)
    trial.fault(f"fire drill: power of {owner}")
    words = ("standfast", "drill", "power", owner, "--yes", "--again")
    done = trial.lab.sh(first, "timeout", "--foreground", "--preserve-status", "-s", "INT", "2", *words, check=False)
    assert (done.returncode, GOES_ON in done.stderr) == (6, True), done.stderr
    trial.wait_until_rebooted(owner, boots)
    wait_until_proven(trial, "power")
    trial.wait_until_normal()
    (report,) = json.loads(trial.lab.sh(first, "standfast", "drill", "history", "--last", "1", "--json").stdout)
    found = group_of(report)
    names = [step["step"] for step in found["steps"] if step["step"] != "cause"]
    assert names[:3] == ["detected", "decided", "fenced"]
    assert found["owner"] != owner
    assert report["node_back_ms"] > found["recovered_ms"]


@full_only
def test_a_process_hangs_and_goes_on_whatever_becomes_of_it(trial: Trial) -> None:
    owner = trial.owner()
    found = group_of(conduct(trial, owner, "hang"))
    assert found["owner"] == owner
    units = trial.lab.sh(owner, "systemctl", "list-units", "standfast-drill-hang@*", "--no-legend").stdout
    assert units.strip() == ""


@full_only
def test_a_node_that_is_cut_off_is_fenced_and_comes_back(trial: Trial) -> None:
    owner = trial.owner()
    (first, *_) = trial.others(owner)
    trial.to_be_fenced.add(owner)
    found = group_of(conduct(trial, first, "cut", owner))
    assert found["owner"] != owner
    trial.wait_until_normal()
