"""membershipd withdraws its node, stays away, and comes back; on a private bus with systemd1 and Corosync played."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.membership_bench import CLUSTER, NODE_3, Bench, View, play, running
from bus.private import PrivateBus, until
from fakes.values import NO_RECORD
from standfast.bus import Bus, BusError, ErrorName, Server, interface_file
from standfast.corosync.cfg import Link
from standfast.corosync.knet_log import LinkChange
from standfast.corosync.requests import Requests
from standfast.membershipd import churn, engine, pause, ring, service
from standfast.membershipd.publication import NAME, ROOT

GROUPS = "org.standfast.Groups"
WITHIN_MS = 1100  # the shortest DetectWithin that a configuration may have
SETTINGS = CLUSTER.replace("Name=webha", "Name=webha\nDetectWithin=1.1s")
UP, DOWN = (Link(number=0, up=True),), (Link(number=0, up=False),)


@pytest.fixture
def bench(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Node 1 of three; it has the second turn."""
    monkeypatch.setattr(ring, "LINK_INTERVAL_S", 0.05)
    monkeypatch.setattr(churn, "LOOK_S", 0.02)
    monkeypatch.setattr(ring, "LOOK_S", 0.02)
    monkeypatch.setattr(service, "_DIES_WITHIN_S", 0.5)
    monkeypatch.setattr(service, "_STAY_LOOK_S", 0.05)
    bench = Bench(tmp_path)
    bench.write_files(SETTINGS + NODE_3)
    bench.corosync.links = {2: UP, 3: UP}
    return bench


class Clock:
    """Makes churn in no time: the daemon's watch sees twenty seconds where one has passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make = churn.Churn.__init__

        def faster(self: churn.Churn, settings: object, members: object, now_s: object) -> None:
            make(self, settings, members, lambda: now_s() * 20)  # type: ignore[arg-type, operator] # passed on

        monkeypatch.setattr(churn.Churn, "__init__", faster)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@contextlib.asynccontextmanager
async def churning(bench: Bench, missed: Iterable[int] = (2,)) -> AsyncIterator[None]:
    """These peers are not heard, and Corosync begins one ring after the other that nobody is told of."""
    for peer in missed:
        bench.corosync.links[peer] = DOWN

    async def count() -> None:
        for sequence in itertools.count(1_000, 4):
            bench.corosync.sequence = sequence
            await asyncio.sleep(0.005)

    task = asyncio.ensure_future(count())
    try:
        yield
    finally:
        task.cancel()


async def withdraw(bench: Bench, view: View) -> None:
    """The daemon has its view, rings churn, and it withdraws."""
    await view.until(lambda view: view.membership["View"])
    async with churning(bench):
        await view.until(lambda view: view.membership["Withdrawn"])


def on_disk(bench: Bench) -> dict[str, object]:
    found: dict[str, object] = json.loads(bench.machine.withdrawn.read_bytes())
    return found


def test_who_does_not_hear_a_member_while_rings_churn_stops_its_corosync_and_says_why(
    bench: Bench, fast: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await withdraw(bench, view)
            assert bench.killed[0] == ("corosync.service", "all", 9)
            assert "node1 has withdrawn from the cluster: it does not hear node2" in view.membership["Withdrawn"]
            assert "or at once by: standfast node rejoin" in view.membership["Withdrawn"]
            await view.until(lambda view: view.membership["View"] == "")
            await until(bench.machine.withdrawn.exists)
            await until(lambda: not bench.machine.corosync_conf.exists())  # the condition of Corosync's unit
            before = len(bench.started)
            await asyncio.sleep(0.5)
            assert len(bench.started) == before, "it stays away"

    play(bench, scenario)
    told = capsys.readouterr().err
    assert told.count("[rings-churn]") == 1
    (line,) = [line for line in told.splitlines() if "[withdrawn]" in line]
    assert "it does not hear node2, and so no ring lasts (" in line
    assert "its Corosync is started again in 30 s, or at once by: standfast node rejoin" in line


@contextlib.asynccontextmanager
async def hanging(
    bench: Bench, service: service.Membership, monkeypatch: pytest.MonkeyPatch, *, known: bool = True
) -> AsyncIterator[None]:
    """Node 2 is known to be missed, or will be, and from then on Corosync answers no question."""
    ask, hangs = Requests.ask, asyncio.Event()

    async def answer(requests: Requests, *arguments: Any, **more: Any) -> Any:
        if hangs.is_set():
            await asyncio.sleep(30.0)
        return await ask(requests, *arguments, **more)

    monkeypatch.setattr(Requests, "ask", answer)
    if known:
        bench.corosync.links[2] = DOWN
        await until(lambda: service._follower is not None and bool(service._follower._churn._watch.missed))
    hangs.set()
    yield
    hangs.clear()


def test_a_corosync_that_does_not_answer_while_rings_churn_keeps_nobody_in(
    bench: Bench, fast: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it synchronises, every question waits: the withdrawal goes on by the file and the links as they were."""

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            async with hanging(bench, service, monkeypatch), churning(bench):
                await view.until(lambda view: view.membership["Withdrawn"])
            assert "it does not hear node2" in view.membership["Withdrawn"]

    play(bench, scenario)


def test_what_knet_logs_counts_while_corosync_does_not_answer(
    bench: Bench, fast: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a busy machine knet finds the bad link only after Corosync has begun to synchronise."""

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.nodes["node2"]["Links"])
            async with hanging(bench, service, monkeypatch, known=False), churning(bench, missed=()):
                bench.corosync.logged.append(LinkChange(peer=2, link=0, up=False))
                await view.until(lambda view: view.membership["Withdrawn"])
            assert "it does not hear node2" in view.membership["Withdrawn"]

    play(bench, scenario)
    assert "Link 0 to node2 is down [link-down]" in capsys.readouterr().err


def test_a_corosync_that_hangs_and_forms_no_rings_keeps_its_node(
    bench: Bench, fast: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer died, and this Corosync does not answer because the machine is busy: that is no churn."""

    async def scenario(view: View) -> None:
        async with running(bench) as service:
            await view.until(lambda view: view.membership["View"])
            async with hanging(bench, service, monkeypatch):
                bench.network.form(1)
                await asyncio.sleep(1.5)  # half a minute of the daemon's watch
                await view.read()
                assert view.membership["Withdrawn"] == ""

    play(bench, scenario)


def test_a_node_that_hears_everybody_stays_however_rings_churn(bench: Bench, fast: Clock) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            async with churning(bench, missed=()):
                await asyncio.sleep(1.0)
            await view.read()
            assert view.membership["Withdrawn"] == ""
            assert not bench.killed

    play(bench, scenario)


def test_the_rings_that_corosync_tells_count_where_its_file_cannot_be_read(bench: Bench, fast: Clock) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            bench.corosync.links[2] = DOWN
            while bench.corosync.running:
                bench.network.form(1)
                await asyncio.sleep(0.01)
            await view.until(lambda view: view.membership["Withdrawn"])
            assert "the last one has the number " in view.membership["Withdrawn"]

    play(bench, scenario)


def test_an_operator_ends_the_withdrawal_and_only_root_may(bench: Bench, fast: Clock) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            with pytest.raises(BusError) as refused:
                await view.bus.call(NAME, ROOT, "org.standfast.Membership1", "Rejoin")
            assert refused.value.name == ErrorName.REFUSED
            await withdraw(bench, view)
            bench.corosync.links = {2: UP, 3: UP}
            await view.bus.call(NAME, ROOT, "org.standfast.Membership1", "Rejoin")
            await view.until(lambda view: view.membership["View"] and not view.membership["Withdrawn"])
            await until(lambda: on_disk(bench)["over"] is True)

    play(bench, scenario)


def test_the_pause_ends_by_itself_and_the_next_one_is_twice_as_long(
    bench: Bench, fast: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pause, "FIRST_MS", 300)

    async def scenario(view: View) -> None:
        async with running(bench):
            await withdraw(bench, view)
            await view.until(lambda view: not view.membership["Withdrawn"])
            await withdraw(bench, view)
            await until(lambda: on_disk(bench)["length_ms"] == 600)

    play(bench, scenario)
    assert capsys.readouterr().err.count("[withdrawal-over]") >= 1


def test_neither_a_restart_of_the_daemon_nor_a_boot_ends_the_withdrawal(bench: Bench, fast: Clock) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await withdraw(bench, view)
            await until(bench.machine.withdrawn.exists)
        bench.started.clear()
        async with running(bench):
            await view.read()
            assert "it does not hear node2" in view.membership["Withdrawn"]
            await asyncio.sleep(0.5)
        assert on_disk(bench)["incarnation"] == "boot/1"
        bench.machine = replace(bench.machine, incarnation="boot/2")
        async with running(bench):
            await view.read()
            assert "it does not hear node2" in view.membership["Withdrawn"]
            await until(lambda: on_disk(bench)["incarnation"] == "boot/2")
        assert not bench.started

    play(bench, scenario)


def test_a_corosync_that_somebody_starts_meanwhile_is_killed_again(
    bench: Bench, fast: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        async with running(bench):
            await view.until(lambda view: view.membership["View"])
            strings = bench.strings()
            await withdraw(bench, view)
            await until(lambda: not bench.corosync.running)
            bench.network.start(1, strings)
            await until(lambda: not bench.corosync.running)

    play(bench, scenario)
    assert "[corosync-stays]" in capsys.readouterr().err


def test_without_a_bus_corosync_itself_is_told_to_go(
    bench: Bench, fast: Clock, private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        bench.network.start(1)
        async with running(bench):
            bench.network.start(1, bench.strings())
            async with await Bus.connect() as bus:
                await View(bus).until(lambda view: view.membership["View"])
            await asyncio.to_thread(private_bus.kill)
            async with churning(bench):
                await until(lambda: not bench.corosync.running)
                await until(bench.machine.withdrawn.exists)
        assert on_disk(bench)["over"] is False

    asyncio.run(main())
    assert "[withdrawn]" in capsys.readouterr().err


def test_a_disk_that_cannot_be_written_keeps_nobody_in_the_cluster(
    bench: Bench, fast: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(view: View) -> None:
        bench.machine.withdrawn.parent.write_text("a file where the folder should be")
        async with running(bench):
            await withdraw(bench, view)
            await until(lambda: not bench.corosync.running)

    play(bench, scenario)
    assert "[withdrawal-unstored]" in capsys.readouterr().err


# The members of the last open term


class Resourced:
    """What membershipd reads of resourced."""

    def __init__(self) -> None:
        self.server = Server(interface_file(GROUPS))
        self.publish(0, {})

    def publish(self, term: int, states: dict[str, str]) -> None:
        members = sorted(name for name, state in states.items() if state == "online")
        self.server.publish(ROOT, "org.standfast.Groups1", {**NO_RECORD, "Term": term, "Members": members})


def test_only_members_of_the_last_open_term_are_missed_also_when_resourced_is_away(bench: Bench, fast: Clock) -> None:
    async def scenario(view: View) -> None:
        resourced = Resourced()
        bus = await Bus.connect()
        await resourced.server.attach(bus, GROUPS)
        async with running(bench) as membership:
            await view.until(lambda view: view.membership["View"])
            resourced.publish(7, {"node1": "online", "node2": "left", "node3": "online"})
            await until(lambda: membership._members.names == frozenset({"node1", "node3"}))
            resourced.publish(0, {"node2": "online"})
            await bus.close()
            async with churning(bench):
                await asyncio.sleep(1.0)
            assert not bench.killed
            assert membership._members.names == frozenset({"node1", "node3"})

    play(bench, scenario)


def test_a_withdrawal_is_forgotten_after_some_time_in_an_open_term(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FORGOTTEN_AFTER_MS", 200)
    old = pause.Pause(reason="it was so", length_ms=60_000, incarnation="boot/0", began_ms=0, over=True)
    bench.machine.withdrawn.parent.mkdir()
    bench.machine.withdrawn.write_bytes(pause.encode(old))

    async def scenario(view: View) -> None:
        resourced = Resourced()
        async with await Bus.connect() as bus:
            await resourced.server.attach(bus, GROUPS)
            async with running(bench):
                await view.until(lambda view: view.membership["View"])
                await asyncio.sleep(0.3)
                assert bench.machine.withdrawn.exists(), "no term is open"
                resourced.publish(7, {"node1": "online", "node2": "online", "node3": "online"})
                await until(lambda: not bench.machine.withdrawn.exists())

    play(bench, scenario)


def test_a_bus_that_hangs_is_not_waited_for(
    bench: Bench, fast: Clock, private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_KILL_ASKED_S", 0.1)

    async def main() -> None:
        bench.network.start(1)
        async with running(bench):
            bench.network.start(1, bench.strings())
            async with await Bus.connect() as bus:
                await View(bus).until(lambda view: view.membership["View"])
            private_bus.pause()
            try:
                async with churning(bench):
                    await until(lambda: not bench.corosync.running)
            finally:
                private_bus.resume()

    asyncio.run(main())
