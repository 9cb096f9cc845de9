"""`standfast config plan` in a cluster that prepares what it is given, and puts nothing in force."""

import json

from bus.desk import Desk

ROW = {
    "about": "group",
    "subject": "webserv",
    "kind": "move",
    "source": "node1",
    "target": "node2",
    "reason": "goes home to node2",
    "setting": "cluster.conf:9",
    "measured": "stopped in 500 ms on node1 (once)",
}


def test_a_plan_is_checked_shared_prepared_and_shown_and_nothing_is_put_in_force(desk: Desk) -> None:
    tree = desk.changed()
    desk.pushing.plan = [ROW]
    result = desk.type("plan")
    assert result.exit_code == 0, result.stderr
    assert desk.wishes == [("Share", (tree.digest,)), ("PlanConfiguration", (tree.digest,))]
    assert "changed units/webserv.target (+1 -1)" in result.stderr
    assert "prepared by node1, node2, node3\n" in result.stderr
    shown = " ".join(result.stdout.split())
    for words in ("webserv move node1 to node2", "goes home to node2", "cluster.conf:9", "500 ms"):
        assert words in shown


def test_programs_get_the_plan_as_a_document(desk: Desk) -> None:
    desk.changed()
    desk.pushing.plan = [ROW]
    made = json.loads(desk.type("plan", "--json").stdout)
    (group,) = made["groups"]
    assert (group["name"], group["kind"], group["interruption_ms"]) == ("webserv", "move", None)
    assert made["changes"] == []


def test_files_that_are_in_force_need_no_plan(desk: Desk) -> None:
    assert desk.type("plan").stdout == "Nothing to plan: these files are in force.\n"
    assert json.loads(desk.type("plan", "--json").stdout) == {"groups": [], "changes": []}
    assert desk.wishes == []


def test_what_nodes_object_to_has_no_plan(desk: Desk) -> None:
    desk.changed()
    desk.pushing.objections = {"node2": ("site.service is enabled: systemctl disable site.service",)}
    result = desk.type("plan")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "node2: site.service is enabled" in result.stderr
