"""What several probes of a unit mean together, and what other nodes see (issue 6): on real nodes."""

import json
from typing import Any

from standfast_lab import observe

from lab.test_quiet_changes import draft, lives, missed
from lab.trial import GROUP, Trial

APACHE = "apache2.service"
FILE = f"units/{APACHE}.d/zz-together.conf"
BEHIND = (
    "[X-Probe]\nNeeds=db\n"
    "[X-Probe db]\nType=tcp\nConnect=127.0.0.1:5432\nLevel=degraded\nStartTimeout=1s\nInterval=500ms\n"
)
WORLD = "[X-Probe world]\nURL=http://192.0.2.100/healthz\nFrom=peers\nInterval=500ms\nStartTimeout=5s\n"


def resource(trial: Trial, node: str) -> dict[str, Any]:
    """Apache, as that node tells it."""
    status = observe.status(trial.lab, node) or {"groups": []}
    found = [one for group in status["groups"] for one in group["resources"] if one["unit"] == APACHE]
    return dict(found[0]) if found else {"probe": "", "probes": [], "cause": ""}


def probe(trial: Trial, name: str) -> dict[str, Any]:
    """One of its probes as its owner tells it."""
    found = [one for one in resource(trial, trial.owner())["probes"] if one["name"] == name]
    return dict(found[0]) if found else {"state": "", "seen": ""}


def test_a_page_whose_database_is_away_degrades_its_unit_and_stops_nothing(trial: Trial) -> None:
    owner = trial.owner()
    before = lives(trial, owner, APACHE)
    at = trial.fault("a database that was never there")
    with draft(trial, owner) as files:
        files.write(FILE, BEHIND)
        files.push("a page that needs its database")
        trial.wait(lambda: probe(trial, "db")["state"] == "bad", 30, "the database's probe to be bad")
        shown = resource(trial, owner)
        assert shown["probe"] == "degraded"
        assert "the probe is not looked at while probe db is bad" in shown["cause"]
        assert lives(trial, owner, APACHE) == before
        assert not missed(trial, at)
        trial.lab.sh(owner, "standfast", "group", "restart", GROUP, timeout_s=60)
        assert resource(trial, owner)["probe"] == "degraded"
    trial.wait_until_normal()


def test_any_node_can_ask_the_owner_what_it_sees(trial: Trial) -> None:
    owner = trial.owner()
    other, third = trial.others(owner)
    trial.fault("none: a probe is asked for")
    (here,) = json.loads(trial.lab.sh(other, "standfast", "probe", APACHE, "--on", owner, "--json").stdout)
    assert (here["outcome"], here["unit"]) == ("good", APACHE)
    there = trial.lab.sh(owner, "standfast", "probe", APACHE, "--on", third, check=False)
    assert (there.returncode, "connection refused" in there.stdout) == (1, True)
    nobody = trial.lab.sh(owner, "standfast", "probe", APACHE, "--on", "nod1", check=False)
    assert (nobody.returncode, "There is no node nod1. Did you mean node1?" in nobody.stderr) == (1, True)


def test_what_one_peer_sees_is_enough_to_be_good_and_all_must_say_bad(trial: Trial) -> None:
    owner = trial.owner()
    first, second = trial.others(owner)
    with draft(trial, owner) as files:
        files.write(FILE, WORLD)
        files.push("a page that the others read")
        trial.wait(lambda: probe(trial, "world")["seen"] == f"good from {first}, {second}", 30, "both peers to see it")
        trial.fault(f"{first} cannot reach the page")
        drop(trial, owner, first)
        try:
            text = f"good from {second} and bad from {first}"
            trial.wait(lambda: probe(trial, "world")["seen"] == text, 30, f"{first} to see it bad")
            assert resource(trial, owner)["probe"] == "good"
            at = trial.fault(f"nor can {second}")
            drop(trial, owner, second)
            trial.wait(lambda: trial.told(first, "group-failed", since=at), 30, "the group to fail")
        finally:
            trial.lab.sh(owner, "nft", "delete", "table", "inet", "peers")
    trial.wait_until_normal()


def drop(trial: Trial, node: str, peer: str) -> None:
    """What that peer asks of the page is not heard."""
    address = f"192.0.2.{10 + int(peer.removeprefix('node'))}"
    rules = (
        "add table inet peers; add chain inet peers heard { type filter hook input priority 0; }; "
        f"add rule inet peers heard ip saddr {address} tcp dport 80 drop"
    )
    trial.lab.sh(node, "nft", rules)
