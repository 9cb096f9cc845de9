"""A new cluster, and machines that become nodes: files are real, in a folder for each machine; ssh is a program."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from standfast.configuration import versions
from standfast.configuration.bundle import pack, unpack
from standfast.configuration.tree import File, Tree, read_tree
from standfast.operations import new_cluster, newcomer, newcomers
from standfast.operations.newcomer import Place
from standfast.operations.newcomers import Newcomer
from standfast.operations.problems import CommandError, Exit
from standfast.operations.ssh import FAILED, NOT_FOUND, Done
from standfast.resourced import disk, initial
from unit.crashes import Crash, crashing


class Machine:
    """A machine with nothing but the package; `did` has what was done on it."""

    def __init__(self, folder: Path, name: str, *addresses: str) -> None:
        self.did: list[str] = []
        self.refuses = ""  # what its systemd says
        self.place = Place(
            hostname=name,
            root=folder / name / "etc",
            folder=folder / name / "var",
            system=None,
            addresses=lambda: {f"eth{number}": (address,) for number, address in enumerate(addresses)},
            write_first_record=self.write_first_record,
            start=self.start,
        )
        self.place.root.mkdir(parents=True)

    def write_first_record(self) -> Done:
        self.did.append("record")
        return Done(exit_code=initial.main(self.place.record, self.place.folder))

    def start(self) -> None:
        self.did.append("start")
        if self.refuses:
            raise CommandError(Exit.REFUSED, self.refuses)


class Machines:
    """ssh to each of them by its address."""

    def __init__(self, folder: Path) -> None:
        self.by_address: dict[str, Machine] = {}
        self.folder = folder
        self.told: list[str] = []

    def make(self, name: str, *addresses: str) -> Machine:
        machine = Machine(self.folder, name, *addresses)
        self.by_address[addresses[0]] = machine
        return machine

    def ssh(self, target: str, script: str, data: bytes) -> Done:
        machine = self.by_address.get(target)
        if machine is None:
            return Done(exit_code=FAILED, error="ssh: connect to host: No route to host\n")
        tree = unpack(data)
        if script == "standfast join --examine":
            return Done(exit_code=0, output=newcomer.examine(tree, machine.place))
        assert script.startswith("standfast join --receive")
        try:
            newcomer.take(tree, machine.place, first=script.endswith(" --first"))
            machine.place.start()
        except CommandError as error:
            return Done(exit_code=error.exit_code, error=f"standfast: {error.message}\n")
        return Done(exit_code=0)


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def begin(machines: Machines, first: Machine, *nodes: str, unsafe: bool = False) -> tuple[str, ...]:
    named = [newcomers.parse(node) for node in nodes]
    tree = new_cluster.first_version("shop", named, first.place, unsafe=unsafe)
    return new_cluster.make(tree, first.place, machines.ssh, machines.told.append)


def refusal(error: pytest.ExceptionInfo[CommandError], code: Exit = Exit.REFUSED) -> str:
    assert error.value.exit_code == code
    return error.value.message


def test_a_cluster_of_one_node_needs_no_fencing_and_has_a_key_of_its_own(machines: Machines) -> None:
    alone = machines.make("solo", "192.0.2.11")
    assert begin(machines, alone, "solo=192.0.2.11") == ("solo",)
    key = alone.place.root / "corosync.key"
    assert len(key.read_bytes()) == 1024
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "Unsafe" not in (alone.place.root / "cluster.conf").read_text()
    assert stat.S_IMODE((alone.place.root / "cluster.conf").stat().st_mode) == 0o644
    tree = read_tree(alone.place.root)
    assert versions.in_force(alone.place.folder) == tree.digest
    record = disk.read(alone.place.record).record
    assert record is not None
    assert (record.configuration, record.version) == (tree.digest, 1)
    assert {name: node.left for name, node in record.nodes.items()} == {"solo": True}
    assert alone.did == ["record", "start"]


def test_two_clusters_have_different_keys() -> None:
    assert new_cluster.new_key() != new_cluster.new_key()


def test_several_nodes_begin_with_the_same_files_and_the_same_record(machines: Machines) -> None:
    one, two = machines.make("one", "192.0.2.11", "198.51.100.11"), machines.make("two", "192.0.2.12", "198.51.100.12")
    begin(machines, one, "one=192.0.2.11,198.51.100.11", "two=192.0.2.12,198.51.100.12", unsafe=True)
    assert read_tree(one.place.root) == read_tree(two.place.root)
    assert one.place.record.read_bytes() == two.place.record.read_bytes()
    assert two.did == one.did == ["record", "start"]


def test_several_nodes_without_fencing_need_the_word_of_whoever_types_it(machines: Machines) -> None:
    one = machines.make("one", "192.0.2.11")
    machines.make("two", "192.0.2.12")
    with pytest.raises(CommandError) as error:
        begin(machines, one, "one=192.0.2.11", "two=192.0.2.12")
    assert refusal(error) == "Nothing was changed: 2 to correct, named above."
    assert "one has no Fence= and no Watchdog=" in error.value.told[0]
    assert not list(one.place.root.iterdir())


def test_it_begins_with_what_stands_there_when_no_name_is_given(machines: Machines) -> None:
    one = machines.make("one", "192.0.2.11")
    (one.place.root / "cluster.conf").write_text("[Cluster]\nName=shop\n[Node]\nName=one\nId=7\nAddress=192.0.2.11\n")
    tree = new_cluster.first_version(None, [], one.place, unsafe=False)
    assert new_cluster.make(tree, one.place, machines.ssh, machines.told.append) == ("one",)
    assert (one.place.root / "corosync.key").exists()


def test_a_machine_that_is_in_a_cluster_begins_no_other(machines: Machines) -> None:
    one = machines.make("one", "192.0.2.11")
    (one.place.root / "cluster.conf").write_text("")
    with pytest.raises(CommandError) as error:
        begin(machines, one, "one=192.0.2.11")
    assert "cluster.conf): move them away" in refusal(error)
    (one.place.root / "cluster.conf").unlink()
    begin(machines, one, "one=192.0.2.11")
    with pytest.raises(CommandError) as error:
        begin(machines, one, "one=192.0.2.11")
    assert f"in a cluster already ({one.place.folder}/config and {one.place.record})" in refusal(error)
    one.place.record.unlink()
    with pytest.raises(CommandError) as error:
        begin(machines, one, "one=192.0.2.11")
    assert "in a cluster already" in refusal(error)


def test_it_is_typed_on_one_of_the_nodes(machines: Machines) -> None:
    with pytest.raises(CommandError) as error:
        begin(machines, machines.make("three", "192.0.2.13"), "one=192.0.2.11")
    assert "called three, and that is none of one" in (text := refusal(error, Exit.USAGE))
    assert "Name= of a [Node] is what its host is called" in text


def test_what_a_failed_start_left_is_told(machines: Machines) -> None:
    one, two = machines.make("one", "192.0.2.11"), machines.make("two", "192.0.2.12")
    two.refuses = "Failed to enable unit: no space left."
    with pytest.raises(CommandError) as error:
        begin(machines, one, "one=192.0.2.11", "two=192.0.2.12", unsafe=True)
    assert refusal(error).startswith("two: Failed to enable unit: no space left.")
    assert "rm -r" in refusal(error)


CLUSTER = """\
[Cluster]
Name=shop
Unsafe=yes
[Node]
Name=one
Id=1
Address=192.0.2.11
[Node]
Name=two
Id=2
Address=192.0.2.12
"""
TWO = Newcomer(name="two", addresses=("192.0.2.12",), target="192.0.2.12")


def tree_of(key: bytes = b"k" * 128) -> Tree:
    files = {"cluster.conf": File(content=CLUSTER.encode(), mode=0o644), "corosync.key": File(content=key, mode=0o600)}
    return Tree(files=files, problems=())


def test_a_newcomer_takes_the_version_and_no_record(machines: Machines) -> None:
    two = machines.make("two", "192.0.2.12")
    newcomers.examine([TWO], tree_of(), machines.ssh, machines.told.append)
    assert not list(two.place.root.iterdir())
    assert not two.did
    newcomers.send([TWO], tree_of(), machines.ssh)
    assert read_tree(two.place.root) == tree_of()
    assert versions.read_in_force(two.place.folder) == tree_of()
    assert not two.place.record.exists()
    assert two.did == ["start"]


def test_sent_again_it_only_starts_it(machines: Machines) -> None:
    two = machines.make("two", "192.0.2.12")
    newcomers.send([TWO], tree_of(), machines.ssh)
    two.place.record.write_bytes(b"taken meanwhile")
    newcomers.examine([TWO], tree_of(), machines.ssh, machines.told.append)
    newcomers.send([TWO], tree_of(), machines.ssh)
    assert two.did == ["start", "start"]
    assert two.place.record.read_bytes() == b"taken meanwhile"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (
            "key",
            "two cannot become a node: it has the files of cluster shop; if they are of no use any more: systemctl",
        ),
        ("record", "two cannot become a node: it has the record of some cluster ("),
        ("files", "two cannot become a node: it has files of its own in "),
        ("address", "two cannot become a node: 192.0.2.12 is on no interface of it; it has 192.0.2.99."),
        ("name", "two cannot become a node: it is called other: hostnamectl hostname two, there, or name "),
        ("none", "ssh 192.0.2.12 failed: ssh: connect to host: No route to host."),
    ],
)
def test_a_machine_that_is_not_fresh_is_refused(machines: Machines, what: str, told: str) -> None:
    if what != "none":
        two = Machine(
            machines.folder, "other" if what == "name" else "two", "192.0.2.99" if what == "address" else "192.0.2.12"
        )
        machines.by_address["192.0.2.12"] = two
    if what == "key":
        newcomer.take(tree_of(b"o" * 128), two.place, first=False)
    elif what == "record":
        two.place.folder.mkdir()
        two.place.record.write_bytes(b"")
    elif what == "files":
        (two.place.root / "old.conf").write_text("")
    with pytest.raises(CommandError) as error:
        newcomers.examine([TWO], tree_of(), machines.ssh, machines.told.append)
    assert refusal(error).startswith(told)


def test_a_machine_that_was_interrupted_becomes_a_node_by_the_same_call_again(machines: Machines) -> None:
    tree = tree_of()
    for step in range(100):
        machine = Machine(machines.folder / str(step), "two", "192.0.2.12")
        try:
            with crashing(step, Crash()):
                newcomer.take(tree, machine.place, first=False)
            ended = True
        except Crash:
            ended = False
        assert newcomer.objections(tree, machine.place) == ()
        newcomer.take(tree, machine.place, first=False)
        assert read_tree(machine.place.root) == tree
        assert versions.in_force(machine.place.folder) == tree.digest
        if ended:
            assert step > 5
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (Done(exit_code=NOT_FOUND, error="sh: 1: standfast: not found"), "two has no Standfast: install the package"),
        (Done(exit_code=Exit.USAGE, error="No such option"), "two has another release of Standfast"),
        (Done(exit_code=0, output=b"Welcome!"), "192.0.2.12 does not answer as Standfast does"),
        (
            Done(exit_code=0, output=b'{"release": "9", "host": "two", "clock": 0, "objections": []}'),
            "two has release 9 of Standfast",
        ),
    ],
)
def test_what_is_no_standfast_of_this_release_is_told(done: Done, told: str) -> None:
    with pytest.raises(CommandError) as error:
        newcomers.examine([TWO], tree_of(), lambda *_: done, lambda _: None)
    assert refusal(error).startswith(told)


def test_a_clock_that_differs_is_told_and_no_more(machines: Machines) -> None:
    two = machines.make("two", "192.0.2.12")

    def late(_: str, __: str, data: bytes) -> Done:
        answer = json.loads(newcomer.examine(unpack(data), two.place))
        return Done(exit_code=0, output=json.dumps(answer | {"clock": answer["clock"] - 90}).encode())

    newcomers.examine([TWO], tree_of(), late, machines.told.append)
    assert machines.told == ["two: its clock is 90 s behind this node's; only who compares journals will mind"]


def test_the_only_interface_or_the_default_one_has_this_machine_s_address(machines: Machines, tmp_path: Path) -> None:
    routes = tmp_path / "routes"
    none = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    routes.write_text(none)
    assert newcomer.only_address(machines.make("one", "192.0.2.11").place, routes) == "192.0.2.11"
    two = machines.make("two", "192.0.2.12", "198.51.100.12").place
    with pytest.raises(CommandError) as error:
        newcomer.only_address(two, routes)
    assert refusal(error, Exit.USAGE).endswith("It has eth0 192.0.2.12, eth1 198.51.100.12. Say two=ADDRESS.")
    row = "\t00000000\tFE0200C0\t0003\t0\t0\t{}\t00000000\t0\t0\t0\n"
    routes.write_text(f"{none}eth0{row.format(100)}eth1{row.format(50)}")
    assert newcomer.only_address(two, routes) == "198.51.100.12"


def test_the_files_travel_through_the_administrator_s_own_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-ssh"
    program.write_text(
        '#!/bin/sh\necho "$@" >"$0.typed"\nwhile [ "$1" != two ]; do shift; done\nshift\nexec sh -c "$*"\n'
    )
    program.chmod(0o755)
    (tmp_path / "standfast").write_text(
        f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\n"
    )
    (tmp_path / "standfast").chmod(0o755)
    monkeypatch.setenv("STANDFAST_SSH", f"{program} -o BatchMode=yes")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    data = pack(tree_of())
    assert newcomers.over_ssh("two", "standfast join --receive", data) == Done(exit_code=0, output=data)
    typed = Path(f"{program}.typed").read_text()
    assert typed.startswith("-o BatchMode=yes -o ConnectTimeout=10 -- two ")
    assert "k" * 8 not in typed
