"""A database that all groups ask stops answering: no group moves for it (issue 6, line 4)."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from standfast_lab import image, observe, processes
from standfast_lab.lab import Lab

from lab.conftest import full_only
from lab.pushing import Result, push
from lab.trial import Trial
from lab.versions_seen import in_force, wait_for_one_version

ASKING = {"shop": "node1", "forum": "node2", "intranet": "node3"}  # their pages ask the database
WATCHING = "wiki"  # its own probe asks the database, and says that this is outside
GROUPS = ASKING | {WATCHING: "node3"}
DATABASE = ("192.0.2.1", 6379)  # on the bridge, beside the nodes
DOWN_S = 35.0  # longer than a probe is bad, a restart and its StartTimeout= together
ALL_GOOD_WITHIN_S = 60.0
PAGE = """import socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with socket.create_connection({database}, timeout=30) as database:
                database.sendall(b"GET alive\\r\\n")
                good = b"yes" in database.recv(100)
        except OSError:
            good = False
        self.send_response(200 if good else 503)
        self.end_headers()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
DOMAIN = "\n[Domain]\nName={name}\nNodes={nodes}\nOrdered=yes\nFailback=no\n"
TARGET = """[X-Standfast]
Resources={name}.service
Domain={name}
MaxRestarts=1
StartTimeout=10s
"""
SERVICE = """[Service]
ExecStart=/usr/bin/python3 /srv/shared/page.py {port}
[X-Probe]
URL=http://127.0.0.1:{port}/
Interval=500ms
Timeout=1s
FailAfter=2
StartTimeout=5s
"""
WATCHING_SERVICE = f"""[Service]
ExecStart=/bin/sleep infinity
[X-Probe database]
Type=tcp
Connect={DATABASE[0]}:{DATABASE[1]}
Send=PING\\r\\n
Expect=PONG
Outside=yes
Interval=500ms
FailAfter=2
"""


class Database:
    """Redis, out of the image that has real servers, beside the nodes."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._file = lab.place.folder / "redis.pid"

    def start(self) -> None:
        """It answers, with the value that all pages ask for."""
        host, port = DATABASE
        options = ("--bind", host, "--port", str(port), "--protected-mode", "no", "--save", "")
        command = [*image.program("usr/bin/redis-server", image.SERVERS), *options]
        log = self._lab.place.folder / "redis.out"
        processes.linger(self._file, log, command, namespace=self._lab.place.bridge_namespace)
        self._lab.wait(self._set, 20, f"Redis (see {log})")

    def _set(self) -> bool:
        """The nodes' way to it, with a program that this machine has."""
        words = f"printf 'SET alive yes\\r\\n' >/dev/tcp/{DATABASE[0]}/{DATABASE[1]}"
        return self._lab.client("bash", "-c", words).returncode == 0

    def stop(self) -> None:
        processes.end(self._file)

    def hang(self, number: signal.Signals) -> None:
        pid = processes.recall(self._file)
        assert pid is not None
        os.kill(pid, number)


def files(trial: Trial) -> Mapping[str, bytes]:
    """What is in force, and the groups."""
    found = in_force(trial.lab, "node1")
    for port, (name, home) in enumerate(GROUPS.items(), 9101):
        nodes = " ".join((home, *trial.others(home)))
        found["cluster.conf"] += DOMAIN.format(name=name, nodes=nodes).encode()
        found[f"units/{name}.target"] = TARGET.format(name=name).encode()
        service = WATCHING_SERVICE if name == WATCHING else SERVICE.format(port=port)
        found[f"units/{name}.service"] = service.encode()
    return found


@pytest.fixture
def database(trial: Trial) -> Iterator[Database]:
    """The groups are served, those that ask it each on a node of its own."""
    made, before = Database(trial.lab), in_force(trial.lab, "node1")
    (trial.lab.place.shared / "page.py").write_text(PAGE.format(database=DATABASE))
    made.start()
    try:
        pushed = push(trial.lab, "node1", files(trial))
        assert pushed.result is Result.ACKNOWLEDGED, pushed.said
        trial.wait(lambda: set(owners(trial)) == set(GROUPS), 60, lambda: f"all groups to serve; {owners(trial)}")
        for name, node in owners(trial).items():
            if node != GROUPS[name]:
                trial.lab.sh(node, "standfast", "group", "relocate", name, GROUPS[name], timeout_s=60)
        trial.wait(lambda: owners(trial) == GROUPS, 60, lambda: f"each group on its node; {owners(trial)}")
        yield made
    finally:
        for name in GROUPS:
            trial.lab.sh("node1", "standfast", "group", "stop", name, check=False)
        pushed = push(trial.lab, "node1", before)
        made.stop()
        assert pushed.result is Result.ACKNOWLEDGED, pushed.said
        wait_for_one_version(trial)


def groups(trial: Trial) -> list[dict[str, Any]]:
    """The groups, as node1's status has them."""
    status = observe.status(trial.lab, "node1") or {"groups": []}
    return [one for one in status["groups"] if one["name"] in GROUPS]


def owners(trial: Trial) -> dict[str, str]:
    """Where those are that serve, as their probes say."""
    good = [one for one in groups(trial) if one["phase"] == "started" and one["resources"][0]["probe"] == "good"]
    return {one["name"]: one["owner"] for one in good}


@contextlib.contextmanager
def hung(database: Database) -> Iterator[None]:
    database.hang(signal.SIGSTOP)
    yield
    database.hang(signal.SIGCONT)


@contextlib.contextmanager
def stopped(database: Database) -> Iterator[None]:
    database.stop()
    yield
    database.start()


@pytest.mark.parametrize("fault", [hung, pytest.param(stopped, marks=full_only)])
def test_no_group_moves_for_a_database_that_all_of_them_ask(trial: Trial, database: Database, fault: object) -> None:
    assert callable(fault)
    watching = observe.processes(trial.lab, GROUPS[WATCHING], f"{WATCHING}.service")
    at = trial.fault("the database of all pages does not answer")
    with fault(database):
        for name in GROUPS:
            kept = partial(told, trial, name, "group-kept", at)
            trial.wait(kept, DOWN_S, f"the journal to say that {name} stays where it is")
        print(*(told(trial, name, "group-kept", at)[0] for name in GROUPS), sep="\n")
        for one in groups(trial):
            print(f"{one['name']}: {one['phase']} on {one['owner']}: {one['reason']}")
            assert f"it stays on {GROUPS[one['name']]}" in one["reason"]
        time.sleep(max(0.0, at + DOWN_S - time.monotonic()))
        assert moved(trial, at) == []
    back = trial.wait(
        lambda: owners(trial) == GROUPS, ALL_GOOD_WITHIN_S, lambda: f"all to serve again; {owners(trial)}"
    )
    print(f"all served again {back:.1f} s after the database")
    assert moved(trial, at) == []
    assert observe.processes(trial.lab, GROUPS[WATCHING], f"{WATCHING}.service") == watching, "a restart mends nothing"


def told(trial: Trial, group: str, event: str, since: float) -> list[str]:
    entries = [one for node in trial.lab.nodes() for one in trial.told(node, event, since=since)]
    return [one.text for one in entries if one.fields.get("GROUP") == group]


def moved(trial: Trial, since: float) -> list[str]:
    """Starts on other nodes than where the groups were."""
    starts = {name: told(trial, name, "group-starting", since) for name in GROUPS}
    return [text for name, texts in starts.items() for text in texts if not text.endswith(f" on {GROUPS[name]}")]
