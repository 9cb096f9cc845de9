"""`standfast import`: what becomes of a cluster.conf of RHCS, and that nothing of it is passed over."""

import asyncio
import json
import re
import stat
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from standfast.configuration.load import load
from standfast.configuration.model import Configuration, Plug, Recovery
from standfast.configuration.system import System
from standfast.configuration.tree import read_tree
from standfast.configuration.unitfile import parse
from standfast.configuration.verify import verify
from standfast.ctl import import_folder
from standfast.ctl.__main__ import main
from standfast.ctl.import_folder import write_folder
from standfast.rhcs.advice import advice_for
from standfast.rhcs.document import DocumentError
from standfast.rhcs.report import Imported, Kind, NewFile
from standfast.rhcs.services import TRANSLATIONS
from standfast.rhcs.translate import translate

FILES = Path(__file__).parent / "rhcs"
EXAMPLE_ADDRESSES = ("left.example.com=192.0.2.11", "right.example.com=192.0.2.12")
MANY_ADDRESSES = tuple(f"{node}=192.0.2.{11 + i}" for i, node in enumerate("abc")) + tuple(
    f"{node}=198.51.100.{11 + i}" for i, node in enumerate("abc")
)


def run(file: Path, into: Path, *arguments: str, addresses: Sequence[str] = ()) -> Result:
    given_ones = [word for one in addresses for word in ("--address", one)]
    words = ("import", str(file), "--into", str(into), *given_ones, *arguments)
    return CliRunner(mix_stderr=False).invoke(main, words, env={"COLUMNS": "80"})


def imported(tmp_path: Path, name: str, addresses: Sequence[str]) -> tuple[Configuration, str]:
    """What the loader makes of the written folder, and what was printed."""
    result = run(FILES / name, tmp_path / "new", addresses=addresses)
    assert result.exit_code == 0, result.stderr + result.stdout
    return load(tmp_path / "new", system=None), result.stdout


def units(configuration: Configuration, group: str) -> list[str]:
    found = configuration.group(group)
    assert found is not None
    return [resource.unit for resource in found.resources]


def of(text: str) -> Imported:
    """The elements of a cluster with two nodes, n1 and n2."""
    return translate(text.encode(), "cluster.conf", lambda node, names: [f"192.0.2.{1 if node == 'n1' else 2}"])


def cluster(middle: str, fence: str = "") -> str:
    node = '<clusternode name="n{0}" nodeid="{0}">{1}</clusternode>'
    nodes = node.format(1, fence) + node.format(2, fence)
    return f'<cluster name="c"><clusternodes>{nodes}</clusternodes>{middle}</cluster>'


def service(resources: str, attributes: str = "") -> Imported:
    return of(cluster(f'<rm><service name="s" {attributes}>{resources}</service></rm>'))


def text(made: Imported, name: str) -> str:
    return made.files[name].content.decode()


def told(made: Imported) -> str:
    return "\n".join(map(str, made.findings))


def test_the_first_example_becomes_a_group_in_the_order_of_rgmanager(tmp_path: Path) -> None:
    found, printed = imported(tmp_path, "apache.conf", EXAMPLE_ADDRESSES)
    assert units(found, "webserv") == ["var-www-html.mount", "standfast-ip@192.0.2.100.service", "apache2.service"]
    (group,), (domain,) = found.groups, found.domains
    assert (group.recovery, group.domain, group.exclusive) == (Recovery.RELOCATE, "web_nodes", False)
    assert (domain.ordered, domain.restricted, domain.failback) == (True, True, True)
    assert domain.nodes == ("left.example.com", "right.example.com")
    assert (found.cluster.two_node, found.cluster.post_join_delay_ms, found.cluster.post_fail_delay_ms) == (
        True,
        3000,
        0,
    )
    assert found.cluster.unsafe and "fence_gnbd is gone" in " ".join(printed.split())
    mount = (tmp_path / "new/units/var-www-html.mount").read_text()
    assert "\nWhat=store.example.com:/pages\nWhere=/var/www/html\nType=nfs\n" in mount


def test_the_second_example_keeps_its_nesting_and_its_policy(tmp_path: Path) -> None:
    found, printed = imported(tmp_path, "mysql.conf", EXAMPLE_ADDRESSES)
    assert units(found, "mysql") == ["var-lib-mysql.mount", "standfast-ip@192.0.2.101.service", "mariadb.service"]
    (group,), (domain,) = found.groups, found.domains
    assert (group.recovery, group.max_restarts, group.restart_window_ms) == (Recovery.RESTART, 2, 600_000)
    assert (domain.ordered, domain.restricted, domain.failback) == (True, True, False)
    assert "Options=rw,hard\n" in (tmp_path / "new/units/var-lib-mysql.mount").read_text()
    assert "[X-Probe] with Interval=10" in " ".join(printed.split())


def test_more_than_twenty_types_are_imported_and_pass_the_check(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, "many.conf", MANY_ADDRESSES)
    written = {element.tag for element in ET.parse(FILES / "many.conf").getroot().iterfind("rm//*")}
    assert len(written & set(TRANSLATIONS)) >= 24
    assert units(found, "nfs") == [
        "lvm-volumes.service",
        "srv-my\\x20data.mount",
        "nfsclient-everybody.service",
        "nfsclient-office.service",
        "standfast-ip@192.0.2.50.service",
        "nfs-server.service",
    ]
    assert [group.name for group in found.groups] == ["again", "guest", "network-group", "nfs"]
    by_name = {group.name: group for group in found.groups}
    assert (by_name["network-group"].needs, by_name["again"].after) == (("nfs",), ("nfs",))
    assert (by_name["network-group"].priority, by_name["network-group"].exclusive) == (-3, True)
    assert [resource.unit for resource in by_name["network-group"].resources if not resource.critical] == [
        "script-own.service"
    ]
    assert [(node.id, node.votes) for node in found.nodes] == [(1, 1), (2, 2), (3, 1)]
    assert found.cluster.detect_within_ms == 46_200


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    imported(tmp_path, "many.conf", MANY_ADDRESSES)
    folder = tmp_path / "new/units"
    for name in ("standfast-ip@.service", "nmbd.service", "smbd.service", "named.service"):  # as packages have them
        (folder / name).write_text("[Service]\nExecStart=/bin/true\n")
    names = [path.name for path in folder.iterdir() if path.is_file() and "@." not in path.name]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(folder / name) for name in names)],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    lines = [line for line in result.stderr.splitlines() if str(tmp_path) in line or line.split(":")[0] in names]
    assert not [line for line in lines if "is not executable" not in line]


def test_fence_levels_devices_and_delays(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, "many.conf", MANY_ADDRESSES)
    assert found.node("a").fence == (
        (Plug(device="ipmi-a", plug=None),),
        (Plug(device="pdu1", plug="1"), Plug(device="pdu2", plug="7")),
    )
    assert found.node("b").fence == ((Plug(device="center-b", plug=None),),)
    assert found.node("c").fence == ((Plug(device="center-c", plug="c"),),)
    assert [node.fence_delay_ms for node in found.nodes] == [0, 15_000, 0]
    devices = {device.name: device for device in found.devices}
    assert set(devices) == {"ipmi-a", "pdu1", "pdu2", "center-b", "center-c", "spare"}
    assert devices["ipmi-a"].options == {"ip": "203.0.113.11", "username": "root", "lanplus": "1"}
    assert (devices["ipmi-a"].password_file, devices["ipmi-a"].delay_ms) == ("ipmi-a.secret", 5000)
    assert devices["center-b"].options["plug"] == "b guest"
    assert (devices["center-c"].agent, devices["center-c"].options["ssl"]) == ("fence_vmware_soap", "on")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_passwords_are_in_files_that_only_root_reads_and_nowhere_else(tmp_path: Path, arguments: tuple[str]) -> None:
    result = run(FILES / "many.conf", tmp_path / "new", *arguments, addresses=MANY_ADDRESSES)
    assert result.exit_code == 0 and "Geheim" not in result.stdout + result.stderr
    modes = {}
    for path in (tmp_path / "new").rglob("*"):
        if path.is_file() and b"Geheim" in path.read_bytes():
            modes[path.name] = stat.S_IMODE(path.stat().st_mode)
    assert set(modes.values()) == {0o600}
    assert set(modes) == {
        "ipmi-a.secret",
        "pdu1.secret",
        "pdu2.community.secret",
        "pdu2.snmp_priv_passwd.secret",
        "netfs-share.secret",
    }
    assert (tmp_path / "new/ipmi-a.secret").read_text() == 'Geheim1"\\\n'
    assert (tmp_path / "new/netfs-share.secret").read_text() == "username=u\npassword=Geheim5\n"
    # read where the version in force is: /etc/standfast may be edited at any time
    option = "credentials=/var/lib/standfast/config/netfs-share.secret"
    assert option in (tmp_path / "new/units/mnt-x.mount").read_text()
    assert stat.S_IMODE((tmp_path / "new/corosync.key").stat().st_mode) == 0o600


def many(root: ET.Element | None = None) -> Imported:
    content = (FILES / "many.conf").read_bytes() if root is None else ET.tostring(root)
    addresses = {node: [f"192.0.2.{11 + i}", f"198.51.100.{11 + i}"] for i, node in enumerate("abc")}

    def look_up(node: str, names: Sequence[str]) -> list[str]:
        found = zip(names, addresses.get(node, ("", "")), strict=True)
        return [address if re.fullmatch("[abc](-2)?", name) else "" for name, address in found]

    return translate(content, "many.conf", look_up)


def parents(root: ET.Element) -> dict[ET.Element, ET.Element]:
    return {child: parent for parent in root.iter() for child in parent}


@pytest.mark.parametrize("kind", ["attribute", "element"])
def test_whatever_is_added_anywhere_is_told_or_written(kind: str) -> None:
    """Completeness: something that nobody knows, with a name of its own at each place of the file."""
    root = ET.parse(FILES / "many.conf").getroot()
    elements = list(root.iter())
    for position, element in enumerate(elements):
        if kind == "attribute":
            element.set(f"novelty{position}_", "77")
        else:
            ET.SubElement(element, f"novelty{position}_", {"a": "77"})
    made = many(root)
    everything = told(made) + "".join(file.content.decode("latin1") for file in made.files.values())
    silent = [
        f"{element.tag} {element.attrib}"
        for position, element in enumerate(elements)
        if f"novelty{position}_" not in everything and not covered(element, root)
    ]
    assert not silent, "\n".join(silent)


WHOLE = {  # of these (and what stands in them) the report says at once that nothing or a stand-in became of them
    "<logging>", "<dlm>", "<events>", "<unknown>", "<unfence>", '<fencedevice name="hand">', '<method name="by hand">',
    '<script name="unused">', '<service name="lost">', '<weird name="w">', '<ip ref="192.0.2.99">',
    '<samba name="files">', '<lvm ref="volumes">',
}  # fmt: skip


def covered(element: ET.Element, root: ET.Element) -> bool:
    """One sentence is told of it, or of what it stands in, as a whole."""
    above = parents(root)
    while element is not root:
        name = next((f' {key}="{element.get(key)}"' for key in ("name", "ref") if element.get(key)), "")
        if f"<{element.tag}{name}>" in WHOLE:
            return True
        element = above[element]
    return False


def test_what_is_covered_as_a_whole_is_told() -> None:
    whole = {one.what for one in many().findings if one.kind is not Kind.DIFFERS or "let in again" in one.text}
    assert not WHOLE - whole


def test_every_attribute_counts_or_is_known_to_be_needless() -> None:
    """Each value of the file is changed in turn: files or report change too."""
    root = ET.parse(FILES / "many.conf").getroot()
    before = many(root)
    places = [(position, name) for position, element in enumerate(root.iter()) for name in element.attrib]
    silent = []
    for position, name in places:
        root = ET.parse(FILES / "many.conf").getroot()
        element = list(root.iter())[position]
        element.set(name, f"{element.get(name)}77")
        after = many(root)
        harmless = advice_for(element.tag, name, element.get(name, "")) == ""
        if (after.files, after.became, after.findings) == (before.files, before.became, before.findings) and not (
            harmless or covered(element, root)
        ):
            silent.append(f"{element.tag} {name}")
    assert not silent


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'<cluster name="c">\n<cman>\n</cluster>', "bad.conf:3: is no XML: mismatched tag; correct it there."),
        (b"", "bad.conf:1: is no XML: no element found; correct it there."),
        (b'<cluster\nname="\xff"/>', "bad.conf:2: is no UTF-8; convert it (iconv -f latin1 -t utf-8), and import"),
        (b" " * 10_000_000, "bad.conf: is larger than 1 MiB, so it is no cluster.conf."),
        (b"<a>\n</a>", "bad.conf:1: begins with <a>, so it is no cluster.conf of RHCS, which begins with <cluster>."),
        (b'<!DOCTYPE a [<!ENTITY x "y">]>\n<cluster/>', "bad.conf:1: has a document type"),
        (b"<cluster>\n<a b='1&#10;[Node]'/></cluster>", "bad.conf:2: b of <a> has a control character in it"),
        (b"<cluster>" + b"<a>" * 100, "bad.conf:1: has more than 20000 elements or 64 levels of them; split it."),
        (b"<cluster>" + b"<a/>" * 20_001, "bad.conf:1: has more than 20000 elements or 64 levels of them; split it."),
        (b"<cluster>&x;</cluster>", "bad.conf:1: is no XML: undefined entity; correct it there."),
    ],
    ids=["broken", "empty", "latin1", "10MB", "other", "doctype", "control", "deep", "many", "entity"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_sentence_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "bad.conf"
    file.write_bytes(content)
    result = run(file, tmp_path / "new")
    assert result.exit_code == 1 and not result.stdout and not (tmp_path / "new").exists()
    assert result.stderr.startswith(f"standfast: {tmp_path}/{message}") and result.stderr.count("\n") == 1


def test_unknown_elements_and_attributes_are_told_with_their_lines() -> None:
    made = of(cluster('\n<odd/>\n<cman hue="7"/>\n<rm><service name="s">x<ip address="192.0.2.9"/></service></rm>'))
    assert "cluster.conf:2: <odd>: is no element that is known here, in <cluster>" in told(made)
    assert 'cluster.conf:3: <cman hue="7">: is no attribute that is known here' in told(made)
    assert 'cluster.conf:4: <service name="s">: has text between its tags' in told(made)


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mine").write_text("x")
    result = run(FILES / "apache.conf", tmp_path / "new", addresses=EXAMPLE_ADDRESSES)
    assert result.exit_code == 1 and "is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]
    assert "is no folder" in run(FILES / "apache.conf", tmp_path / "new/mine").stderr


def test_an_empty_folder_is_filled_and_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir(mode=0o700)
    assert run(FILES / "apache.conf", tmp_path / "new", addresses=EXAMPLE_ADDRESSES).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", tmp_path / "new/units")} == {0o755}


@pytest.mark.parametrize(
    "folder", ["/etc/standfast", "/etc/standfast/units/x", "/var/lib/standfast/config", "/etc/systemd"]
)
def test_the_cluster_s_own_folders_are_never_written(folder: str) -> None:
    result = run(FILES / "apache.conf", Path(folder), addresses=EXAMPLE_ADDRESSES)
    assert result.exit_code == 1 and "is in use by the cluster" in result.stderr


def test_a_link_does_not_lead_to_the_cluster_s_own_folder(tmp_path: Path) -> None:
    (tmp_path / "new").symlink_to("/etc/standfast")
    assert "is in use by the cluster" in run(FILES / "apache.conf", tmp_path / "new").stderr


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def write(path: Path, data: bytes, mode: int) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(import_folder, "write_atomic", write)
    result = run(FILES / "apache.conf", tmp_path / "new", addresses=EXAMPLE_ADDRESSES)
    assert (result.exit_code, result.stderr) == (
        1,
        f"standfast: {tmp_path}/new cannot be written: No space left on device.\n",
    )
    assert len(written) == 3 and not list(tmp_path.iterdir())


def test_a_node_without_an_address_is_told_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_folder, "_look_up", lambda names: [""] * len(names))
    result = run(FILES / "apache.conf", tmp_path / "new", addresses=EXAMPLE_ADDRESSES[:1])
    assert result.exit_code == 1
    assert "no address of right.example.com is known here" in " ".join(result.stdout.split())
    assert "[Node] right.example.com needs Address=" in " ".join(result.stdout.split())
    assert "does not pass the check yet: 1 to correct" in result.stderr
    assert "Name=right.example.com" in (tmp_path / "new/cluster.conf").read_text()


@pytest.mark.parametrize("address", ["left.example.com", "=192.0.2.1", "a=b", "a=224.0.0.1"])
def test_an_address_that_is_none_is_a_matter_of_usage(tmp_path: Path, address: str) -> None:
    result = run(FILES / "apache.conf", tmp_path / "new", addresses=[address])
    assert result.exit_code == 2 and f"--address {address}" in result.stderr and not (tmp_path / "new").exists()


def test_json_says_what_the_table_says(tmp_path: Path) -> None:
    result = run(FILES / "many.conf", tmp_path / "new", "--json", addresses=MANY_ADDRESSES)
    document = json.loads(result.stdout)
    assert document["problems"] == [] and "units/nfs.target" in document["files"]
    assert {"line": 27, "what": '<method name="guest">', "now": "Fence=center-b of b: off and its proof, then on"} in (
        document["became"]
    )
    (weight,) = (one for one in document["findings"] if "weight" in one["what"])
    assert (weight["kind"], weight["line"]) == ("left out", 10)


@pytest.mark.parametrize(
    ("attributes", "lines"),
    [
        ('recovery="restart-disable" max_restarts="3" restart_expire_time="1h"',
         ["Recovery=restart-disable", "MaxRestarts=3", "RestartWindow=3600s"]),
        ('max_restarts="2"', ["MaxRestarts=2", "RestartWindow=1y"]),
        ('recovery="disable" max_restarts="2"', ["Recovery=disable"]),
        ('max_restarts="5000" priority="5000"', ["MaxRestarts=1000", "RestartWindow=1y", "Priority=-1000"]),
        ('exclusive="yes" priority="5"', ["Exclusive=yes", "Priority=-5"]),
        ('recovery="nonsense"', []),
        ('domain="nowhere" depend="service:nowhere"', []),
    ],
)  # fmt: skip
def test_policies(attributes: str, lines: list[str]) -> None:
    made = service('<ip address="192.0.2.9"/>', attributes)
    own = text(made, "units/s.target").partition("[X-Standfast]\n")[2].splitlines()
    assert own == ["Resources=standfast-ip@192.0.2.9.service", *lines]


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ('autostart="0"', "it starts with the cluster; type `standfast group disable s` then, which lasts"),
        ("", "rgmanager restarted it in place for ever"),
        ('recovery="nonsense"', "taken as restart"),
        ('domain="nowhere"', "may run anywhere"),
        ('depend="service:s"', "there is no other service s"),
        ('nfslock="1"', "grace period"),
        ('max_restarts="many"', "is no number"),
        ('exclusive="perhaps"', "neither 1 nor 0"),
        ('max_restarts="5000"', "the largest that is possible is 1000"),
    ],
)
def test_what_a_policy_cannot_say_is_told(attributes: str, sentence: str) -> None:
    assert sentence in told(service('<ip address="192.0.2.9"/>', attributes))


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ('<netfs name="x" host="h" export="/e" mountpoint="relative"/>', "no path that something could be mounted on"),
        ('<netfs name="x" host="h" export="/e" mountpoint="/a/../b"/>', "no path that something could be mounted on"),
        ('<netfs name="x" mountpoint="/m"/>', "it has no host or no export"),
        (f'<fs name="x" device="/d" mountpoint="/{"x" * 300}"/>', "is no unit's name"),
        ('<ip address="one.example.com"/>', "is no IP address"),
        ('<script name="x" file="run"/>', "is no script's path"),
        ('<nfsclient name="x" target="*"/>', "it does not say to whom or what to export"),
        ('<lvm name="x"/>', "it does not say which volume group"),
        ('<oracledb name="x" type="ias"/>', "is more than a database"),
        ('<whatever name="x"/>', "Standfast knows no <whatever>"),
        ('<ip ref="192.0.2.1"/>', "it is defined nowhere"),
        ('<ip address="192.0.2.7"/><ip address="192.0.2.7"/>', "is twice in this service"),
    ],
)
def test_what_no_unit_can_stand_for_fails_closed(resource: str, why: str) -> None:
    """A group that starts without its share or its database would be worse than one that does not start."""
    made = service(resource)
    assert why in told(made)
    stand_ins = [name for name in made.files if "ExecStart=/bin/false" in text(made, name)]
    (name,) = stand_ins
    assert f"Resources={name.removeprefix('units/')}\n" in text(made, "units/s.target")


def test_a_unit_is_in_one_group_only() -> None:
    share = '<netfs name="x" host="h" export="/e" mountpoint="/m"/>'
    made = of(cluster(f'<rm><service name="s">{share}</service><service name="t">{share}</service></rm>'))
    assert "m.mount is in service s too, and a unit can be in one group only" in told(made)
    assert "Resources=netfs-x.service" in text(made, "units/t.target")


def test_one_export_in_two_services_is_a_unit_for_each() -> None:
    export = '<nfsclient name="x" target="*" path="/p"/>'
    made = of(cluster(f'<rm><service name="s">{export}</service><service name="t">{export}</service></rm>'))
    assert "Resources=nfsclient-x.service" in text(made, "units/s.target")
    assert "Resources=nfsclient-x-t.service" in text(made, "units/t.target")


def test_a_group_may_stop_for_as_long_as_the_units_that_were_written_for_it() -> None:
    """A database that is killed after the group's usual 30 s has to recover."""
    database = '<mysql name="d" config_file="/my.cnf">{}</mysql>'
    written = text(service(database.format("")), "units/s.target")
    assert written.endswith("\nStopTimeout=930s\n")
    sooner = service(database.format('<action name="stop" timeout="60"/>'))
    assert text(sooner, "units/s.target").endswith("\nStopTimeout=90s\n")
    assert text(sooner, "units/mysql-d.service").endswith("\nTimeoutStopSec=60s\n")


def test_a_mount_may_wait_for_what_is_no_part_of_the_boot(tmp_path: Path) -> None:
    """A volume group, an address, a server: systemd's own Before=local-fs.target would make a circle of it."""
    made = service(
        '<lvm name="v" vg_name="vg"/><fs name="d" device="/dev/vg/lv" mountpoint="/d" fstype="ext4"/>'
        '<apache name="a"/><bind-mount name="b" source="/d" mountpoint="/b"/>'
        '<clusterfs name="g" device="/dev/x" mountpoint="/g"/>'
        '<script name="s" file="/etc/init.d/x"><netfs name="n" host="h" export="/e" mountpoint="/n"/></script>'
    )
    for unit in ("d", "b", "g", "n"):
        boot = "DefaultDependencies=no\nConflicts=umount.target\nBefore=umount.target\n"
        assert boot in text(made, f"units/{unit}.mount")
    assert "After=network.target network-online.target\n" in text(made, "units/n.mount")
    write_folder(tmp_path / "new", {**made.files, "corosync.key": NewFile(content=b"k" * 128, mode=0o600)})
    groups = load(tmp_path / "new", system=None).groups
    told = asyncio.run(verify(groups, read_tree(tmp_path / "new"), System(), "systemd-analyze"))
    assert not [one for one in told if "could start before" in one.text]


def test_an_address_has_its_prefix_and_interface() -> None:
    made = service('<ip address="192.0.2.9/25" prefer_interface="eth1"/><ip address="2001:DB8::0:9/64"/>')
    dropin = text(made, "units/standfast-ip@192.0.2.9.service.d/standfast.conf")
    assert dropin.endswith("[X-Address]\nPrefix=25\nInterface=eth1\n")
    assert "units/standfast-ip@2001:db8::9.service.d/standfast.conf" in made.files


def test_defaults_of_a_type_count_where_the_resource_says_nothing() -> None:
    defaults = '<rm><resource-defaults><netfs options="soft" fstype="nfs"/></resource-defaults><service name="s">'
    share = '<netfs name="{0}" host="h" export="/e" mountpoint="/{0}" {1}/>'
    first, second = share.format("a", ""), share.format("b", 'options="hard"')
    made = of(cluster(f"{defaults}{first}{second}</service></rm>"))
    assert "Options=soft\n" in text(made, "units/a.mount") and "Options=hard\n" in text(made, "units/b.mount")


@pytest.mark.parametrize(
    ("fence", "sentence"),
    [
        ("", "has no fence device that could be used, so Unsafe=yes was written"),
        ('<fence><method name="1"><device name="x"/></method></fence>', "there is no <fencedevice> of that name"),
        ('<fence><method name="1"/></fence>', "it has no device that switches off"),
    ],
)
def test_nodes_without_usable_fencing_need_a_person(fence: str, sentence: str) -> None:
    made = of(cluster("", fence))
    assert sentence in told(made) and "Unsafe=yes\n" in text(made, "cluster.conf")


def test_two_nodes_that_needed_each_other_still_do() -> None:
    made = of(cluster(""))
    assert "TwoNode=no\n" in text(made, "cluster.conf") and "TwoNode=yes lets fencing decide" in told(made)


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x85\u2028\u2029"), max_size=30)
KEYS = {
    "Cluster": {"Name", "TwoNode", "Unsafe"},
    "Node": {"Name", "Id", "Address", "Fence"},
    "FenceDevice": {"Name", "Agent", "Option", "PasswordFile"},
    "Domain": {"Name", "Nodes", "Ordered", "Restricted", "Failback"},
    "Unit": {"Description", "DefaultDependencies", "Conflicts", "Before", "After", "Wants"},
    "Service": {"Type", "RemainAfterExit", "ExecStart", "ExecStop"},
    "Mount": {"What", "Where", "Type", "Options"},
    "X-Standfast": {"Resources", "Domain"},
    "X-Address": {"Prefix"},
}


@settings(deadline=None)
@given(st.lists(WORDS, min_size=12, max_size=12))
def test_no_value_can_begin_a_line_of_its_own(words: list[str]) -> None:
    """What stands in the file ends up as values: it makes no section, no key and no path that we did not choose."""
    root = ET.fromstring(
        "<cluster><clusternodes><clusternode><fence><method><device/></method></fence></clusternode></clusternodes>"
        '<fencedevices><fencedevice agent="fence_x"/></fencedevices><rm><failoverdomains><failoverdomain>'
        "<failoverdomainnode/></failoverdomain></failoverdomains><service><script/><netfs/></service></rm></cluster>"
    )
    word = iter(words)
    for tag, names in {
        "cluster": "name", "clusternode": "name", "device": "port", "fencedevice": "name login",
        "failoverdomain": "name", "service": "name", "script": "name file", "netfs": "host mountpoint options",
    }.items():  # fmt: skip
        for name in names.split():
            next(root.iter(tag)).set(name, next(word))
    next(root.iter("device")).set("name", next(root.iter("fencedevice")).get("name", ""))
    next(root.iter("failoverdomainnode")).set("name", next(root.iter("clusternode")).get("name", ""))
    try:
        made = translate(ET.tostring(root, "utf-8"), "x", lambda node, names: ["192.0.2.1"])
    except DocumentError:
        return
    for name, file in made.files.items():
        assert re.fullmatch(r"cluster\.conf|units/[A-Za-z0-9:_.\\@-]+(/standfast\.conf)?", name), name
        for section in parse(file.content.decode(), name):
            assert section.name in KEYS and {entry.key for entry in section.entries} <= KEYS[section.name]


def test_help_says_what_it_does_not_touch() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ("import", "--help"))
    assert "neither /etc/standfast nor the cluster" in " ".join(result.stdout.split())
