"""What the network and the disk bring is decoded whole, or refused with one error."""

import json
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.resourced.codec import MAXIMUM_BYTES, MessageError, decode, encode
from standfast.resourced.messages import Content, Member, Message, Stored, Tick, Update, Wish, WishKind
from standfast.resourced.record import Disk, Record, initial
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
    for field in fields(Stored):
        plain = json.loads(encode(Stored(nonce="n1-1", position=1)))
        del plain[field.name]
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
