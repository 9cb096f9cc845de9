"""The audit finds what must never happen, when it is made to happen."""

import time
from dataclasses import replace

import pytest
from standfast_lab import normal
from standfast_lab.network import VIRTUAL_ADDRESS
from standfast_lab.observe import Told

from lab.audit import HELD, starts_before_proof, violations
from lab.trial import Stage, Trial


def told(event: str, **fields: str) -> Told:
    text = fields.pop("text", event)
    return Told(at=0.0, node="node2", daemon="resourced", event=event, text=text, fields=fields)


LOST = told("node-lost", SUBJECT="node1", INCIDENT="8.1")
PROVEN = told("node-proven", SUBJECT="node1", INCIDENT="8.1")
START = told("order", DECISION="start", SUBJECT="node2", text="webserv: start on node2")
NAMED = told("term-opened", TERM="9", text="Term 9 is open: node1, node2, node3; node1 coordinates")


@pytest.mark.parametrize(
    ("entries", "holder", "wrong"),
    [
        ([LOST, PROVEN, START], "node1", 0),
        ([LOST, START, PROVEN], "node1", 1),
        ([LOST, NAMED, START], "node1", 0),  # it is here again: its loss has ended
        ([LOST, START], "node2", 0),  # what a member has goes on
        ([LOST, told("group-stopped"), START], "node2", 1),
        ([LOST, told("node-proven", SUBJECT="node1", INCIDENT="7.1"), START], "node1", 1),  # a proof of another loss
        ([LOST, told("group-starting", SUBJECT="node3")], "node1", 1),
        ([PROVEN, told("group-starting", GROUP="other", SUBJECT="node3"), LOST, START], "node2", 0),
    ],
)
def test_a_start_before_the_proof_is_found_in_a_journal(entries: list[Told], holder: str, wrong: int) -> None:
    assert len(list(starts_before_proof(entries, holder))) == wrong


@pytest.mark.parametrize(("node", "wrong"), [("node1", 1), ("node3", 0)])
def test_a_copy_waits_for_the_proof_of_its_own_node_only(node: str, wrong: int) -> None:
    start = told("group-starting", GROUP=f"pair@{node}", SUBJECT=node)
    assert len(list(starts_before_proof([LOST, start], None, group=f"pair@{node}"))) == wrong


@pytest.mark.parametrize(("down_at", "wrong"), [(1.0, 0), (3.0, 1)])
def test_a_proof_that_was_given_while_the_node_was_down_is_not_missed_there(down_at: float, wrong: int) -> None:
    entries = [LOST, replace(START, at=2.0)]
    assert len(list(starts_before_proof(entries, "node1", [down_at]))) == wrong


def test_a_second_holder_an_unheld_unit_and_a_stray_power_cut_are_found(stage: Stage) -> None:
    lab = stage.lab
    normal.make(lab)
    lab.client_start()
    trial = Trial(lab)
    owner = trial.first_owner = trial.owner()
    other, third = trial.others(owner)
    trial.fault("nothing")
    trial.wait(lambda: lab.client_requests()[-1].t_start > trial.begun, 5, "a request")
    assert violations(trial) == []

    lab.sh(owner, "mv", HELD, f"{HELD}-away")
    found = violations(trial)
    lab.sh(owner, "mv", f"{HELD}-away", HELD)
    assert len(found) == 2, found
    assert all(text.endswith(f"without {HELD}") for text in found)

    lab.sh(other, "ip", "address", "add", f"{VIRTUAL_ADDRESS}/32", "dev", "lo")
    lab.sh(other, "ip", "address", "del", f"{VIRTUAL_ADDRESS}/32", "dev", "lo")
    found = violations(trial)
    assert len(found) == 1, found
    assert "two nodes held" in found[0]

    lab.kill(third)  # by nobody, as far as the trial knows
    trial.wait(lambda: lab.bmc_requests(third, trial.begun), 30, "the cluster to fence it")
    normal.wait(lab)
    found = violations(trial)
    lab.client_stop()
    assert len(found) == 2, found
    assert f"{third} went down" in found[1]
    assert time.monotonic() - trial.begun < 60
