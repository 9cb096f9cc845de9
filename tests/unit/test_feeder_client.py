"""resourced's end of the watchdog's socket: never in the way, and back as soon as quorumd is."""

import asyncio
import contextlib
import os
import queue
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from standfast.quorumd.ear import Ear
from standfast.resourced import feeder as module
from standfast.resourced.feeder import Feeder, NotArmed
from standfast.watchdog.messages import Arm, Armed, Message, Tell, decode, encode

WITHIN_S = 10.0


class Quorumd:
    """quorumd's end of the socket, played by the test; it may die and come back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.path))
        self._listener.listen(4)
        self._listener.settimeout(WITHIN_S)

    async def accept(self) -> None:
        assert self._listener is not None
        client, _ = await asyncio.to_thread(self._listener.accept)
        client.settimeout(WITHIN_S)
        self._client = client

    async def hear(self) -> Message:
        assert self._client is not None
        return decode(await asyncio.to_thread(self._client.recv, 4096))

    def say(self, message: Message) -> None:
        assert self._client is not None
        self._client.send(encode(message))

    def die(self) -> None:
        for end in (self._client, self._listener):
            if end is not None:
                end.close()


class Running:
    def __init__(self, path: Path) -> None:
        self.quorumd = Quorumd(path)
        self.told: asyncio.Queue[Armed] = asyncio.Queue()
        self.feeder = Feeder(self.told.put_nowait, path)


@contextlib.asynccontextmanager
async def running(folder: Path, *, away: bool = False) -> AsyncIterator[Running]:
    both = Running(folder / "watchdog")
    if not away:
        both.quorumd.start()
    task = asyncio.ensure_future(both.feeder.run())
    try:
        async with asyncio.timeout(30):
            if not away:
                await both.quorumd.accept()
            yield both
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        both.quorumd.die()


def test_an_arm_is_answered_with_the_timeout_that_the_device_gave_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            armed = asyncio.ensure_future(both.feeder.arm())
            assert await both.quorumd.hear() == Arm(number=1)
            both.quorumd.say(Armed(number=0, timeout_ms=9, wanted_ms=9))  # no answer to it
            both.quorumd.say(Armed(number=1, timeout_ms=32_000, wanted_ms=30_000))
            assert await armed == 32_000
            assert [(await both.told.get()).number for _ in range(2)] == [0, 1]

    asyncio.run(main())


def test_two_who_ask_at_once_are_one_question(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            armed = asyncio.gather(both.feeder.arm(), both.feeder.arm())
            assert await both.quorumd.hear() == Arm(number=1)
            both.quorumd.say(Armed(number=1, timeout_ms=30_000, wanted_ms=30_000))
            assert list(await armed) == [30_000, 30_000]
            again = asyncio.ensure_future(both.feeder.arm())
            assert await both.quorumd.hear() == Arm(number=2)
            both.quorumd.say(Armed(number=2, timeout_ms=30_000, wanted_ms=30_000))
            assert await again == 30_000

    asyncio.run(main())


def test_without_a_watchdog_it_is_0_and_one_that_refuses_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            armed = asyncio.ensure_future(both.feeder.arm())
            await both.quorumd.hear()
            both.quorumd.say(Armed(number=1, timeout_ms=0, wanted_ms=0))
            assert await armed == 0
            armed = asyncio.ensure_future(both.feeder.arm())
            await both.quorumd.hear()
            both.quorumd.say(
                Armed(number=2, timeout_ms=0, wanted_ms=30_000, refusal="/dev/watchdog0 is open elsewhere")
            )
            with pytest.raises(NotArmed, match="/dev/watchdog0 is open elsewhere") as error:
                await armed
            assert error.value.told, "quorumd has told it: once is enough"

    asyncio.run(main())


def test_a_quorumd_that_does_not_answer_is_an_error_not_a_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ARM_TIMEOUT_S", 0.05)

    async def main() -> None:
        async with running(tmp_path, away=True) as both:
            both.feeder.tell(holding=False, echoed_until_ms=1)  # nobody hears it, and nothing waits
            with pytest.raises(NotArmed, match="systemctl status standfast-quorumd") as error:
                await both.feeder.arm()
            assert not error.value.told

    asyncio.run(main())


def test_a_quorumd_that_comes_back_is_told_how_it_stands_and_asked_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, away=True) as both:
            both.feeder.tell(holding=False, echoed_until_ms=5_000, stored_ms=20_000)
            armed = asyncio.ensure_future(both.feeder.arm())
            await asyncio.sleep(0)
            both.quorumd.start()
            await both.quorumd.accept()
            assert await both.quorumd.hear() == Tell(holding=False, echoed_until_ms=5_000, stored_ms=20_000)
            assert await both.quorumd.hear() == Arm(number=1)
            both.quorumd.die()  # before it answered
            both.quorumd.start()
            await both.quorumd.accept()
            await both.quorumd.hear()
            assert await both.quorumd.hear() == Arm(number=1)
            both.quorumd.say(Armed(number=1, timeout_ms=20_000, wanted_ms=20_000))
            assert await armed == 20_000
            both.quorumd.die()
            both.quorumd.start()
            await both.quorumd.accept()
            told = await both.quorumd.hear()
            assert told == Tell(holding=True, echoed_until_ms=5_000, stored_ms=20_000), "since it armed"

    asyncio.run(main())


def test_a_quorumd_that_reads_nothing_or_speaks_nonsense_is_not_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            for number in range(5_000):  # more than its socket takes
                both.feeder.tell(holding=True, echoed_until_ms=number)
            both.quorumd.say(Arm(number=1))  # not its word
            await both.quorumd.accept()
            assert await both.quorumd.hear() == Tell(holding=True, echoed_until_ms=4_999)

    asyncio.run(main())


def test_it_speaks_as_quorumd_hears(tmp_path: Path) -> None:
    """Both real ends, without the device."""
    complaints: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def main() -> None:
        ear = Ear(tmp_path / "watchdog", os.getuid(), lambda: 1_000, complaints.put)
        feeder = Feeder(lambda _: None, tmp_path / "watchdog")
        task = asyncio.ensure_future(feeder.run())
        asking = asyncio.ensure_future(feeder.arm())
        asked = False
        async with asyncio.timeout(WITHIN_S):
            while not asked:
                asked = ear.on_ready(set(ear.sources()))
                await asyncio.sleep(0.001)
            ear.answer(20_000, 20_000, "")
            assert await asking == 20_000
            feeder.tell(holding=True, echoed_until_ms=4_000, stored_ms=20_000)
            ear.on_ready(set(ear.sources()))
        assert ear.heard is not None
        assert ear.heard.tell == Tell(holding=True, echoed_until_ms=4_000, stored_ms=20_000, serial=1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ear.on_ready(set(ear.sources()))
        assert ear.heard is None, "who is gone does not count"
        ear.close()

    asyncio.run(main())
    assert complaints.empty()


def test_what_the_record_names_is_said_with_what_was_heard_last_and_not_to_a_quorumd_that_said_nothing_yet(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            both.quorumd.say(Armed(number=0, timeout_ms=20_000, wanted_ms=40_000, serial=5))
            await both.told.get()
            both.feeder.tell(holding=True, echoed_until_ms=1, stored_ms=40_000)
            assert await both.quorumd.hear() == Tell(holding=True, echoed_until_ms=1, stored_ms=40_000, serial=5)
            both.quorumd.die()
            both.quorumd.start()
            await both.quorumd.accept()
            assert await both.quorumd.hear() == Tell(holding=True, echoed_until_ms=1, stored_ms=40_000, serial=0)

    asyncio.run(main())


def test_without_a_watchdog_quorumd_hears_only_what_is_new_and_all_again_once_it_wants_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as both:
            both.quorumd.say(Armed(number=0, timeout_ms=0, wanted_ms=0, serial=1))
            await both.told.get()
            for holding, echoed in ((False, 1), (False, 2), (True, 3), (True, 4)):
                both.feeder.tell(holding=holding, echoed_until_ms=echoed)
            both.quorumd.say(Armed(number=0, timeout_ms=0, wanted_ms=20_000, serial=2))
            await both.told.get()
            both.feeder.tell(holding=True, echoed_until_ms=5)
            heard = [await both.quorumd.hear() for _ in range(4)]
            assert heard == [
                Tell(holding=False, echoed_until_ms=1, serial=1),
                Tell(holding=True, echoed_until_ms=3, serial=1),
                Tell(holding=True, echoed_until_ms=4, serial=0),  # at once
                Tell(holding=True, echoed_until_ms=5, serial=2),
            ]

    asyncio.run(main())


def test_without_a_watchdog_quorumd_hears_now_and_then_what_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SELDOM_S", 0.0)

    async def main() -> None:
        async with running(tmp_path) as both:
            both.quorumd.say(Armed(number=0, timeout_ms=0, wanted_ms=0, serial=1))
            await both.told.get()
            for echoed in (1, 2):
                both.feeder.tell(holding=False, echoed_until_ms=echoed)
                assert await both.quorumd.hear() == Tell(holding=False, echoed_until_ms=echoed, serial=1)

    asyncio.run(main())


def test_who_asked_for_a_watchdog_is_told_of_each_tick_before_there_is_an_answer(tmp_path: Path) -> None:
    """quorumd arms it first, and answers when systemd has a copy of the descriptor."""

    async def main() -> None:
        async with running(tmp_path) as both:
            both.quorumd.say(Armed(number=0, timeout_ms=0, wanted_ms=0, serial=1))
            await both.told.get()
            armed = asyncio.ensure_future(both.feeder.arm())
            assert await both.quorumd.hear() == Arm(number=1)
            for echoed in (1, 2):
                both.feeder.tell(holding=True, echoed_until_ms=echoed)
                assert await both.quorumd.hear() == Tell(holding=True, echoed_until_ms=echoed, serial=1)
            both.quorumd.say(Armed(number=1, timeout_ms=0, wanted_ms=0, serial=2))
            assert await armed == 0

    asyncio.run(main())
