"""What is remembered of a record's text is a saving only: it never shows in what is written or said."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.resourced.apply import apply
from standfast.resourced.codec import decode, encode
from standfast.resourced.messages import Content, Members, Update, Wish, WishKind
from standfast.resourced.presence import Held
from standfast.resourced.record import Disk, Record, digest, durable, initial, whole_digest
from standfast.resourced.record_text import RecordText, WholeText, _Parts
from standfast.vocabulary import Holding
from unit.arbitrary import arbitrary
from unit.cluster import NODES, fresh, member, term

GROUPS = ("a", "b", "webserv")
names = st.sampled_from((*NODES, *GROUPS, "ghost", "", "7.1", "%s", '"'))
helds = st.dictionaries(st.sampled_from(GROUPS), arbitrary(Held, names, st.integers()), max_size=2)
some_members = st.lists(
    st.builds(lambda name, held: replace(member(name), held=held), st.sampled_from(NODES), helds),
    min_size=1,
    unique_by=lambda one: one.node,
).map(lambda members: Members(members=tuple(members)))
histories = st.lists(some_members | arbitrary(Content, names, st.integers(-1, 9)), min_size=1, max_size=25)


def records(said: list[Content]) -> list[Record]:
    """The record after each update; each shares what did not change with the one before."""
    found = [initial("d1", dict.fromkeys(NODES, 1), GROUPS)]
    for index, content in enumerate(said):
        found.append(apply(found[-1], 7, Update(nonce="n1-7", position=index + 1, at=f"t{index}", content=content)))
    return found


@given(histories, st.data())
def test_what_was_remembered_never_shows(said: list[Content], data: st.DataObject) -> None:
    known = records(said)
    again = st.lists(st.sampled_from(range(len(known))), max_size=6)
    text, whole = RecordText(), WholeText()
    for record in [*known, *(known[index] for index in data.draw(again))]:
        assert text.durable(record).encode() == encode(durable(record))
        assert text.digest(record) == digest(record) == RecordText().digest(decode(Record, encode(record)))
        assert text.lineage(record) == record.lineage
        assert whole.digest(record) == whole_digest(record)


@given(histories)
def test_the_content_differs_exactly_when_something_durable_does(said: list[Content]) -> None:
    text, known = RecordText(), records(said)
    for before, after in pairwise(known):
        differs = replace(durable(before), term=0, position=0) != replace(durable(after), term=0, position=0)
        assert (text.content(before) != text.content(after)) == differs


@given(histories, st.integers(0, 99))
def test_what_is_on_disk_is_read_as_the_durable_part(said: list[Content], highest: int) -> None:
    text = RecordText()
    for record in records(said):
        written = text.disk(record, highest)
        assert written == encode(Disk(highest_term=highest, record=durable(record)))
        assert decode(Disk, written) == Disk(highest_term=highest, record=durable(record))


def test_a_node_without_a_record_has_a_term_on_disk() -> None:
    assert decode(Disk, RecordText().disk(None, 4)) == Disk(highest_term=4, record=None)


def test_after_a_change_of_one_group_only_that_one_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write: Any = _Parts._write

    def count(self: object, name: str, value: object) -> str:
        written.append(name)
        text: str = write(self, name, value)
        return text

    monkeypatch.setattr(_Parts, "_write", count)
    text, before = RecordText(), initial("d1", dict.fromkeys(NODES, 1), GROUPS)
    text.content(before)
    assert sorted(written) == sorted([*NODES, *GROUPS])
    written.clear()
    wish = Wish(id="w", kind=WishKind.STOP, subject="b")
    after = apply(before, 7, Update(nonce="n1-7", position=1, at="now", content=wish))
    assert text.content(after) != text.content(before)
    assert written == ["b", "b"]  # there, and back


def test_who_holds_a_group_is_of_the_term_and_not_durable() -> None:
    record = term(fresh(), *NODES)
    held = {**record.groups, "webserv": replace(record.groups["webserv"], held={"n1": Held(holding=Holding.RUNNING)})}
    text = RecordText()
    assert text.content(replace(record, groups=held)) == text.content(record)
    assert WholeText().digest(replace(record, groups=held)) != WholeText().digest(record)
    assert text.content(replace(record, term=99, position=99)) == text.content(record)
