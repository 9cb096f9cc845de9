"""What the cluster would do if …: the plan's own steps on a copy of the record, told with their reasons."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.machine import configuration
from standfast.configuration.model import Configuration, Domain, Group, Resource, Source
from standfast.resourced.foreseen import Foreseen, Outcome, Step, StepKind, document
from standfast.resourced.messages import (
    ConfigurationInForce,
    Content,
    LossDeclared,
    Members,
    OrderGiven,
    OrderKind,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, Member
from standfast.resourced.reasons import Rule
from standfast.resourced.record import Record, whole_digest
from standfast.resourced.situation import Situation
from standfast.resourced.whatif import (
    HORIZON_MS,
    Configured,
    GroupFails,
    Hypothesis,
    NodeDies,
    Standby,
    foresee,
    presented,
    refuse,
)
from standfast.vocabulary import Holding, Phase
from unit.arbitrary import arbitrary
from unit.cluster import GROUP, NODES, after, because, fresh, member, situation, term

KNOWN = configuration(list(NODES))
ON_N1 = {"n1": Holding.RUNNING}
DETECT_MS = KNOWN.cluster.detect_within_ms


def running(record: Record | None = None, *names: str) -> Record:
    """The group runs well on n1."""
    there = term(record or fresh(), *(names or NODES), held=ON_N1)
    report = Reported(node="n1", group=GROUP, order=0, busy=False, held=Held(holding=Holding.RUNNING))
    return after(there, report)


def foreseen(
    hypothesis: Hypothesis,
    record: Record | None = None,
    known: Configuration = KNOWN,
    at: Situation | None = None,
) -> Foreseen:
    return foresee(record or running(), known, at or situation(), hypothesis)


def kinds(found: Foreseen) -> list[str]:
    return [step.kind.value for step in found.steps]


def only(found: Foreseen, kind: StepKind) -> Step:
    (step,) = [step for step in found.steps if step.kind is kind]
    return step


def outcome(found: Foreseen, name: str = GROUP) -> Outcome:
    (one,) = [one for one in found.groups if one.group == name]
    return one


def owner(found: Foreseen, name: str = GROUP) -> str:
    place = outcome(found, name).after
    assert place is not None
    return place.owner if place.phase is Phase.STARTED else place.phase.value


def test_a_node_that_dies_is_fenced_before_its_group_starts_elsewhere() -> None:
    found = foreseen(NodeDies(node="n1"))
    assert kinds(found) == ["supposed", "term", "lost", "fencing", "proven", "switched-on", "start"]
    start = only(found, StepKind.START)
    assert (start.node, start.subject, start.at_ms) == ("n2", GROUP, DETECT_MS)
    assert start.reasons[0].rule is Rule.OWNER_PROVEN_OFF
    assert only(found, StepKind.LOST).reasons[0].rule is Rule.LEFT_RING
    assert owner(found) == "n2"


def test_a_node_without_a_group_dies_and_the_group_stays() -> None:
    found = foreseen(NodeDies(node="n3"))
    assert StepKind.PROVEN.value in kinds(found)
    assert not outcome(found).touched
    assert owner(found) == "n1"


def test_nothing_of_the_record_is_changed_by_it() -> None:
    record = running()
    before = whole_digest(record)
    foreseen(NodeDies(node="n1"), record)
    assert whole_digest(record) == before


def test_who_stays_presents_itself_in_the_next_term_as_it_was() -> None:
    def said(name: str) -> Member:
        said = replace(member(name, held=Holding.RUNNING), installed=f"i {name}", available=f"a {name}", speaks=2)
        return replace(said, healthy=name != "n2", objections=(f"o {name}",), drifted=(f"d {name}",))

    record = after(running(), Members(members=tuple(map(said, NODES))), position=1)
    again = after(record, Members(members=tuple(presented(record, name) for name in NODES)), number=8, position=1)
    assert again.nodes == {name: replace(node, named_in=8) for name, node in record.nodes.items()}
    assert again.groups[GROUP].held == record.groups[GROUP].held


def test_every_member_foresees_the_same() -> None:
    lost = after(running(None, "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    for hypothesis, record in ((NodeDies(node="n1"), running()), (Standby(node="n2"), lost)):
        expected = foreseen(hypothesis, record, at=situation(me="n1"))
        assert StepKind.FENCING.value in kinds(expected)
        assert foreseen(hypothesis, record, at=situation(me="n2")) == expected


def test_a_node_that_could_not_stop_a_group_is_fenced_and_the_others_go_on_in_a_term_without_it() -> None:
    failed = Held(holding=Holding.STOP_FAILED, failed="its mount is busy")
    record = after(running(), Reported(node="n1", group=GROUP, order=0, busy=False, held=failed))
    found = foreseen(Standby(node="n3"), record)
    assert kinds(found)[:5] == ["supposed", "lost", "fencing", "proven", "term"]
    assert only(found, StepKind.LOST).reasons[0].rule is Rule.STOP_FAILED
    assert owner(found) == "n2"


def test_another_coordinator_counts_what_it_waits_for_from_the_beginning() -> None:
    names = ("n1", "n2", "n3", "n4", "n5")
    record = term(term(fresh(*names), *names), *names[:4])
    at = situation(now=20_000, ring=frozenset(names), waits={"away n5": 0})
    known = configuration(list(names))
    grace = known.cluster.daemon_grace_ms
    another, same = (losses(foreseen(NodeDies(node=name), record, known, at)) for name in ("n1", "n4"))
    assert another == {"n1": DETECT_MS, "n5": DETECT_MS + grace}
    assert same == {"n4": DETECT_MS, "n5": grace - at.now}


def losses(found: Foreseen) -> dict[str, int]:
    """When each node would be lost."""
    return {step.subject: step.at_ms for step in found.steps if step.kind is StepKind.LOST}


def test_in_a_cluster_of_two_the_other_one_goes_on_once_it_is_proven() -> None:
    known = configuration(["n1", "n2"])
    at = situation(ring=frozenset({"n1", "n2"}))
    found = foreseen(NodeDies(node="n1"), running(fresh("n1", "n2"), "n1", "n2"), known, at)
    assert kinds(found)[:5] == ["supposed", "term", "lost", "fencing", "proven"]
    assert only(found, StepKind.TERM).node == "n2"
    assert owner(found) == "n2"


def test_a_node_that_cannot_be_fenced_keeps_its_group_from_starting() -> None:
    bare = replace(KNOWN, nodes=tuple(replace(node, fence=()) for node in KNOWN.nodes))
    found = foreseen(NodeDies(node="n1"), known=bare)
    waits = only(found, StepKind.WAITS)
    assert [why.rule for why in waits.reasons] == [Rule.AWAITS_PROOF]
    assert owner(found) == "stopped"
    assert outcome(found).waits_for == waits.reasons


def test_without_the_quorum_those_who_stay_stop_their_groups() -> None:
    record = running(None, "n1", "n2")
    record = after(record, LossDeclared(node="n3", reason=because("gone")))
    found = foreseen(NodeDies(node="n2"), record, at=situation(ring=frozenset({"n1", "n2"})))
    assert kinds(found) == ["supposed", "quorum-lost"]
    assert only(found, StepKind.QUORUM_LOST).text == "all groups stop on n1"
    assert outcome(found).waits_for[0].rule is Rule.QUORUM_LEAVES
    assert owner(found) == "stopped"


def test_a_group_that_fails_is_restarted_where_it_runs() -> None:
    found = foreseen(GroupFails(group=GROUP))
    assert kinds(found) == ["supposed", "restart"]
    assert only(found, StepKind.RESTART).reasons[0].facts["count"] == "1"
    assert (owner(found), outcome(found).touched) == ("n1", True)


def fail(record: Record, times: int) -> Record:
    for number in range(times):
        held = Held(holding=Holding.RUNNING, failed=f"failure {number}")
        record = after(record, Reported(node="n1", group=GROUP, order=0, busy=False, held=held))
    return after(record, Reported(node="n1", group=GROUP, order=0, busy=False, held=Held(holding=Holding.RUNNING)))


def test_a_group_that_has_had_its_restarts_moves() -> None:
    found = foreseen(GroupFails(group=GROUP), fail(running(), KNOWN.groups[0].max_restarts))
    assert kinds(found) == ["supposed", "stop", "start"]
    assert only(found, StepKind.STOP).reasons[0].rule is Rule.MOVED_AWAY
    assert [why.rule for why in only(found, StepKind.START).reasons] == [Rule.FIRST_CHOICE, Rule.AVOIDED]
    assert owner(found) == "n2"


def test_a_group_whose_domain_asks_for_it_goes_home_when_its_failures_are_forgotten() -> None:
    home = replace(KNOWN, domains=(replace(KNOWN.domains[0], failback=True),))
    found = foreseen(GroupFails(group=GROUP), fail(running(), 2), home)
    last = found.steps[-1]
    assert (last.kind, last.node) == (StepKind.START, "n1")
    assert last.at_ms > KNOWN.groups[0].failure_expire_ms
    assert owner(found) == "n1"


def test_standby_moves_the_group_away() -> None:
    found = foreseen(Standby(node="n1"))
    assert kinds(found) == ["supposed", "stop", "start"]
    assert only(found, StepKind.STOP).reasons[0].rule is Rule.STANDBY
    assert owner(found) == "n2"


def test_in_maintenance_nothing_would_be_done() -> None:
    record = after(running(), Wish(id="", kind=WishKind.MAINTENANCE, subject=""))
    assert kinds(foreseen(Standby(node="n1"), record)) == ["supposed"]


def test_what_a_setting_makes_it_wait_is_told_as_time() -> None:
    """A node that was absent at a cold start is fenced after PostJoinDelay, and not a millisecond sooner."""
    cluster = replace(
        KNOWN.cluster, post_join_delay_ms=20_001, sources={"PostJoinDelay": Source(path="cluster.conf", line=3)}
    )
    known = replace(KNOWN, cluster=cluster)
    record = term(fresh(), "n1", "n2")
    record = replace(record, nodes={**record.nodes, "n3": replace(record.nodes["n3"], left=False)})
    at = replace(situation(ring=frozenset({"n1", "n2"})), cold=True)
    found = foreseen(Standby(node="n2"), record, known, at)
    time, fencing = only(found, StepKind.TIME), only(found, StepKind.FENCING)
    assert (time.text, time.reasons[0].rule) == ("20.001 s go by", Rule.AWAITS_PROOF)
    assert fencing.at_ms == 20_001
    assert owner(found) == "n1"


def with_group(name: str, *nodes: str) -> Configuration:
    """The configuration with one more group, that only these nodes may run."""
    group = Group(name=name, description="", resources=(Resource(unit=f"{name}.service"),), domain=name)
    domain = Domain(name=name, nodes=nodes, restricted=True)
    return replace(KNOWN, digest="d2", domains=(*KNOWN.domains, domain), groups=(*KNOWN.groups, group))


def test_a_new_group_of_a_configuration_would_start() -> None:
    found = foreseen(Configured(configuration=with_group("mail", "n3")))
    assert kinds(found) == ["supposed", "configuration", "start"]
    assert (outcome(found, "mail").before, owner(found, "mail")) == (None, "n3")
    assert not outcome(found).touched


def test_a_domain_that_excludes_the_owner_is_told_as_it_is_planned() -> None:
    domain = Domain(name="web", nodes=("n2",), restricted=True)
    found = foreseen(Standby(node="n2"), known=replace(KNOWN, domains=(domain,)), record=term(fresh(), *NODES))
    assert [why.rule for why in only(found, StepKind.WAITS).reasons] == [Rule.NO_NODE, Rule.STANDBY]
    assert owner(found) == "stopped"


def test_a_configuration_that_is_not_safe_does_not_come_into_force() -> None:
    found = foreseen(Configured(configuration=with_group("mail", "n3")), running(running(), "n1", "n2"))
    assert StepKind.CONFIGURATION.value not in kinds(found)
    text = only(found, StepKind.NOT_IN_FORCE).text
    assert text.startswith("it does not come into force: n3 is not here, and neither left nor is proven off")


def test_an_order_that_is_under_way_is_carried_out_first() -> None:
    record = term(fresh(), *NODES)
    number = record.groups[GROUP].number
    order = OrderGiven(group=GROUP, number=number, kind=OrderKind.START, node="n2", reasons=())
    found = foreseen(Standby(node="n3"), after(record, order))
    assert owner(found) == "n2"


@pytest.mark.parametrize(
    ("hypothesis", "words"),
    [
        (NodeDies(node="n9"), "no node n9"),
        (Standby(node="n9"), "no node n9"),
        (NodeDies(node="n3"), "n3 is not here"),
        (GroupFails(group="mail"), "no group mail"),
        (GroupFails(group=GROUP), "runs nowhere"),
    ],
)
def test_what_cannot_be_supposed_is_refused_in_a_sentence(hypothesis: Hypothesis, words: str) -> None:
    record = term(fresh(), "n1", "n2")
    assert words in refuse(hypothesis, record, situation(ring=frozenset({"n1", "n2"})))
    assert refuse(NodeDies(node="n1"), record, situation()) == ""


def test_a_cluster_of_many_failures_is_cut_off_rather_than_simulated_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standfast.resourced.whatif.MOST_PLANNINGS", 2)
    assert kinds(foreseen(NodeDies(node="n1")))[-1] == "cut-off"


CONTENTS = arbitrary(Content, st.sampled_from((*NODES, GROUP, "7.1", "d1", "")), st.integers(0, 9))
HYPOTHESES = [*(kind(node=name) for kind in (NodeDies, Standby) for name in NODES), GroupFails(group=GROUP)]


@given(contents=st.lists(CONTENTS, max_size=6), hypothesis=st.sampled_from(HYPOTHESES))
def test_whatever_the_record_says_the_simulation_ends_and_its_document_can_be_written(
    contents: list[Content], hypothesis: Hypothesis
) -> None:
    record = running()
    for content in contents:
        if not isinstance(content, ConfigurationInForce):  # asked is only who has the one in force
            record = after(record, content)
    if refuse(hypothesis, record, situation()):
        return
    found = foreseen(hypothesis, record)
    times = [step.at_ms for step in found.steps]
    assert found.steps[0].kind is StepKind.SUPPOSED
    assert times == sorted(times)
    assert max(times) <= HORIZON_MS
    assert json.dumps(document(found))


def test_the_document_says_everything_in_plain_data() -> None:
    made = json.loads(json.dumps(document(foreseen(NodeDies(node="n1")))))
    start = next(step for step in made["steps"] if step["kind"] == "start")
    assert start["node"] == "n2"
    assert start["reasons"][0]["rule"] == "owner-proven-off"
    assert "n1 is proven off" in start["reasons"][0]["text"]
    assert made["groups"] == [
        {
            "name": GROUP,
            "before": {"phase": "started", "owner": "n1"},
            "after": {"phase": "started", "owner": "n2"},
            "touched": True,
            "waits_for": [],
        }
    ]
