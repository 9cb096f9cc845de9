"""A cluster on fresh nodes that grows and shrinks, beginning with one (issue 5, lines 1 and 8).

test_first_cluster.py has one of three, as its page tells it.
"""

import time
from collections.abc import Iterator

import pytest
from standfast_lab import normal, observe
from standfast_lab.client import failures
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.own import bare_lab

ADDRESS = "192.0.2.100"
PAGE = f"http://{ADDRESS}/"
UNITS = {
    "units/webserv.target": f"""\
[X-Standfast]
Resources=standfast-ip@{ADDRESS}.service {normal.APACHE}
Recovery=restart
InPlace=yes
""",
    f"units/{normal.APACHE}.d/standfast.conf": """\
[X-Probe]
URL=http://127.0.0.1/healthz
Interval=1s
Timeout=1s
FailAfter=2
""",
}


@pytest.fixture
def two() -> Iterator[Lab]:
    with bare_lab("life", 2) as lab:
        yield lab


def write(lab: Lab, node: str, files: dict[str, str]) -> None:
    """These files are in the node's /etc/standfast."""
    for name, text in files.items():
        path = lab.root(node) / "etc/standfast" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def spec(lab: Lab, node: str, links: int = 2) -> str:
    """NODE=ADDRESS,ADDRESS2 of a node of the lab."""
    return f"{node}={','.join(lab.place.find(node).addresses[:links])}"


def states(lab: Lab, node: str) -> dict[str, str]:
    """Each node's state as this one says."""
    found = observe.seen(lab, node)
    return dict(found.nodes) if found is not None else {}


def served_by(lab: Lab) -> str:
    """The page's text, which is the serving node's name; "" when there is none."""
    done = lab.client("curl", "-sf", "-m", "1", PAGE)
    return done.stdout.strip() if done.returncode == 0 else ""


@full_only
def test_a_node_joins_by_itself_and_is_removed_again(two: Lab) -> None:
    lab = two
    first, second = lab.nodes()
    lab.sh(first, "standfast", "init", "webha", spec(lab, first), "--unsafe")
    lab.sh(second, "standfast", "join", first, *(f"--address={one}" for one in lab.place.find(second).addresses))
    assert states(lab, second) == {first: "online", second: "online"}
    key = (lab.root(second) / "etc/standfast/corosync.key").read_bytes()
    lab.sh(first, "standfast", "node", "remove", second)
    assert states(lab, first) == {first: "online"}
    assert (lab.root(first) / "etc/standfast/corosync.key").read_bytes() != key
    done = lab.sh(first, "standfast", "node", "add", spec(lab, second), check=False)
    assert done.returncode == 1
    assert "has the files of cluster webha" in done.stderr


def test_one_machine_supervises_an_apache_and_a_second_node_joins_without_an_interruption(two: Lab) -> None:
    lab = two
    first, second = lab.nodes()
    lab.sh(first, "standfast", "init", "solo", spec(lab, first, links=1))
    write(lab, first, UNITS)
    lab.sh(first, "standfast", "config", "push", "--yes")
    lab.wait(lambda: served_by(lab) == first, 30, "the page")
    lab.wait(lambda: normal.owner(lab) == first, 30, "the end of its start, which has time of its own to hang")

    lab.client_start()
    at = time.monotonic()
    observe.signal_all(lab, first, normal.APACHE, "STOP")
    lab.wait(lambda: lab.client_requests() and lab.outage_s(since=at) > 0.1 and served_by(lab), 30, "a new Apache")
    assert lab.outage_s(since=at) < 10

    at = time.monotonic()
    lab.sh(first, "standfast", "node", "add", spec(lab, second, links=1), "--unsafe")
    assert states(lab, first) == {first: "online", second: "online"}
    lab.wait(lambda: time.monotonic() - at > 5, 30, "a client that asked on")
    assert failures(lab.client_requests(), at) == []
    assert served_by(lab) == first
