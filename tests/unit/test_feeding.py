"""The one rule of feeding, and the words it is told with."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.quorumd.feeding import Decision, Dog, Heard, decide, interval_ms, too_late
from standfast.watchdog.messages import Arm, Armed, MessageError, Tell, decode, encode
from standfast.watchdog.times import Wanted

WANTED = Wanted(device="/dev/watchdog0", trust=False, timeout_ms=30_000, shortest_ms=20_000, tick_max_ms=3_000)
DOG = Dog(asked_ms=30_000, given_ms=30_000)
NOW = 1_000_000


def heard(holding: bool = True, echoed: int | None = NOW + 1_000, stored: int = 30_000, at: int = NOW) -> Heard:
    return Heard(tell=Tell(holding=holding, echoed_until_ms=echoed, stored_ms=stored), at_ms=at)


def decided(word: Heard | None, now: int = NOW, **changes: Any) -> Decision:
    inputs: dict[str, Any] = {"wanted": WANTED, "dog": DOG, "held": False, **changes}
    return decide(now_ms=now, heard=word, **inputs)


def test_while_nothing_is_held_it_is_always_fed() -> None:
    assert decided(None).feed, "resourced is away"
    assert decided(heard(holding=False, echoed=None)).feed, "nothing is echoed"
    assert decided(heard(holding=False, echoed=NOW - 60_000, at=NOW - 60_000)).feed, "it has long said nothing"
    assert not decided(None).holding


def test_while_something_is_held_it_is_fed_only_as_long_as_the_echo_lasts() -> None:
    assert decided(heard(echoed=NOW)).feed
    assert not decided(heard(echoed=NOW - 1)).feed
    assert not decided(heard(echoed=None)).feed


def test_a_word_is_good_for_one_tick_max_however_far_it_reaches() -> None:
    far = heard(echoed=NOW + 60_000)
    assert decided(far, NOW + 3_000).feed
    assert not decided(far, NOW + 3_001).feed


def test_the_files_are_believed_when_resourced_is_away_or_says_otherwise() -> None:
    assert not decided(None, held=True).feed
    assert not decided(heard(holding=False, echoed=None), held=True).feed
    assert decided(heard(holding=False), held=True).feed, "it is echoed"
    assert decided(None, held=True).holding


def test_it_is_armed_before_anything_is_held_and_not_without_need() -> None:
    assert decided(heard(), dog=None).arm
    assert decided(heard(), dog=None, held=True).arm, "systemd gave the descriptor not back"
    assert not decided(heard(holding=False), dog=None).arm
    assert not decided(heard(), dog=None, wanted=None).arm
    assert not decided(heard()).arm, "it is armed"
    assert not decided(heard(), dog=None).feed, "there is nothing to feed"


def test_what_feeds_it_besides_is_not_done_when_it_must_not_be_fed() -> None:
    shorter, late = replace(WANTED, timeout_ms=20_000), heard(echoed=NOW - 1)
    assert decided(heard(), wanted=shorter).timeout_ms == 20_000
    assert decided(late, wanted=shorter).timeout_ms is None, "the kernel pings it when a timeout is set"
    assert not decided(late, dog=None, held=True).arm, "and when it is opened, which may be closed and run"
    assert not decided(None, dog=None, held=True).arm
    assert decided(heard(echoed=None), dog=None).arm, "nothing is held yet"


@pytest.mark.parametrize(
    ("wanted", "dog", "stored", "asked"),
    [
        (20_000, DOG, 30_000, 20_000),  # shorter: at once, published afterwards
        (20_000, DOG, 0, 20_000),
        (40_000, DOG, 30_000, None),  # longer: not before the record names it
        (40_000, DOG, 0, None),
        (40_000, DOG, 40_000, 40_000),
        (30_000, DOG, 30_000, None),
        (30_000, Dog(asked_ms=0, given_ms=30_000), 30_000, None),  # armed by the process before
        (30_000, Dog(asked_ms=30_000, given_ms=32_000), 32_000, None),  # the device rounds: it is not asked for ever
        (30_000, Dog(asked_ms=30_000, given_ms=32_000), 30_000, None),
        (40_000, Dog(asked_ms=40_000, given_ms=40_000), 30_000, 30_000),  # armed anew with more than the record names
        (40_000, Dog(asked_ms=40_000, given_ms=40_000), 5_000, 20_000),  # never less than is allowed
    ],
)
def test_a_timeout_gets_shorter_at_once_and_longer_only_when_the_record_names_it(
    wanted: int, dog: Dog, stored: int, asked: int | None
) -> None:
    decision = decided(heard(stored=stored), wanted=replace(WANTED, timeout_ms=wanted), dog=dog)
    assert decision.timeout_ms == asked


@given(
    st.integers(NOW - 9_000, NOW + 9_000) | st.none(),
    st.integers(NOW - 9_000, NOW),
    st.booleans(),
    st.booleans(),
)
def test_it_is_never_fed_after_the_echo_while_something_is_held(
    echoed: int | None, at: int, told: bool, files: bool
) -> None:
    decision = decided(heard(holding=told, echoed=echoed, at=at), held=files)
    allowed = echoed is not None and echoed >= NOW and at + 3_000 >= NOW
    assert decision.feed == (allowed or not (told or files))


def test_a_feed_long_after_it_was_allowed_is_noticed() -> None:
    decision = decided(heard(echoed=NOW))
    assert not too_late(decision, NOW + 500)
    assert too_late(decision, NOW + 501)
    assert not too_late(decided(None), NOW + 10**9), "nothing is held"
    assert not too_late(decided(heard(echoed=NOW - 10_000), dog=None), NOW), "armed before anything is held"


def test_it_is_fed_four_times_in_its_timeout_and_once_a_second_at_least() -> None:
    assert [interval_ms(given) for given in (2_000, 4_000, 60_000)] == [500, 1_000, 1_000]


@pytest.mark.parametrize(
    "message",
    [
        Arm(number=7),
        Tell(holding=True, echoed_until_ms=None, stored_ms=0),
        Tell(holding=False, echoed_until_ms=NOW, stored_ms=30_000),
        Armed(number=7, timeout_ms=0, wanted_ms=30_000, refusal="/dev/watchdog0 does not exist"),
    ],
)
def test_a_message_comes_as_it_went(message: Arm | Tell | Armed) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"kind":[]}',
        b'{"kind":"arm"}',
        b'{"kind":"arm","number":-1}',
        b'{"kind":"arm","number":true}',
        b'{"kind":"arm","number":1e400}',
        b'{"kind":"tell","holding":1,"echoed_until_ms":null}',
        b'{"kind":"tell","holding":true,"echoed_until_ms":"1"}',
        b'{"kind":"tell","holding":true,"echoed_until_ms":null,"more":1}',
        b"[" * 2_000,
        b" " * 3_000 + b'{"kind":"arm","number":1}',
    ],
)
def test_anything_else_is_one_error(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode(data)


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none())
_FIELDS = ["kind", "number", "holding", "echoed_until_ms", "stored_ms", "timeout_ms", "wanted_ms", "refusal"]
_KINDS = st.sampled_from(["arm", "tell", "armed", "more"])


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES), _KINDS)
def test_any_fields_are_a_message_that_can_be_said_again_or_that_error(fields: dict[str, Any], kind: str) -> None:
    try:
        message = decode(json.dumps({"kind": kind} | fields).encode())
    except MessageError as error:
        assert "no message" in str(error) or "cannot be" in str(error)
    else:
        assert decode(encode(message)) == message
