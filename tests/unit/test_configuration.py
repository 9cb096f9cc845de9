"""What the loader makes of /etc/standfast, and the sentence for each way to get it wrong."""

import dataclasses
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.in_force import put_in_force
from standfast.configuration import keys, model
from standfast.configuration.load import digest, load, load_in_force, load_with
from standfast.configuration.model import Configuration, ConfigurationError, Plug, QuorumLoss, Recovery, StopFailure
from standfast.configuration.system import System
from standfast.configuration.values import parse_span, show_span

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "contrib/lab/example"

CLUSTER = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Address=198.51.100.11
Fence=bmc1
[Node]
Name=node2
Id=2
Address=192.0.2.12
Address=198.51.100.12
Fence=bmc2
Fence=pdu:7 pdu:8
[FenceDevice]
Name=bmc1
Agent=fence_redfish
Option=ip=192.0.2.201
Option=ssl-insecure=1
PasswordFile=bmc.secret
[FenceDevice]
Name=bmc2
Agent=fence_redfish
[FenceDevice]
Name=pdu
Agent=fence_apc
Timeout=1min 30s
[Domain]
Name=web
Nodes=node2
Nodes=node1
Ordered=yes
"""
TARGET = "[Unit]\nDescription=A site\n[X-Standfast]\nResources=standfast-ip@192.0.2.100.service a.service\nDomain=web\n"


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A machine with a few units, an init script and two fence agents."""
    folder = tmp_path / "machine"
    for name in ("units", "init.d", "sbin"):
        (folder / name).mkdir(parents=True)
    for unit in ("apache2.service", "standfast-ip@.service", "real.service", "vendor.target"):
        (folder / "units" / unit).write_text("[Unit]\n")
    (folder / "units/masked.service").symlink_to("/dev/null")
    (folder / "units/alias.service").symlink_to(folder / "units/real.service")
    (folder / "units/ours.service").symlink_to(tmp_path / "config/units/ours.service")
    (folder / "units/torn.service").symlink_to(folder / "nowhere/torn.service")
    (folder / "init.d/legacy").write_text("#!/bin/sh\n")
    for agent in ("fence_redfish", "fence_apc"):
        (folder / "sbin" / agent).touch()
    return System(
        unit_paths=(folder / "units",),
        vendor_paths=(folder / "units",),
        init_scripts=folder / "init.d",
        programs=folder / "sbin",
        in_force=tmp_path / "config",
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A good configuration."""
    folder = tmp_path / "etc"
    write(folder, "cluster.conf", CLUSTER)
    write(folder, "units/webserv.target", TARGET)
    write(folder, "units/a.service", "[Service]\nExecStart=/bin/true\n")
    write(folder, "corosync.key", "k" * 1024, mode=0o600)
    write(folder, "bmc.secret", "hidden", mode=0o600)
    return folder


def write(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    (root / name).chmod(mode)


def problems(root: Path, system: System | None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(root, system=system)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_configuration_is_read_whole(root: Path, system: System) -> None:
    write(
        root, "units/a.service.d/p.conf", "[X-Standfast]\nCritical=no\n[X-Probe]\nURL=http://127.0.0.1/\nInterval=5s\n"
    )
    write(
        root,
        "units/a.service.d/q.conf",
        "[X-Probe]\nInterval=3s\n[X-Probe page]\nURL=https://[::1]:8443/x\nStatus=200-202 404\n",
    )
    found = load(root, system=system)
    assert found.cluster.name == "webha"
    assert (found.cluster.detect_within_ms, found.cluster.token_ms) == (2200, 1000)
    assert [(node.name, node.id, node.addresses) for node in found.nodes] == [
        ("node1", 1, ("192.0.2.11", "198.51.100.11")),
        ("node2", 2, ("192.0.2.12", "198.51.100.12")),
    ]
    assert found.node("node2").fence == (
        (Plug(device="bmc2", plug=None),),
        (Plug(device="pdu", plug="7"), Plug(device="pdu", plug="8")),
    )
    assert found.devices[0].options == {"ip": "192.0.2.201", "ssl-insecure": "1"}
    assert found.devices[0].password_file == "bmc.secret"
    assert found.devices[2].timeout_ms == 90_000
    assert (found.domains[0].nodes, found.domains[0].ordered) == (("node2", "node1"), True)
    (group,) = found.groups
    assert (group.name, group.target, group.description, group.domain) == ("webserv", "webserv.target", "A site", "web")
    assert [resource.unit for resource in group.resources] == ["standfast-ip@192.0.2.100.service", "a.service"]
    assert not group.resources[1].critical
    first, second = group.resources[1].probes
    assert (first.name, first.url, first.interval_ms) == ("", "http://127.0.0.1/", 3000)
    assert (second.name, second.status) == ("page", frozenset({200, 201, 202, 404}))
    assert str(group.sources["Domain"]) == "units/webserv.target:5"
    assert str(second.sources["Status"]) == "units/a.service.d/q.conf:5"
    assert found.allowed(group) == ("node2", "node1")


@pytest.mark.parametrize(
    "written",
    [
        "URL=https://www.example.org/",
        "URL=http://localhost:8080/",
        "URL=http://[::1]/",
        "URL=http://app/\nSocket=/run/app.sock",
        "Type=smtp\nConnect=127.0.0.1:25",
        "Type=smtp\nConnect=mx.example.org:25\nStartTLS=yes",
        "Type=smtp\nConnect=mx.example.org:465\nTLS=yes\nRecipient=postmaster@example.org",
    ],
)
def test_a_password_may_be_said_where_nobody_hears_it(root: Path, system: System, written: str) -> None:
    assert probe_of(root, system, f"{written}\nUser=ann\nCredential=page").user == "ann"


@pytest.mark.parametrize(
    ("written", "question"),
    [
        ("www.example.org", ("www.example.org", "A")),
        ("_sip._tcp.example.org srv", ("_sip._tcp.example.org", "SRV")),
        (". NS", (".", "NS")),
        ("192.0.2.7 PTR", ("7.2.0.192.in-addr.arpa", "PTR")),
    ],
)
def test_a_question_to_a_name_server_is_read(
    root: Path, system: System, written: str, question: tuple[str, str]
) -> None:
    one = probe_of(root, system, f"Type=dns\nConnect=[::1]:53\nQuestion={written}\nExpect=x")
    assert (one.question, str(one.connect)) == (question, "[::1]:53")


def test_everything_that_a_page_can_be_expected_to_be_is_read(root: Path, system: System) -> None:
    write(
        root,
        "units/a.service.d/p.conf",
        '[X-Probe]\nType=http\nURL=https://x/\nHeader=Via: ^a: b\nHeader=Server: x\nJson=status.db[0].state == "up"\n'
        "Json=[1][2]<=-1.5e3\nRedirects=3\nSocket=/run/x.sock\nCertificateDays=30\nSlowAfter=200ms\n",
    )
    (one,) = load(root, system=system).groups[0].resources[1].probes
    assert [(header.name, header.expression) for header in one.headers] == [("Via", "^a: b"), ("Server", "x")]
    assert [(test.path, test.comparison, test.value) for test in one.json] == [
        (("status", "db", 0, "state"), "==", "up"),
        ((1, 2), "<=", -1500.0),
    ]
    assert (one.type, one.redirects, one.socket) == ("http", 3, "/run/x.sock")
    assert (one.certificate_days, one.slow_after_ms) == (30, 200)


def probe_of(root: Path, system: System, text: str) -> model.Probe:
    write(root, "units/a.service.d/p.conf", f"[X-Probe]\n{text}\n")
    (one,) = load(root, system=system).groups[0].resources[1].probes
    return one


def test_a_probe_of_tcp_is_read(root: Path, system: System) -> None:
    one = probe_of(root, system, "Type=tcp\nConnect=[::1]:25\nSend=é\\r\\n\\t\\0\\\\n\\xff\nExpect=^\\xff2\nTLS=yes")
    assert (str(one.connect), one.send, one.expect) == ("[::1]:25", "é\r\n\t\0\\n".encode() + b"\xff", r"^\xff2")
    assert (one.type, one.tls) == ("tcp", True)


def test_a_probe_of_udp_is_read(root: Path, system: System) -> None:
    one = probe_of(root, system, "Type=udp\nConnect=x:53\nSend=\\x00\\x01\nExpect=^ok")
    assert (one.type, str(one.connect), one.send, one.expect) == ("udp", "x:53", b"\0\1", "^ok")


def test_probes_of_the_network_are_read(root: Path, system: System) -> None:
    assert probe_of(root, system, "Type=icmp\nHost=gate.example").host == "gate.example"
    assert probe_of(root, system, "Type=link\nInterface=eth0").interface == "eth0"
    assert probe_of(root, system, "Type=address\nAddress=2001:DB8::0:1").address == "2001:db8::1"


def test_the_level_of_a_probe_is_read(root: Path, system: System) -> None:
    assert probe_of(root, system, "URL=http://x").level is model.Level.LIVE
    assert probe_of(root, system, "URL=http://x\nLevel=startup").level is model.Level.STARTUP


def test_a_probe_of_a_unit_is_read(root: Path, system: System) -> None:
    one = probe_of(root, system, "Type=unit")
    assert (one.watched, one.active_state, one.status_text) == (None, "active", None)
    one = probe_of(root, system, "Type=unit\nUnit=b.timer\nActiveState=inactive")
    assert (one.watched, one.active_state) == ("b.timer", "inactive")
    assert probe_of(root, system, "Type=unit\nStatusText=^Ready").status_text == "^Ready"


def test_the_labs_example_is_good_and_a_hung_apache_is_found_within_three_seconds(root: Path, system: System) -> None:
    shutil.rmtree(root / "units")
    shutil.copytree(EXAMPLE, root, dirs_exist_ok=True)
    (group,) = load(root, system=system).groups
    assert (group.name, group.recovery, group.max_restarts, group.in_place) == ("webserv", "restart", 10, True)
    assert group.restart_window_ms == 600_000
    apache = group.resources[1]
    (probe,) = apache.probes
    assert (apache.unit, probe.fail_after, probe.body) == ("apache2.service", 2, "^ok")
    assert probe.fast_interval_ms is not None
    assert probe.interval_ms + 2 * probe.timeout_ms + probe.fast_interval_ms < 3000


def test_dropins_of_cluster_conf_add_to_the_record_of_that_name(root: Path, system: System) -> None:
    write(
        root,
        "cluster.conf.d/20.conf",
        "[Cluster]\nDetectWithin=1.1s\n[Node]\nName=node1\nVotes=3\nFence=\nFence=pdu:1\n",
    )
    write(root, "cluster.conf.d/10.conf", "[Cluster]\nDetectWithin=5s\n")
    found = load(root, system=system)
    assert (found.cluster.detect_within_ms, found.cluster.token_ms) == (1100, 500)
    assert found.node("node1").votes == 3
    assert found.node("node1").fence == ((Plug(device="pdu", plug="1"),),)
    assert str(found.cluster.sources["DetectWithin"]) == "cluster.conf.d/20.conf:2"


def test_the_quorum_options_are_read(root: Path, system: System) -> None:
    assert load(root, system=system).cluster.two_node is None
    options = "TwoNode=no\nAutoTieBreaker=yes\nQuorumLoss=freeze"
    write(root, "cluster.conf", CLUSTER.replace("Name=webha", f"Name=webha\n{options}"))
    cluster = load(root, system=system).cluster
    assert (cluster.two_node, cluster.auto_tie_breaker, cluster.quorum_loss) == (False, True, QuorumLoss.FREEZE)
    write(root, "cluster.conf", CLUSTER.replace("Name=webha", "Name=webha\nArbiter=Arbiter-1.example.com"))
    assert load(root, system=system).cluster.arbiter == "Arbiter-1.example.com"


def test_heuristics_are_read_with_their_order_and_drop_ins(root: Path, system: System) -> None:
    text = f"{GATEWAY}/usr/bin/ping -c1 -w1 '192.0.2.1'\nScore=2\n[Heuristic]\nName=disk\nExec=/bin/true\nMinimum=3"
    write(root, "cluster.conf", CLUSTER.replace("Name=webha", text, 1))
    write(root, "cluster.conf.d/a.conf", "[Heuristic]\nName=gateway\nFailAfter=5\n")
    gateway, disk = load(root, system=system).heuristics
    assert gateway.command == ("/usr/bin/ping", "-c1", "-w1", "192.0.2.1")
    assert (gateway.name, gateway.score, gateway.fail_after, gateway.minimum) == ("gateway", 2, 5, None)
    assert (disk.name, disk.command, disk.minimum) == ("disk", ("/bin/true",), 3)


def test_every_value_of_a_group_says_where_it_was_written(root: Path, system: System) -> None:
    write(root, "cluster.conf", CLUSTER.replace("Name=webha", "Name=webha\nMaxStarts=4"))
    for name in ("db", "log"):
        write(root, f"units/{name}.target", f"[X-Standfast]\nResources={name}.service\n")
        write(root, f"units/{name}.service", "[Unit]\n")
    written = "Recovery=restart-disable\nStopFailure=block\nPriority=-5\nExclusive=yes\nAfter=log\nApart=db log\n"
    write(root, "units/webserv.target", TARGET + written)
    write(root, "units/webserv.target.d/needs.conf", "[X-Standfast]\nNeeds=db\nNeeds=log\n")
    found = load(root, system=system)
    group = found.group("webserv")
    assert group is not None
    assert (group.recovery, group.stop_failure) == (Recovery.RESTART_DISABLE, StopFailure.BLOCK)
    assert (group.priority, group.exclusive) == (-5, True)
    assert (group.needs, group.after, group.apart) == (("db", "log"), ("log",), ("db", "log"))
    assert group.setting("Recovery") == "units/webserv.target:6"
    assert group.setting("Needs") == "units/webserv.target.d/needs.conf:3"
    assert group.setting("MaxRestarts") == ""
    assert (found.cluster.max_starts, found.cluster.setting("MaxStarts")) == (4, "cluster.conf:3")
    assert found.domains[0].setting("Ordered") == "cluster.conf:34"


GATEWAY = "Name=webha\n[Heuristic]\nName=gateway\nExec="
CLUSTER_SLIPS = [
    ("[Cluster]\nName=webha", "[Cluster]", "cluster.conf:1: [Cluster] needs Name="),
    ("Name=webha", "Name=web ha", "cluster.conf:2: Name=: “web ha” is no name"),
    (
        "Name=webha",
        "Name=webha\nDetectWithn=3s",
        "cluster.conf:3: unknown option DetectWithn= in [Cluster]; did you mean DetectWithin=?",
    ),
    ("Name=webha", "Name=webha\nVotes=3", "cluster.conf:3: unknown option Votes= in [Cluster]; it belongs in [Node]"),
    ("Name=webha", "Name=webha\nQuorumLoss=halt", "cluster.conf:3: QuorumLoss=: “halt” is not known; write stop or f"),
    ("Name=webha", "Name=webha\nLastManStanding=yes", "cluster.conf:3: LastManStanding=yes needs three nodes or more"),
    ("Name=webha", "Name=webha\nArbiter=-oProxyCommand", "cluster.conf:3: Arbiter=: “-oProxyCommand” is no host"),
    ("Name=webha", "Name=webha\nArbiter=192.0.2.300", "cluster.conf:3: Arbiter=: “192.0.2.300” is no host; write a n"),
    ("Name=webha", "Name=webha\nArbiter=a b", "cluster.conf:3: Arbiter=: “a b” is no host; write a name or an IP"),
    ("Name=webha", "Name=webha\nDetectWithin=1s", "cluster.conf:3: DetectWithin=: 1s is shorter than 1.1s"),
    ("Name=webha", "Name=webha\nDetectWithin=2 sek", "cluster.conf:3: DetectWithin=: “sek” is no unit of time"),
    ("Name=webha", "Name=webha\nDetectWithin=soon", "cluster.conf:3: DetectWithin=: “soon” is no time span"),
    ("Name=webha", "Name=webha\nUnsafe=maybe", "cluster.conf:3: Unsafe=: “maybe” is neither yes nor no"),
    ("Name=webha", "Name=webha\nTickMax=30s", "cluster.conf:3: DaemonGrace= must be longer than TickMax="),
    ("Name=webha", "Name=webha\n[Nodes]\nx=1", "cluster.conf:3: unknown section [Nodes]; did you mean [Node]?"),
    ("Name=webha", "Name=webha\n[Heuristic]\nExec=/bin/x", "cluster.conf:3: [Heuristic] needs Name="),
    ("Name=webha", "Name=webha\n[Heuristic]\nName=gw", "cluster.conf:4: [Heuristic] gw needs Exec= or URL=, and not b"),
    ("Name=webha", f"{GATEWAY}/bin/a\nURL=http://a/", "cluster.conf:4: [Heuristic] gateway needs Exec= or URL=, and"),
    (
        "Name=webha",
        f"{GATEWAY}/bin/a\nBody=^ok",
        "cluster.conf:6: Body= of [Heuristic] gateway means nothing without UR",
    ),
    ("Name=webha", f"{GATEWAY}ping", "cluster.conf:5: Exec=: “ping” is no command; begin with the program's path"),
    ("Name=webha", f"{GATEWAY}/bin/a 'b", "cluster.conf:5: Exec=: “/bin/a 'b” is no command: no closing quotation"),
    (
        "Name=webha",
        f"{GATEWAY}/bin/a\nMinimum=3\nScore=2",
        "cluster.conf:6: Minimum=3 cannot be reached: all scores together are 2; lower it",
    ),
    (
        "Name=webha",
        f"{GATEWAY}/bin/a\nMinimum=1\n[Heuristic]\nName=disk\nExec=/bin/b\nMinimum=2",
        "cluster.conf:10: Minimum=2 is 1 at cluster.conf:6, and a node has one minimum; remove one of them",
    ),
    ("Name=webha", "Name=webha\nunsafe", "cluster.conf:3: “unsafe” is neither [NAME] nor KEY=VALUE nor a comment"),
    ("[Cluster]", "[Cluster", "cluster.conf:1: “[Cluster” is no section; write [NAME]"),
    ("Name=node2", "Name=node1", "cluster.conf:10: Name=node1 is taken at cluster.conf:3"),
    ("Name=node2", "Votes=1", "cluster.conf:9: [Node] needs Name="),
    ("Id=2", "Id=1", "cluster.conf:11: Id=1 is node1's; every node needs its own"),
    ("Id=2", "Id=17", "cluster.conf:11: Id=: “17” is no number from 1 to 16"),
    ("Id=2\n", "", "cluster.conf:9: [Node] node2 needs Id="),
    ("Address=192.0.2.12", "Address=192.0.2.11", "cluster.conf:12: 192.0.2.11 is node1's already"),
    ("Address=192.0.2.12", "Address=192.0.2.256", "cluster.conf:12: Address=: “192.0.2.256” is no IP address"),
    ("Address=192.0.2.12", "Address=0.0.0.0", "cluster.conf:12: Address=: 0.0.0.0 is no address that a node can have"),
    (
        "Address=198.51.100.11",
        "Address=192.0.2.13",
        "cluster.conf:7: 192.0.2.13 and 192.0.2.11 of node1 are in one network (other nodes' links say so); a second",
    ),
    ("Address=192.0.2.12\n", "", "cluster.conf:12: node2 has 1 addresses, node1 has 2; each link needs every node"),
    ("Address=192.0.2.12", "Address=2001:db8::12", "cluster.conf:13: 2001:db8::12 and node1's 192.0.2.11 are one link"),
    ("Fence=bmc2", "Fence=bcm2", "cluster.conf:14: there is no [FenceDevice] bcm2; did you mean bmc2?"),
    ("Fence=bmc1\n", "", "cluster.conf:4: node1 has no Fence= and no Watchdog=; add one, or Unsafe=yes"),
    (
        "Agent=fence_apc",
        "Agent=/usr/sbin/fence_apc",
        "cluster.conf:27: Agent=: “/usr/sbin/fence_apc” is no program's name",
    ),
    ("Agent=fence_apc", "Agent=fence_xyz", "cluster.conf:27: no fence agent fence_xyz in"),
    (
        "Option=ssl-insecure=1",
        "Option=passwd=x1y2",
        "cluster.conf:20: Option=: passwd cannot be set here; use PasswordFile=",
    ),
    (
        "Option=ssl-insecure=1",
        "Option=delay=5",
        "cluster.conf:20: Option=: delay cannot be set here; use Delay=, or FenceDelay= of the node",
    ),
    ("Fence=bmc1\n", "Fence=bmc1\nFenceDelay=6min\n", "cluster.conf:9: FenceDelay=: 6min is longer than 5min"),
    ("Option=ssl-insecure=1", "Option=secret x1y2", "cluster.conf:20: Option=: write NAME=VALUE"),
    (
        "PasswordFile=bmc.secret",
        "PasswordFile=bmc.secrt",
        "cluster.conf:21: there is no file bmc.secrt; did you mean bmc.secret?",
    ),
    (
        "PasswordFile=bmc.secret",
        "PasswordFile=../x",
        "cluster.conf:21: PasswordFile=: “../x” is no name of a file beside",
    ),
    ("Nodes=node1", "Nodes=nod1", "cluster.conf:32: there is no [Node] nod1; did you mean node1?"),
    ("Nodes=node1", "Nodes=node2", "cluster.conf:31: node2 is in domain web twice"),
    ("Name=web\n", "Name=site\n", "units/webserv.target:5: there is no [Domain] web"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), CLUSTER_SLIPS)
def test_a_slip_in_cluster_conf_is_one_sentence_with_its_line(
    root: Path, system: System, right: str, wrong: str, told: str
) -> None:
    assert right in CLUSTER
    write(root, "cluster.conf", CLUSTER.replace(right, wrong, 1))
    found = problems(root, system)
    assert any(problem.startswith(told) for problem in found), found
    assert "x1y2" not in "".join(found)


def test_a_node_is_shot_later_by_its_own_delay(root: Path, system: System) -> None:
    write(root, "cluster.conf", CLUSTER.replace("Fence=bmc1\n", "Fence=bmc1\nFenceDelay=5s\n"))
    assert [node.fence_delay_ms for node in load(root, system=system).nodes] == [5000, 0]


def test_every_slip_is_told_at_once(root: Path, system: System) -> None:
    write(root, "cluster.conf", CLUSTER.replace("Id=2", "Id=99").replace("Nodes=node1", "Nodes=nod1"))
    write(root, "units/webserv.target", TARGET.replace("a.service", "apaches.service"))
    (root / "corosync.key").chmod(0o644)
    assert problems(root, system) == [
        "cluster.conf:11: Id=: “99” is no number from 1 to 16",
        "cluster.conf:32: there is no [Node] nod1; did you mean node1?",
        "corosync.key: can be read by others (mode 0644); chmod 0600 it",
        "units/webserv.target:4: no unit apaches.service here; install it or correct Resources=",
    ]


UNIT_SLIPS = [
    (
        "a.service",
        "apaches.service",
        "units/webserv.target:4: no unit apaches.service here; install it or correct Resources=",
    ),
    ("a.service", "a", "units/webserv.target:4: “a” is no unit's name; write a.service"),
    ("a.service", "a!.service", "units/webserv.target:4: “a!.service” is no unit's name"),
    ("a.service", "a.slice", "units/webserv.target:4: a.slice: a slice cannot be a resource"),
    ("a.service", "t@.service", "units/webserv.target:4: t@.service is a template; write the instance, t@NAME.service"),
    ("a.service", "a.service a.service", "units/webserv.target:4: a.service is twice here"),
    (
        "a.service",
        "masked.service",
        "units/webserv.target:4: masked.service is masked here; systemctl unmask masked.service",
    ),
    ("a.service", "alias.service", "units/webserv.target:4: alias.service is only another name of real.service here"),
    ("a.service", "ours.service", "units/webserv.target:4: no unit ours.service here"),  # our own link is no proof
    ("a.service", "webserv.target", "units/webserv.target:4: webserv.target is a group itself"),
    (
        "a.service",
        "standfast-resourced.service",
        "units/webserv.target:4: standfast-resourced.service carries the system",
    ),
    ("a.service", "network.target", "units/webserv.target:4: network.target carries the system"),
    (
        "192.0.2.100",
        "192.0.2.1000",
        "units/webserv.target:4: 192.0.2.1000 in standfast-ip@192.0.2.1000.service is no IP",
    ),
    ("192.0.2.100", "192.0.2.11", "units/webserv.target:4: 192.0.2.11 is node1's own address"),
    ("192.0.2.100", "2001:DB8::1", "units/webserv.target:4: write standfast-ip@2001:db8::1.service"),
    ("Resources=", "Resources=\n#", "units/webserv.target:3: [X-Standfast] needs Resources="),
    (
        "Resources=",
        "Resource=",
        "units/webserv.target:4: unknown option Resource= in [X-Standfast]; did you mean Resources=?",
    ),
    ("Domain=web", "Domain=wbe", "units/webserv.target:5: there is no [Domain] wbe; did you mean web?"),
    (
        "Domain=web",
        "Recovery=restrat",
        "units/webserv.target:5: Recovery=: “restrat” is not known; did you mean restart?",
    ),
    ("Domain=web", "StopFailure=shoot", "units/webserv.target:5: StopFailure=: “shoot” is not known; write fence or b"),
    ("Domain=web", "Priority=high", "units/webserv.target:5: Priority=: “high” is no number from -1000 to 1000"),
    ("Domain=web", "Copies=2", "units/webserv.target:4: Copies= of webserv would put 192.0.2.100 on several nodes"),
    ("Domain=web", "Copies=17", "units/webserv.target:5: Copies=: “17” is neither all nor a number from 1 to 16"),
    ("Domain=web", "StopTimeout=0", "units/webserv.target:5: StopTimeout=: 0 is shorter than 1s"),
    ("Domain=web", "Critical=no", "units/webserv.target:5: unknown option Critical= in [X-Standfast]; it belongs in"),
    (
        "[X-Standfast]",
        "[X-Standfats]",
        "units/webserv.target:3: unknown section [X-Standfats]; did you mean [X-Standfast]?",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "told"), UNIT_SLIPS)
def test_a_slip_in_a_target_is_one_sentence_with_its_line(
    root: Path, system: System, right: str, wrong: str, told: str
) -> None:
    assert right in TARGET
    write(root, "units/webserv.target", TARGET.replace(right, wrong, 1))
    found = problems(root, system)
    assert any(problem.startswith(told) for problem in found), found


# Groups by name with what is written of them, from line 3 on, and every problem.
RELATIONS: list[tuple[dict[str, str], list[str]]] = [
    ({"a": "Needs=b c\nAfter=d\nApart=b d\nExclusive=yes", "b": "After=c\nApart=a", "c": "", "d": "Needs=c"}, []),
    ({"a": "Needs=b\nAfter=b\nApart=b", "b": ""}, []),
    (
        {"cache": "Needs=dbase", "database": ""},
        ["units/cache.target:3: there is no group dbase; did you mean database?"],
    ),
    ({"cache": "After=db.target", "db": ""}, ["units/cache.target:3: there is no group db.target; did you mean db?"]),
    ({"cache": "Apart=xyz"}, ["units/cache.target:3: there is no group xyz; write its target, or remove it"]),
    (
        {"cache": "Needs=cach"},  # its own name is no help
        ["units/cache.target:3: there is no group cach; write its target, or remove it"],
    ),
    ({"a": "Needs=a"}, ["units/a.target:3: Needs= names its own group; remove a"]),
    ({"a": "After=b a", "b": ""}, ["units/a.target:3: After= names its own group; remove a"]),
    ({"a": "Apart=a"}, ["units/a.target:3: Apart= names its own group; remove a"]),
    ({"a": "Needs=b\nNeeds=c b", "b": "", "c": ""}, ["units/a.target:4: b is in Needs= twice; remove one of them"]),
    ({"a": "After=b b", "b": ""}, ["units/a.target:3: b is in After= twice; remove one of them"]),
    ({"a": "Apart=b\nApart=b", "b": ""}, ["units/a.target:4: b is in Apart= twice; remove one of them"]),
    ({"a": "Needs=b\nNeeds=\nNeeds=c b", "b": "", "c": ""}, []),  # an empty value takes back what was written
    (
        {"db": "After=log webserv", "log": "", "webserv": "Priority=1\nNeeds=db"},
        [
            "units/webserv.target:4: none of these could start before the others: "
            "db is after webserv, webserv needs db; remove one of these settings"
        ],
    ),
    (
        {"a": "Needs=b", "b": "Needs=c", "c": "After=d", "d": "Needs=b"},  # a only leads there
        [
            "units/d.target:3: none of these could start before the others: "
            "b needs c, c is after d, d needs b; remove one of these settings"
        ],
    ),
    (
        {"a": "After=b c", "b": "After=a", "c": "After=a"},
        [
            "units/b.target:3: none of these could start before the others: "
            "a is after b, b is after a; remove one of these settings",
            "units/c.target:3: none of these could start before the others: "
            "a is after c, c is after a; remove one of these settings",
        ],
    ),
    ({"a": "Apart=b", "b": "Apart=c", "c": "Apart=a"}, []),  # no order, so no circle
    (
        {"a": "Domain=one\nApart=b", "b": "Domain=same\nApart=a"},
        [
            "units/a.target:4: a is apart from b, but both may run on node1 only; "
            "let one of them run on another node too"
        ],
    ),
    ({"a": "Domain=one\nApart=b", "b": "Domain=other"}, []),
    ({"a": "Domain=one\nApart=b", "b": "Domain=preferred"}, []),
    ({"a": "Domain=one\nApart=b", "b": ""}, []),
    ({"a": "Domain=one\nNeeds=b", "b": "Domain=same\nAfter=c", "c": "Domain=one"}, []),
]
DOMAINS = "".join(
    f"[Domain]\nName={name}\nNodes={node}\nRestricted={restricted}\n"
    for name, node, restricted in (
        ("one", "node1", "yes"),
        ("same", "node1", "yes"),
        ("other", "node2", "yes"),
        ("preferred", "node1", "no"),
    )
)


@pytest.mark.parametrize(("groups", "told"), RELATIONS)
def test_what_groups_say_of_each_other_can_come_true_or_is_told(
    root: Path, groups: dict[str, str], told: list[str]
) -> None:
    write(root, "cluster.conf", CLUSTER + DOMAINS)
    (root / "units/webserv.target").unlink()
    for name, lines in groups.items():
        write(root, f"units/{name}.target", f"[X-Standfast]\nResources={name}.service\n{lines}\n")
    assert (problems(root, None) if told else load(root, system=None).digest) == (told or digest(root))


def test_groups_that_are_apart_cannot_both_run_on_the_only_node_and_a_broken_node_is_a_node(root: Path) -> None:
    write(root, "units/b.target", "[X-Standfast]\nResources=b.service\nApart=webserv\n")
    write(root, "cluster.conf", CLUSTER.replace("Id=2", "Id=99"))
    assert problems(root, None) == ["cluster.conf:11: Id=: “99” is no number from 1 to 16"]
    alone = "[Cluster]\nName=c\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n"
    write(root, "cluster.conf", f"{alone}[Domain]\nName=web\nNodes=node1\n")
    told = "b is apart from webserv, but both may run on node1 only; let one of them run on another node too"
    assert problems(root, None) == [f"units/b.target:3: {told}"]
    write(root, "cluster.conf", alone)
    assert problems(root, None) == ["units/webserv.target:5: there is no [Domain] web"]


def test_a_circle_is_found_however_long_it_is(root: Path) -> None:
    for number in range(1500):
        other = (number + 1) % 1500
        write(root, f"units/g{number:04}.target", f"[X-Standfast]\nResources=u{number}.service\nAfter=g{other:04}\n")
    (told,) = problems(root, None)
    assert told.startswith("units/g1499.target:3: none of these could start before the others: g0000 is after g0001, ")


FILE_SLIPS = [
    ("units/vendor.target", TARGET, "units/vendor.target: vendor.target is the system's own"),
    ("units/multi-user.target", TARGET, "units/multi-user.target: multi-user.target is the system's own"),
    ("units/other.target", TARGET, "units/webserv.target:4: a.service is in group other too; it can be in one only"),
    ("units/README", "", "units/README: is no unit's name, so systemd would not read it"),
    ("units/a.service.d/x.cnf", "", "units/a.service.d/x.cnf: is no drop-in, so systemd would not read it"),
    ("units/a.service.d/zz-standfast.conf", "", "units/a.service.d/zz-standfast.conf: is a name that Standfast uses"),
    ("units/a.target.wants/b.service", "", "units/a.target.wants/b.service: a.target.wants is no folder of drop-ins"),
    ("units/b.service.d/x.conf", "\n[X-Probe]\n", "units/b.service.d/x.conf:2: b.service is in no group's Resources="),
    ("units/a.service.d/x.conf", "[X-Probe]\nInterval=1s", "units/a.service.d/x.conf:1: [X-Probe] needs URL="),
    ("units/a.service.d/x.conf", "[X-Probe]\nURL=ftp://x/", "units/a.service.d/x.conf:2: URL=: “ftp://x/” is no URL"),
    ("units/a.service.d/x.conf", "[X-Probe]\nType=dns\nConnect=x:53", "units/a.service.d/x.conf:1: [X-Probe] needs Q"),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=dns\nConnect=x:53\nQuestion=a..b MX",
        "units/a.service.d/x.conf:4: Question=: “a..b” is no name that can be looked up",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=dns\nConnect=x:53\nQuestion=a ANY",
        "units/a.service.d/x.conf:4: Question=: ANY is no type of record that can be asked for",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nType=htpp", "units/a.service.d/x.conf:2: Type=: “htpp” is not known; did"),
    ("units/a.service.d/x.conf", "[X-Probe a]\nBody=x", "units/a.service.d/x.conf:1: [X-Probe a] needs URL=; add it"),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nHeader=Server",
        "units/a.service.d/x.conf:3: Header=: “Server” is no header; write NAME: REGULAR EXPRESSION",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nJson=a.b[x] == 1",
        "units/a.service.d/x.conf:3: Json=: “a.b[x]” is no path",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nJson=a = 1",
        "units/a.service.d/x.conf:3: Json=: “a = 1” is no comparison; write for example status.db[0].state == ",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nJson=a == up",
        "units/a.service.d/x.conf:3: Json=: up is no value of JSON",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nJson=a < true",
        "units/a.service.d/x.conf:3: Json=: true has no order",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nSlowAfter=1s",
        "units/a.service.d/x.conf:3: SlowAfter= must be shorter than Timeout=, which is 1s",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nCertificateDays=30",
        "units/a.service.d/x.conf:3: CertificateDays= needs an https URL=",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=tcp\nConnect=x:1\nCertificateDays=30",
        "units/a.service.d/x.conf:4: CertificateDays= needs TLS=yes",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nCAFile=/etc/ssl/x.pem",
        "units/a.service.d/x.conf:3: CAFile= needs an https URL=, for there is no certificate without it",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=tcp\nConnect=x:1\nClientCertificate=/x.pem\nTLS=no",
        "units/a.service.d/x.conf:4: ClientCertificate= needs TLS=yes",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=https://x\nClientKey=/x.key",
        "units/a.service.d/x.conf:3: ClientKey= belongs to ClientCertificate=, which is missing; add it, or remove",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=smtp\nConnect=x:25\nTLS=yes\nStartTLS=yes",
        "units/a.service.d/x.conf:5: StartTLS= begins without TLS and TLS= with it; remove one of them",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=smtp\nConnect=x:25\nCAFile=/x.pem",
        "units/a.service.d/x.conf:4: CAFile= needs TLS=yes or StartTLS=yes",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=smtp\nConnect=127.0.0.1:25\nUser=ann",
        "units/a.service.d/x.conf:4: User= needs PasswordFile= or Credential=, which has the password; add one of them",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=smtp\nConnect=x:25\nUser=ann\nCredential=mail",
        "units/a.service.d/x.conf:4: User= would send its password for everybody on the way to read; write TLS=yes or",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://192.0.2.1/\nUser=ann\nCredential=page",
        "units/a.service.d/x.conf:3: User= would send its password for everybody on the way to read; write an htt",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=tcp\nConnect=x:1\nBody=x",
        "units/a.service.d/x.conf:4: Body= means nothing for Type=tcp, only for http; remove it, or correct Type=",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nConnect=::1:25",
        "units/a.service.d/x.conf:2: Connect=: “::1:25” is no pl",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=udp\nConnect=x:1\nSend=x",
        "units/a.service.d/x.conf:1: [X-Probe] needs Expect=; add it",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nType=icmp", "units/a.service.d/x.conf:1: [X-Probe] needs Host=; add it"),
    ("units/a.service.d/x.conf", "[X-Probe]\nType=link\nInterface=a/b", "units/a.service.d/x.conf:3: Interface=: “a/b"),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=address\nAddress=x",
        "units/a.service.d/x.conf:3: Address=: “x” is n",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nType=unit\nUnit=a/b", "units/a.service.d/x.conf:3: Unit=: "),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=unit\nUnit=a.mount\nStatusText=x",
        "units/a.service.d/x.conf:4: StatusText= is only known of a service; remove it, or name one by Unit=",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nType=unit\nActiveState=activ",
        "units/a.service.d/x.conf:3: ActiveState=: “activ” is not known; did you mean active?",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nConnect=a:x", "units/a.service.d/x.conf:2: Connect=: “x” is no number fr"),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nSend=a\\q",
        "units/a.service.d/x.conf:2: Send=: “\\q” is no escape; write",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nExpect=(", "units/a.service.d/x.conf:2: Expect=: “(” is no regular expre"),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=http://x\nSocket=app.sock",
        "units/a.service.d/x.conf:3: Socket=: “app.sock” is no path of a socket",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nURL=https://x/\nUser=a:b\nCredential=page",
        "units/a.service.d/x.conf:3: User= of a page can have no “:”",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nBody=((a{1000}){1000}){1000}",
        "units/a.service.d/x.conf:2: Body=: “((a{1000}){1000}){1000}” repeats so often that it would fill the memory",
    ),
    (
        "units/a.service.d/x.conf",
        "[X-Probe]\nBody=(",
        "units/a.service.d/x.conf:2: Body=: “(” is no regular expression",
    ),
    ("units/a.service.d/x.conf", "[X-Probe]\nStatus=20", "units/a.service.d/x.conf:2: Status=: “20” is no number"),
    ("units/a.service.d/x.conf", "[X-Probe a/b]\nURL=http://x", "units/a.service.d/x.conf:1: the probe's name: “a/b”"),
    ("units/a.service.d/x.conf", "[X-Address]\nPrefix=24", "units/a.service.d/x.conf:1: [X-Address] has no meaning"),
    (
        "units/standfast-ip@.service.d/x.conf",
        "[X-Address]\nPrefix=64",
        "units/standfast-ip@.service.d/x.conf:2: Prefix=:",
    ),
    (
        "units/standfast-ip@.service.d/x.conf",
        "[X-Address]\nInterface=a/b",
        "units/standfast-ip@.service.d/x.conf:2: Inter",
    ),
    ("units/a.service.d/x.conf", "[Unit]\nnonsense\n", "units/a.service.d/x.conf:2: “nonsense” is neither [NAME] nor"),
    ("units/we b.target", TARGET, "units/we b.target: is no unit's name"),
    ("units/we:b.target", TARGET, "units/we:b.target: the group's name: “we:b” is no name"),
    ("cluster.conf.d/x.conf", "[Cluster]\nX=1\n", "cluster.conf.d/x.conf:2: unknown option X= in [Cluster]"),
    ("corosync.key", "short", "corosync.key: has 5 bytes; a key has 128 to 4096"),
]


@pytest.mark.parametrize(("name", "text", "told"), FILE_SLIPS)
def test_a_file_that_is_out_of_place_or_wrong_is_told(
    root: Path, system: System, name: str, text: str, told: str
) -> None:
    write(root, name, text)
    found = problems(root, system)
    assert any(problem.startswith(told) for problem in found), found


def test_units_from_packages_templates_and_init_scripts_are_known_here(root: Path, system: System) -> None:
    write(root, "units/webserv.target", TARGET.replace("a.service", "apache2.service legacy.service"))
    assert len(load(root, system=system).groups[0].resources) == 3


def test_a_target_may_be_a_resource_with_settings_of_its_own(root: Path, system: System) -> None:
    write(root, "units/webserv.target", TARGET.replace("a.service", "inner.target"))
    write(root, "units/inner.target", "[X-Standfast]\nCritical=no\n")
    (group,) = load(root, system=system).groups
    assert [resource.critical for resource in group.resources] == [True, False]


def test_one_node_and_an_unsafe_cluster_need_no_fence_device(root: Path, system: System) -> None:
    without = CLUSTER.replace("Fence=bmc1\n", "")
    write(root, "cluster.conf", without.replace("Name=webha", "Name=webha\nUnsafe=yes"))
    assert load(root, system=system).cluster.unsafe
    write(
        root,
        "cluster.conf",
        "[Cluster]\nName=c\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n[Domain]\nName=web\nNodes=node1",
    )
    assert not load(root, system=system).cluster.unsafe


def test_replaced_files_are_checked_as_if_they_were_written_and_are_not(
    root: Path, system: System, tmp_path: Path
) -> None:
    before = digest(root)
    replacements: dict[str, str | bytes] = {
        "units/webserv.target": TARGET.replace("Domain=web", "Recovery=relocate"),
        "units/webserv.target.d/more.conf": b"[X-Standfast]\nNeeds=db\n",
        "units/db.target": "[X-Standfast]\nResources=apache2.service\n",
        "other.secret": "hidden",
        "cluster.conf.d/x.conf": "[FenceDevice]\nName=pdu\nPasswordFile=other.secret\n",
    }
    found = load_with(root, replacements, system=system)
    assert [(group.name, group.recovery, group.needs) for group in found.groups] == [
        ("db", Recovery.RESTART, ()),
        ("webserv", Recovery.RELOCATE, ("db",)),
    ]
    assert found.groups[1].setting("Needs") == "units/webserv.target.d/more.conf:2"
    assert (digest(root), load_with(root, {}, system=system)) == (before, load(root, system=system))
    written = tmp_path / "written"
    shutil.copytree(root, written)
    for name, content in replacements.items():
        write(written, name, content if isinstance(content, str) else content.decode(), mode=0o600)
    assert found == load(written, system=system)


REPLACEMENTS: list[tuple[dict[str, str | bytes], list[str]]] = [
    ({"units/webserv.target": TARGET + "Needs=db\n"}, ["units/webserv.target:6: there is no group db; write its tar"]),
    ({"cluster.conf": CLUSTER.replace("Name=web\n", "Name=x\n")}, ["units/webserv.target:5: there is no [Domain] web"]),
    ({"units/new.service": b"[Unit]\n\n#\xff"}, ["units/new.service:3: is no UTF-8"]),
    ({"units/new.service": "[Unit]\n#\ud800"}, ["units/new.service:2: is no UTF-8"]),
    ({"large": "x" * (1 << 20 | 1)}, ["large: is larger than 1 MiB"]),
    ({"corosync.key": "short"}, ["corosync.key: has 5 bytes; a key has 128 to 4096"]),
    ({"units/a.service~": ""}, ["units/a.service~: is a name that editors and packages leave behind"]),
    ({".git/x": ""}, [".git/x: is a name that editors and packages leave behind"]),
    ({"units": ""}, ["units: is a folder; name the file in it"]),
    ({"units/a.service/x": ""}, ["units/a.service/x: cannot be below units/a.service, which is a file"]),
]
for _name in ("/etc/passwd", "../x", "units/../../x", "", ".", "./x", "units//x", "units/"):
    _told = f"{_name}: is no name below the configuration's folder; write for example units/webserv.target"
    REPLACEMENTS.append(({_name: ""}, [_told]))


@pytest.mark.parametrize(("replacements", "told"), REPLACEMENTS)
def test_what_is_wrong_with_a_replacement_is_told_with_its_name_and_line(
    root: Path, system: System, replacements: dict[str, str | bytes], told: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_with(root, replacements, system=system)
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == len(told)
    assert all(problem.startswith(start) for problem, start in zip(found, told, strict=True)), found


def test_a_replacement_mends_what_is_wrong_with_its_file_and_nothing_else(root: Path, system: System) -> None:
    (root / "units/torn.service").symlink_to("nowhere")
    write(root, "cluster.conf", "[Cluster")
    assert load_with(root, {"units/torn.service": "[Unit]\n", "cluster.conf": CLUSTER}, system=system).groups
    with pytest.raises(
        ConfigurationError, match=r"^units/torn\.service: is a link to nowhere, which is not there[^\n]*$"
    ):
        load_with(root, {"cluster.conf": CLUSTER}, system=system)
    (root / "bmc.secret").chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"bmc\.secret: can be read by others"):
        load_with(root, {"bmc.secret": "x", "cluster.conf": CLUSTER, "units/torn.service": "[Unit]\n"}, system=system)


@pytest.mark.parametrize("name", ["cluster.conf", "corosync.key"])
def test_a_missing_file_is_a_problem(root: Path, system: System, name: str) -> None:
    (root / name).unlink()
    assert any(problem.startswith(f"{name}: is missing") for problem in problems(root, system))


def test_nothing_at_all_is_a_problem_not_a_crash(tmp_path: Path, system: System) -> None:
    assert f"{tmp_path / 'none'}: cannot be read: No such file or directory" in problems(tmp_path / "none", system)


def test_what_is_no_text_no_file_or_too_large_is_told(root: Path, system: System) -> None:
    (root / "units/b.service").write_bytes(b"[Unit]\nDescription=\xff\n")
    os.mkfifo(root / "units/pipe.service")
    (root / "units/torn.service").symlink_to("nowhere")
    (root / "large").write_bytes(b"x" * (1 << 20 | 1))
    (root / "linked").symlink_to(root / "units", target_is_directory=True)
    found = problems(root, system)
    assert "units/b.service:2: is no UTF-8" in found
    assert "units/pipe.service: is no file; nothing but files and folders is replicated" in found
    torn = "units/torn.service: is a link to nowhere, which is not there; put the file itself here, or remove it"
    assert torn in found
    assert "large: is larger than 1 MiB; large data does not belong here" in found
    assert "linked: is a link to a folder; make it a folder" in found


def test_the_digest_is_of_names_and_content_but_not_of_what_editors_leave(root: Path) -> None:
    before = digest(root)
    for name in (".cluster.conf.swp", "cluster.conf~", "cluster.conf.dpkg-new", ".git/x"):
        write(root, name, "left")
    (root / "cluster.conf").chmod(0o600)
    assert digest(root) == before
    write(root, "bmc.secret", "other", mode=0o600)
    assert digest(root) != before


def test_what_is_in_force_is_read_and_not_what_the_administrator_works_on(
    root: Path, system: System, tmp_path: Path
) -> None:
    taken, told = load_in_force(tmp_path, system=system)
    assert taken is None
    assert str(told[0]).startswith(f"{tmp_path / 'config'}: there is no configuration in force on this node: standfast")
    good = load(root, system=system)
    put_in_force(root, tmp_path)
    write(root, "cluster.conf", "[Cluster\n")
    assert load_in_force(tmp_path, system=system) == (good, ())
    put_in_force(root, tmp_path)
    taken, told = load_in_force(tmp_path, system=system)
    assert taken is None
    assert str(told[0]).startswith("cluster.conf:1:")


def test_what_is_in_force_is_used_and_told_when_a_package_is_removed(
    root: Path, system: System, tmp_path: Path
) -> None:
    put_in_force(root, tmp_path)
    (system.unit_paths[0] / "standfast-ip@.service").unlink()
    taken, told = load_in_force(tmp_path, system=system)
    assert taken is not None
    assert "no unit standfast-ip@192.0.2.100.service here" in str(told[0])


def test_what_is_in_force_but_was_changed_by_hand_is_used_and_told(root: Path, system: System, tmp_path: Path) -> None:
    before = put_in_force(root, tmp_path)
    write(tmp_path / "config", "units/a.service", "[Service]\nExecStart=/bin/false\n")
    taken, told = load_in_force(tmp_path, system=system)
    assert taken is not None
    assert taken.digest == digest(tmp_path / "config") != before
    assert str(told[0]).startswith(f"{tmp_path / 'config'}: was changed by hand or by a broken disk")


def test_the_table_of_keys_in_the_manual_is_the_one_of_the_code() -> None:
    written = (REPOSITORY / "contrib/docs/keys.md").read_text()
    assert written == keys.table(), "python3 -m standfast.configuration.keys > contrib/docs/keys.md"


@pytest.mark.parametrize(
    ("scope", "record"),
    [
        (keys.Scope.CLUSTER, model.Cluster),
        (keys.Scope.NODE, model.Node),
        (keys.Scope.DEVICE, model.FenceDevice),
        (keys.Scope.DOMAIN, model.Domain),
        (keys.Scope.HEURISTIC, model.Heuristic),
        (keys.Scope.GROUP, model.Group),
        (keys.Scope.RESOURCE, model.Resource),
        (keys.Scope.PROBE, model.Probe),
    ],
)
def test_declared_defaults_and_fields_are_those_of_the_model(scope: keys.Scope, record: type) -> None:
    fields = {field.name: field for field in dataclasses.fields(record)}
    for key in keys.KEYS:
        if key.scope is not scope or key.field is None:
            continue
        default = fields[key.field].default
        if key.default:
            assert key.kind.combine((key.kind.parse(key.default),)) == default, key.name
        else:
            assert default in (dataclasses.MISSING, None, (), ""), key.name


@given(st.integers(0, 10**9))
def test_a_span_that_is_shown_is_read_as_the_same(span_ms: int) -> None:
    assert parse_span(show_span(span_ms)) == span_ms


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [
        ("2.2s", 2200),
        ("10min", 600_000),
        ("1h 30min", 5_400_000),
        ("1h30m", 5_400_000),
        ("5", 5000),
        ("250ms", 250),
        ("1 min 5 seconds", 65_000),
        (".5s", 500),
        ("2d", 172_800_000),
        ("500us 500µs", 1),
        ("0", 0),
    ],
)
def test_spans_are_read_as_systemd_reads_them(text: str, span_ms: int) -> None:
    assert parse_span(text) == span_ms


@pytest.mark.parametrize("text", ["", "s", "-1s", "1.2.3s", "1 parsec", "infinity", "1us", "٣s", "1s,"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_span(text)


@settings(deadline=None)  # a loaded machine keeps no time
@given(st.binary(max_size=200), st.sampled_from(["cluster.conf", "units/webserv.target", "units/a.service.d/x.conf"]))
def test_any_bytes_give_a_configuration_or_problems(content: bytes, name: str) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, "cluster.conf", CLUSTER)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        try:
            assert isinstance(load(root, system=None), Configuration)
        except ConfigurationError as error:
            assert error.problems
