"""What is served stays served: status, a killed Apache, a hung one (issue 2, lines 2 to 4)."""

from standfast_lab import observe
from standfast_lab.observe import Told

from lab.explained import check_runs, explained
from lab.trial import APACHE, GROUP, Trial


def test_status_says_the_same_on_each_node_and_a_client_gets_the_page(trial: Trial) -> None:
    found = observe.each(trial.lab.nodes(), lambda node: observe.status(trial.lab, node))
    first = found["node1"]
    assert first is not None
    for node, status in found.items():
        assert status is not None, node
        assert status["node"] == node
        assert observe.shared_part(status) == observe.shared_part(first)
        links = {one["name"]: [link["up"] for link in one["links"]] for one in status["nodes"] if one["name"] != node}
        assert links == {other: [True, True] for other in trial.others(node)}
    assert [(one["name"], one["id"], one["state"], one["healthy"]) for one in first["nodes"]] == [
        (f"node{number}", number, "online", True) for number in (1, 2, 3)
    ]
    assert (first["cluster"], first["quorate"], first["safe"], first["fencing"]["pending"]) == ("webha", True, True, [])
    (group,) = first["groups"]
    assert (group["name"], group["phase"], group["flags"]) == (GROUP, "started", [])
    assert group["owner"] == trial.lab.holder()
    resources = {one["unit"]: (one["state"], one["probe"], one["cause"]) for one in group["resources"]}
    assert resources == {
        "standfast-ip@192.0.2.100.service": ("active", "none", None),
        "apache2.service": ("active", "good", None),
    }
    assert trial.lab.client("curl", "-s", "http://192.0.2.100/").stdout.strip() == group["owner"]
    for other in trial.others(group["owner"]):
        assert explained(trial, group["owner"], other)["state"]["rule"] == "online"
    refused = trial.lab.sh("node1", "standfast", "explain", "webserver", check=False)
    assert (refused.returncode, f"did you mean {GROUP}?" in refused.stderr) == (1, True)


def entry_pairs(trial: Trial, since: float) -> dict[str, tuple[list[Told], list[Told]]]:
    """For each node its failure and order entries of the group since then."""

    def ask(node: str) -> tuple[list[Told], list[Told]]:
        told = trial.told(node, "group-failed", "order", since=since)
        return [one for one in told if one.event == "group-failed"], [one for one in told if one.event == "order"]

    return observe.each(trial.lab.nodes(), ask)


def test_killed_apache_is_served_again_on_the_same_node_with_cause_and_decision_in_each_journal(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"kill -9 of Apache on {owner}")
    observe.signal_all(trial.lab, owner, APACHE, "KILL")
    outage_s = trial.wait_for_good_answer(at)
    trial.wait_until_normal()
    print(f"outage {outage_s:.2f} s")
    assert trial.owner() == owner
    for node, (failures, orders) in entry_pairs(trial, at).items():
        assert len(failures) == 1, (node, failures)
        assert "signal 9" in failures[0].text
        assert failures[0].fields["SUBJECT"] == owner
        assert len(orders) == 1, (node, orders)
        assert (orders[0].fields["DECISION"], orders[0].fields["SUBJECT"]) == ("restart", owner)
        assert "signal 9" in orders[0].fields["CAUSE"]
        assert failures[0].at <= orders[0].at
    check_runs(trial, owner, "restarted-here", "signal 9")


def test_hung_apache_is_found_by_its_page_killed_and_restarted_and_nobody_is_fenced(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"SIGSTOP of Apache on {owner}")
    hung = observe.signal_all(trial.lab, owner, APACHE, "STOP")
    outage_s = trial.wait_for_good_answer(at)
    trial.wait_until_normal()
    print(f"outage {outage_s:.2f} s")
    assert trial.owner() == owner
    now = observe.processes(trial.lab, owner, APACHE)
    assert now
    assert not set(hung) & set(now), "a hung process is still there"
    for node, (failures, orders) in entry_pairs(trial, at).items():
        assert [one.fields["SUBJECT"] for one in failures] == [owner], node
        assert "healthz" in failures[0].text
        assert [one.fields["DECISION"] for one in orders] == ["restart"], node
    assert not [entry for entry in trial.lab.bmc_requests(since=at) if entry["method"] == "POST"]
    check_runs(trial, owner, "restarted-here", "healthz")
