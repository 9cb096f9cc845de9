"""What `standfast status` shows, in whole texts of 80 columns: tests/unit/shown, rewritten with STANDFAST_REWRITE=1."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from standfast.attention import troubles
from standfast.ctl.table import show
from standfast.status_report import Report
from standfast.vocabulary import BY_HAND

SHOWN = Path(__file__).with_name("shown")
NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
SINCE = "2026-01-01T00:00:00Z"
LATELY = "2026-01-01T02:59:48Z"
NODES = ("node1", "node2", "node3")


def resource(unit: str, **other: Any) -> Report:
    return {"unit": unit, "state": "active", "probe": "none", "cause": None, "probes": []} | other


def group(name: str, owner: str | None = "node1", **other: Any) -> Report:
    made: Report = {
        "name": name,
        "phase": "started" if owner else "stopped",
        "flags": [],
        "owner": owner,
        "last_owner": None,
        "drilled": None,
    }
    made |= {"since": SINCE, "reason": f"started on {owner}, number 1 of its domain"}
    units = [resource("standfast-ip@192.0.2.100.service"), resource("apache2.service", probe="good")]
    if not owner:
        units = [one | {"state": "inactive"} for one in units]
    return made | {"resources": units} | other


def whole() -> Report:
    """A cluster that nobody has to look after."""
    links = [{"link": 0, "up": True, "since": SINCE}, {"link": 1, "up": True, "since": SINCE}]
    nodes = [
        {"name": name, "id": number, "state": "online", "standby": False, "healthy": True, "drifted": False}
        | {"edited": [], "incarnation": "boot/1", "links": [] if number == 1 else links}
        for number, name in enumerate(NODES, 1)
    ]
    devices = [
        {"name": f"bmc-{name}", "agent": "fence_redfish", "last_test": LATELY, "last_answer": LATELY, "ok": True}
        | {"answer": f"{name}: on", "verified": True}
        for name in NODES
    ]
    made = {"cluster": "webha", "node": "node1", "quorate": True, "arbiter": None, "view": "1.12", "term": 7}
    made |= {"no_term": None, "coordinator": "node1", "config_version": 4, "detect_within_ms": 2200, "safe": True}
    made |= {"maintenance": False, "unconfirmed": None, "without": [], "nodes": nodes, "groups": [group("webserv")]}
    made |= {"drill": None, "copies": [], "problems": [], "withdrawn": None, "away": {}}
    fencing = {"pending": [], "devices": devices, "unsafe": [], "problems": [], "unfenced": True}
    return made | {"fencing": fencing}


def node(report: Report, name: str, **values: Any) -> None:
    next(one for one in report["nodes"] if one["name"] == name).update(values)


def lose_node1(report: Report, **loss: Any) -> None:
    report.update(node="node2", coordinator="node2", term=8, view="2.40")
    down = [{"link": number, "up": False, "since": LATELY} for number in (0, 1)]
    node(report, "node1", state="fencing", links=down)
    node(report, "node2", links=[])
    pending = {"node": "node1", "loss": "8.1", "attempt": 0, "next_attempt_in_s": 0, "reason": "it left the ring"}
    report["fencing"]["pending"] = [pending | loss]
    waits = "waits for the proof that node1 is off (loss 8.1)"
    report["groups"] = [group("webserv", None, last_owner="node1", since=LATELY, reason=waits)]


def power_cut(report: Report) -> None:
    lose_node1(report)


def fencing_fails(report: Report) -> None:
    lose_node1(report, attempt=3, next_attempt_in_s=8, reason="bmc-node1: no answer within 60 s")
    report["fencing"]["devices"][0].update(ok=False, answer="Connection timed out", last_answer=SINCE)


def fenced(report: Report) -> None:
    report.update(node="node2", coordinator="node2", term=8, view="2.40")
    node(report, "node1", state="fenced", links=[{"link": number, "up": False, "since": LATELY} for number in (0, 1)])
    node(report, "node2", links=[])
    report["groups"] = [group("webserv", "node2", since=LATELY, reason="node1 is proven off: started on node2")]


def cold_start(report: Report) -> None:
    lose_node1(report, next_attempt_in_s=42, reason="it is not here after a cold start")


def blocked(report: Report) -> None:
    units = [resource("standfast-ip@192.0.2.100.service", state="inactive")]
    units += [
        resource("srv-www.mount", state="active", cause="it is still mounted after StopTimeout=: in use by PID 812")
    ]
    reason = "its stop failed on node1, and it has cost a node already"
    report["groups"] = [group("webserv", phase="blocked", since=LATELY, reason=reason, resources=units), group("mail")]


def standby(report: Report) -> None:
    node(report, "node2", standby=True)


def not_quorate(report: Report) -> None:
    report.update(quorate=False, term=None, coordinator=None, view="3.1")
    report["no_term"] = "this view holds 1 of 3 votes, 2 are needed: bring nodes back"
    for name in ("node2", "node3"):
        node(report, name, state="lost", links=[{"link": 0, "up": False, "since": LATELY}])
    names = ("webserv", "mail", "db", "files", "ldap")
    reason = "this node is not quorate"
    report["groups"] = [group(name, None, since=LATELY, last_owner="node1", reason=reason) for name in names]


def no_term(report: Report) -> None:
    report.update(term=None, coordinator=None)
    report["no_term"] = "a call for ring 2.40 waits for node3's record; this takes a moment"


def maintenance(report: Report) -> None:
    report["maintenance"] = True


def drifted(report: Report) -> None:
    node(report, "node2", drifted=True, edited=["cluster.conf"])
    report["unconfirmed"] = {"back_to": "c0ffee", "left_ms": 119_500}


def by_hand(report: Report) -> None:
    reason = "apache2.service was stopped by hand, so nothing is done with it. To hand it back: systemctl start "
    report["groups"] = [
        group("webserv", flags=[BY_HAND], reason=f"{reason}apache2.service, or standfast group start webserv")
    ]


def sick(report: Report) -> None:
    seen = "GET http://127.0.0.1/healthz: status 500, expected 200"
    bad = {
        "name": "",
        "type": "http",
        "level": "degraded",
        "state": "bad",
        "seen": seen,
        "latency_ms": 7,
        "since": SINCE,
    }
    units = [resource("apache2.service", probe="degraded", probes=[bad])]
    partial = [resource("mail.service"), resource("spam.service", state="failed", cause="exit code 1")]
    report["groups"] = [
        group("mail", flags=["partial"], resources=partial, reason="started on node1, number 1 of its domain"),
        group("webserv", resources=units),
    ]


def ten_groups(report: Report) -> None:
    names = ("webserv", "mail", "db", "files", "ldap", "dns", "print", "wiki", "build", "backup-of-all-the-databases")
    report["groups"] = [group(name, NODES[index % 3]) for index, name in enumerate(names)]
    report["groups"][3] = group("files", None, flags=["stopped"], reason="an operator stopped it")


def drills(report: Report) -> None:
    """One is under way; each group that can has proven its recovery."""
    ten_groups(report)
    report["drill"] = {"kind": "power", "node": "node2", "conducted_from": "node1"}
    for one in report["groups"]:
        one["drilled"] = {"kind": "power", "at": SINCE, "passed": True, "recovered_ms": 2900}
    report["groups"][0]["last_owner"] = "node3"
    report["groups"][1]["drilled"] = {"kind": "hang", "at": SINCE, "passed": False, "recovered_ms": None}
    report["groups"][2]["drilled"] = None


def daemons_away(report: Report) -> None:
    report["away"] = {"quorumd": "does not run", "fenced": "does not answer"}
    report["fencing"] |= {"devices": None, "unfenced": None}


SITUATIONS: tuple[Callable[[Report], None], ...] = (
    *(power_cut, fencing_fails, fenced, cold_start, blocked, standby, not_quorate, no_term, maintenance, drifted),
    *(by_hand, sick, ten_groups, drills, daemons_away),
)


def text(report: Report, width: int = 80, **options: Any) -> str:
    file = io.StringIO()
    show(report, NOW, file, width, **options)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def as_told(name: str, made: str) -> None:
    path = SHOWN / f"{name}.txt"
    if os.environ.get("STANDFAST_REWRITE"):
        path.write_text(made)
    assert made == path.read_text(), f"STANDFAST_REWRITE=1 writes {path.name} anew"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.__name__)
def test_the_status_in(situation: Callable[[Report], None]) -> None:
    report = whole()
    situation(report)
    made = text(report)
    as_told(situation.__name__, made)
    assert max(map(len, made.splitlines())) <= 80
    assert len(made.splitlines()) <= 40


def test_the_status_when_all_is_well() -> None:
    as_told("well", text(whole()))
    assert not troubles(whole())


def test_the_status_of_one_group_and_of_everything() -> None:
    report = whole()
    report["groups"].append(group("mail", "node2"))
    as_told("one_group", text(report, whole=("webserv",)))
    as_told("verbose", text(report, whole=None))


def test_three_nodes_and_ten_groups_fit_one_screen() -> None:
    report = whole()
    ten_groups(report)
    assert len(text(report).splitlines()) <= 24
    drills(report)
    assert len(text(report).splitlines()) <= 24 + 1  # one says that a drill is under way


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("width", [40, 60])
def test_a_small_terminal_loses_no_word(situation: Callable[[Report], None], width: int) -> None:
    report = whole()
    situation(report)
    narrow = text(report, width)
    assert max(map(len, narrow.splitlines())) <= width
    for trouble in troubles(report):
        assert "".join(trouble.text.split()) in "".join(narrow.split())


def test_what_is_urgent_comes_first() -> None:
    report = whole()
    lose_node1(report)
    report["maintenance"] = True
    report["fencing"]["unsafe"] = ["node2 has no fence device."]
    found = [trouble.urgent for trouble in troubles(report)]
    assert found == [True, True, False, False]


def test_every_sentence_ends_in_what_to_type_or_do() -> None:
    for situation in SITUATIONS:
        report = whole()
        situation(report)
        for trouble in troubles(report):
            words = ("standfast ", "systemctl ", "look at ", "bring nodes back", "takes a moment")
            assert any(word in trouble.text for word in words), trouble.text
