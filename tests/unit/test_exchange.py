"""Versions between the members of a group: whole or not at all, whoever comes and goes, asked for and answered once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from standfast.corosync import cpg
from standfast.membershipd import chunks, exchange
from standfast.membershipd.chunks import LARGEST_BUNDLE, Chunk, MessageError, Want, chunk_of, count_of, decode, encode
from standfast.membershipd.exchange import MembersChanged
from unit.exchanging import Group, digest_of

VERSION = bytes(range(40))  # ten chunks
OTHER = b"another version of the configuration"
DIGEST = digest_of(VERSION)
SEEDS = range(150)
REAL_CONTENT = chunks.LARGEST_CONTENT


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "LARGEST_CONTENT", 4)


@pytest.fixture
def real_chunks(small_chunks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "LARGEST_CONTENT", REAL_CONTENT)


def holders(group: Group, digest: str = DIGEST) -> list[int]:
    return [number for number, node in group.nodes.items() if digest in node.disk]


def a_group(count: int = 3) -> Group:
    group = Group(count)
    group.join(*range(1, count + 1))
    return group


# the messages


@pytest.mark.usefixtures("real_chunks")
def test_a_message_is_never_larger_than_corosync_carries() -> None:
    whole = bytes(LARGEST_BUNDLE)
    sizes = [len(encode(chunk_of(DIGEST, whole, index))) for index in range(count_of(whole))]
    assert max(sizes) == chunks.LARGEST_MESSAGE < cpg.LARGEST_MESSAGE
    assert b"".join(chunk_of(DIGEST, whole, index).content for index in range(count_of(whole))) == whole


@given(
    some.one_of(
        some.builds(Want, digest=some.just(DIGEST)),
        some.integers(1, 0xFFFF).flatmap(
            lambda count: some.builds(
                Chunk,
                digest=some.just(DIGEST),
                index=some.integers(0, count - 1),
                count=some.just(count),
                content=some.binary(min_size=1),
            )
        ),
    )
)
def test_what_is_encoded_is_decoded_and_is_no_presence(message: Chunk | Want) -> None:
    data = encode(message)
    assert decode(data) == message
    assert chunks.is_about_versions(data)


@given(some.one_of(some.binary(max_size=60), some.binary(max_size=60).map(lambda rest: b"\x01" + rest)))
def test_garbage_is_a_message_or_a_message_error_and_ends_nothing(data: bytes) -> None:
    try:
        decode(data)
    except MessageError as error:
        assert "version" in str(error)
    group = a_group()
    group.send(2, data)
    group.share(1, VERSION)
    group.settle()
    assert holders(group) == [1, 2, 3]


# a sending


def test_a_version_that_one_member_shares_comes_to_all_and_back() -> None:
    group = a_group()
    group.share(1, VERSION)
    group.settle()
    assert holders(group) == [1, 2, 3]
    assert group.nodes[1].came_back == [DIGEST]
    assert not group.told


def test_one_chunk_of_a_sender_is_under_way_at_a_time() -> None:
    group = a_group()
    group.share(1, VERSION)
    group.share(1, OTHER)
    while group.do_something():
        assert len(group.nodes[1].sent) <= 1
    assert holders(group) == holders(group, digest_of(OTHER)) == [1, 2, 3]


def test_what_an_earlier_life_of_this_node_sent_is_not_taken_for_what_is_under_way() -> None:
    group = a_group()
    group.share(1, VERSION)
    node = group.nodes[1]
    known = replace(node.exchange, members=(*node.exchange.members, (1, 9)))
    event = exchange.Received(at_ms=0, sender=(1, 9), data=encode(chunk_of(digest_of(OTHER), OTHER, 0)))
    after, actions = exchange.step(known, event)
    assert (after.sendings, actions) == (known.sendings, ())


def test_two_that_share_at_once_both_reach_all() -> None:
    group = a_group()
    group.share(1, VERSION)
    group.share(2, OTHER)
    group.settle()
    assert holders(group) == holders(group, digest_of(OTHER)) == [1, 2, 3]
    assert (group.nodes[1].came_back, group.nodes[2].came_back) == ([DIGEST], [digest_of(OTHER)])


def test_a_wrong_version_is_dropped_and_its_sender_named() -> None:
    group = a_group()
    for index in range(count_of(OTHER)):
        group.send(2, encode(replace(chunk_of(digest_of(OTHER), OTHER, index), digest=DIGEST)))
    group.settle()
    assert holders(group) == []
    assert group.told == [f"2 sent another version than {DIGEST[:12]}"] * 3  # one line on each node


def test_the_chunks_of_who_leaves_and_of_an_abandoned_sending_are_forgotten() -> None:
    group = a_group()
    for sent in (chunk_of(DIGEST, VERSION, 0), chunk_of(DIGEST, VERSION, 1)):
        group.send(2, encode(sent))
    while group.do_something():
        pass
    assert group.nodes[3].exchange.arriving[group.nodes[2].member].size == 8
    group.send(2, encode(chunk_of(digest_of(OTHER), OTHER, 0)))
    while group.do_something():
        pass
    (arriving,) = group.nodes[3].exchange.arriving.values()
    assert (arriving.digest, arriving.size) == (digest_of(OTHER), 4)
    group.die(2)
    assert not group.nodes[3].exchange.arriving


@pytest.mark.parametrize(
    "second",
    [
        Chunk(digest=DIGEST, index=2, count=10, content=b"2"),
        Chunk(digest=digest_of(OTHER), index=1, count=10, content=b"1"),
        Chunk(digest=DIGEST, index=1, count=11, content=b"1"),
    ],
)
def test_a_chunk_that_is_not_the_next_one_ends_the_sending(second: Chunk) -> None:
    group = a_group()
    for sent in (chunk_of(DIGEST, VERSION, 0), second):
        assert not group.nodes[3].exchange.arriving or sent is second
        group.send(2, encode(sent))
        while group.do_something():
            pass
    assert not group.nodes[3].exchange.arriving


@pytest.mark.usefixtures("real_chunks")
def test_a_sending_that_is_too_large_is_refused_and_takes_no_more_memory() -> None:
    group = a_group(2)
    whole = bytes(LARGEST_BUNDLE + chunks.LARGEST_CONTENT)
    for index in range(count_of(whole)):
        group.send(2, encode(chunk_of(DIGEST, whole, index)))
    while group.do_something():
        group.check()
    assert group.told == [f"2 sent version {DIGEST[:12]} with more than {LARGEST_BUNDLE} bytes"] * 2
    assert not group.nodes[1].exchange.arriving


def test_who_is_no_member_is_not_listened_to() -> None:
    group = a_group(2)
    known = group.nodes[1].exchange
    event = exchange.Received(at_ms=0, sender=(9, 9), data=encode(chunk_of(DIGEST, VERSION, 0)))
    assert exchange.step(known, event) == (known, ())


def test_what_was_under_way_when_the_group_is_gone_is_abandoned() -> None:
    group = a_group()
    group.share(1, VERSION)
    group.do_something()
    group.step(group.nodes[1], MembersChanged(at_ms=0, me=1, members=(), gone=frozenset()))
    assert group.nodes[1].abandoned == [DIGEST]
    assert not group.nodes[1].exchange.sendings


def test_who_left_and_joined_in_one_change_begins_anew() -> None:
    group = a_group()
    group.send(2, encode(chunk_of(DIGEST, VERSION, 0)))
    group.send(3, encode(Want(digest=digest_of(OTHER))))
    while group.do_something():
        pass
    known = group.nodes[1].exchange
    assert known.arriving and known.asked
    both = frozenset({group.nodes[2].member, group.nodes[3].member})
    known, _ = exchange.step(known, MembersChanged(at_ms=0, me=1, members=known.members, gone=both))
    assert not known.arriving and not known.asked


# a question


@pytest.mark.parametrize("owners", [(1,), (1, 2, 3, 5), (5,)])
def test_who_asks_is_answered_by_one_of_those_that_have_it(owners: tuple[int, ...]) -> None:
    group = a_group(5)
    for owner in owners:
        group.nodes[owner].disk[DIGEST] = VERSION
    group.ask(4, DIGEST)
    group.settle()
    assert group.begun == [(owners[0], DIGEST)]
    assert group.now_ms <= 4 * exchange.RANK_MS
    assert not group.nodes[4].exchange.wanted


def test_each_waits_for_the_members_before_it_without_the_one_that_asks_and_from_the_first_question_on() -> None:
    group = a_group(9)
    group.nodes[9].disk[DIGEST] = VERSION
    group.ask(1, DIGEST)
    group.settle()
    assert holders(group) == list(group.nodes)
    assert group.now_ms == 7 * exchange.RANK_MS > exchange.PAUSES_MS[0]


def test_a_sending_that_begins_while_the_disk_is_read_answers_the_question() -> None:
    group = a_group()
    group.nodes[1].disk[DIGEST] = group.nodes[2].disk[DIGEST] = VERSION
    group.ask(3, DIGEST)
    group._deliver(group.nodes[3])
    for number in (1, 2):
        group.step(group.nodes[number], exchange.TimePassed(at_ms=1_000))
    group._work(group.nodes[1])
    group._deliver(group.nodes[1])
    group._work(group.nodes[2])
    assert not group.nodes[2].sent


def test_two_that_ask_get_one_answer() -> None:
    group = a_group(5)
    group.nodes[2].disk[DIGEST] = VERSION
    group.ask(4, DIGEST)
    group.ask(5, DIGEST)
    group.settle()
    assert holders(group) == [1, 2, 3, 4, 5]
    assert group.begun == [(2, DIGEST)]


def test_a_question_is_repeated_with_longer_pauses_while_nobody_answers() -> None:
    group = a_group(2)
    group.ask(1, DIGEST)
    asked = []
    while group.now_ms < 30_000:
        if group.nodes[1].sent:
            asked.append(group.now_ms)
        if not group.do_something():
            group.pass_time()
    assert asked == [0, 1_000, 3_000, 7_000, 15_000, 23_000]
    group.nodes[2].disk[DIGEST] = VERSION
    group.settle()
    assert holders(group) == [1, 2]


def test_who_joins_is_asked_at_once_however_often_the_others_were_asked() -> None:
    group = Group(3)
    group.nodes[3].disk[DIGEST] = VERSION
    group.join(1, 2)
    group.ask(1, DIGEST)
    group.settle(10_000)
    joined_ms = group.now_ms
    group.join(3)
    group.settle(1_000)
    assert holders(group) == [1, 2, 3]
    assert group.now_ms - joined_ms <= exchange.RANK_MS


def test_who_joins_again_asks_the_members_at_once() -> None:
    group = Group(2)
    group.nodes[2].disk[DIGEST] = VERSION
    group.join(1)
    group.ask(1, DIGEST)
    node = group.nodes[1]
    group.step(node, MembersChanged(at_ms=0, me=1, members=(), gone=frozenset()))
    both = (node.member, group.nodes[2].member)
    group.step(node, MembersChanged(at_ms=0, me=1, members=both, gone=frozenset({node.member})))
    assert list(node.sent) == [encode(Want(digest=DIGEST))]


def test_a_question_that_did_not_come_back_is_not_asked_again() -> None:
    group = a_group(2)
    group.ask(1, DIGEST)
    while group.now_ms < 30_000:
        group.pass_time()
    assert list(group.nodes[1].sent) == [encode(Want(digest=DIGEST))]
    group.nodes[2].disk[DIGEST] = VERSION
    group.settle()
    assert holders(group) == [1, 2]


def test_what_this_node_is_about_to_send_anyway_answers_a_question() -> None:
    group = a_group()
    group.nodes[1].disk[DIGEST] = VERSION
    group.share(1, OTHER)
    group.ask(3, DIGEST)
    while not group.nodes[1].exchange.asked:
        group._deliver(group.nodes[3])
    group.share(1, VERSION)
    group.pass_time()
    group.settle()
    assert [digest for _, digest in group.begun] == [digest_of(OTHER), DIGEST]


def test_who_is_alone_asks_nobody_and_asks_at_once_when_somebody_joins() -> None:
    group = Group(2)
    group.join(1)
    group.ask(1, DIGEST)
    assert not group.nodes[1].sent
    assert group.nodes[1].exchange.due_ms is None
    group.nodes[2].disk[DIGEST] = VERSION
    group.join(2)
    group.settle()
    assert holders(group) == [1, 2]


def test_who_joins_in_the_middle_of_a_sending_asks_and_gets_a_whole_one() -> None:
    group = Group(3)
    group.join(1, 2)
    group.share(1, VERSION)
    for _ in range(4):
        group.do_something()
    group.join(3)
    group.ask(3, DIGEST)
    group.settle()
    assert holders(group) == [1, 2, 3]
    assert [number for number, _ in group.begun] == [1, 1]


def test_what_is_coming_anyway_is_not_asked_for() -> None:
    group = a_group()
    group.share(1, VERSION)
    group.do_something()
    group.ask(3, DIGEST)
    assert not group.nodes[3].sent
    group.settle()
    assert group.begun == [(1, DIGEST)]


def test_what_was_coming_and_does_not_any_more_is_asked_for() -> None:
    group = a_group()
    group.nodes[2].disk[DIGEST] = VERSION
    group.share(1, VERSION)
    group.do_something()
    group.ask(3, DIGEST)
    group.pass_time()
    assert not group.nodes[3].sent
    group.die(1)
    group.settle()
    assert holders(group) == [1, 2, 3]
    assert group.begun == [(1, DIGEST), (2, DIGEST)]


def test_who_sends_too_much_already_leaves_a_question_to_others() -> None:
    group = a_group()
    for number in range(exchange.MOST_SENDINGS):
        group.share(1, bytes([number]))
    group.step(group.nodes[1], exchange.Received(at_ms=0, sender=(3, 103), data=encode(Want(digest=DIGEST))))
    group.step(group.nodes[1], exchange.Found(digest=DIGEST, bundle=VERSION))
    group.check()
    assert not group.nodes[1].exchange.asked


def test_when_who_answers_dies_the_next_question_is_answered_by_another_one() -> None:
    group = a_group(3)
    group.nodes[1].disk[DIGEST] = group.nodes[2].disk[DIGEST] = VERSION
    group.ask(3, DIGEST)
    while not group.begun:
        if not group.do_something():
            group.pass_time()
    group.die(1)
    group.settle()
    assert holders(group) == [1, 2, 3]
    assert group.begun == [(1, DIGEST), (2, DIGEST)]


def test_questions_are_bounded_on_both_sides() -> None:
    group = a_group(2)
    digests = [digest_of(bytes([number])) for number in range(exchange.MOST_ASKED + 5)]
    for digest in digests:
        group.send(2, encode(Want(digest=digest)))
        group.ask(2, digest)
    while group.nodes[2].sent:
        group._deliver(group.nodes[2])
    assert len(group.nodes[1].exchange.asked) == exchange.MOST_ASKED
    assert list(group.nodes[2].exchange.wanted) == digests[-exchange.MOST_WANTED :]


# at random


def play(seed: int) -> None:
    """Members come, go, die and are cut off while one shares; in the end all that run have it, nobody was wronged."""
    group = Group(count=2 + seed % 4, seed=seed)
    dice, numbers = group.dice, list(group.nodes)
    present = sorted({1, *dice.sample(numbers, dice.randint(1, len(numbers)))})
    group.join(*present)
    stayed = set(present)
    group.share(1, VERSION)
    for _ in range(dice.randint(0, 60)):
        stayed &= disturb(group)
        group.do_something() or group.pass_time(1_000)
        group.check()
    if 1 in stayed:
        group.settle()
        assert stayed <= set(holders(group)), "who was there all the time has it unasked"
        assert group.nodes[1].came_back == [DIGEST]
    group.join(*(number for number in numbers if number not in group._running()))
    group.merge()
    for number in numbers:
        if DIGEST not in group.nodes[number].disk:
            group.ask(number, DIGEST)
    for _ in range(dice.randint(0, 12)):
        group.do_something() or group.pass_time()
    if len(owners := holders(group)) > 1:
        group.die(dice.choice(owners))  # maybe while it answers
    group.settle()
    assert set(group._running()) <= set(holders(group))
    assert not group.told, "no honest member's sending was wrong"


def disturb(group: Group) -> set[int]:
    """Most times nothing happens. Who was in one ring with node 1 before and after."""
    dice, running = group.dice, group._running()
    number = dice.choice(list(group.nodes))
    before = group._ring(1) if 1 in running else set()
    match dice.choices(("nothing", "join", "die", "split", "merge"), (40, 2, 1, 1, 2))[0]:
        case "join" if number not in running:
            group.join(number)
        case "die" if number in running and len(running) > 1:
            group.die(number)
        case "split" if len(running) > 1:
            group.split(dice.sample(running, dice.randint(1, len(running) - 1)))
        case "merge":
            group.merge()
    after = group._ring(1) if 1 in group._running() else set()
    return set(before & after)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_to_members_all_have_the_version_in_the_end(seed: int) -> None:
    play(seed)


@pytest.mark.parametrize("seed", range(30))
def test_without_faults_one_answers(seed: int) -> None:
    only_one_answers(seed)


def only_one_answers(seed: int) -> None:
    group = Group(count=3 + seed % 4, seed=seed)
    numbers = list(group.nodes)
    group.join(*numbers)
    without = group.dice.choice(numbers)
    for number in numbers:
        if number != without:
            group.nodes[number].disk[DIGEST] = VERSION
    group.ask(without, DIGEST)
    group.settle()
    assert holders(group) == numbers
    assert len(group.begun) == 1


def takes_from_the_middle(patch: pytest.MonkeyPatch) -> None:
    """A chunk that is not the first one begins a sending too."""
    take = exchange._take

    def wrong(known: exchange.Exchange, sender: exchange.Member, chunk: Chunk) -> exchange.Step:
        if sender not in known.arriving and chunk.index:
            missed = (b"",) * chunk.index
            begun = exchange.Arriving(digest=chunk.digest, count=chunk.count, contents=missed)
            known = replace(known, arriving={**known.arriving, sender: begun})
        return take(known, sender, chunk)

    patch.setattr(exchange, "_take", wrong)


def asks_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exchange, "PAUSES_MS", (1 << 30,))


def answers_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exchange, "RANK_MS", 0)


def sees_no_beginning(patch: pytest.MonkeyPatch) -> None:
    """A sending that began ends no question."""
    take = exchange._take

    def wrong(known: exchange.Exchange, sender: exchange.Member, chunk: Chunk) -> exchange.Step:
        after, actions = take(known, sender, chunk)
        return replace(after, asked=known.asked), actions

    patch.setattr(exchange, "_take", wrong)


@pytest.mark.parametrize(
    ("plant", "noticed_by"),
    [
        (takes_from_the_middle, play),
        (asks_once, play),
        (answers_at_once, only_one_answers),
        (sees_no_beginning, only_one_answers),
    ],
)
def test_a_planted_wrong_rule_is_noticed(
    plant: Callable[[pytest.MonkeyPatch], None], noticed_by: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            noticed_by(seed)
