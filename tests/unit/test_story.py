"""What the journal tells of each update: once, as a sentence, by an event that the catalogue knows."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.journal import Event, Level
from standfast.resourced import group_story, story
from standfast.resourced.apply import apply
from standfast.resourced.events import Entry
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Content,
    Installed,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    SwitchedOn,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, ResourceReport
from standfast.resourced.record import Record, durable
from standfast.resourced.term import Term
from standfast.vocabulary import Holding, Phase
from unit.arbitrary import arbitrary
from unit.cluster import GROUP, NODES, after, because, fresh, member, term

EVENTS = {event.value for event in Event}


def told(before: Record, content: Content) -> list[Entry]:
    update = Update(nonce="n1-7", position=before.position + 1, at="now", content=content)
    return story.entries(before, apply(before, 7, update), 7, update)


def events(before: Record, content: Content) -> list[str]:
    return [entry.event for entry in told(before, content)]


def lost() -> Record:
    return after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("it left the ring")))


def attacked() -> Record:
    return after(lost(), AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"))


def proof() -> Proven:
    return Proven(loss="7.1", how="agent", text="status is off", switch_on=True)


def start(record: Record, node: str) -> OrderGiven:
    return OrderGiven(
        group=GROUP, number=record.groups[GROUP].number, kind=OrderKind.START, node=node, reasons=(because("why"),)
    )


def report(holding: Holding, failed: str = "", refused: str = "") -> Reported:
    return Reported(
        node="n1", group=GROUP, order=99, busy=False, held=Held(holding=holding, failed=failed), refused=refused
    )


def starting(active: str, probe: str = "unknown") -> Reported:
    resource = ResourceReport(unit="web.service", active=active, probe=probe, cause="")
    held = Held(holding=Holding.QUEUED, resources=(resource,))
    return Reported(node="n1", group=GROUP, order=99, busy=True, held=held)


HERE = term(fresh(), *NODES)
ORDERED = after(HERE, start(HERE, "n1"))
RUNNING = after(ORDERED, report(Holding.RUNNING))
KILLED = report(Holding.RUNNING, "web.service was killed")
DRIFTED = Installed(node="n3", installed="d0", available="d1")
NEWER = ConfigurationInForce(digest="d2", base="d1", votes=dict.fromkeys(NODES, 1), groups=(GROUP,))
SPOKE = after(HERE, LossDeclared(node="n3", reason=because("it left the ring")))


@pytest.mark.parametrize(
    ("before", "content", "expected"),
    [
        (HERE, LossDeclared(node="n3", reason=because("gone")), ["node-lost"]),
        (lost(), LossDeclared(node="n3", reason=because("gone")), []),
        (lost(), AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"), ["attempt"]),
        (attacked(), AttemptEnded(loss="7.1", fencer="n1", action="off", text="no"), ["attempt-failed"]),
        (attacked(), proof(), ["node-proven"]),
        (after(attacked(), proof()), proof(), []),
        (HERE, Proven(loss="6.1", how="agent", text="", switch_on=True), []),
        (after(attacked(), proof()), SwitchedOn(loss="7.1", text="it is on"), ["switched-on"]),
        (HERE, start(HERE, "n1"), ["order", "group-starting"]),
        (ORDERED, start(HERE, "n2"), []),
        (ORDERED, report(Holding.RUNNING), ["group-started"]),
        (RUNNING, KILLED, ["group-failed"]),
        (after(RUNNING, KILLED), KILLED, []),
        (RUNNING, report(Holding.STOPPING), ["group-stopping"]),
        (RUNNING, report(Holding.NOTHING), ["group-stopped"]),
        (RUNNING, report(Holding.STOP_FAILED, "it did not stop"), ["group-failed", "group-blocked"]),
        (ORDERED, report(Holding.NOTHING, refused="this node is not quorate"), ["order-refused", "group-stopped"]),
        (HERE, Wish(id="w", kind=WishKind.STOP, subject=GROUP), ["wish"]),
        (HERE, Marked(node="n3"), ["node-left"]),
        (HERE, NEWER, ["configuration-in-force"]),
        (HERE, DRIFTED, ["node-drifted"]),
        (after(HERE, DRIFTED), Installed(node="n3", installed="d0", available="d0"), []),
        (after(SPOKE, proof()), Members(members=(member("n3"),)), ["node-condemned"]),
        (SPOKE, Members(members=(member("n3", incarnation="n3/2"),)), ["node-back"]),
        (after(HERE, Marked(node="n3")), Members(members=(member("n3"),)), ["node-back"]),
        (HERE, Members(members=(member("n3"),)), []),
        (ORDERED, starting("activating"), []),
        (ORDERED, starting("active"), ["group-active"]),
        (after(ORDERED, starting("active")), starting("active", "bad"), []),
        (after(RUNNING, KILLED), report(Holding.RUNNING), ["group-serves"]),
        (after(RUNNING, KILLED), report(Holding.STOPPING), ["group-stopping"]),
    ],
)
def test_an_update_tells(before: Record, content: Content, expected: list[str]) -> None:
    assert events(before, content) == expected


def test_who_must_act_at_once_is_told_by_an_error_and_nobody_else() -> None:
    levels = {entry.event: entry.level for entry in told(RUNNING, report(Holding.STOP_FAILED, "stuck"))}
    assert levels == {"group-failed": Level.WARNING, "group-blocked": Level.ERROR}
    assert story.disk(False).level == Level.ERROR
    assert story.disk(True).level == Level.NOTICE


def test_an_entry_says_its_term_position_group_and_cause() -> None:
    (entry, _) = told(HERE, start(HERE, "n1"))
    assert entry.text == "webserv: start on n1: why"
    assert entry.fields == {
        "TERM": "7",
        "POSITION": "7.2",
        "GROUP": GROUP,
        "DECISION": "start",
        "SUBJECT": "n1",
        "NODE": "n1",
        "CAUSE": "why",
    }


def test_the_loss_of_a_node_belongs_to_the_story_of_each_group_that_it_had_or_that_waits_for_its_proof() -> None:
    gone = after(RUNNING, Members(members=(member("n2"), member("n3"))))
    (had,) = told(gone, LossDeclared(node="n1", reason=because("it left the ring")))
    (had_nothing,) = told(RUNNING, LossDeclared(node="n3", reason=because("it left the ring")))
    (waited_for,) = told(HERE, LossDeclared(node="n3", reason=because("it left the ring")))
    assert (had.event, had.groups, had_nothing.groups) == ("node-lost", (GROUP,), ())
    assert waited_for.groups == (GROUP,)
    assert "GROUP" not in had.fields, "the entry is about the node"


def test_who_coordinates_is_told_with_the_term() -> None:
    opened = Term(nonce="9f", number=7, members=("n1", "n2"), coordinator="n1", cold=False, states={})
    told_of = story.term_opened(opened, None).fields
    assert told_of == {"TERM": "7", "POSITION": "7.0", "VIEW": "", "COORDINATOR": "n1", "MEMBERS": "n1 n2"}


def test_a_failed_attempt_says_why_and_what_to_type_if_the_node_is_off_nevertheless() -> None:
    (entry,) = told(attacked(), AttemptEnded(loss="7.1", fencer="n1", action="off", text="bmc-n3: wrong password"))
    assert "failed: bmc-n3: wrong password; it is tried again" in entry.text
    assert entry.text.endswith("If n3 is off for certain: standfast fence confirm n3 7.1")
    assert entry.level == Level.ERROR
    (entry,) = told(attacked(), AttemptEnded(loss="7.1", fencer="n1", action="on", text="no"))
    assert "confirm" not in entry.text


@pytest.mark.parametrize("before", [RUNNING, durable(RUNNING)], ids=["from memory", "from a disk"])
def test_a_group_whose_owner_is_gone_is_not_said_to_be_stopped_there(before: Record) -> None:
    (entry,) = told(before, Members(members=(member("n2"), member("n3"))))
    assert (entry.event, entry.text) == ("group-stopped", "webserv is held by nobody here: n1 had it, and is gone")


def test_what_an_administrator_stopped_is_told_once_and_when_it_is_handed_back() -> None:
    held = Held(holding=Holding.RUNNING, by_hand=("a.mount", "b.service"))
    stopped = Reported(node="n1", group=GROUP, order=99, busy=False, held=held)
    (entry,) = told(RUNNING, stopped)
    assert (entry.event, entry.level) == ("group-by-hand", Level.WARNING)
    assert entry.text == (
        "webserv is held by an administrator: a.mount b.service was stopped by hand on n1, and nothing is done with "
        "the group until it is started there (systemctl start a.mount b.service), or: standfast group start webserv"
    )
    by_hand = after(RUNNING, stopped)
    assert told(by_hand, stopped) == []
    (back,) = told(by_hand, report(Holding.RUNNING))
    assert back.text == "webserv is no more held by an administrator on n1: all of it is up again"
    gone, _ = told(by_hand, report(Holding.NOTHING))
    assert gone.text == "webserv is no more held by an administrator on n1"


def test_a_start_by_hand_says_where_it_runs_and_what_to_type() -> None:
    entry = story.start_refused(GROUP, "web.service", RUNNING, "n2")
    assert entry.text.endswith("it runs on n1. To have it here: standfast group relocate webserv n2")
    nowhere = story.start_refused(GROUP, "web.service", None, "n2")
    assert nowhere.text.endswith("it runs nowhere now. To have it here: standfast group start webserv")


def test_every_event_that_is_written_down_in_the_story_is_one_of_the_journals() -> None:
    names = set()
    written = [Path(str(module.__file__)).read_text() for module in (story, group_story)]
    for node in (node for text in written for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = [word.value for word in node.keywords if word.arg == "event"]
            given += node.args[:1] if node.func.id == "tell" else []
            names |= {word.value for word in given if isinstance(word, ast.Constant)}
    names |= {f"group-{phase.value}" for phase in Phase}
    assert len(names) > 20
    assert names <= EVENTS


texts = st.sampled_from((*NODES, GROUP, "ghost", "", "7.1", "d1", "off", "why"))
members = st.just(Members(members=tuple(map(member, NODES))))


@given(st.lists(members | arbitrary(Content, texts, st.integers(-1, 9)), max_size=20))
def test_whatever_happens_the_journal_knows_the_event(said: list[Content]) -> None:
    record = fresh()
    for content in said:
        for entry in told(record, content):
            assert entry.event in EVENTS
            assert entry.level in list(Level)
            assert entry.text
        record = after(record, content)
