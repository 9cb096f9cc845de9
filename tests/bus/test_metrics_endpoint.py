"""standfast-metrics against fake daemons on a private bus: what it answers, and that nothing holds it up."""

import asyncio
import contextlib
import gzip
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from bus.private import REPOSITORY, PrivateBus
from fakes.daemons import ALL, ROOT, SINCE, Cluster
from fakes.journal_reader import Journal
from fakes.prometheus import promtool
from standfast.metrics import following, service, serving
from standfast.metrics.families import FAMILIES
from standfast.metrics.service import Service
from standfast.metrics.serving import Server

MEMBERSHIP, QUORUM, FENCING, GROUPS = ALL
DAEMONS = {MEMBERSHIP: "membershipd", QUORUM: "quorumd", FENCING: "fenced", GROUPS: "resourced"}
parse: Any = parser.text_string_to_metric_families
parse_open_metrics: Any = openmetrics_parser.text_string_to_metric_families
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    found = Journal()
    monkeypatch.setattr(following, "reader", found.reader)
    return found


class Endpoint:
    """The service in this process, on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def ask(self, request: str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") -> tuple[str, dict[str, str], bytes]:
        """Status line, headers and body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request.encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status, *lines = head.decode().split("\r\n")
        return status, dict(line.split(": ", 1) for line in lines), body

    async def text(self) -> str:
        status, _, body = await self.ask()
        assert status == "HTTP/1.1 200 OK"
        return body.decode()

    async def samples(self) -> Samples:
        return parsed(await self.text())


def parsed(text: str) -> Samples:
    return {(one.name, frozenset(one.labels.items())): one.value for family in parse(text) for one in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"standfast_{name}", frozenset(labels.items())))


def named(samples: Samples) -> set[str]:
    """The families that have samples."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in samples if name.startswith("standfast_")}


@contextlib.asynccontextmanager
async def endpoint(folder: Path, names: Iterable[str] = ALL) -> AsyncIterator[tuple[Endpoint, Cluster]]:
    async with Cluster().running(names) as cluster:
        server = await Server(Service(folder / "totals.json").answer).listen("127.0.0.1", 0)
        async with server:
            yield Endpoint(server.sockets[0].getsockname()[1]), cluster


def asked(
    folder: Path, *, names: Iterable[str] = ALL, prepare: Callable[[Cluster], Awaitable[None] | None] = lambda _: None
) -> Samples:
    """What is answered while these daemons run."""

    async def play() -> Samples:
        async with endpoint(folder, names) as (found, cluster):
            waits = prepare(cluster)
            if waits is not None:
                await waits
            return await found.samples()

    return asyncio.run(play())


def rich(cluster: Cluster) -> None:
    """A cluster in which every metric has a value."""
    since = SINCE
    node = f"{ROOT}/group/webserv/resource/apache2_2eservice"
    probes = [("", "http", "live", "good", "GET x", 12, since), ("db", "pgsql", "degraded", "bad", "no", 1000, since)]
    cluster.servers[GROUPS].live("org.standfast.Resource1", "Probes", lambda unit: probes if unit == node else [])
    cluster.publish(ROOT, "Groups1", Losses=[("8.1", "node3", 2, 4, "left the ring")])
    cluster.publish(f"{ROOT}/node/node3", "Member1", State="fencing")
    cluster.publish(f"{ROOT}/group/proxy", "Copies1", Name="proxy", Copies=["proxy@node1"], Wanted=2)
    cluster.group(Drilled=("power", since, 3200))
    health = {"Arbiter": "arbiter", "ArbiterState": "votes", "Health": [("disk", 10, "fine")], "HealthMinimum": 5}
    cluster.servers[QUORUM].publish(ROOT, "org.standfast.Quorum1", health)


def test_every_metric_has_a_value_where_its_subject_is_there(
    private_bus: PrivateBus, tmp_path: Path, journal: Journal
) -> None:
    journal.write(-86_400, "group-started", group="webserv")
    journal.power_cut(0, "webserv")
    samples = asked(tmp_path, prepare=rich)
    assert named(samples) == FAMILIES.keys()
    for name, labels in samples:
        if name.startswith("standfast_"):
            family = FAMILIES[re.sub(r"_(bucket|sum|count)$", "", name)]
            assert {label for label, _ in labels} - {"le"} == set(family.labels), name


def test_promtool_finds_nothing_wrong(private_bus: PrivateBus, tmp_path: Path, journal: Journal) -> None:
    journal.power_cut(0, "webserv")

    async def play() -> str:
        async with endpoint(tmp_path) as (found, cluster):
            rich(cluster)
            return await found.text()

    text = asyncio.run(play())
    result = promtool("check", "metrics", text=text.encode())
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    wrong = promtool("check", "metrics", text=text.replace("_total", "_sum_up").encode())
    assert wrong.returncode != 0


def test_what_the_daemons_say_is_what_is_answered(private_bus: PrivateBus, tmp_path: Path) -> None:
    samples = asked(tmp_path, prepare=rich)
    assert [value(samples, "up", daemon=name) for name in DAEMONS.values()] == [1, 1, 1, 1]
    assert value(samples, "info", cluster_name="webha", node="node1", version=service._VERSION) == 1
    assert [value(samples, name) for name in ("quorate", "votes", "expected_votes", "quorum_votes")] == [1, 3, 3, 2]
    assert [value(samples, name) for name in ("term", "view_sequence", "term_members")] == [7, 12, 3]
    assert value(samples, "node_state", node="node3", state="fencing") == 1
    assert value(samples, "node_state", node="node3", state="online") == 0
    assert value(samples, "link_up", node="node3", link="1") == 0
    assert value(samples, "group_phase", group="webserv", phase="started") == 1
    assert value(samples, "group_owner_info", group="webserv", node="node1") == 1
    at = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert value(samples, "group_phase_start_timestamp_seconds", group="webserv") == at
    assert value(samples, "fence_device_last_answer_timestamp_seconds", device="bmc-node2") == at
    unit = "apache2.service"
    assert value(samples, "resource_probe", group="webserv", resource=unit, state="good") == 1
    assert value(samples, "probe_latency_seconds", group="webserv", resource=unit, probe="db") == 1.0
    assert value(samples, "probe_state", group="webserv", resource=unit, probe="db", state="bad") == 1
    assert (value(samples, "losses_pending"), value(samples, "loss_attempts", node="node3")) == (1, 2)
    assert value(samples, "detect_within_seconds") == 2.2
    assert value(samples, "group_last_drill_timestamp_seconds", group="webserv") == at
    assert value(samples, "group_last_drill_recovery_seconds", group="webserv") == 3.2
    assert (value(samples, "group_last_drill_ok", group="webserv"), value(samples, "drill_running")) == (1, 0)


def test_a_drill_that_failed_has_no_time_and_one_under_way_is_told(private_bus: PrivateBus, tmp_path: Path) -> None:
    def fail(cluster: Cluster) -> None:
        cluster.group(Drilled=("hang", SINCE, 0))
        cluster.publish(ROOT, "Groups1", Drill=("d1", "kill", "node1", ["webserv"], "", "node2", "root", SINCE, 1000))

    samples = asked(tmp_path, prepare=fail)
    assert (value(samples, "group_last_drill_ok", group="webserv"), value(samples, "drill_running")) == (0, 1)
    assert value(samples, "group_last_drill_recovery_seconds", group="webserv") is None


def test_open_metrics_gzip_and_head_are_answered_as_they_are_asked_for(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def play() -> None:
        async with endpoint(tmp_path) as (found, _):
            accept = "Accept: application/openmetrics-text; version=1.0.0,text/plain;q=0.5\r\n"
            request = f"GET /metrics?x=1 HTTP/1.1\r\n{accept}Accept-Encoding: gzip\r\n\r\n"
            _, headers, body = await found.ask(request)
            assert headers["Content-Type"].startswith("application/openmetrics-text")
            assert headers["Content-Encoding"] == "gzip"
            text = gzip.decompress(body).decode()
            assert text.endswith("# EOF\n")
            assert "standfast_up" in {family.name for family in parse_open_metrics(text)}
            status, headers, body = await found.ask("HEAD /metrics HTTP/1.1\r\n\r\n")
            assert (status, body) == ("HTTP/1.1 200 OK", b"")
            assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert int(headers["Content-Length"]) > 1000

    asyncio.run(play())


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\n\r\n", "200 OK"),
        ("GET /other HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "405 Method Not Allowed"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
        ("GET /metrics SIP/2.0\r\n\r\n", "400 Bad Request"),
        ("\r\n\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/1.1\r\n" + "A: b\r\n" * 200 + "\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/1.1\r\nA: " + "b" * 20_000 + "\r\n\r\n", "431 Request Header Fields Too Large"),
    ],
)
def test_other_requests_are_refused_each_for_what_is_wrong(
    private_bus: PrivateBus, tmp_path: Path, request_text: str, status: str
) -> None:
    async def play() -> str:
        async with endpoint(tmp_path) as (found, _):
            return (await found.ask(request_text))[0]

    assert asyncio.run(play()) == f"HTTP/1.1 {status}"


@pytest.mark.parametrize("away", ALL)
def test_a_daemon_that_does_not_run_is_down_and_what_the_others_say_is_there(
    private_bus: PrivateBus, tmp_path: Path, away: str
) -> None:
    samples = asked(tmp_path, names=[name for name in ALL if name != away])
    assert {name: value(samples, "up", daemon=name) for name in DAEMONS.values()} == {
        name: float(bus_name != away) for bus_name, name in DAEMONS.items()
    }
    assert ("standfast_group_phase" in named(samples)) == (away != GROUPS)
    assert ("standfast_fence_device_ok" in named(samples)) == (away != FENCING)
    assert ("standfast_node_in_view" in named(samples)) == (away != MEMBERSHIP)
    assert ("standfast_watchdog_armed" in named(samples)) == (away != QUORUM)
    assert value(samples, "quorate") == 1  # resourced and quorumd both know


@pytest.mark.parametrize("with_bus", [True, False])
def test_without_any_daemon_and_without_a_bus_it_says_so(
    private_bus: PrivateBus, tmp_path: Path, with_bus: bool
) -> None:
    if not with_bus:
        private_bus.kill()
    samples = asked(tmp_path, names=())
    assert [value(samples, "up", daemon=name) for name in DAEMONS.values()] == [0, 0, 0, 0]
    expected = {"standfast_up", "standfast_journal_read", "standfast_read_duration_seconds"}
    assert {name for name in named(samples) if not name.endswith("_total") and "incident_" not in name} == expected


def test_a_daemon_that_hangs_and_a_bus_that_hangs_hold_up_nothing(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DAEMON_S", 0.3)
    monkeypatch.setattr(service, "FRESH_S", 0.0)

    async def play() -> None:
        async with endpoint(tmp_path, [name for name in ALL if name != GROUPS]) as (found, _):
            hung = await asyncio.create_subprocess_exec(
                sys.executable, "-c", HANGS, private_bus.address, stdout=subprocess.PIPE, cwd=REPOSITORY
            )
            assert hung.stdout is not None
            try:
                assert await hung.stdout.readline() == b"here\n"
                begun = time.monotonic()
                samples = [await found.samples() for _ in range(3)][-1]
                assert time.monotonic() - begun >= 0.9  # it was asked each time
                assert value(samples, "up", daemon="resourced") == 0
                assert [value(samples, "up", daemon=name) for name in ("membershipd", "quorumd", "fenced")] == [1, 1, 1]
                assert value(samples, "quorate") == 1
                private_bus.pause()
                try:
                    samples = await found.samples()
                finally:
                    private_bus.resume()
                assert [value(samples, "up", daemon=name) for name in DAEMONS.values()] == [0, 0, 0, 0]
                samples = await found.samples()
                assert value(samples, "up", daemon="membershipd") == 1
            finally:
                hung.kill()
                await hung.wait()

    asyncio.run(asyncio.wait_for(play(), 30))


HANGS = """
import asyncio, sys
sys.path.insert(0, "services")
from standfast.bus import Bus

async def main():
    bus = await Bus.connect(sys.argv[1])
    await bus.claim("org.standfast.Groups")
    bus.take_call = lambda sender, data: True  # reads, and never answers
    print("here", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_not_quorate_and_between_terms_all_is_told_that_is_known(private_bus: PrivateBus, tmp_path: Path) -> None:
    def lose_quorum(cluster: Cluster) -> None:
        cluster.publish(ROOT, "Groups1", Term=0, Coordinator="", Quorate="no", Members=[], NoTerm="Too few are here.")
        cluster.servers[QUORUM].publish(ROOT, "org.standfast.Quorum1", {"Quorate": False, "Votes": 1})

    samples = asked(tmp_path, prepare=lose_quorum)
    assert [value(samples, name) for name in ("quorate", "votes", "term", "term_members")] == [0, 1, 0, 0]
    assert value(samples, "group_phase", group="webserv", phase="started") == 1
    assert "standfast_coordinator_info" not in named(samples)


def test_a_daemon_of_another_release_is_down_and_the_others_are_there(private_bus: PrivateBus, tmp_path: Path) -> None:
    def be_older(cluster: Cluster) -> None:
        del cluster.servers[FENCING]._objects[ROOT]["org.standfast.Fencing1"]["SlowestOff"]

    samples = asked(tmp_path, prepare=be_older)
    assert value(samples, "up", daemon="fenced") == 0
    assert value(samples, "up", daemon="resourced") == 1


def test_who_asks_at_the_same_time_gets_one_reading(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def play() -> list[str]:
        async with endpoint(tmp_path) as (found, _):
            return await asyncio.gather(*(found.text() for _ in range(10)))

    answers = asyncio.run(play())
    times = {re.search(r"^standfast_read_duration_seconds (.*)$", text, re.MULTILINE)[1] for text in answers}  # type: ignore[index]
    assert len(times) == 1


def test_connections_that_say_nothing_hold_up_nobody_for_long(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_HEAD_S", 0.5)

    async def play() -> None:
        async with endpoint(tmp_path) as (found, _):
            silent = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(serving.CONNECTIONS)]
            status, _, body = await found.ask("")
            assert (status, body) == (
                "HTTP/1.1 503 Service Unavailable",
                b"503 Service Unavailable: too many connections\n",
            )
            assert [await reader.read() for reader, _ in silent] == [b""] * len(silent)
            assert value(await found.samples(), "up", daemon="fenced") == 1
            for _, writer in silent:
                writer.close()

    asyncio.run(play())


# The program


def run_program(folder: Path, bus: PrivateBus, **environment: str) -> subprocess.Popen[str]:
    settings = {
        "PYTHONPATH": str(REPOSITORY / "services"),
        "STATE_DIRECTORY": str(folder),
        "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
        **environment,
    }
    command = [sys.executable, "-m", "standfast.metrics"]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_program_answers_until_it_is_stopped(private_bus: PrivateBus, tmp_path: Path, free_port: int) -> None:
    process = run_program(tmp_path, private_bus, LISTEN=f"127.0.0.1:{free_port}")

    async def play() -> Samples:
        async with asyncio.timeout(20):
            while True:
                try:
                    return await Endpoint(free_port).samples()
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)

    try:
        samples = asyncio.run(play())
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert [value(samples, "up", daemon=name) for name in DAEMONS.values()] == [0, 0, 0, 0]
    assert value(samples, "journal_read") == 1
    assert (process.returncode, told) == (0, "")


def test_an_address_that_is_not_here_is_one_sentence_and_systemd_tries_again(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    process = run_program(tmp_path, private_bus, LISTEN="192.0.2.77:10664")
    _, told = process.communicate(timeout=20)
    assert process.returncode == 1
    assert told.startswith("<4>standfast-metrics: It cannot listen on 192.0.2.77:10664 (")
    assert told.endswith("change LISTEN= in /etc/default/standfast-metrics. [metrics-refused]\n")
    assert told.count("\n") == 1


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: Any = found.getsockname()[1]
        return int(port)
