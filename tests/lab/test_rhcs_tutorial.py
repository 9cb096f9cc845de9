"""RHCS's tutorial, typed as it stands there: what each command does and prints (issue 9, line 1)."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standfast_lab import observe
from standfast_lab.network import VIRTUAL_ADDRESS

from lab.trial import APACHE, GROUP, Trial

PAGE = "/etc/standfast/units/webserv.target"
HEAD = ("Member Name                        ID   Status", "Service Name              Owner (Last)              State")


@pytest.fixture
def packaged(trial: Trial) -> Iterator[Trial]:
    """Every node has the package with RHCS's commands."""
    (package,) = (trial.lab.place.folder / "package").glob("standfast-rhcs_*.deb")
    for node in trial.lab.nodes():
        copy = Path("/var/cache") / package.name
        root = trial.lab.place.find(node).root
        (root / copy.relative_to("/")).write_bytes(package.read_bytes())
        trial.lab.sh(node, "dpkg", "--install", str(copy), timeout_s=60)
    yield trial
    for node in trial.lab.nodes():
        trial.lab.sh(node, "dpkg", "--purge", "standfast-rhcs", timeout_s=60)


def on_all(trial: Trial, *words: str) -> None:
    """Typed on every node at the same time, as somebody with three terminals does."""
    observe.each(trial.lab.nodes(), lambda node: trial.lab.sh(node, *words, timeout_s=180))


@contextmanager
def down(trial: Trial) -> Iterator[None]:
    """The cluster is stopped, and in the end it runs as any other test wants it, whatever the tutorial left."""
    trial.fault("the cluster is stopped as RHCS's tutorial does")
    on_all(trial, "systemctl", "stop", "standfast.target")
    try:
        yield
    finally:
        on_all(trial, "systemctl", "start", "standfast.target")
        trial.wait_until_normal()


def typed(trial: Trial, node: str, *words: str) -> list[str]:
    """The lines that the command printed there, in a terminal as wide as the tutorial's."""
    result = trial.lab.sh(node, "env", "COLUMNS=70", *words, timeout_s=120)
    return [line.rstrip() for line in result.stdout.splitlines()]


def two_rounds(trial: Trial, node: str) -> list[str]:
    """`clustat -i2`, ended by ctrl-C after its second round; the lines of that."""
    result = trial.lab.sh(node, "env", "COLUMNS=70", "timeout", "-s", "INT", "3", "clustat", "-i2", check=False)
    rounds = result.stdout.split("\033[2J\033[H")[1:]
    assert len(rounds) == 2, rounds
    return [line.rstrip() for line in rounds[1].splitlines()]


def check_clustat(lines: list[str], here: str, owner: str, nodes: tuple[str, ...]) -> None:
    """Column for column what the tutorial shows."""
    assert re.fullmatch(r"Cluster Status for webha @ \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", lines[0]), lines
    assert lines[1:3] == ["Member Status: Quorate", ""]
    assert [lines[3].strip(), lines[9].strip()] == list(HEAD), lines
    rows = {name: f" {name:<35} {number:4d} Online, rgmanager" for number, name in enumerate(nodes, 1)}
    rows[here] = rows[here].replace("Online", "Online, Local")
    assert lines[5:8] == list(rows.values())
    assert lines[11] == f" {'service:webserv':<25} {owner:<25} started"


def test_the_tutorial_is_typed_in_its_order(packaged: Trial) -> None:
    trial, nodes = packaged, packaged.lab.nodes()
    with down(trial):
        on_all(trial, "service", "cman", "start")
        on_all(trial, "service", "rgmanager", "start")
        trial.wait(lambda: trial.serves(), 60, "the service to be served")
        trial.wait_until_normal()
        owner = trial.owner()
        check_clustat(two_rounds(trial, owner), owner, owner, nodes)
        status = dict(line.split(": ", 1) for line in typed(trial, owner, "cman_tool", "status") if ": " in line)
        assert (status["Cluster Name"], status["Membership state"], status["Nodes"]) == ("webha", "Cluster-Member", "3")
        assert (status["Quorum"], status["Expected votes"]) == ("2", "3")
        assert f"inet {VIRTUAL_ADDRESS}/" in "\n".join(typed(trial, owner, "ip", "addr"))
        place = check_relocation(trial, owner)
        check_failure(trial, place)
        check_update(trial, place)
        on_all(trial, "service", "rgmanager", "stop")
        on_all(trial, "service", "cman", "stop")
        for node in nodes:
            corosync = trial.lab.sh(node, "systemctl", "is-active", "corosync.service", check=False)
            assert corosync.stdout.strip() != "active"
        (left,) = {trial.lab.sh(node, "clustat", check=False).stderr.strip() for node in nodes}
        assert left == "Could not connect to CMAN: Connection refused"


def check_relocation(trial: Trial, owner: str) -> str:
    """`clusvcadm -r webserv -m NODE` prints what the tutorial shows, and the resources did move; where to."""
    place = trial.others(owner)[0]
    at = trial.fault(f"clusvcadm -r {GROUP} -m {place}")
    assert typed(trial, owner, "clusvcadm", "-r", GROUP, "-m", place) == [
        f"Trying to relocate service:webserv to {place}...Success",
        f"service:webserv is now running on {place}",
    ]
    assert trial.lab.holder() == place
    print(f"outage {trial.outage_s(at):.2f} s")
    trial.wait_until_normal()
    return place


def check_failure(trial: Trial, owner: str) -> None:
    """httpd is killed on its node: the service recovers, and the log tells it in the tutorial's lines."""
    clock = time.time()
    at = trial.fault(f"kill -9 of {APACHE} on {owner}")
    trial.lab.sh(owner, "systemctl", "kill", "-s", "KILL", APACHE)
    trial.wait_for_good_answer(at)
    lines = (
        rf"clurgmgrd\[\d+\]: <err> unit:{APACHE}: status of {APACHE} failed \(.+\)",
        rf'clurgmgrd\[\d+\]: <notice> status on unit "{APACHE}" returned 1 \(generic error\)',
        r"clurgmgrd\[\d+\]: <notice> Stopping service service:webserv",
        r"clurgmgrd\[\d+\]: <notice> Service service:webserv is recovering",
        r"clurgmgrd\[\d+\]: <notice> Service service:webserv started",
    )

    def log() -> str:
        return trial.lab.sh(owner, "journalctl", "-t", "clurgmgrd", f"--since=@{clock:.3f}", "-o", "short").stdout

    trial.wait(lambda: re.search(r"(?s)" + ".+".join(lines), log()), 10, lambda: f"the tutorial's lines; {log()}")
    trial.wait_until_normal()


def check_update(trial: Trial, node: str) -> None:
    """`ccs_tool update` brings a changed file into force while all runs."""
    version = int(typed(trial, node, "cman_tool", "version")[0].rpartition(" ")[2])
    before = trial.lab.sh(node, "cat", PAGE).stdout
    trial.lab.sh(node, "sed", "-i", "s/^Description=.*/Description=As the tutorial changes it/", PAGE)
    assert typed(trial, node, "ccs_tool", "update", PAGE) == [
        f"Config file updated from version {version} to {version + 1}",
        "",
        "Update complete.",
    ]
    assert trial.serves()
    trial.lab.sh(node, "sh", "-c", f"cat > {PAGE}", text=before)
    typed(trial, node, "ccs_tool", "update", PAGE)
