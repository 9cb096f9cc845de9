"""What the network and the disk bring is decoded whole, or refused with one error."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.resourced.codec import MAXIMUM_BYTES, MessageError, decode, encode, encode_around
from standfast.resourced.messages import Content, Message, Stored, Update, Wish, WishKind
from standfast.resourced.presence import Member
from standfast.resourced.record import Disk, Record, initial
from standfast.resourced.ticks import Tick
from unit.arbitrary import arbitrary

KINDS: tuple[Any, ...] = (Message, Tick, Disk, Record, Content)
anything = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(st.just(kind), arbitrary(kind, st.text(max_size=8), st.integers()))
)
member = Member(
    node="n1",
    incarnation="boot/1",
    machine="m",
    product="p",
    installed="d",
    available="d",
    leaving=False,
    held={},
    attempts=(),
)


@given(anything)
def test_whatever_is_said_is_heard_alike(said: tuple[Any, Any]) -> None:
    kind, value = said
    data = encode(value)
    assert decode(kind, data) == value
    assert encode(decode(kind, data)) == data


def plain_of(value: object) -> Any:
    """What a value is as JSON, found by looking at the value itself instead of its declared type."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case tuple():
            return [plain_of(item) for item in value]
        case Mapping():
            return {key: plain_of(item) for key, item in value.items()}
    found: Any = value
    return {"is": type(value).__name__} | {one.name: plain_of(getattr(value, one.name)) for one in fields(found)}


@given(anything)
def test_what_is_written_is_json_with_sorted_keys_and_no_spaces(said: tuple[Any, Any]) -> None:
    _, value = said
    assert encode(value) == json.dumps(plain_of(value), sort_keys=True, separators=(",", ":")).encode()


@given(st.binary(max_size=200))
def test_random_bytes_raise_one_error(data: bytes) -> None:
    for kind in KINDS:
        with pytest.raises(MessageError):
            decode(kind, data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(anything, st.data())
def test_a_message_with_one_value_replaced_is_good_or_raises_one_error(
    said: tuple[Any, Any], data: st.DataObject
) -> None:
    kind, value = said
    plain = json.loads(encode(value))
    name = data.draw(st.sampled_from(sorted(plain)))
    plain[name] = data.draw(json_values)
    with suppress(MessageError):
        decode(kind, json.dumps(plain).encode())


@given(anything, st.data())
def test_a_message_that_was_cut_off_raises_one_error(said: tuple[Any, Any], data: st.DataObject) -> None:
    kind, value = said
    encoded = encode(value)
    end = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(MessageError):
        decode(kind, encoded[:end])


def test_a_field_that_an_older_release_did_not_write_has_its_default() -> None:
    plain = json.loads(encode(member))
    del plain["met"]
    assert decode(Member, json.dumps(plain).encode()) == member


def test_a_field_without_a_default_may_not_be_missing() -> None:
    for one in fields(Stored):
        plain = json.loads(encode(Stored(nonce="n1-1", position=1)))
        del plain[one.name]
        with pytest.raises(MessageError):
            decode(Message, json.dumps(plain).encode())


def test_a_field_that_is_not_known_is_refused() -> None:
    plain = json.loads(encode(Stored(nonce="n1-1", position=1)))
    plain["newer"] = 1
    with pytest.raises(MessageError, match="not a Stored"):
        decode(Message, json.dumps(plain).encode())


def test_a_message_of_an_unknown_kind_is_refused_by_its_name() -> None:
    with pytest.raises(MessageError, match="'Newer'"):
        decode(Message, b'{"is":"Newer"}')


def test_true_is_no_number_and_a_number_is_no_text() -> None:
    for position in ("true", "1.0", '"1"', "null"):
        with pytest.raises(MessageError, match=r"message\.position"):
            decode(Message, f'{{"is":"Stored","nonce":"n","position":{position}}}'.encode())


def test_an_unknown_word_of_a_closed_set_says_where() -> None:
    wish = Wish(id="w", kind=WishKind.STOP, subject="g")
    data = encode(Update(nonce="n", position=1, at="", content=wish)).replace(b'"stop"', b'"destroy"')
    with pytest.raises(MessageError, match=r"message\.content\.kind"):
        decode(Message, data)


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(MessageError, match="too many"):
        decode(Message, b" " * (MAXIMUM_BYTES + 1))
    with pytest.raises(MessageError):
        decode(Message, b"[" * 100_000)


def test_equal_records_have_equal_bytes_whatever_the_order_of_their_names() -> None:
    one = initial("d", {"n1": 1, "n2": 1}, ("a", "b"))
    other = initial("d", {"n2": 1, "n1": 1}, ("b", "a"))
    assert encode(one) == encode(other)
    assert one.lineage == other.lineage


# Versions of the protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """What a release that speaks version 1 knows as `Letter`."""

    text: str
    stamp: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    text: str
    stamp: str = "none"
    colour: str = field(default="blue", metadata={"since": 2})
    copies: tuple[str, ...] = field(default=(), metadata={"since": 3})


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    SINCE: ClassVar[int] = 2
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    content: Letter | Telegram


def test_a_field_is_not_written_for_a_version_before_its_own() -> None:
    letter = Letter(text="t", colour="red", copies=("a",))
    written = {version: json.loads(encode(letter, version)) for version in (1, 2, 3)}
    assert written[1] == {"is": "Letter", "text": "t", "stamp": "none"}
    assert written[2] == written[1] | {"colour": "red"}
    assert written[3] == written[2] | {"copies": ["a"]}


def test_what_is_written_for_an_older_version_is_read_there_and_has_the_defaults_here() -> None:
    data = encode(Letter(text="t", stamp="s", colour="red"), 1)
    assert decode(Letter, data) == Letter(text="t", stamp="s")
    assert decode(Older, data.replace(b"Letter", b"Older")) == Older(text="t", stamp="s")


@given(arbitrary(Envelope, st.text(max_size=8), st.integers()))
def test_the_newest_version_says_everything(envelope: Envelope) -> None:
    assert decode(Envelope, encode(envelope, 3)) == envelope


def test_a_message_that_a_version_does_not_have_is_never_written_for_it() -> None:
    for value in (Telegram(text="t"), Envelope(content=Telegram(text="t"))):
        with pytest.raises(AssertionError, match="version 1 of the protocol has no Telegram"):
            encode(value, 1)
        assert decode(type(value), encode(value, 2)) == value
    assert encode(Envelope(content=Letter(text="t")), 1)


def test_a_newer_field_must_say_what_an_older_reader_has() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Bad:
        newer: str = field(metadata={"since": 2})

    with pytest.raises(AssertionError, match="newer: it needs a default"):
        encode(Bad(newer="x"), 2)


def test_parts_that_are_written_already_are_taken_as_they_are() -> None:
    wish = Wish(id="%s", kind=WishKind.STOP, subject="g")
    update = Update(nonce="n", position=1, at="", content=wish)
    assert encode_around(update, {}).encode() == encode(update)
    assert encode_around(update, {"content": encode(wish).decode()}).encode() == encode(update)
    assert json.loads(encode_around(update, {"at": '"now"'}))["at"] == "now"
