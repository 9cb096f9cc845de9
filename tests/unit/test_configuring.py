"""Which version may come into force, each refusal with its sentence; and when the cluster goes back by itself."""

from dataclasses import replace
from typing import Any

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, Node, Resource
from standfast.resourced.configuring import (
    NOBODY,
    OPERATOR,
    confirm_left_ms,
    go_back,
    into_force,
    refuse_keep,
    refuse_version,
)
from standfast.resourced.messages import (
    ConfigurationInForce,
    Content,
    Installed,
    LossDeclared,
    Marked,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    StartedAlone,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held
from standfast.resourced.record import Record
from standfast.resourced.situation import Waits
from standfast.resourced.wishes import refuse_wish
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term

KNOWN = replace(configuration(list(NODES)), key="k1")
NEW = replace(KNOWN, digest="d2")
PUSH = Wish(id="w", kind=WishKind.CONFIGURE, subject="d2", base="d1", by="root on n1")


def has(record: Record, *names: str, digest: str = "d2") -> Record:
    for name in names:
        record = after(record, Installed(node=name, installed="d1", available=digest))
    return record


def here(*names: str, held: str = "") -> Record:
    """All were in a term; now these nodes are, and have prepared d2; the group runs on `held`."""
    names = names or NODES
    running = {held: Holding.RUNNING} if held else {}
    return has(term(term(fresh(), *NODES), *names, number=8, held=running), *names)


def without(name: str, *how: Content) -> Record:
    """The node is not here; `how` it went."""
    record = here(*(other for other in NODES if other != name))
    for content in how:
        record = after(record, content)
    return record


def lost(name: str, *, proven: bool = True) -> Record:
    declared = LossDeclared(node=name, reason=because("gone"))
    proof = Proven(loss="7.1", how="agent", text="", switch_on=False)
    return without(name, declared, *([proof] if proven else []))


def refused(
    record: Record, offered: Configuration | None = NEW, push: Wish = PUSH, known: Configuration = KNOWN
) -> str:
    return refuse_version(push, record, known, offered, situation())


def nodes(votes: dict[str, int], new: Configuration = NEW) -> Configuration:
    """The version with these nodes and votes; n4 and n5 are new ones."""
    added = tuple(Node(name=name, id=int(name[1]), addresses=(f"192.0.2.1{name[1]}",)) for name in ("n4", "n5"))
    known = (*KNOWN.nodes, *added)
    return replace(new, nodes=tuple(replace(node, votes=votes[node.name]) for node in known if node.name in votes))


ALL = dict.fromkeys(NODES, 1)
TWO = {"n1": 1, "n2": 1}
NO_GROUPS = replace(NEW, groups=())
OTHER_KEY = replace(NEW, key="k2")


def restricted(*names: str) -> Configuration:
    return replace(NEW, domains=(replace(NEW.domains[0], nodes=names, restricted=True),))


def with_unit(new: Configuration, unit: str) -> Configuration:
    (group,) = new.groups
    return replace(new, groups=(replace(group, resources=(*group.resources, Resource(unit=unit))),))


def ordered(record: Record, node: str) -> Record:
    number = record.groups[GROUP].number
    return after(record, OrderGiven(group=GROUP, number=number, kind=OrderKind.START, node=node, reasons=()))


def moved(record: Record, *to: str) -> Record:
    """The group ran on these nodes one after the other, and is reported by the last one now."""
    for name in to:
        held = Held(holding=Holding.QUEUED)
        record = after(record, Reported(node=name, group=GROUP, order=99, busy=False, held=held))
    return record


def condemned() -> Record:
    record = term(lost("n3"), *NODES, number=9)
    return has(record, *NODES)


REFUSED = {
    "another base": (
        here(),
        NEW,
        replace(PUSH, base="d0"),
        "the version that is pushed is based on d0, but d1 is in force: standfast config diff",
    ),
    "the one in force": (
        here(),
        KNOWN,
        replace(PUSH, subject="d1"),
        "d1 is in force already: nothing was changed",
    ),
    "not prepared": (
        has(here(), "n2", digest=""),
        NEW,
        PUSH,
        "n2 has not prepared d2 yet: push again in a moment",
    ),
    "objected to": (
        after(here(), Installed(node="n2", installed="d1", available="", objections=("cluster.conf:7: no", "b", "c"))),
        NEW,
        PUSH,
        "n2 does not prepare it: cluster.conf:7: no (and 2 more)",
    ),
    "not prepared by the coordinator any more": (
        here(),
        replace(NEW, digest="d3"),
        PUSH,
        "n1, which coordinates, has another version prepared by now: push again",
    ),
    "an unproven loss": (
        lost("n3", proven=False),
        NEW,
        PUSH,
        "n3 is lost and not proven off yet (loss 7.1): see `standfast status`",
    ),
    "a node that is away": (
        without("n3"),
        NEW,
        PUSH,
        "n3 is not here, and neither left nor is proven off: wait, or: standfast fence now n3",
    ),
    "a node that speaks after its proof": (
        condemned(),
        NEW,
        PUSH,
        "n3 speaks although it was proven off: wait until it has rebooted",
    ),
    "a term on an operator's word": (
        after(term(fresh(), "n1"), StartedAlone(without=("n2", "n3"), by="root")),
        NEW,
        PUSH,
        "this cluster goes on without n2, n3: wait until more than half of all votes are here",
    ),
    "without a node that is unknown": (
        here(),
        NEW,
        replace(PUSH, without=("n9",)),
        "there is no node n9; there are: n1, n2, n3",
    ),
    "a new resource that an absent node may run by itself": (
        lost("n3"),
        with_unit(NEW, "mail.service"),
        PUSH,
        "n3 is not here to say that mail.service is neither enabled nor running there: boot it, or push with "
        "--without n3",
    ),
    "a new key that an absent node does not get": (
        lost("n3"),
        OTHER_KEY,
        PUSH,
        "n3 is not here to get the new corosync.key: boot it, or push with --without n3",
    ),
    "a group that goes and runs": (
        here(held="n2"),
        NO_GROUPS,
        PUSH,
        "webserv is not in this version and not stopped on n2: standfast group stop webserv",
    ),
    "a group that goes and is ordered": (
        ordered(here(), "n2"),
        NO_GROUPS,
        PUSH,
        "webserv is not in this version and not stopped on n2: standfast group stop webserv",
    ),
    "a start under way where it will not be allowed": (
        moved(here(), "n3"),
        restricted("n1", "n2"),
        PUSH,
        "webserv is on n3, where this version does not allow it: standfast group relocate webserv",
    ),
    "an order where it will not be allowed": (
        ordered(here(), "n3"),
        restricted("n1", "n2"),
        PUSH,
        "webserv is on n3, where this version does not allow it: standfast group relocate webserv",
    ),
    "two nodes at once": (
        here(),
        nodes(ALL | {"n4": 1, "n5": 1}),
        PUSH,
        "n4 and n5 change at once: one node at a time comes, goes or gets other votes",
    ),
    "one comes and another goes": (
        lost("n3"),
        nodes(TWO | {"n4": 1}, OTHER_KEY),
        replace(PUSH, without=("n3",)),
        "n3 and n4 change at once: one node at a time comes, goes or gets other votes",
    ),
    "a node that comes with many votes": (
        here(),
        nodes(ALL | {"n4": 3}),
        PUSH,
        "n4 has 0 votes and would have 3: one vote at a time, so first Votes=1",
    ),
    "two more votes": (
        here(),
        nodes(ALL | {"n3": 3}),
        PUSH,
        "n3 has 1 votes and would have 3: one vote at a time, so first Votes=2",
    ),
    "another id": (
        here(),
        replace(NEW, nodes=(*NEW.nodes[:2], replace(NEW.nodes[2], id=7))),
        PUSH,
        "the Id= of n3 cannot change: remove the node, then add it again",
    ),
    "a removed node that is here": (
        here(),
        nodes(TWO, OTHER_KEY),
        PUSH,
        "n3 is here and would be removed: it leaves first, by systemctl stop standfast.target on n3",
    ),
    "a removed node that knows the key": (
        lost("n3"),
        nodes(TWO),
        PUSH,
        "n3 would be removed and knows corosync.key: corosync-keygen -l -k /etc/standfast/corosync.key",
    ),
    "votes while a node is absent": (
        lost("n3"),
        nodes(ALL | {"n2": 2}),
        PUSH,
        "n3 is not here and would come back with its old votes: boot it, or remove it first",
    ),
    "quorum options while a node is absent": (
        lost("n3"),
        replace(NEW, cluster=replace(NEW.cluster, last_man_standing=True)),
        PUSH,
        "n3 is not here and would come back with its old votes: boot it, or remove it first",
    ),
}
ALLOWED = {
    "everybody has prepared it": (here(), NEW, PUSH),
    "an absent node is proven off": (lost("n3"), NEW, PUSH),
    "an absent node left": (without("n3", Marked(node="n3")), NEW, PUSH),
    "a new resource, without the absent node": (
        lost("n3"),
        with_unit(NEW, "mail.service"),
        replace(PUSH, without=("n3",)),
    ),
    "a group that goes and is stopped": (here(), NO_GROUPS, PUSH),
    "what runs where it will not be allowed, and will be looked for there": (
        after(here(), Reported(node="n3", group=GROUP, order=99, busy=False, held=Held(holding=Holding.RUNNING))),
        restricted("n1", "n2"),
        PUSH,
    ),
    "a new node": (here(), nodes(ALL | {"n4": 1}), PUSH),
    "a node that is proven off goes, and the key with it": (lost("n3"), nodes(TWO, OTHER_KEY), PUSH),
    "another one stays that does not get the key": (
        after(lost("n3"), Marked(node="n2")),
        nodes({"n1": 1, "n2": 1}, OTHER_KEY),
        replace(PUSH, without=("n2",)),
    ),
    "one vote more": (here(), nodes(ALL | {"n3": 2}), PUSH),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_version_is_refused_in_one_sentence_for(case: str) -> None:
    record, offered, push, sentence = REFUSED[case]
    assert refused(record, offered, push) == sentence


@pytest.mark.parametrize("case", ALLOWED)
def test_a_version_may_come_into_force(case: str) -> None:
    record, offered, push = ALLOWED[case]
    assert refused(record, offered, push) == ""


def test_who_pushed_what_is_in_force_is_told_to_whom_it_overtook() -> None:
    record = has(after(here(), into_force(NEW, PUSH)), *NODES, digest="d3")
    assert refused(record, replace(NEW, digest="d3"), replace(PUSH, subject="d3"), NEW) == (
        "the version that is pushed is based on d1, but d2 is in force since now, pushed by root on n1: "
        "standfast config diff"
    )


def test_after_a_change_of_votes_those_who_are_here_are_quorate() -> None:
    """Two of four nodes have their arbiter's vote, and would lose it."""
    four = configuration(["n1", "n2", "n3", "n4"])
    known = replace(four, cluster=replace(four.cluster, arbiter="arbiter.example.com"), key="k1")
    record = fresh("n1", "n2", "n3", "n4")
    record = has(term(term(record, *record.nodes), "n1", "n2", number=8), "n1", "n2")
    for name in ("n3", "n4"):
        record = after(record, Marked(node=name))
    push = replace(PUSH, without=("n3", "n4"))
    assert refused(record, replace(known, digest="d2"), push, known) == ""
    assert refused(record, replace(four, digest="d2", key="k2"), push, known) == (
        "the nodes that are here would not be quorate: they would have 2 of 4 votes"
    )


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, "TwoNode=no"),
        ({"two_node": False, "auto_tie_breaker": True}, "AutoTieBreaker=no"),
        ({"arbiter": "arbiter.example.com"}, "no Arbiter="),
        ({"two_node": False}, ""),
    ],
)
def test_no_votes_change_while_half_of_all_is_quorate(options: dict[str, Any], first: str) -> None:
    """One of two nodes is quorate with the old votes, and the other one the majority with the new ones."""
    two = configuration(["n1", "n2"])
    known = replace(two, cluster=replace(two.cluster, **options))
    record = has(term(fresh("n1", "n2"), "n1", "n2"), "n1", "n2")
    offered = replace(known, digest="d2", nodes=(replace(known.nodes[0], votes=2), known.nodes[1]))
    told = f"n1 would get other votes while half of all is quorate: first push {first}, then the votes"
    assert refused(record, offered, PUSH, known) == (told if first else "")


# Coming into force


def unconfirmed(record: Record) -> Record:
    return after(record, into_force(NEW, replace(PUSH, confirm_ms=60_000)))


def test_the_update_says_all_of_the_push() -> None:
    push = replace(PUSH, why="a try", confirm_ms=60_000)
    assert into_force(nodes(ALL | {"n4": 1}), push) == ConfigurationInForce(
        digest="d2",
        votes=ALL | {"n4": 1},
        groups=(GROUP,),
        base="d1",
        wish="w",
        by="root on n1",
        why="a try",
        confirm_ms=60_000,
    )


def test_without_a_confirmation_in_time_the_version_before_comes_back() -> None:
    record = unconfirmed(here())
    waits = Waits({}, 1_000)
    assert (go_back(record, NEW, situation(), waits).contents, confirm_left_ms(record, waits)) == ((), 60_000)
    early = Waits(waits.seen, 60_999)
    assert (go_back(record, NEW, situation(), early).wanted, confirm_left_ms(record, early)) == ("", 1)
    due = Waits(waits.seen, 61_000)
    assert go_back(record, NEW, situation(), due).wanted == "d1"
    (content,) = go_back(record, NEW, replace(situation(), offered=KNOWN), due).contents
    assert isinstance(content, ConfigurationInForce)
    assert (content.digest, content.base, content.by) == ("d1", "d2", NOBODY)
    back = after(record, content)
    assert (back.configuration, back.unconfirmed, back.version) == ("d1", "", 3)
    assert back.history[0].why == "version 2 was not confirmed within 60 s"


def test_it_waits_where_that_is_not_safe() -> None:
    offered = replace(situation(), offered=NO_GROUPS)
    running = here(held="n1")
    record = replace(unconfirmed(running), unconfirmed="d2")
    waits = Waits({f"unconfirmed {record.version}": -60_000}, 0)
    assert go_back(record, KNOWN, offered, waits).contents == ()
    assert go_back(replace(unconfirmed(here()), unconfirmed="d2"), KNOWN, offered, waits).contents != ()


def test_who_pushes_on_top_of_an_unconfirmed_version_goes_back_to_the_last_one_that_needs_no_confirmation() -> None:
    record = unconfirmed(here())
    further = replace(PUSH, subject="d3", base="d2")
    lasting = after(record, into_force(replace(NEW, digest="d3"), further))
    assert (lasting.configuration, lasting.unconfirmed, lasting.confirm_ms) == ("d3", "", 0)
    tried = after(record, into_force(replace(NEW, digest="d3"), replace(further, confirm_ms=9_000)))
    assert (tried.configuration, tried.unconfirmed, tried.confirm_ms) == ("d3", "d1", 9_000)
    by_hand = after(record, into_force(KNOWN, replace(further, subject="d1", confirm_ms=9_000)))
    assert (by_hand.configuration, by_hand.unconfirmed, by_hand.confirm_ms) == ("d1", "", 0)


def test_what_is_taken_back_makes_way_at_once_and_the_history_says_who_wanted_that() -> None:
    record, wish = unconfirmed(here()), Wish(id="t", kind=WishKind.TAKE_BACK, subject="")
    assert refuse_wish(wish, here(), KNOWN, situation()) == "nothing waits to be confirmed: standfast config history"
    assert refuse_wish(wish, record, NEW, situation()) == ""
    waits = Waits({}, 0)
    assert go_back(record, NEW, replace(situation(), offered=KNOWN), waits).contents == ()
    taken = after(record, wish)
    assert (taken.configuration, taken.unconfirmed) == ("d2", "d1")
    (content,) = go_back(taken, NEW, replace(situation(), offered=KNOWN), waits).contents
    assert isinstance(content, ConfigurationInForce)
    assert (content.digest, content.by, content.why) == ("d1", OPERATOR, "version 2 was taken back")
    gone = after(taken, content)
    assert (gone.configuration, gone.unconfirmed) == ("d1", "")
    assert after(gone, wish) == replace(gone, position=gone.position + 1)


def test_the_version_to_go_back_to_is_kept_however_many_were_tried_since() -> None:
    record = unconfirmed(here())
    for n in range(2, 40):
        further = replace(PUSH, subject=f"d{n + 1}", base=f"d{n}", confirm_ms=9_000)
        record = after(record, into_force(replace(NEW, digest=f"d{n + 1}"), further))
    assert record.unconfirmed == "d1"
    assert {"d1", "d40"} <= record.versions
    assert len(record.versions) == 21


def test_what_is_confirmed_stays() -> None:
    record, keep = unconfirmed(here()), Wish(id="k", kind=WishKind.KEEP, subject="")
    assert refuse_keep(keep, here()) == "nothing waits to be confirmed: standfast config history"
    assert refuse_keep(keep, record) == ""
    assert refuse_keep(replace(keep, subject="d9"), record) == "d9 is not in force any more, but d2"
    kept = after(record, keep)
    assert (kept.configuration, kept.unconfirmed, kept.confirm_ms) == ("d2", "", 0)
    assert after(record, replace(keep, subject="d9")).unconfirmed == "d1"
