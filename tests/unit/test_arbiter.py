"""`standfast quorum arbiter add`: the steps with machines that the test plays, and what is written at the end."""

import subprocess
from pathlib import Path

import pytest

from standfast.ctl.arbiter import FOREIGN, MISSING, Machine, Setup
from standfast.ctl.arbiter_add import add, run_over_ssh, with_arbiter
from standfast.operations.problems import CommandError, Exit
from standfast.operations.ssh import FAILED, Done

CLUSTER = """\
# our cluster
[Cluster]
Name=webha
Unsafe=yes
[Node]
Name=node1
Id=1
Address=192.0.2.11
[Node]
Name=node2
Id=2
Address=192.0.2.12
Address=198.51.100.12
"""
CLUSTER = CLUSTER.replace("Address=192.0.2.11\n", "Address=192.0.2.11\nAddress=198.51.100.11\n")


class Machines:
    """Answers each script by what it is about; `fails` has (machine, word in its script): its answer."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str, bytes]] = []
        self.fails: dict[tuple[str, str], Done] = {}
        self.has_certificate = False

    def run(self, machine: Machine, script: str, data: bytes) -> Done:
        step = next(word for word in WORDS if word in script)
        self.ran.append((machine.address or "here", step, data))
        for (name, word), done in self.fails.items():
            if name == machine.name and word == step:
                return done
        if step == "-r -n" and self.has_certificate:
            return Done(exit_code=0)
        return Done(exit_code=0, output=ANSWERS.get(step, b""))


# One word of each step's script, in an order in which the first that fits is the right one.
WORDS = (
    "command -v",
    "qnetd-certutil -i",
    "certutil -i -c",
    "-r -n",
    "-s -c",
    "-M -c",
    "-m -c",
    "pk12util",
    "-a | tr",
    "systemctl",
    "socket",
)
ANSWERS = {
    "qnetd-certutil -i": b"CA",
    "-r -n": b"CRQ",
    "-s -c": b"CRT",
    "-a | tr": b"PEM\n",
    "pk12util": b"P12",
}


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cluster.conf").write_text(CLUSTER)
    (tmp_path / "cluster.conf").chmod(0o640)
    (tmp_path / "corosync.key").write_bytes(b"k" * 1024)
    (tmp_path / "corosync.key").chmod(0o600)
    return tmp_path


def tell(_line: str) -> None:
    """Nobody reads it."""


def test_every_step_is_done_on_the_right_machine_with_what_the_one_before_gave(root: Path, machines: Machines) -> None:
    told: list[str] = []
    assert add("qnetd.example.com", root, "node1.example.com", machines.run, told.append) == ("node2",)
    arbiter, other = "qnetd.example.com", "192.0.2.12"
    assert machines.ran == [
        (arbiter, "command -v", b""),
        ("here", "command -v", b""),
        (other, "command -v", b""),
        (arbiter, "qnetd-certutil -i", b""),
        ("here", "certutil -i -c", b"CA"),
        (other, "certutil -i -c", b"CA"),
        ("here", "-r -n", b""),
        (arbiter, "-s -c", b"CRQ"),
        ("here", "-M -c", b"CRT"),
        ("here", "-a | tr", b""),
        ("here", "pk12util", b""),
        (other, "-m -c", b"P12"),
        (arbiter, "systemctl", b""),
        ("here", "socket", b""),
        (other, "socket", b""),
    ]
    assert len(told) == len(machines.ran)
    assert told[3] == "qnetd.example.com: its own authority"


def test_the_file_gets_its_line_only_at_the_end_and_keeps_its_mode(root: Path, machines: Machines) -> None:
    machines.fails["node2", "socket"] = Done(exit_code=1, error="Traceback\nTimeoutError: timed out")
    with pytest.raises(CommandError, match=r"^node2 does not reach 192.0.2.99 at port 5403: open that port on 192"):
        add("192.0.2.99", root, "node1", machines.run, tell)
    assert (root / "cluster.conf").read_text() == CLUSTER
    machines.fails.clear()
    add("192.0.2.99", root, "node1", machines.run, tell)
    assert (root / "cluster.conf").read_text() == CLUSTER.replace("[Cluster]\n", "[Cluster]\nArbiter=192.0.2.99\n")
    assert (root / "cluster.conf").stat().st_mode & 0o777 == 0o640
    add("192.0.2.98", root, "node1", machines.run, tell)
    assert (root / "cluster.conf").read_text() == CLUSTER.replace("[Cluster]\n", "[Cluster]\nArbiter=192.0.2.98\n")


def test_a_certificate_that_is_there_is_not_made_again(root: Path, machines: Machines) -> None:
    machines.has_certificate = True
    add("192.0.2.99", root, "node1", machines.run, tell)
    steps = [step for _, step, _ in machines.ran]
    assert "-s -c" not in steps and "-M -c" not in steps
    assert "-m -c" in steps


FAILURES = [
    (
        "192.0.2.99",
        "command -v",
        Done(exit_code=MISSING),
        "192.0.2.99 has no corosync-qnetd: apt install corosync-qnetd",
    ),
    (
        "node2",
        "command -v",
        Done(exit_code=MISSING),
        "node2 has no corosync-qdevice: apt install corosync-qdevice there",
    ),
    (
        "node2",
        "command -v",
        Done(exit_code=FAILED, error="root@192.0.2.12: Permission denied (publickey).\n"),
        "ssh root@192.0.2.12 failed (root@192.0.2.12: Permission denied (publickey).): root of this node must get in",
    ),
    (
        "node2",
        "-m -c",
        Done(exit_code=FOREIGN),
        "node2 has certificates of another arbiter or cluster: rm -r /etc/corosync/qdevice/net/nssdb there, then",
    ),
    (
        "node1",
        "-M -c",
        Done(exit_code=1, error="pk12util: no space\n\n"),
        "node1 could not take it: pk12util: no space.",
    ),
    ("192.0.2.99", "-s -c", Done(exit_code=7), "192.0.2.99 could not sign it: exit code 7."),
]


@pytest.mark.parametrize(("name", "step", "done", "told"), FAILURES)
def test_each_failure_is_one_sentence_and_leaves_the_file(
    root: Path, machines: Machines, name: str, step: str, done: Done, told: str
) -> None:
    machines.fails[name, step] = done
    with pytest.raises(CommandError) as caught:
        add("192.0.2.99", root, "node1", machines.run, tell)
    assert caught.value.message.startswith(told)
    assert caught.value.exit_code == Exit.REFUSED
    assert machines.ran[-1][1] == step
    assert (root / "cluster.conf").read_text() == CLUSTER


def test_what_cannot_work_is_refused_before_anything_is_done(root: Path, machines: Machines) -> None:
    def refused(host: str, hostname: str = "node1") -> str:
        with pytest.raises(CommandError) as caught:
            add(host, root, hostname, machines.run, tell)
        return caught.value.message

    assert refused("-oProxyCommand=x").startswith("“-oProxyCommand=x” is no host; write a name or an IP address")
    assert refused("192.0.2.12").startswith("With Arbiter=192.0.2.12 in it: cluster.conf:3: 192.0.2.12 is node2 itself")
    assert refused("192.0.2.99", "elsewhere").startswith("No [Node] is called elsewhere, as this machine is")
    (root / "cluster.conf.d").mkdir()
    (root / "cluster.conf.d/a.conf").write_text("[Cluster]\nArbiter=192.0.2.50\n")
    assert refused("192.0.2.99").startswith("cluster.conf.d/a.conf:2 says another Arbiter= after cluster.conf")
    (root / "cluster.conf").unlink()
    assert "cluster.conf cannot be read" in refused("192.0.2.99")
    assert not machines.ran


def test_the_line_replaces_the_one_that_counts() -> None:
    assert with_arbiter("[Cluster]\nName=a\nArbiter=x\nUnsafe=no\n", "y") == "[Cluster]\nName=a\nArbiter=y\nUnsafe=no\n"
    assert with_arbiter("[Node]\nName=n\n", "y") == "[Node]\nName=n\n"


def test_a_script_runs_here_with_its_input_and_its_exit_code() -> None:
    here = Machine(name="node1", address="")
    done = run_over_ssh(here, "cat; echo no >&2; exit 3", b"\x00in")
    assert (done.exit_code, done.output, done.error) == (3, b"\x00in", "no\n")


def test_a_script_that_goes_over_ssh_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nwhile [ "$1" != root@192.0.2.12 ]; do shift; done\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    there = Machine(name="node2", address="192.0.2.12")
    assert run_over_ssh(there, "printf '%s' \"it's $(cat)\"", b"here").output == b"it's here"
    ssh.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_over_ssh(there, "true", b"").exit_code == FAILED


def test_every_script_is_one_that_a_shell_can_read() -> None:
    scripts: list[str] = []

    def keep(_: Machine, script: str, __: bytes) -> Done:
        scripts.append(script)
        return Done(exit_code=0, output=b"x")

    machine = Machine(name="q", address="q")
    Setup(cluster="webha", arbiter=machine, nodes=(machine, machine), run=keep, tell=tell).perform()
    for script in scripts:
        assert subprocess.run(["sh", "-n", "-c", script], check=False, capture_output=True).returncode == 0, script
    assert not any("CLUSTER" in script or "CERTIFICATE" in script for script in scripts)
