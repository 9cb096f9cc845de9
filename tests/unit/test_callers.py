"""How much of a service one user may use, and what is not even read."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from dbus_next.message import Message
from hypothesis import given
from hypothesis import strategies as st

from standfast.bus import callers
from standfast.bus.callers import Callers
from standfast.bus.wire import message_size, read_body, read_message, sender_of, user_question

USER, OTHER = 1000, 1001


class Desk:
    """Callers whose bus knows some users; `read`, `admitted` and `refused` tell what became of the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users = {":1.0": 0, ":1.1": USER, ":1.2": USER, ":1.3": OTHER}
        self.at = 100.0
        self.answers = True  # at once; else with answer_all
        self.held_back: list[Callable[[], None]] = []
        self.questions: list[str] = []
        self.read = 0
        self.admitted: list[tuple[str, int]] = []
        self.refused: list[str] = []
        bus: Any = self  # all of the bus that is used
        self.callers = Callers(
            bus,
            lambda message, uid: self.admitted.append((message.sender, uid)),
            lambda _, error: self.refused.append(error.text),
            lambda: self.at,
        )

        def reading(data: bytes) -> Any:
            self.read += 1
            return read_message(data)

        monkeypatch.setattr(callers, "read_message", reading)

    def ask_user(self, sender: str, answered: Callable[[int | None], None]) -> None:
        self.questions.append(sender)
        answer = partial(answered, self.users.get(sender))
        if self.answers:
            asyncio.get_running_loop().call_soon(answer)
        else:
            self.held_back.append(answer)

    def answer_all(self) -> None:
        self.answers = True
        for answer in self.held_back:
            answer()

    async def known(self, *senders: str) -> None:
        """Each of them has called before, and that call has its answer."""
        for sender in senders:
            self.callers.take(sender, a_call(sender))
        await self.settled()
        for _, uid in self.admitted:
            self.callers.finished(uid)
        self.admitted.clear()
        self.read = 0

    async def settled(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)


def a_call(sender: str, text: str = "", **fields: Any) -> bytes:
    """As the bus hands it on: with the sender, which dbus-next never writes."""
    given: dict[str, Any] = {"path": "/org/standfast", "interface": "a.b", "member": "C", "serial": 3} | fields
    message: Any = Message(destination=sender, signature="s", body=[text], **given)
    return bytes(message._marshall()).replace(b"\x06\x01s\0", b"\x07\x01s\0", 1)


def at_the_desk(play: Callable[[Desk], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    def test(monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            await play(Desk(monkeypatch))

        asyncio.run(main())

    test.__name__ = play.__name__
    return test


@at_the_desk
async def test_a_flood_is_read_only_as_far_as_it_is_answered(desk: Desk) -> None:
    await desk.known(":1.1", ":1.2")
    taken = [desk.callers.take(sender, a_call(sender)) for _ in range(5000) for sender in (":1.1", ":1.2")]
    assert len(desk.admitted) == callers.OPEN_CALLS
    refused = len(desk.refused)
    assert refused in (callers.REFUSALS_PER_SECOND, callers.REFUSALS_PER_SECOND + 1)
    assert desk.read == taken.count(True) == callers.OPEN_CALLS + refused
    desk.at += 0.5
    for _ in range(5000):
        desk.callers.take(":1.1", a_call(":1.1"))
    assert len(desk.refused) - refused == callers.REFUSALS_PER_SECOND // 2
    assert desk.read == callers.OPEN_CALLS + len(desk.refused)


@at_the_desk
async def test_another_user_and_root_are_not_concerned_by_a_flood(desk: Desk) -> None:
    await desk.known(":1.0", ":1.1", ":1.3")
    for _ in range(1000):
        desk.callers.take(":1.1", a_call(":1.1"))
    desk.admitted.clear()
    for _ in range(100):
        desk.callers.take(":1.0", a_call(":1.0"))
    desk.callers.take(":1.3", a_call(":1.3"))
    assert desk.admitted == [(":1.0", 0)] * 100 + [(":1.3", OTHER)]


@at_the_desk
async def test_calls_of_who_is_not_known_yet_wait_unread_and_in_order(desk: Desk) -> None:
    desk.answers = False
    for sender in (":1.0", ":1.1", ":1.9"):
        for _ in range(3):
            desk.callers.take(sender, a_call(sender))
    await desk.settled()
    assert desk.read == 0
    desk.answer_all()
    await desk.settled()
    assert desk.admitted == [(":1.0", 0)] * 3 + [(":1.1", USER)] * 3
    assert desk.refused == []  # :1.9 is gone


@at_the_desk
async def test_what_waits_is_bounded_for_each_and_for_all(desk: Desk) -> None:
    desk.answers = False
    for _ in range(1000):
        desk.callers.take(":1.0", a_call(":1.0"))
    large = a_call(":1.1", "x" * (callers.WAITING_BYTES // 2))
    for number in range(3):
        desk.callers.take(f":2.{number}", large)
    for number in range(2 * callers.STRANGERS):
        desk.callers.take(f":3.{number}", a_call(":3.0"))
    waiting = desk.callers._waiting
    assert len(waiting[":1.0"]) == callers.WAITING_FOR_LOOKUP
    assert ":2.0" in waiting and ":2.1" not in waiting
    assert len(waiting) == callers.STRANGERS
    assert len(desk.questions) == callers.LOOKUPS
    desk.answer_all()
    while waiting:  # noqa: ASYNC110 - turns of the loop, in each of which some are answered
        await asyncio.sleep(0)
    assert (waiting, desk.callers._waiting_bytes) == ({}, 0)


@at_the_desk
async def test_a_large_call_counts_as_several_and_a_very_large_one_is_for_root(desk: Desk) -> None:
    await desk.known(":1.0", ":1.1", ":1.3")
    half_a_second = a_call(":1.1", "x" * (callers.COUNTS_AS_ONE * callers.CALLS_PER_SECOND * 3 // 4))
    assert desk.callers.take(":1.1", half_a_second)
    assert desk.admitted == [(":1.1", USER)]
    assert desk.callers.take(":1.1", half_a_second)  # it waits its time
    assert desk.admitted == [(":1.1", USER)]
    huge = "x" * callers.LARGEST_CALL
    desk.callers.take(":1.3", a_call(":1.3", huge))
    assert desk.refused == ["Only root may send more than 1048576 bytes in a call."]
    desk.callers.take(":1.0", a_call(":1.0", huge))
    assert desk.admitted[1:] == [(":1.0", 0)]


@at_the_desk
async def test_who_sends_what_cannot_be_read_is_not_read_again(desk: Desk) -> None:
    await desk.known(":1.1", ":1.2")
    broken = a_call(":1.1").replace(b"\x03\x01s\0\x01", b"\x63\x01s\0\x01")  # a header field that nobody knows
    assert read_message(broken) is None
    for _ in range(100):
        desk.callers.take(":1.1", broken)
    assert desk.read == 1
    desk.callers.take(":1.2", a_call(":1.2"))
    assert desk.admitted == [(":1.2", USER)]


NAMES = st.from_regex(r":1\.[0-9]{1,9}", fullmatch=True)
PATHS = st.from_regex(r"(/[A-Za-z0-9_]{1,40}){1,4}", fullmatch=True)


def fast_sender(data: bytes) -> str:
    header, _ = message_size(data)
    return sender_of(data, 16, header, data[0])


@given(NAMES, PATHS, st.text(max_size=50), st.integers(1, 2**32 - 1))
def test_the_sender_at_a_glance_is_the_one_that_is_read(sender: str, path: str, text: str, serial: int) -> None:
    data = a_call(sender, text, path=path, serial=serial)
    assert fast_sender(data) == sender == read_message(data).sender


def test_what_looks_like_a_second_sender_makes_it_nobody_s() -> None:
    data = a_call(":1.7").replace(b"\x03\x01s\0", b"\x07\x01s\0", 1)
    assert fast_sender(data) == ""
    without = a_call(":1.7").replace(b"\x07\x01s\0", b"\x63\x01s\0", 1)
    assert fast_sender(without) == ""


@given(st.integers(0, 20_000))
def test_the_body_of_a_large_call_is_read_when_it_is_asked_for(size: int) -> None:
    message = read_message(a_call(":1.7", "x" * size))
    assert (message.sender, message.signature, message.member) == (":1.7", "s", "C")
    assert (message.unread is None) == (message.body == ["x" * size])
    assert read_body(message) == ["x" * size]


@given(NAMES, st.integers(1, 2**32 - 1))
def test_the_question_made_by_hand_is_what_dbus_next_reads(name: str, serial: int) -> None:
    message = read_message(user_question(name, serial))
    assert (message.member, message.body, message.serial) == ("GetConnectionUnixUser", [name], serial)
    assert message.destination == message.interface == "org.freedesktop.DBus"
