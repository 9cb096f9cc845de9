"""The page “first cluster in ten minutes”, typed on three bare machines, and in that cluster what other pages type."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from standfast_lab import normal, observe, package
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab import pictures
from lab.own import bare_lab
from lab.typed_pages import PAGES, Step, Written, page, steps
from lab.typist import ANSWERS, follow, on_terminal, type_in

FIRST, SECOND, THIRD = "node1", "node2", "node3"
TYPED = ("fencing", "two-nodes", "troubleshooting", "alerts", "addresses", "upgrade", "README")
# What stands in for a person's editor, and for the kernel's NFS, which the machine below the lab may not have.
EDITOR = '#!/bin/sh\necho "# another page" >>"$1"\n'
MOUNT_NFS = '#!/bin/sh\nexec mount --bind "/srv/shared/${1##*/}" "$2"\n'
RHCS = """\
<cluster name="old" config_version="1">
  <clusternodes>
    <clusternode name="node1" nodeid="1"/><clusternode name="node2" nodeid="2"/>
  </clusternodes>
  <rm><service name="webserv"><ip address="192.0.2.100"/><script name="httpd" file="/etc/init.d/httpd"/></service></rm>
</cluster>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A mistake that somebody makes on a node before he types what the page has there, and what tells him of it."""

    before: str  # in the commands of the page's block
    node: str
    make: str
    typed: str  # on node1
    undo: str


SLIPS = (  # in the order of the page's table
    Slip(
        before="node add",
        node=SECOND,
        make="mv /usr/bin/standfast /usr/bin/missing",
        typed="standfast node add node2=192.0.2.12 --unsafe",
        undo="mv /usr/bin/missing /usr/bin/standfast",
    ),
    Slip(
        before="node add",
        node=SECOND,
        make="mv /root/.ssh/authorized_keys /root/keys",
        typed="standfast node add node2=192.0.2.12 --unsafe",
        undo="mv /root/keys /root/.ssh/authorized_keys",
    ),
    Slip(
        before="config push",
        node=FIRST,
        make="sed -i.right s/192.0.2.100/203.0.113.100/ /etc/standfast/units/webserv.target",
        typed="standfast config check",
        undo="cd /etc/standfast/units; mv webserv.target.right webserv.target",
    ),
    Slip(
        before="config push",
        node=THIRD,
        make="systemctl enable apache2",
        typed="standfast config push",
        undo="systemctl disable apache2",
    ),
)


@pytest.fixture(scope="module")
def machines() -> Iterator[Lab]:
    """Three, with Debian and ssh, and in /root the package that the page has somebody copy there."""
    with bare_lab("first", 3, with_package=False) as lab:
        built = package.build(lab.place)
        for node in lab.nodes():
            shutil.copy(built, lab.root(node) / "root")
            for name, content in {"usr/bin/editor": EDITOR, "usr/sbin/mount.nfs": MOUNT_NFS}.items():
                (lab.root(node) / name).write_text(content)
                (lab.root(node) / name).chmod(0o755)
        yield lab


@pytest.fixture(scope="module")
def webha(machines: Lab) -> Lab:
    """The page was typed there from its first line to its last one, and its mistakes were made on the way."""
    answers = {**ANSWERS, "password: ": (machines.place.folder / "bmc.password").read_text() + "\n"}
    for block in page("first-cluster"):
        for number, slip in enumerate(SLIPS):
            if isinstance(block, Step) and slip.before in block.commands:
                check_slip(machines, slip, said_of_slips()[number])
        follow(machines, [block], FIRST, answers)
    normal.wait(machines)
    return machines


def said_of_slips() -> list[str]:
    """What is printed, by the first column of the page's last table."""
    return re.findall(r"^\| `(.+?)` \| ", PAGES["first-cluster"].read_text(), re.MULTILINE)


def check_slip(lab: Lab, slip: Slip, said: str) -> None:
    """Whoever makes this mistake is told so in the page's words; it is undone."""
    lab.sh(slip.node, "sh", "-euc", slip.make)
    try:
        check_refused(lab, slip.typed, said)
    finally:
        lab.sh(slip.node, "sh", "-euc", slip.undo)


def check_refused(lab: Lab, typed: str, said: str) -> None:
    with pytest.raises(LabError) as told:
        on_terminal(lab, FIRST, typed)
    assert pictures.form(said) in pictures.form(str(told.value)), f"{said} is not in {told.value}"


def test_the_page_leads_from_bare_machines_to_a_page_that_is_served(webha: Lab) -> None:
    """Issue 5, line 1."""
    assert webha.client("curl", "-sf", "-m", "1", "http://192.0.2.100/").stdout == f"{normal.owner(webha)}\n"
    assert len(said_of_slips()) == len(SLIPS) + 1
    for written in page("first-cluster"):
        if isinstance(written, Written):
            there = {(webha.root(node) / written.path.lstrip("/")).read_text() for node in webha.nodes()}
            assert there == {written.content}


def test_what_the_pictures_show_is_what_the_program_prints(webha: Lab) -> None:
    """A healthy cluster; a power cut whose proof a person is asked for; and what the cluster tells of it afterwards."""
    lab = webha
    assert normal.owner(lab) == FIRST
    pictures.check(lab, FIRST, "status", "standfast status")
    lab.bmc(FIRST, Mode.REFUSING)
    lab.kill(FIRST)
    pictures.check(lab, SECOND, "power-cut", "standfast status", when="next attempt in")
    lab.bmc(FIRST, Mode.OK)
    normal.wait(lab)
    pictures.check(lab, SECOND, "timeline", "standfast timeline webserv -n 1", when="probe good", until="+ms")
    pictures.check(lab, SECOND, "explain", "standfast explain webserv")


def test_a_device_that_lets_nobody_in_is_told_as_the_page_says(webha: Lab) -> None:
    webha.bmc(SECOND, Mode.REFUSING)
    try:
        check_refused(webha, "standfast fence test", said_of_slips()[-1])
    finally:
        webha.bmc(SECOND, Mode.OK)


@pytest.mark.parametrize("name", TYPED)
def test_a_page_is_typed_as_it_stands_there(webha: Lab, name: str) -> None:
    conf = webha.root(FIRST) / "etc/cluster/cluster.conf"
    conf.parent.mkdir(exist_ok=True)
    conf.write_text(RHCS)
    follow(webha, page(name), FIRST)
    normal.wait(webha)


def test_the_tutorial_is_typed_on_bare_machines_again(webha: Lab) -> None:
    lab = webha
    observe.each(lab.nodes(), lambda node: lab.sh(node, "apt-get", "-y", "purge", "standfast"))
    install, *_ = steps("first-cluster")
    type_in(lab, install, FIRST)
    export = lab.place.shared / "www"
    export.mkdir(exist_ok=True)
    (export / "healthz").write_text("ok\n")
    (export / "index.html").write_text("the tutorial's page\n")
    follow(lab, page("tutorial"), FIRST)
