"""The core's ears and mouth: what is said of very many groups, and votequorum where an operator goes on alone."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from fakes.network import FakeNetwork
from standfast.corosync.common import CorosyncError
from standfast.corosync.cpg import LARGEST_MESSAGE
from standfast.resourced.codec import decode, encode
from standfast.resourced.events import Event, GroupChanged, LoosenQuorum, QuorumTold, Received
from standfast.resourced.messages import Members, Message, Update
from standfast.resourced.presence import Held, ResourceReport
from standfast.resourced.record import Disk, Failure, GroupRecord
from standfast.resourced.stream import Stream
from standfast.vocabulary import Holding
from unit.cluster import because, fresh, member


def words(network: FakeNetwork, action: LoosenQuorum, *, up: bool = True) -> list[bool]:
    """What votequorum said on node 1 before and after it was asked."""

    async def play() -> list[bool]:
        told: list[bool] = []
        joined, answered = asyncio.Event(), asyncio.Event()

        def push(event: Event) -> None:
            if isinstance(event, GroupChanged):
                joined.set()
            elif isinstance(event, QuorumTold):
                told.append(event.quorate)
                if len(told) == 2:
                    answered.set()

        network.start(1)
        stream = Stream(asyncio.get_running_loop(), network.nodes[1], lambda: {1: "n1", 2: "n2"}, push, lambda *_: None)
        following = asyncio.create_task(stream.follow())
        stream.join()
        async with asyncio.timeout(10):
            await joined.wait()
            if not up:
                network.stop(1)
            await stream.loosen(action)
            await answered.wait()
        following.cancel()
        return told

    return asyncio.run(play())


def test_waiting_for_all_is_cancelled() -> None:
    network = FakeNetwork({1: 2, 2: 1})
    network.waits_for_all = True
    assert words(network, LoosenQuorum(cancel_wait_for_all=True, expected=0)) == [False, True]
    assert network.expected == 0


def test_fewer_votes_are_expected() -> None:
    network = FakeNetwork({1: 1, 2: 1, 3: 1})
    assert words(network, LoosenQuorum(cancel_wait_for_all=False, expected=1)) == [False, True]
    assert network.expected == 1


def test_a_corosync_that_is_gone_is_an_error() -> None:
    with pytest.raises(CorosyncError):
        words(FakeNetwork({1: 1, 2: 1}), LoosenQuorum(cancel_wait_for_all=True, expected=0), up=False)


def test_a_question_comes_to_every_node_with_its_sender_and_to_no_core() -> None:
    network = FakeNetwork({1: 1, 2: 1})

    async def play() -> tuple[list[tuple[str, bytes]], list[Event]]:
        heard: list[tuple[str, bytes]] = []
        told: list[Event] = []
        came = asyncio.Event()
        network.start(1)
        loop = asyncio.get_running_loop()

        def hear(sender: str, data: bytes) -> None:
            heard.append((sender, data))
            came.set()

        stream = Stream(loop, network.nodes[1], lambda: {1: "n1", 2: "n2"}, told.append, hear)
        following = asyncio.create_task(stream.follow())
        async with asyncio.timeout(10):
            while not came.is_set():
                stream.send_question(b"?")
                await asyncio.sleep(0.01)
        following.cancel()
        return heard, told

    heard, told = asyncio.run(play())
    assert heard[0] == ("n1", b"?")
    assert all(isinstance(event, QuorumTold) for event in told)


GROUPS, UNITS = 5_000, 4


def names(count: int) -> list[str]:
    """Of groups, or units, that have nothing in common."""
    random = Random(1)
    return [f"{random.getrandbits(64):x}" for _ in range(count)]


def test_what_is_said_of_five_thousand_groups_comes_as_it_was_sent() -> None:
    network = FakeNetwork({1: 1})
    units = iter(names(GROUPS * UNITS))
    held = {
        name: Held(
            holding=Holding.RUNNING,
            resources=tuple(
                ResourceReport(unit=f"{next(units)}.service", active="active", probe="good", cause="")
                for _ in range(UNITS)
            ),
        )
        for name in names(GROUPS)
    }
    sent = Update(nonce="n", position=1, at="", content=Members(members=(replace(member("n1"), held=held),)))

    async def play() -> list[bytes]:
        came: list[bytes] = []
        joined, heard = asyncio.Event(), asyncio.Event()

        def push(event: Event) -> None:
            if isinstance(event, GroupChanged):
                joined.set()
            elif isinstance(event, Received):
                came.append(event.data)
                heard.set()

        network.start(1)
        stream = Stream(asyncio.get_running_loop(), network.nodes[1], lambda: {1: "n1"}, push, lambda *_: None)
        following = asyncio.create_task(stream.follow())
        stream.join()
        async with asyncio.timeout(120):
            await joined.wait()
            stream.send_record(encode(sent))
            await heard.wait()
        following.cancel()
        return came

    (data,) = asyncio.run(play())
    assert len(data) > LARGEST_MESSAGE
    assert decode(Message, data) == sent


def test_the_record_of_five_thousand_groups_is_read_from_the_disk() -> None:
    failures = tuple(Failure(id=number, node="n1", cause="x" * 100) for number in range(3))
    groups = {name: GroupRecord(failures=failures, reasons=(because("y" * 100),)) for name in names(GROUPS)}
    disk = Disk(highest_term=1, record=replace(fresh(), groups=groups))
    assert decode(Disk, encode(disk)) == disk
