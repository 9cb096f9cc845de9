"""How a version of the configuration comes to every member of the CPG group (DESIGN section 4): pure.

A version travels as a bundle, cut into chunks. All members are delivered the same messages in one order, so nobody
acknowledges anything: what came back to its sender came to every member that was there from the first chunk on.

A sender has one chunk under way at a time: the next one goes out when the last one came back. So Corosync never holds
more than one for each sender, and a large version does not stand in front of the ticks and the record.

Who asks for a version is answered by one of those that have it. Each waits 200 ms for every member before it, and
answers unless a sending of the version began meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, assert_never

from standfast.membershipd.chunks import LARGEST_BUNDLE, Chunk, MessageError, Want, chunk_of, count_of, decode, encode

RANK_MS: Final = 200
PAUSES_MS: Final = (1_000, 2_000, 4_000, 8_000)  # between two questions for a version; the last one is repeated
MOST_SENDINGS: Final = 4  # of this node, the one under way included
MOST_WANTED: Final = 8  # versions; the one that was wanted first is forgotten
MOST_ASKED: Final = 16  # versions that others asked for; who asked for one more asks again

Member = tuple[int, int]  # node id, process id
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersChanged:
    """These are the members. `gone`: who left or joined since then, or both at once; `me`: this node's id."""

    at_ms: int
    me: int
    members: tuple[Member, ...]
    gone: frozenset[Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A member sent this, this node too."""

    at_ms: int
    sender: Member
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The version is to be sent to all members; only for who is `in_group` and `has_room`."""

    digest: str
    bundle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The version is to be asked for until it is here."""

    at_ms: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What `Read` asked for; None: this node has it not."""

    digest: str
    bundle: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The version is on this node's disk."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    at_ms: int


Event = MembersChanged | Received | Share | Ask | Found | Here | TimePassed


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """To all members, after what was sent before."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A bundle came whole; if the version in it has this digest it is to be stored."""

    digest: str
    bundle: bytes
    sender: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Another member wants this version: `Found` says whether it is here."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """What this member sent counts for nothing, and why not: "sent 3 bytes that are ..."."""

    sender: Member
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """This node is out of the group before its sending came back whole."""

    digest: str


Action = Send | Store | Read | Refuse | Abandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """The chunks of one sending so far, from the first one on."""

    digest: str
    count: int
    contents: tuple[bytes, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.contents))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    digest: str
    bundle: bytes
    under_way: int = 0  # the chunk that is to come back next


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A version that this node asks for: when again, and how often it did."""

    due_ms: int
    times: int = 0
    under_way: bool = False  # the last question did not come back yet: a Corosync that hangs gets no further one


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A version that another member asked for, and when it is this node's turn; None: it is being read."""

    by: Member
    due_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one node knows; times come with the events and never go back."""

    me: int = 0
    members: tuple[Member, ...] = ()
    arriving: Mapping[Member, Arriving] = field(default_factory=dict)  # by sender, this node too
    sendings: tuple[Sending, ...] = ()  # the first one is under way
    wanted: Mapping[str, Wanted] = field(default_factory=dict)  # by digest, in the order in which they were
    asked: Mapping[str, Asked] = field(default_factory=dict)  # by digest

    @property
    def in_group(self) -> bool:
        return any(node == self.me for node, _ in self.members)

    @property
    def has_room(self) -> bool:
        """For one more sending of this node."""
        return len(self.sendings) < MOST_SENDINGS

    @property
    def others(self) -> tuple[Member, ...]:
        """The other members, once this node is one."""
        return tuple(member for member in self.members if member[0] != self.me) if self.in_group else ()

    @property
    def due_ms(self) -> int | None:
        """When `TimePassed` has something to do."""
        wanted = [wanted.due_ms for wanted in self.wanted.values()] if self.others else []
        return min(
            (*wanted, *(asked.due_ms for asked in self.asked.values() if asked.due_ms is not None)), default=None
        )


Step = tuple[Exchange, tuple[Action, ...]]


def step(exchange: Exchange, event: Event) -> Step:
    """What is known after the event, and what is to be done, in this order."""
    match event:
        case MembersChanged():
            return _members_changed(exchange, event)
        case Received():
            return _received(exchange, event)
        case Share():
            assert exchange.in_group and exchange.has_room
            return _send(exchange, event.digest, event.bundle)
        case Ask():
            return _ask(exchange, event)
        case Found():
            return _found(exchange, event)
        case Here():
            return replace(exchange, wanted=_without(exchange.wanted, event.digest)), ()
        case TimePassed():
            return _time_passed(exchange, event.at_ms)
    assert_never(event)


def _members_changed(exchange: Exchange, event: MembersChanged) -> Step:
    """Nothing of who is gone is waited for; who joined may have what is wanted."""
    was_in_group, stayed = exchange.in_group, set(event.members) - event.gone
    exchange = replace(
        exchange,
        me=event.me,
        members=event.members,
        arriving={sender: arriving for sender, arriving in exchange.arriving.items() if sender in stayed},
        asked={digest: asked for digest, asked in exchange.asked.items() if asked.by in stayed},
    )
    if not exchange.in_group:
        abandoned = tuple(Abandoned(digest=sending.digest) for sending in exchange.sendings)
        return replace(exchange, sendings=()), abandoned
    if was_in_group and event.gone.isdisjoint(exchange.others):
        return exchange, ()
    wanted = {digest: Wanted(due_ms=event.at_ms) for digest in exchange.wanted}
    return _time_passed(replace(exchange, wanted=wanted), event.at_ms)


def _received(exchange: Exchange, event: Received) -> Step:
    if event.sender not in exchange.members:
        return exchange, ()
    try:
        message = decode(event.data)
    except MessageError as error:
        return exchange, (Refuse(sender=event.sender, text=f"sent {error}"),)
    if isinstance(message, Want):
        return _wanted_by(exchange, event, message.digest), ()
    exchange, taken = _take(exchange, event.sender, message)
    if event.sender[0] == exchange.me:
        exchange, sent = _came_back(exchange, message)
        return exchange, (*taken, *sent)
    return exchange, taken


def _take(exchange: Exchange, sender: Member, chunk: Chunk) -> Step:
    """The first chunk begins a sending, and ends what its sender had begun; others must be the next one of it."""
    if chunk.index == 0:
        before = Arriving(digest=chunk.digest, count=chunk.count, contents=())
        exchange = replace(exchange, asked=_without(exchange.asked, chunk.digest))
    elif (known := exchange.arriving.get(sender)) and _continues(known, chunk):
        before = known
    else:
        return replace(exchange, arriving=_without(exchange.arriving, sender)), ()
    arriving = replace(before, contents=(*before.contents, chunk.content))
    forgotten = replace(exchange, arriving=_without(exchange.arriving, sender))
    if arriving.size > LARGEST_BUNDLE:
        text = f"sent version {chunk.digest[:12]} with more than {LARGEST_BUNDLE} bytes"
        return forgotten, (Refuse(sender=sender, text=text),)
    if len(arriving.contents) == arriving.count:
        return forgotten, (Store(digest=chunk.digest, bundle=b"".join(arriving.contents), sender=sender),)
    return replace(exchange, arriving={**exchange.arriving, sender: arriving}), ()


def _continues(arriving: Arriving, chunk: Chunk) -> bool:
    expected = (arriving.digest, arriving.count, len(arriving.contents))
    return (chunk.digest, chunk.count, chunk.index) == expected


def _came_back(exchange: Exchange, chunk: Chunk) -> Step:
    """This node's own chunk was delivered to all: the next one goes out, of the next version after the last."""
    if not exchange.sendings:
        return exchange, ()
    first, *waiting = exchange.sendings
    if (chunk.digest, chunk.index) != (first.digest, first.under_way):
        return exchange, ()
    following = replace(first, under_way=first.under_way + 1)
    left = (following, *waiting) if following.under_way < count_of(first.bundle) else tuple(waiting)
    return replace(exchange, sendings=left), _chunks_due(left)


def _send(exchange: Exchange, digest: str, bundle: bytes) -> Step:
    assert 0 < len(bundle) <= LARGEST_BUNDLE
    sendings = (*exchange.sendings, Sending(digest=digest, bundle=bundle))
    return replace(exchange, sendings=sendings), () if exchange.sendings else _chunks_due(sendings)


def _chunks_due(sendings: Iterable[Sending]) -> tuple[Send, ...]:
    """The chunk of the first sending that is not under way yet."""
    first = next(iter(sendings), None)
    return (Send(data=encode(chunk_of(first.digest, first.bundle, first.under_way))),) if first else ()


def _ask(exchange: Exchange, event: Ask) -> Step:
    """Again at once for one that is wanted already: somebody is in a hurry."""
    wanted = {**_without(exchange.wanted, event.digest), event.digest: Wanted(due_ms=event.at_ms)}
    kept = dict(list(wanted.items())[-MOST_WANTED:])
    return _time_passed(replace(exchange, wanted=kept), event.at_ms)


def _wanted_by(exchange: Exchange, event: Received, digest: str) -> Exchange:
    node = event.sender[0]
    if node == exchange.me:
        asked_again = {digest: replace(exchange.wanted[digest], under_way=False)} if digest in exchange.wanted else {}
        return replace(exchange, wanted={**exchange.wanted, **asked_again})
    if digest in exchange.asked or len(exchange.asked) >= MOST_ASKED:
        return exchange
    rank = sum(other < exchange.me for other, _ in exchange.members if other != node)
    asked = Asked(by=event.sender, due_ms=event.at_ms + RANK_MS * rank)
    return replace(exchange, asked={**exchange.asked, digest: asked})


def _found(exchange: Exchange, event: Found) -> Step:
    """It is sent unless another one began meanwhile, or this node is about to."""
    if event.digest not in exchange.asked:
        return exchange, ()
    exchange = replace(exchange, asked=_without(exchange.asked, event.digest))
    to_begin = {sending.digest for sending in exchange.sendings[1:]}
    if event.bundle is None or event.digest in to_begin or not exchange.has_room:
        return exchange, ()
    return _send(exchange, event.digest, event.bundle)


def _time_passed(exchange: Exchange, at_ms: int) -> Step:
    """Questions go out; what others asked for is read."""
    actions: list[Action] = []
    wanted, asked = dict(exchange.wanted), dict(exchange.asked)
    coming = {arriving.digest for arriving in exchange.arriving.values()}
    for digest, known in exchange.wanted.items():
        if exchange.others and known.due_ms <= at_ms:
            pause_ms = PAUSES_MS[min(known.times, len(PAUSES_MS) - 1)]
            asks = digest not in coming and not known.under_way
            actions += [Send(data=encode(Want(digest=digest)))] if asks else []
            wanted[digest] = Wanted(due_ms=at_ms + pause_ms, times=known.times + 1, under_way=known.under_way or asks)
    for digest, question in exchange.asked.items():
        if question.due_ms is not None and question.due_ms <= at_ms:
            asked[digest] = replace(question, due_ms=None)
            actions.append(Read(digest=digest))
    return replace(exchange, wanted=wanted, asked=asked), tuple(actions)


def _without(known: Mapping[Key, Value], key: Key) -> dict[Key, Value]:
    return {other: value for other, value in known.items() if other != key}
