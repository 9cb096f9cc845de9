"""What a wish would do before it is wished: to each group, for how long, and how one sees that it came true."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.machine import configuration
from standfast.configuration.model import Group, Resource
from standfast.resourced.changes_planned import Effect
from standfast.resourced.configuring import into_force
from standfast.resourced.durations import UNMEASURED, Durations, Kind, Sample
from standfast.resourced.goals import Compared, Condition, Goal, Value, Way
from standfast.resourced.messages import (
    AttemptEnded,
    ConfigurationInForce,
    Content,
    Installed,
    LossDeclared,
    Members,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held
from standfast.resourced.record import Record, whole_digest
from standfast.resourced.situation import Situation
from standfast.resourced.wished import SAID, Outcome, WishRefusedError, outcome, wish_of
from standfast.resourced.wishes import refuse_wish
from standfast.vocabulary import Holding
from unit.arbitrary import arbitrary
from unit.cluster import GROUP, NODES, after, because, fresh, member, situation, term

KNOWN = configuration(list(NODES))
RUNS = Held(holding=Holding.RUNNING)


def sample(kind: Kind, node: str, ms: int) -> Sample:
    return Sample(kind=kind, node=node, ms=ms, units={})


MEASURED = Durations(
    groups={
        GROUP: (sample(Kind.STOP, "n1", 300), sample(Kind.START, "n2", 2_000), sample(Kind.RESTART, "n1", 1_500)),
    }
)


def running() -> Record:
    """The group runs well on n1."""
    there = term(fresh(), *NODES, held={"n1": Holding.RUNNING})
    return after(there, Reported(node="n1", group=GROUP, order=0, busy=False, held=RUNS))


def lost() -> Record:
    """n1 had the group and is lost, and its fence device did not answer."""
    declared = after(running(), LossDeclared(node="n1", reason=because("gone")))
    without = after(declared, Members(members=(member("n2"), member("n3"))), number=8, position=1)
    return after(without, AttemptEnded(loss="7.1", fencer="n2", action="off", text="no answer"))


def wished(
    word: str,
    subject: str = GROUP,
    node: str = "",
    record: Record | None = None,
    at: Situation | None = None,
    durations: Durations = MEASURED,
    offs_ms: tuple[int, ...] = (),
) -> Outcome:
    known = record or running()
    wish = wish_of(word, subject, node, known, "uid 0 on n1")
    return outcome(wish, known, KNOWN, at or situation(), durations, offs_ms)


def only(found: Outcome) -> Effect:
    (effect,) = found.effects
    return effect


def shown(effect: Effect) -> tuple[str, str, str, int | None]:
    return effect.kind.value, effect.source, effect.target, effect.interruption_ms


# what becomes of the group


@pytest.mark.parametrize(
    ("word", "subject", "node", "expected"),
    [
        ("stop", GROUP, "", ("stop", "n1", "", None)),
        ("disable", GROUP, "", ("stop", "n1", "", None)),
        ("relocate", GROUP, "", ("move", "n1", "n2", 2_300)),
        ("relocate", GROUP, "n3", ("move", "n1", "n3", 2_300)),
        ("restart", GROUP, "", ("restart", "n1", "n1", 1_500)),
        ("start", GROUP, "", ("untouched", "n1", "n1", 0)),
        ("freeze", GROUP, "", ("untouched", "n1", "n1", 0)),
        ("standby", "n1", "", ("move", "n1", "n2", 2_300)),
        ("standby", "n2", "", ("untouched", "n1", "n1", 0)),
        ("maintenance", "", "", ("untouched", "n1", "n1", 0)),
    ],
)
def test_what_becomes_of_the_group_and_for_how_long_it_is_not_served(
    word: str, subject: str, node: str, expected: tuple[str, str, str, int | None]
) -> None:
    assert shown(only(wished(word, subject, node))) == expected


def test_a_stopped_group_is_started_and_nothing_is_interrupted() -> None:
    stopped = after(term(fresh(), *NODES), Wish(id="", kind=WishKind.STOP, subject=GROUP))
    effect = only(wished("start", record=stopped))
    assert shown(effect) == ("start", "", "n1", 0)
    assert "started in 2 s" in effect.measured


def test_a_fenced_node_s_group_waits_for_the_proof_and_is_never_stopped() -> None:
    found = wished("fence", "n1", offs_ms=(3_000, 5_000))
    assert shown(only(found)) == ("move", "n1", "n2", 4_000 + 2_000)
    assert only(found).measured == "off in 4 s (the median of 2), started in 2 s on n2 (once)"
    kinds = [step.kind.value for step in found.foreseen.steps]
    assert kinds.index("fencing") < kinds.index("proven") < kinds.index("start")
    assert "stop" not in kinds


def test_what_was_never_measured_is_said_to_be_unknown() -> None:
    effect = only(wished("fence", "n1", durations=UNMEASURED))
    assert effect.interruption_ms is None
    assert effect.measured.startswith("how long its fence devices take is not known, not measured yet: at most")


def test_a_confirmation_lets_the_lost_node_s_group_start() -> None:
    found = wished("confirm", "n1", record=lost(), at=situation(me="n2", ring=frozenset(("n2", "n3"))))
    assert found.wish.loss == "7.1"
    assert shown(only(found)) == ("start", "", "n2", 0)
    assert found.goal.done[0][0] == Condition(
        interface="Member1", name="n1", property="State", test=Compared.IS, value="fenced"
    )


def test_the_first_step_says_what_is_wished_and_where_to() -> None:
    said = [wished(*words).foreseen.steps[0].text for words in (("relocate",), ("restart",), ("fence", "n3"))]
    assert said == [
        "an operator moves webserv to n2",
        "an operator restarts webserv",
        "an operator has n3 fenced",
    ]
    assert wished("relocate").wish.node == "n2"


def test_taking_a_version_back_stops_what_only_that_one_has_and_keeping_it_touches_nothing() -> None:
    mail = Group(name="mail", description="", resources=(Resource(unit="mail.service"),))
    new = replace(KNOWN, digest="d2", groups=(*KNOWN.groups, mail))
    push = Wish(id="p", kind=WishKind.CONFIGURE, subject="d2", base="d1", confirm_ms=60_000)
    pushed = after(running(), into_force(new, push))
    for node in NODES:
        pushed = after(pushed, Installed(node=node, installed="d2", available="d1"))
    pushed = after(pushed, Reported(node="n2", group="mail", order=0, busy=False, held=RUNS))
    wish = wish_of("take-back", "", "", pushed, "uid 0 on n1")
    found = outcome(wish, pushed, new, situation(), MEASURED, back=KNOWN)
    assert {effect.group: effect.kind.value for effect in found.effects} == {GROUP: "untouched", "mail": "stop"}
    assert [step.kind.value for step in found.foreseen.steps] == ["supposed", "stop", "configuration"]
    assert found.goal.done[0][0] == Condition(
        interface="Groups1", name="", property="Configuration", test=Compared.IS, value="d1"
    )
    kept = outcome(wish_of("keep", "", "", pushed, ""), pushed, new, situation(), MEASURED)
    assert kept.goal.done == (
        (Condition(interface="Groups1", name="", property="Unconfirmed", test=Compared.IS, value=("", 0)),),
    )


# when it is done


def told(way: Way) -> dict[str, tuple[str, Value]]:
    return {f"{one.name}.{one.property}": (one.test.value, one.value) for one in way}


@pytest.mark.parametrize(
    ("word", "subject", "done"),
    [
        ("stop", GROUP, {f"{GROUP}.Flags": ("has", "stopped"), f"{GROUP}.Phase": ("is", "stopped")}),
        ("freeze", GROUP, {f"{GROUP}.Flags": ("has", "frozen")}),
        ("thaw", GROUP, {f"{GROUP}.Flags": ("lacks", "frozen")}),
        (
            "restart",
            GROUP,
            {
                f"{GROUP}.Phase": ("is", "started"),
                f"{GROUP}.Owner": ("is", "n1"),
                f"{GROUP}.Since": ("changed", ""),
            },
        ),
        (
            "standby",
            "n1",
            {"n1.Standby": ("is", True), f"{GROUP}.Phase": ("is", "started"), f"{GROUP}.Owner": ("is", "n2")},
        ),
        ("normal", "", {".Maintenance": ("is", False)}),
    ],
)
def test_it_is_done_when_what_was_foreseen_is_so(word: str, subject: str, done: dict[str, Any]) -> None:
    (way,) = wished(word, subject).goal.done
    assert told(way) == done


def test_a_node_is_off_once_it_is_fenced_or_was_and_is_back() -> None:
    first, second = (told(way) for way in wished("fence", "n3").goal.done)
    assert first == {"n3.State": ("is", "fenced")}
    assert second == {"n3.Incarnation": ("changed", "")}


def test_it_went_otherwise_when_the_group_rests_blocked_disabled_or_elsewhere() -> None:
    ways = [told(way) for way in wished("relocate").goal.otherwise]
    assert [way.get(f"{GROUP}.Phase") for way in ways] == [("is", "blocked"), ("is", "started"), ("is", "stopped")]
    assert all(way[f"{GROUP}.Since"] == ("changed", "") for way in ways), "how it was before is no outcome"
    assert ways[1][f"{GROUP}.Owner"] == ("is-not", "n2")
    assert ways[2][f"{GROUP}.Flags"] == ("has", "disabled")
    assert wished("freeze").goal == Goal(done=wished("freeze").goal.done, otherwise=())


# what is refused


@pytest.mark.parametrize(
    ("word", "subject", "node", "words"),
    [
        ("start", "nothing", "", "there is no group nothing"),
        ("relocate", GROUP, "n9", "n9 may not run webserv"),
        ("standby", "n9", "", "there is no node n9"),
        ("confirm", "n1", "", "no loss of n1 waits for a proof"),
    ],
)
def test_it_is_refused_with_the_sentence_of_the_wish_itself(word: str, subject: str, node: str, words: str) -> None:
    with pytest.raises(WishRefusedError, match=words):
        wished(word, subject, node)


@pytest.mark.parametrize(
    ("word", "subject", "node", "words"),
    [
        ("explode", GROUP, "", "there is no wish explode; there are: start, stop,"),
        ("drill", GROUP, "", "there is no wish drill"),
        ("stop", GROUP, "n2", "stop takes no node"),
        ("maintenance", "n1", "", "maintenance is for the whole cluster"),
    ],
)
def test_what_is_no_wish_is_a_wrong_argument(word: str, subject: str, node: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wished(word, subject, node)


# it is only supposed


@pytest.mark.parametrize("kind", list(SAID))
def test_nothing_of_the_record_is_changed_by_it(kind: WishKind) -> None:
    record = running()
    before = whole_digest(record)
    subject = dict.fromkeys(("keep", "take-back", "maintenance", "normal"), "")
    subject |= dict.fromkeys(("standby", "resume", "fence", "confirm"), "n1")
    try:
        wished(kind.value, subject.get(kind.value, GROUP), record=record)
    except WishRefusedError:
        assert kind in (WishKind.CONFIRM, WishKind.KEEP, WishKind.TAKE_BACK)
    assert whole_digest(record) == before


CONTENTS = arbitrary(Content, st.sampled_from((*NODES, GROUP, "7.1", "d1", "")), st.integers(0, 9))


@given(
    contents=st.lists(CONTENTS, max_size=6),
    word=st.sampled_from([kind.value for kind in SAID]),
    subject=st.sampled_from((GROUP, *NODES, "")),
)
def test_whatever_the_record_says_it_is_refused_or_every_group_has_an_effect(
    contents: list[Content], word: str, subject: str
) -> None:
    record = running()
    for content in contents:
        if not isinstance(content, ConfigurationInForce):  # asked is only who has the one in force
            record = after(record, content)
    try:
        wish = wish_of(word, subject, "", record, "uid 0 on n1")
    except ValueError:
        return
    refusal = refuse_wish(wish, record, KNOWN, situation())
    try:
        found = outcome(wish, record, KNOWN, situation(), UNMEASURED)
    except WishRefusedError as error:
        assert str(error) == refusal
        return
    assert refusal == ""
    assert [effect.group for effect in found.effects] == sorted(record.groups)
    assert found.goal.done
