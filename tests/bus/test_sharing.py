"""Versions of the configuration between three membershipd, each on a bus of its own, through a simulated Corosync."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bus.membership_bench import CLUSTER, NODE_3
from bus.private import PrivateBus, as_nobody, until
from fakes.in_force import put_in_force
from fakes.network import FakeGroup, FakeNetwork
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration import versions
from standfast.configuration.bundle import pack
from standfast.configuration.tree import File, Tree
from standfast.files import write_atomic
from standfast.membershipd import sharing
from standfast.membershipd.chunks import Chunk, encode
from standfast.membershipd.corosync_conf import DIGEST_KEY, digest_of
from standfast.membershipd.exchange import MOST_SENDINGS
from standfast.membershipd.incarnations import GROUP
from standfast.membershipd.publication import NAME, ROOT
from standfast.membershipd.service import Machine, Membership
from standfast.membershipd.sharing import INTERFACE


def a_version(**contents: bytes) -> Tree:
    files = {name: File(content=content, mode=0o600) for name, content in sorted(contents.items())}
    return Tree(files=files, problems=())


VERSION = a_version(cluster=b"[Cluster]\n", secret=os.urandom(200_000))  # some chunks
DIGEST = VERSION.digest


@dataclass
class Node:
    """One membershipd, and a client on its bus."""

    number: int
    machine: Machine
    network: FakeNetwork
    client: Bus
    service: Membership
    stored: list[str] = field(default_factory=list)  # as its signals told

    async def call(self, method: str, signature: str, *arguments: Any) -> tuple[Any, ...]:
        return await self.client.call(NAME, ROOT, INTERFACE, method, signature, *arguments, timeout_s=30)

    async def refused(self, method: str, signature: str, *arguments: Any) -> BusError:
        with pytest.raises(BusError) as error:
            await self.call(method, signature, *arguments)
        return error.value

    def has(self, digest: str = DIGEST) -> bool:
        return versions.read(digest, self.machine.folder) is not None

    @property
    def group(self) -> FakeGroup:
        return self.network.nodes[self.number].groups[0]


class Cluster:
    """Buses and files of three nodes, which form one ring."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, first: PrivateBus) -> None:
        self.folder = folder
        self.network = FakeNetwork({1: 1, 2: 1, 3: 1})
        self._monkeypatch = monkeypatch
        self._buses = [first]
        for number in (2, 3):
            place = folder / f"bus{number}"
            place.mkdir()
            self._buses.append(PrivateBus(place))
            self._buses[-1].start()

    def close(self) -> None:
        for bus in self._buses[1:]:
            bus.kill()

    def play(self, scenario: Callable[["Cluster", Node, Node, Node], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with self._running(1) as one, self._running(2) as two, self._running(3) as three:
                nodes = (one, two, three)
                self.network.form(1, 2, 3)
                await until(lambda: all(len(node.service._sharing.carrier._exchange.others) == 2 for node in nodes))
                await scenario(self, *nodes)

        asyncio.run(main())

    @contextlib.asynccontextmanager
    async def _running(self, number: int) -> AsyncIterator[Node]:
        self._monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", self._buses[number - 1].address)
        served = asyncio.Event()
        service = Membership(self._machine(number), self.network.nodes[number], served.set, lambda: None)
        strings = {DIGEST_KEY: digest_of(self._machine(number).corosync_conf.read_text())}
        self.network.start(number, strings)
        task = asyncio.ensure_future(service.run())
        try:
            await asyncio.wait_for(served.wait(), 10)
            async with await Bus.connect() as client:
                node = Node(number, self._machine(number), self.network, client, service)
                await client.subscribe(
                    NAME, lambda signal: node.stored.append(signal.arguments[0]), interface=INTERFACE, member="Stored"
                )
                yield node
                assert not task.done(), task.exception()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _machine(self, number: int) -> Machine:
        place = self.folder / f"node{number}"
        if not place.exists():
            (place / "etc").mkdir(parents=True)
            (place / "etc/cluster.conf").write_text(CLUSTER + NODE_3)
            write_atomic(place / "etc/corosync.key", bytes(1024))
            put_in_force(place / "etc", place / "lib")
        return Machine(
            hostname=f"node{number}",
            incarnation=f"boot/{number}",
            folder=place / "lib",
            corosync_conf=place / "run/corosync.conf",
            withdrawn=place / "lib/withdrawn",
        )


@pytest.fixture
def cluster(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster(tmp_path, monkeypatch, private_bus)
    yield made
    made.close()


def test_what_one_node_shares_is_stored_on_all_and_told_there(cluster: Cluster) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        assert await one.call("Share", "ay", pack(VERSION)) == (DIGEST,)
        await until(lambda: one.stored == two.stored == three.stored == [DIGEST])
        assert one.has() and two.has() and three.has()
        assert await two.call("Share", "ay", pack(VERSION)) == (DIGEST,)
        await until(lambda: one.stored == two.stored == three.stored == [DIGEST] * 2)

    cluster.play(scenario)


def test_two_that_share_at_once_both_reach_all(cluster: Cluster) -> None:
    other = a_version(cluster=b"[Cluster]\n", secret=os.urandom(100_000))

    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        await asyncio.gather(
            one.call("Share", "ay", pack(VERSION)),
            two.call("Share", "ay", pack(other)),
            two.call("Share", "ay", pack(VERSION)),
        )
        await until(lambda: all(len(node.stored) == 3 for node in (one, two, three)))
        assert all(node.has() and node.has(other.digest) for node in (one, two, three))

    cluster.play(scenario)


def test_the_largest_version_comes_whole(cluster: Cluster) -> None:
    large = a_version(**{f"file{number}": os.urandom(1 << 20) for number in range(7)})

    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        one.group.full = 3
        assert await one.call("Share", "ay", pack(large)) == (large.digest,)
        await until(lambda: two.has(large.digest) and three.has(large.digest), 20)

    cluster.play(scenario)


def test_who_was_away_gets_a_version_that_it_wants(cluster: Cluster) -> None:
    async def scenario(cluster: Cluster, one: Node, two: Node, three: Node) -> None:
        cluster.network.form(1, 2)
        await one.call("Share", "ay", pack(VERSION))
        await until(lambda: two.has())
        cluster.network.form(1, 2, 3)
        await until(lambda: bool(three.service._sharing.carrier._exchange.others))
        assert not three.has()
        await three.call("Want", "s", DIGEST)
        await until(lambda: three.stored == [DIGEST])
        assert three.has()
        await three.call("Want", "s", DIGEST)
        await until(lambda: three.stored == [DIGEST] * 2)  # it is here already

    cluster.play(scenario)


def test_a_version_that_nobody_has_is_wanted_until_somebody_shares_it(cluster: Cluster) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        await three.call("Want", "s", DIGEST)
        await one.call("Share", "ay", pack(VERSION))
        await until(lambda: three.stored == [DIGEST])
        assert not three.service._sharing.carrier._exchange.wanted

    cluster.play(scenario)


def test_an_ordinary_user_neither_shares_nor_wants(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> list[str]:
        answers = []
        async with await Bus.connect() as bus:
            for method, signature, argument in (("Share", "ay", pack(VERSION)), ("Want", "s", DIGEST)):
                with pytest.raises(BusError) as error:
                    await bus.call(NAME, ROOT, INTERFACE, method, signature, argument)
                answers.append(f"{error.value.name} {error.value.text}")
        return answers

    async def scenario(cluster: Cluster, one: Node, two: Node, three: Node) -> None:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", cluster._buses[0].address)
        share, want = await as_nobody(program)
        assert share.startswith(ErrorName.ACCESS_DENIED)
        assert "org.standfast.configure" in share
        assert want == f"{ErrorName.ACCESS_DENIED} Only root may call {INTERFACE}.Want."
        assert not one.has()
        assert not one.service._sharing.carrier._exchange.wanted

    cluster.play(scenario)


def test_a_disk_that_refuses_is_told_and_hurts_nobody_else(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, data: bytes, mode: int) -> None:
        if path.is_relative_to(cluster.folder / "node2"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomic(path, data, mode)

    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        monkeypatch.setattr(versions, "write_atomic", full)
        for _again in range(2):
            assert await one.call("Share", "ay", pack(VERSION)) == (DIGEST,)
        await until(lambda: three.stored == [DIGEST] * 2)
        await until(lambda: two.service._sharing.carrier._disk_refuses)
        assert two.stored == []
        error = await two.refused("Share", "ay", pack(VERSION))
        assert error.name == ErrorName.FAILED
        assert f"cannot be stored in {two.machine.folder} (No space left on device), and nobody was sent" in error.text
        assert not two.has()
        monkeypatch.setattr(versions, "write_atomic", write_atomic)
        await two.call("Want", "s", DIGEST)
        await until(lambda: two.stored == [DIGEST])

    cluster.play(scenario)
    told = capsys.readouterr().err
    assert told.count("[version-unstored]") == 1
    assert f"Version {DIGEST[:12]} of node1 cannot be stored in " in told


def test_what_is_no_version_is_refused_to_whom_shares_it(cluster: Cluster) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        for bundle in (b"", b"garbage", pack(VERSION)[:-9]):
            error = await one.refused("Share", "ay", bundle)
            assert error.name == ErrorName.INVALID_ARGUMENTS
            assert error.text.startswith("These bytes are no version: ")
        for digest in ("", "../../etc/shadow", DIGEST.upper(), DIGEST[:-1]):
            error = await one.refused("Want", "s", digest)
            assert error.name == ErrorName.INVALID_ARGUMENTS
        assert not one.service._sharing.carrier._exchange.wanted

    cluster.play(scenario)


def test_garbage_and_wrong_versions_of_a_member_end_nothing_and_are_told_once(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        three.group.try_send(b"\x01 no chunk")
        for bundle in (b"no bundle", pack(a_version(cluster=b"other"))):
            three.group.try_send(encode(Chunk(digest=DIGEST, index=0, count=1, content=bundle)))
        await one.call("Share", "ay", pack(VERSION))
        await until(lambda: two.stored == three.stored == [DIGEST])
        three.group.try_send(encode(Chunk(digest=DIGEST, index=0, count=1, content=pack(a_version(cluster=b"other")))))
        await one.call("Share", "ay", pack(VERSION))
        await until(lambda: two.stored == three.stored == [DIGEST] * 2)

    cluster.play(scenario)
    told = [line for line in capsys.readouterr().err.splitlines() if "[version-refused]" in line]
    assert len(told) == 3  # one from each node
    assert all("Node node3 sent " in line and line.endswith("; it is dropped here [version-refused]") for line in told)


def test_without_corosync_it_is_said_at_once(cluster: Cluster) -> None:
    async def scenario(cluster: Cluster, one: Node, two: Node, three: Node) -> None:
        cluster.network.stop(1)
        await until(lambda: not one.service._sharing.carrier.in_group)
        for error in (await one.refused("Share", "ay", pack(VERSION)), await one.refused("Want", "s", DIGEST)):
            assert error.name == ErrorName.REFUSED
            assert error.text.startswith("Corosync does not run on this node")
        assert not one.has()

    cluster.play(scenario)


def test_a_corosync_that_is_lost_meanwhile_leaves_the_outcome_open(cluster: Cluster) -> None:
    async def scenario(cluster: Cluster, one: Node, two: Node, three: Node) -> None:
        one.group.full = 1 << 30
        asked = asyncio.ensure_future(one.refused("Share", "ay", pack(VERSION)))
        await until(lambda: bool(one.service._sharing.carrier._exchange.sendings))
        cluster.network.stop(1)
        error = await asked
        assert error.name == ErrorName.OUTCOME_UNKNOWN
        assert error.text.endswith("share it again.")

    cluster.play(scenario)


def test_a_corosync_that_takes_nothing_leaves_the_outcome_open(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "SHARED_WITHIN_S", 0.3)

    async def scenario(cluster: Cluster, one: Node, two: Node, three: Node) -> None:
        one.group.full = 1 << 30
        error = await one.refused("Share", "ay", pack(VERSION))
        assert error.name == ErrorName.OUTCOME_UNKNOWN
        assert "within 0.3 s" in error.text
        one.group.full = 0
        await until(lambda: two.stored == three.stored == [DIGEST])  # as it was said: others may have it

    cluster.play(scenario)


def test_more_versions_at_once_than_are_sent_are_refused(cluster: Cluster) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        one.group.full = 1 << 30
        shared = [a_version(cluster=bytes([number])) for number in range(MOST_SENDINGS)]
        asked = [asyncio.ensure_future(one.call("Share", "ay", pack(version))) for version in shared]
        await until(lambda: not one.service._sharing.carrier.has_room)
        error = await one.refused("Share", "ay", pack(VERSION))
        assert error.name == ErrorName.TOO_MANY_CALLS
        one.group.full = 0
        assert await asyncio.gather(*asked) == [(version.digest,) for version in shared]

    cluster.play(scenario)


def test_presences_and_versions_share_the_group(cluster: Cluster) -> None:
    async def scenario(_: Cluster, one: Node, two: Node, three: Node) -> None:
        assert one.group.name == GROUP
        await one.call("Share", "ay", pack(VERSION))
        path = f"{ROOT}/node/node3"
        assert await one.client.get(NAME, path, "org.standfast.Node1", "Incarnation") == "boot/3"

    cluster.play(scenario)
