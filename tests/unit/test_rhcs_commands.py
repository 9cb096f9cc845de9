"""The commands of RHCS: lines and columns as RHCS printed them, made of a cluster that is given."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standfast_rhcs import ccs_tool, clustat, cman_tool, rg_test, trees, xml_report
from standfast_rhcs.cluster import Cluster, EndedError, Member, Service, State
from standfast_rhcs.fence_domain import listing, services
from standfast_rhcs.rgmanager_log import Translator

from standfast.incidents.entry import Entry

SINCE = datetime(2011, 9, 22, 11, 10, tzinfo=UTC)


def member(name: str, number: int, **values: object) -> Member:
    made = Member(
        name=name,
        id=number,
        votes=1,
        addresses=(f"1.1.1.{number}",),
        online=True,
        local=False,
        rgmanager=True,
        since=None,
    )
    return replace(made, **values)  # type: ignore[arg-type] # of whatever the test gives


def service(group: str, state: State, **values: object) -> Service:
    made = Service(
        group=group,
        state=state,
        frozen=False,
        by_hand=False,
        partial=False,
        owner="node1.upl.com",
        last_owner="",
        since=SINCE,
    )
    return replace(made, **values)  # type: ignore[arg-type] # of whatever the test gives


CLUSTER = Cluster(
    name="webha5143",
    config_version=4,
    quorate=True,
    generation=12,
    flags=("two_node",),
    votes=2,
    expected_votes=2,
    quorum_votes=1,
    members=(member("node1.upl.com", 1, local=True), member("node2.upl.com", 2, since=SINCE)),
    services=(service("webserv", State.STARTED),),
    coordinator="node1.upl.com",
    losses=(),
    daemons=4,
)


# clustat

TUTORIAL = """\
Cluster Status for webha5143 @ Thu Sep 22 11:26:56 2011
Member Status: Quorate

 Member Name                        ID   Status
 ------ ----                        ---- ------
 node1.upl.com                          1 Online, Local, rgmanager
 node2.upl.com                          2 Online, rgmanager

 Service Name              Owner (Last)              State
 ------- ----              ----- ------              -----
 service:webserv           node1.upl.com             started
"""


def stripped(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines)


def test_clustat_prints_the_tutorials_table_in_a_terminal_of_its_width() -> None:
    now = datetime(2011, 9, 22, 11, 26, 56)
    assert stripped(clustat.report(CLUSTER, now, 70, long=False)) == TUTORIAL


def table(*rows: Service) -> list[str]:
    lines = clustat.report(replace(CLUSTER, services=rows), datetime.now(UTC), 80, long=False)
    return lines[lines.index("", 3) + 1 : -1]


def test_clustat_has_the_columns_of_80_and_marks_and_last_owners() -> None:
    nobody = service("mysql", State.FAILED, owner="", last_owner="node2.upl.com")
    frozen = service("db", State.STARTED, owner="node2.upl.com", frozen=True)
    assert table(service("webserv", State.STARTED), frozen, nobody) == [
        " Service Name                   Owner (Last)                   State         ",
        " ------- ----                   ----- ------                   -----         ",
        " service:webserv                node1.upl.com                  started       ",
        " service:db                     node2.upl.com                  started    [Z]",
        " service:mysql                  (node2.upl.com)                failed        ",
    ]


@pytest.mark.parametrize(
    ("state", "owner"),
    [
        (State.STOPPED, "(node2)"),
        (State.DISABLED, "(node2)"),
        (State.FAILED, "(node2)"),
        (State.STARTING, "node1"),
        (State.STARTED, "node1"),
        (State.STOPPING, "node1"),
    ],
)
def test_clustat_puts_the_last_owner_in_parentheses_where_nobody_runs_it(state: State, owner: str) -> None:
    here = "node1" if not owner.startswith("(") else ""
    (*_, row) = table(service("web", state, owner=here, last_owner="node2"))
    assert row == f" {'service:web':<30} {owner:<30} {state!s:<14}"


def test_clustat_has_no_services_without_resourced_and_says_inquorate() -> None:
    lines = clustat.report(replace(CLUSTER, services=None, quorate=False), datetime.now(UTC), 80, long=False)
    assert lines[1] == "Member Status: Inquorate"
    assert not [line for line in lines if "Service" in line]


def test_clustat_says_of_members_what_they_are() -> None:
    members = (member("a", 1, rgmanager=False), member("b", 2, online=False, rgmanager=False))
    lines = clustat.report(replace(CLUSTER, members=members), datetime.now(UTC), 80, long=False)
    assert lines[5:7] == [f" {'a':<40}    1 Online", f" {'b':<40}    2 Offline"]


def test_clustat_long_has_a_block_for_each_service() -> None:
    partial = service("web", State.STARTED, partial=True, last_owner="node2", since=None)
    lines = clustat.report(replace(CLUSTER, services=(partial,)), datetime.now(UTC), 80, long=True)
    assert lines[lines.index("Service Information") :] == [
        "Service Information",
        "------- -----------",
        "",
        "Service Name      : service:web",
        "  Current State   : started (112)",
        "  Flags           : partial (2)",
        "  Owner           : node1.upl.com",
        "  Last Owner      : node2",
        "  Last Transition : unknown",
        "",
    ]


def test_clustat_as_xml_has_rhcs_elements_and_attributes() -> None:
    lines = xml_report.make(replace(CLUSTER, services=(service('a"<b', State.STARTED, frozen=True),))).splitlines()
    assert lines[1:4] == [
        '<clustat version="4.1.1">',
        f'  <cluster name="webha5143" id="{CLUSTER.id}" generation="12"/>',
        '  <quorum quorate="1" groupmember="1"/>',
    ]
    assert lines[5] == (
        '    <node name="node1.upl.com" state="1" local="1" estranged="0" rgmanager="1" rgmanager_master="0" qdisk="0" '
        'nodeid="0x00000001"/>'
    )
    (group,) = [line for line in lines if "<group " in line]
    assert "name='service:a\"&lt;b'" in group
    assert 'state="112" state_str="started" flags="1" flags_str="frozen"' in group
    assert f'restarts="0" last_transition="{int(SINCE.timestamp())}"' in group


# cman_tool


def test_cman_tool_status_has_its_lines_in_order() -> None:
    assert cman_tool.status(CLUSTER) == [
        "Version: 6.2.0",
        "Config Version: 4",
        "Cluster Name: webha5143",
        f"Cluster Id: {CLUSTER.id}",
        "Cluster Member: Yes",
        "Cluster Generation: 12",
        "Membership state: Cluster-Member",
        "Nodes: 2",
        "Expected votes: 2",
        "Total votes: 2",
        "Node votes: 1",
        "Quorum: 1  ",
        "Active subsystems: 4",
        "Flags: 2node ",
        "Ports Bound: 0 177 ",
        "Node name: node1.upl.com",
        "Node ID: 1",
        "Multicast addresses: ",
        "Node addresses: 1.1.1.1 ",
    ]
    assert "Quorum: 1 Activity blocked" in cman_tool.status(replace(CLUSTER, quorate=False))


def test_cman_tool_nodes_has_its_columns() -> None:
    gone = member("node3.upl.com", 3, online=False)
    lines = cman_tool.nodes(CLUSTER, (*CLUSTER.members, gone), addresses=False)
    assert lines[0] == "Node  Sts   Inc   Joined               Name"
    assert lines[1] == "   1   M     12                        node1.upl.com"
    assert re.fullmatch(r"   2   M     12   2011-09-2\d \d\d:\d\d:00  node2\.upl\.com", lines[2])
    assert lines[3] == "   3   X      0                        node3.upl.com"
    assert "       Addresses: 1.1.1.1 " in cman_tool.nodes(CLUSTER, CLUSTER.members, addresses=True)


def test_the_fence_domain_is_who_takes_part_and_who_is_lost_is_a_victim() -> None:
    assert services(CLUSTER)[1:] == ["fence            0     default    00010001 none", "[1 2]"]
    away = replace(CLUSTER.members[1], online=False, rgmanager=False)
    lost = replace(CLUSTER, members=(CLUSTER.members[0], away), losses=(("8.1", "node2.upl.com"),))
    assert listing(lost, all_nodes=True) == [
        "fence domain",
        "member count  1",
        "victim count  1",
        "victim now    2",
        "master nodeid 1",
        "wait state    fencing",
        "members       1 ",
        "all nodes",
        "nodeid 1 member 1 victim 0 last fence master 0 how none",
        "nodeid 2 member 0 victim 1 last fence master 0 how none",
    ]


# rg_test

CONF = """<?xml version="1.0"?>
<cluster name="c" config_version="1"><rm><resources>
  <ip address="1.1.1.100"/><netfs name="htdocs" host="n" export="/web" mountpoint="/var/www" fstype="nfs"/>
  <script name="httpd" file="/etc/rc.d/init.d/httpd"/></resources>
  <service name="webserv"><ip ref="1.1.1.100"/><netfs ref="htdocs"/><script ref="httpd"/></service>
</rm></cluster>
"""


def read(folder: Path, text: str, name: str = "cluster.conf") -> trees.Services:
    path = folder / name
    path.write_text(text)
    return trees.read(path)


def test_rg_test_noop_shows_the_order_and_its_reverse(tmp_path: Path) -> None:
    found = read(tmp_path, CONF)
    order = ["service:webserv", "netfs:htdocs", "ip:1.1.1.100", "script:httpd"]
    start = rg_test.noop(found, "start", "webserv")
    assert start[2:] == [*(f"[start] {one}" for one in order), "Start of webserv complete"]
    assert rg_test.noop(found, "stop", "webserv")[2:-1] == [f"[stop] {one}" for one in reversed(order)]
    with pytest.raises(EndedError, match="the services are webserv"):
        rg_test.noop(found, "start", "web")


def test_rg_test_delta_restarts_what_changed_and_what_comes_after_it(tmp_path: Path) -> None:
    old = read(tmp_path, CONF)
    changed = read(
        tmp_path, CONF.replace('<ip address="1.1.1.100"/>', '<ip address="1.1.1.100" monitor_link="1"/>'), "b"
    )
    ip, script = "ip:1.1.1.100", "script:httpd"
    down, up = "=== Operations (down-phase) ===", "=== Operations (up-phase) ==="
    assert rg_test.delta(old, old) == [down, up]
    assert rg_test.delta(old, changed) == [
        down,
        f"[stop] {script}",
        f"[stop] {ip}",
        up,
        f"[start] {ip}",
        f"[start] {script}",
    ]
    assert rg_test.delta(old, {})[-2:] == ["[stop] service:webserv", up]
    assert rg_test.delta({}, old)[-1] == "[start] service:webserv"


@pytest.mark.parametrize("text", ["<cluster", "<!DOCTYPE x><cluster/>", "[Cluster]\nName\n"])
def test_a_file_that_cannot_be_read_is_one_sentence_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(EndedError, match=r"cluster\.conf"):
        read(tmp_path, text)


# words that mean nothing

MAINS: list[tuple[Callable[[list[str]], int], list[str], int]] = [
    (clustat.main, ["-i", "x"], 1),
    (clustat.main, ["-i2", "-x"], 1),
    (clustat.main, ["--bad"], 1),
    (cman_tool.main, [], 1),
    (cman_tool.main, ["expected", "-e", "1"], 1),
    (cman_tool.main, ["votes", "-v", "2"], 1),
    (cman_tool.main, ["kill"], 1),
    (ccs_tool.main, ["update"], 1),
    (ccs_tool.main, ["upgrade"], 1),
    (rg_test.main, ["noop"], 1),
    (rg_test.main, ["test", "x"], 1),
]


@pytest.mark.parametrize(("main", "words", "code"), MAINS)
def test_what_means_nothing_here_is_said_with_an_exit_code(
    main: Callable[[list[str]], int], words: list[str], code: int
) -> None:
    with pytest.raises(EndedError, match=r"\w+ \w+") as told:
        main(words)
    assert told.value.code == code


# The log


def entry(event: str, node: str = "node1", **values: Any) -> Entry:
    return Entry(
        at=SINCE, event=event, node=node, text="", group="" if event.startswith("node") else "webserv", **values
    )


def test_a_failure_is_told_in_the_lines_that_people_grep_for() -> None:
    translator = Translator(here="node1")
    story = [
        entry("group-failed", cause="apache2.service was killed by signal 9 (SIGKILL)"),
        entry("order", decision="restart"),
        entry("group-started"),
        entry("order", decision="stop"),
        entry("group-stopped"),
        entry("order", "node2", decision="start"),
        entry("group-started", "node2"),
        entry("node-lost", "node2"),
        entry("fence-begun", "node2"),
        entry("fence-proven", "node2"),
        entry("order", decision="start"),
        entry("node-back", "node2"),
    ]
    unit = "apache2.service"
    assert [f"{line.program}: {line}" for one in story for line in translator.lines(one)] == [
        f"clurgmgrd: <err> unit:{unit}: status of {unit} failed ({unit} was killed by signal 9 (SIGKILL))",
        f'clurgmgrd: <notice> status on unit "{unit}" returned 1 (generic error)',
        "clurgmgrd: <notice> Stopping service service:webserv",
        "clurgmgrd: <notice> Service service:webserv is recovering",
        "clurgmgrd: <notice> Service service:webserv started",
        "clurgmgrd: <notice> Stopping service service:webserv",
        "clurgmgrd: <notice> Service service:webserv is stopped",
        "clurgmgrd: <notice> State change: node2 DOWN",
        "fenced: fencing node node2",
        "fenced: fence node2 success",
        "clurgmgrd: <notice> Starting stopped service service:webserv",
        "clurgmgrd: <notice> State change: node2 UP",
    ]
