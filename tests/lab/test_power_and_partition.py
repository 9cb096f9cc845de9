"""Power cuts and a partition: fencing with proof, and nobody shot who only booted late or left cleanly."""

import json
import re
import time
from functools import partial

from standfast_lab import observe
from standfast_lab.observe import Told

from lab.conftest import full_only
from lab.explained import check_no_term, check_runs, commands, explained, of_node, rules
from lab.replays import check_replay
from lab.trial import GROUP, Trial

MEMBER_WITHIN_S = 30.0  # of being switched on
LATE_S = 10.0
POST_JOIN_DELAY_S = 60
TIMELINE_WITHIN = 0.1  # of the outage
EARLY_S = 2.0  # journald took the entry of the loss later than that of the attempt
SURVIVORS = ("node1", "node2")


def first(told: list[Told], event: str, **fields: str) -> Told:
    """The first entry of this kind."""
    found = [one for one in told if one.event == event and all(one.fields.get(k) == v for k, v in fields.items())]
    assert found, f"no {event} with {fields} among {[(one.event, one.text) for one in told]}"
    return found[0]


def check_story(trial: Trial, victim: str, at: float) -> str:
    """Each survivor's journal tells loss, attempt, proof and only then the start; returns where that was."""
    places = set()
    for node in trial.others(victim):
        told_started = partial(trial.told, node, "group-started", since=at)  # the page may come a moment before
        trial.wait(told_started, 30, f"{node} to tell that {GROUP} is started")
        told = trial.told(node, since=at)
        lost = first(told, "node-lost", SUBJECT=victim)
        attempt = first(told, "attempt", INCIDENT=lost.fields["INCIDENT"])
        proven = first(told, "node-proven", INCIDENT=lost.fields["INCIDENT"])
        order = first(told, "order", DECISION="start", GROUP=GROUP)
        started = first(told, "group-started", GROUP=GROUP)
        assert [lost.at, attempt.at, proven.at, order.at, started.at] == sorted(
            [lost.at, attempt.at, proven.at, order.at, started.at]
        ), node
        assert "agent" in proven.text
        assert order.fields["SUBJECT"] == started.fields["SUBJECT"] != victim
        places.add(started.fields["SUBJECT"])
        held = trial.lab.holders()[started.fields["SUBJECT"]][-1][0]
        assert held > proven.at, f"{started.fields['SUBJECT']} took the address before the proof"
        check_group_alone(trial, node, at)
    (place,) = places
    return place


def check_group_alone(trial: Trial, node: str, at: float) -> None:
    """`journalctl STANDFAST_GROUP=webserv` alone tells the story, the node's loss and its fencing with it."""
    since = trial.begun_clock + at - trial.begun - 1
    found = {entry.get("STANDFAST_EVENT") for entry in trial.lab.journal(node, f"STANDFAST_GROUP={GROUP}", since=since)}
    assert {"node-lost", "attempt", "node-proven", "order", "group-started"} <= found, found


def check_timeline(trial: Trial, victim: str, at: float, outage_s: float) -> None:
    """On each survivor the steps that `standfast timeline` tells of this loss add up to what the client has seen."""
    for node in trial.others(victim):
        (loss,) = {one.fields["INCIDENT"] for one in trial.told(node, "node-lost", since=at)}
        (incident,) = json.loads(trial.lab.sh(node, "standfast", "timeline", loss, "--json").stdout)
        steps = {step["step"]: step["ms"] for step in incident["steps"]}
        total_s = sum(steps.values()) / 1000
        print(f"timeline on {node}: {total_s:.2f} s {steps}, the client saw an outage of {outage_s:.2f} s")
        assert list(steps) == ["cause", "detected", "decided", "fenced", "started", "good"]
        assert abs(total_s - outage_s) <= TIMELINE_WITHIN * outage_s, node


def switched_on_at(trial: Trial, node: str, since: float) -> float:
    """When the node's BMC was told to switch it on."""

    def found() -> list[float]:
        asked = trial.lab.bmc_requests(node, since)
        return [entry["begun"] for entry in asked if '"On"' in entry["body"]]

    trial.wait(found, 30, f"{node} to be switched on by its BMC")
    return found()[0]


def test_owner_without_power_is_fenced_before_the_start_elsewhere_and_comes_back_healthy(trial: Trial) -> None:
    victim = trial.owner()
    trial.to_be_fenced.add(victim)  # it is off already: whether the agent still sends ForceOff is the agent's business
    at = trial.cut_power(victim)
    outage_s = trial.wait_for_good_answer(at)
    print(f"outage {outage_s:.2f} s")
    on_at = switched_on_at(trial, victim, at)
    trial.wait_until_normal()
    member_s = time.monotonic() - on_at
    print(f"healthy member {member_s:.1f} s after it was switched on")
    assert member_s <= MEMBER_WITHIN_S
    place = check_story(trial, victim, at)
    check_timeline(trial, victim, at, outage_s)
    proofs = [one for node in trial.others(victim) for one in trial.told(node, "fence-proven", since=at)]
    assert [one.daemon for one in proofs] == ["fenced"], "one peer fences it"
    assert f"bmc-{victim}" in proofs[0].text + "".join(proofs[0].fields.values())
    statuses = [entry for entry in trial.lab.bmc_requests(victim, at) if entry["power"] == "Off"]
    assert statuses, "the agent never read that the power is off"
    assert trial.owner() == place, "Failback=no: the group stays"
    check_runs(trial, place, "owner-proven-off", f"{victim} is proven off")
    check_replay(trial, victim, place)


def test_owner_cut_off_from_the_majority_never_shares_the_address_and_loses_the_group(trial: Trial) -> None:
    victim = trial.owner()
    majority = trial.others(victim)
    trial.to_be_fenced.add(victim)
    at = trial.fault(f"{victim} cut off from {' and '.join(majority)}")
    trial.lab.cut(victim)
    (place,) = {check_until_moved(trial, victim, majority)}
    print(f"outage {trial.outage_s(at):.2f} s")
    assert trial.lab.overlap_ms(since=trial.begun) == 0
    off = [entry for entry in trial.lab.bmc_requests(victim, at) if "ForceOff" in entry["body"]]
    assert off, "a node that may still run the group is switched off"
    trial.wait(lambda: trial.lab.is_on(victim) and trial.lab.is_booted(victim), 30, f"{victim} to boot, still cut off")
    assert trial.lab.holder() == place, "alone, without quorum, it starts nothing"
    check_no_term(trial, victim)
    found = explained(trial, place, victim)
    assert found["state"]["rule"] == "proven-off", found["answer"]
    trial.lab.heal()
    trial.wait_until_normal()
    assert check_story(trial, victim, at) == trial.owner() == place


def check_until_moved(trial: Trial, victim: str, majority: tuple[str, ...]) -> str:
    """Where the majority started the group, once it has and the client gets its page from there."""

    def moved() -> str:
        found = observe.agreed(trial.lab, majority)
        group = found.groups[GROUP] if found else None
        return group.owner if group and group.phase == "started" and group.owner in majority else ""

    trial.wait(moved, 30, f"{' and '.join(majority)} to start {GROUP}")
    trial.wait(trial.serves, 10, "the page")
    return moved()


def test_a_third_node_that_boots_late_after_a_power_cut_of_all_is_not_fenced(trial: Trial) -> None:
    at = trial.cut_power("node1", "node2", "node3")
    observe.each(("node1", "node2"), trial.lab.boot)
    booted = time.monotonic()
    trial.wait(lambda: time.monotonic() - booted >= LATE_S, LATE_S + 1, f"{LATE_S:g} s before node3 gets its power")
    found = observe.agreed(trial.lab, ("node1", "node2"))
    assert found is not None
    assert found.groups[GROUP].phase == "stopped", "node3 might hold it"
    assert "node3" in found.groups[GROUP].reason
    check_waits_for_node3(trial)
    trial.lab.boot("node3")
    trial.wait_until_normal()
    for node in trial.lab.nodes():
        assert not trial.told(node, "attempt", since=at)
    assert not [entry for entry in trial.lab.bmc_requests(since=at) if entry["method"] == "POST"]


def check_waits_for_node3(trial: Trial) -> None:
    """Both nodes explain that the group waits for the proof, who would run it then, and what shortens that."""
    for node in SURVIVORS:
        found = explained(trial, node)
        assert (found["state"]["rule"], found["why"][0]["rule"]) == ("runs-not", "awaits-proof"), found["answer"]
        assert [of_node(found, name)[0] for name in trial.lab.nodes()] == ["could-run", "could-run", "not-here"]
        assert rules(found["more"][0]["reasons"]) == ["absent-at-start", "next-attempt"]
        assert rules(found["by_itself"]) == ["until-proof", "then-runs"]
        assert commands(found) == ["standfast fence now node3"]


def boot_all_but_node3(trial: Trial) -> float:
    """All lost their power and only node1 and node2 have it again; when it was cut. node3 may be fenced."""
    at = trial.cut_power("node1", "node2", "node3")
    trial.to_be_fenced.add("node3")
    observe.each(SURVIVORS, trial.lab.boot)
    trial.wait(lambda: all(countdown_s(trial, node) for node in SURVIVORS), 60, "both to count down to the fencing")
    return at


def countdown_s(trial: Trial, node: str) -> int:
    """The seconds until node3 is fenced, as `standfast status --json` on the node says; 0: it does not say."""
    found = observe.status(trial.lab, node)
    pending = (found["fencing"]["pending"] or []) if found else []
    return next((loss["next_attempt_in_s"] for loss in pending if loss["node"] == "node3" and not loss["attempt"]), 0)


def check_counts_down(trial: Trial, node: str) -> None:
    """`standfast status` on the node tells how long it is until node3 is fenced, and then less."""
    first_s = countdown_s(trial, node)
    assert 0 < first_s <= POST_JOIN_DELAY_S
    said = " ".join(trial.lab.sh(node, "standfast", "status").stdout.split())
    assert re.search(r"node3 waits .*; it is fenced in \d+ s, or at once: standfast fence now node3", said)
    assert "waits for the proof that node3 is off" in said, "the group says what it waits for"
    trial.wait(lambda: 0 < countdown_s(trial, node) < first_s, 20, f"{node} to count on")


@full_only
def test_after_a_power_cut_of_all_who_stays_off_is_fenced_after_the_countdown(trial: Trial) -> None:
    at = boot_all_but_node3(trial)
    for node in SURVIVORS:
        check_counts_down(trial, node)
    assert not trial.told("node1", "attempt", since=at)
    assert trial.lab.holder() is None, "node3 might hold it"
    trial.wait_for_good_answer(at, POST_JOIN_DELAY_S + 60)
    place = check_story(trial, "node3", at)
    for node in SURVIVORS:
        lost = first(trial.told(node, since=at), "node-lost", SUBJECT="node3")
        attempt = first(trial.told(node, since=at), "attempt", INCIDENT=lost.fields["INCIDENT"])
        assert attempt.at - lost.at >= POST_JOIN_DELAY_S - EARLY_S, node
    switched_on_at(trial, "node3", at)
    trial.wait_until_normal(120)
    assert trial.owner() == place


def test_an_operator_need_not_wait_for_the_countdown(trial: Trial) -> None:
    at = boot_all_but_node3(trial)
    ends = time.monotonic() + countdown_s(trial, "node2")
    trial.lab.sh("node2", "standfast", "fence", "now", "node3", timeout_s=150)
    proof = first(trial.told("node2", since=at), "node-proven")
    assert proof.at < ends, "fence now did not shorten it"
    trial.wait_for_good_answer(at, 60)
    check_story(trial, "node3", at)
    trial.wait_until_normal(120)


def test_after_a_clean_shutdown_of_all_nobody_is_fenced_or_waited_for(trial: Trial) -> None:
    nodes = trial.lab.nodes()
    at = trial.shut_down(*nodes)
    trial.wait(lambda: not any(trial.lab.is_on(node) for node in nodes), 120, "all nodes to be off")
    observe.each(SURVIVORS, trial.lab.boot)
    trial.wait(trial.serves, 60, "the page, although node3 is off: it left cleanly")

    def has_left() -> bool:
        found = observe.agreed(trial.lab, SURVIVORS)
        return found is not None and found.nodes["node3"] == "left"

    trial.wait(has_left, 30, "both to agree that node3 has left")
    trial.lab.boot("node3")
    trial.wait_until_normal(120)
    for node in nodes:
        assert not trial.told(node, "node-lost", "attempt", since=at), node
    assert not [entry for entry in trial.lab.bmc_requests(since=at) if entry["method"] == "POST"]
