"""What a version would do: to each group, as the plan has it, and beside the groups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.machine import configuration
from standfast.configuration.model import Configuration, Domain, Group, Resource, Source
from standfast.resourced.changes_planned import Change, ChangeKind, Effect, EffectKind, changes, effects, refused
from standfast.resourced.durations import UNMEASURED, VERSION, Durations, Kind, Sample
from standfast.resourced.messages import ConfigurationInForce, Content, Marked, Reported, Wish, WishKind
from standfast.resourced.presence import Held
from standfast.resourced.record import Record, whole_digest
from standfast.resourced.situation import Situation
from standfast.vocabulary import Holding
from unit.arbitrary import arbitrary
from unit.cluster import GROUP, NODES, after, fresh, situation, term

IP, WEB = "ip.service", "web.service"
KNOWN = configuration(list(NODES))
RUNS = Held(holding=Holding.RUNNING)
MAIL = Group(name="mail", description="", resources=(Resource(unit="mail.service"),))


def sample(kind: Kind, node: str, ms: int, **units: int) -> Sample:
    return Sample(kind=kind, node=node, ms=ms, units={f"{name}.service": at for name, at in units.items()})


MEASURED = Durations(
    groups={
        GROUP: (
            sample(Kind.STOP, "n1", 300, web=250),
            sample(Kind.STOP, "n1", 500, web=450),
            sample(Kind.STOP, "n1", 900, web=850),
            sample(Kind.START, "n1", 1_000, ip=200, web=1_000),
            sample(Kind.START, "n2", 2_000, ip=200, web=2_000),
        ),
        VERSION: (sample(Kind.INSTALL, "n2", 400),),
    }
)


def running(*names: str) -> Record:
    """The group runs well on n1."""
    there = term(fresh(), *(names or NODES), held={"n1": Holding.RUNNING})
    return after(there, Reported(node="n1", group=GROUP, order=0, busy=False, held=RUNS))


def version(known: Configuration = KNOWN, **values: Any) -> Configuration:
    return replace(known, digest="d2", **values)


def changed(**values: Any) -> Configuration:
    """The group is written otherwise."""
    return version(groups=(replace(KNOWN.groups[0], **values),))


def resources(*units: str, **definitions: str) -> tuple[Resource, ...]:
    return tuple(Resource(unit=unit, definition=definitions.get(unit.partition(".")[0], "")) for unit in units)


def domain(*nodes: str, **values: Any) -> tuple[Domain, ...]:
    sources = {key: Source(path="cluster.conf", line=line) for key, line in (("Nodes", 7), ("Failback", 9))}
    return (Domain(name="web", nodes=nodes, ordered=True, sources=sources, **values),)


def planned(
    new: Configuration,
    record: Record | None = None,
    at: Situation | None = None,
    known: Configuration = KNOWN,
    durations: Durations = UNMEASURED,
) -> Mapping[str, Effect]:
    found = effects(record or running(), known, new, at or situation(), durations)
    return {effect.group: effect for effect in found}


@pytest.mark.parametrize(
    ("new", "kind", "where", "words", "units"),
    [
        (version(), EffectKind.UNTOUCHED, ("n1", "n1"), "", ()),
        (changed(description="a text", max_restarts=9), EffectKind.UNTOUCHED, ("n1", "n1"), "", ()),
        (version(domains=domain("n2", "n1")), EffectKind.UNTOUCHED, ("n1", "n1"), "", ()),
        (version(domains=domain("n2", "n1", failback=True)), EffectKind.MOVE, ("n1", "n2"), "goes home to n2", ()),
        (changed(resources=resources(IP, WEB, web="x")), EffectKind.RESTART_PART, ("n1", "n1"), WEB, (WEB,)),
        (changed(resources=resources(IP, WEB, ip="x")), EffectKind.RESTART, ("n1", "n1"), IP, (IP, WEB)),
        (changed(resources=resources(WEB, IP)), EffectKind.RESTART, ("n1", "n1"), WEB, (WEB, IP)),
        (changed(resources=resources(IP)), EffectKind.RESTART_PART, ("n1", "n1"), WEB, ()),
        (changed(resources=resources(IP, WEB, "x.timer")), EffectKind.RESTART_PART, ("n1", "n1"), "x", ("x.timer",)),
        (version(groups=()), EffectKind.STOP, ("n1", ""), "it is no group any more", ()),
        (
            version(
                groups=(replace(KNOWN.groups[0], needs=("mail",)), replace(MAIL, domain="far")),
                domains=(*KNOWN.domains, Domain(name="far", nodes=(), restricted=True)),
            ),
            EffectKind.STOP,
            ("n1", ""),
            "mail",
            (),
        ),
        (
            version(groups=(replace(KNOWN.groups[0], needs=("mail",)), MAIL)),
            EffectKind.RESTART,
            ("n1", "n1"),
            "mail",
            (IP, WEB),
        ),
    ],
)
def test_what_becomes_of_a_running_group(
    new: Configuration, kind: EffectKind, where: tuple[str, str], words: str, units: tuple[str, ...]
) -> None:
    effect = planned(new)[GROUP]
    assert (effect.kind, (effect.source, effect.target), effect.resources) == (kind, where, units)
    assert words in effect.reason
    assert bool(effect.reason) is bool(words)


def test_a_new_group_starts_and_one_that_cannot_says_why() -> None:
    far = Domain(name="far", nodes=("n3",), restricted=True)
    new = version(groups=(*KNOWN.groups, MAIL, replace(MAIL, name="db", domain="far")), domains=(*KNOWN.domains, far))
    found = planned(new, running("n1", "n2"), situation(ring=frozenset({"n1", "n2"})))
    assert list(found) == ["db", "mail", GROUP]
    assert (found["mail"].kind, found["mail"].source, found["mail"].target) == (EffectKind.START, "", "n1")
    assert (found["mail"].reason, found["mail"].interruption_ms) == ("started on n1", 0)
    assert (found["db"].kind, found["db"].target) == (EffectKind.UNTOUCHED, "")
    assert found["db"].reason


def test_the_reason_names_the_setting_and_the_place_in_the_domain() -> None:
    effect = planned(version(domains=domain("n2", "n1", failback=True)))[GROUP]
    assert effect.reason == "goes home to n2; started on n2, number 1 of its domain"
    assert effect.setting == "cluster.conf:9"


def standing_by(*names: str) -> Record:
    record = running()
    for name in names:
        record = after(record, Wish(id="", kind=WishKind.STANDBY, subject=name))
    return record


RESTRICTED = domain("n2", "n3", restricted=True)


@pytest.mark.parametrize("away", [(), ("n2",)])
def test_a_node_that_goes_out_of_a_restricted_domain_loses_its_groups(away: tuple[str, ...]) -> None:
    effect = planned(version(domains=RESTRICTED), standing_by(*away), durations=MEASURED)[GROUP]
    place, target = (2, "n3") if away else (1, "n2")
    assert (effect.kind, effect.source, effect.target) == (EffectKind.MOVE, "n1", target)
    started = f"started on {target}, number {place} of its domain"
    assert effect.reason == f"its restricted domain does not allow n1; {started}"
    assert (effect.setting, effect.interruption_ms) == ("cluster.conf:7", 2_500 if target == "n2" else 2_000)
    open_to_all = version(domains=domain("n2", "n3"))
    assert planned(open_to_all, standing_by(*away))[GROUP].kind is EffectKind.UNTOUCHED


OUTSIDE = "stays on n1, which its restricted domain does not allow: n2 is in standby; n3 is in standby"


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({}, EffectKind.UNTOUCHED, OUTSIDE),
        (
            {"groups": (replace(KNOWN.groups[0], resources=(Resource(unit=IP), Resource(unit=WEB, definition="x"))),)},
            EffectKind.RESTART_PART,
            f"{WEB} is new, gone or defined otherwise: from there up everything is started anew; {OUTSIDE}",
        ),
    ],
)
def test_a_group_that_no_node_of_its_restricted_domain_can_take_is_not_stopped(
    values: Any, kind: EffectKind, words: str
) -> None:
    effect = planned(version(domains=RESTRICTED, **values), standing_by("n2", "n3"))[GROUP]
    assert (effect.kind, effect.source, effect.target, effect.reason) == (kind, "n1", "n1", words)


def test_a_frozen_group_stays_outside_of_its_restricted_domain_and_the_plan_says_so() -> None:
    record = after(running(), Wish(id="", kind=WishKind.FREEZE, subject=GROUP))
    effect = planned(version(domains=RESTRICTED), record)[GROUP]
    frozen = "frozen by an operator: nothing is done with it"
    assert (effect.kind, effect.reason) == (EffectKind.UNTOUCHED, f"{frozen}; its restricted domain does not allow n1")
    assert effect.setting == "cluster.conf:7"


def test_a_group_that_an_operator_stopped_stays_stopped() -> None:
    record = after(term(fresh(), *NODES), Wish(id="", kind=WishKind.STOP, subject=GROUP))
    effect = planned(changed(resources=resources(IP, WEB, ip="x")), record)[GROUP]
    assert (effect.kind, effect.source, effect.reason) == (EffectKind.UNTOUCHED, "", "stopped by an operator")
    gone = planned(version(groups=()), record)[GROUP]
    assert (gone.kind, gone.reason) == (EffectKind.UNTOUCHED, "it is no group any more: it is stopped before")


def test_what_would_happen_anyway_is_not_told_of_the_version() -> None:
    record = term(fresh(), *NODES)
    assert planned(changed(description="a text"), record)[GROUP].kind is EffectKind.UNTOUCHED
    home = replace(KNOWN, domains=domain("n1", "n2", failback=True))
    moved = after(
        term(fresh(), *NODES, held={"n2": Holding.RUNNING}),
        Reported(node="n2", group=GROUP, order=0, busy=False, held=RUNS),
    )
    assert (
        planned(version(home, cluster=replace(home.cluster, max_starts=9)), moved, known=home)[GROUP].kind
        is EffectKind.UNTOUCHED
    )


def test_a_changed_group_that_stops_anyway_is_not_restarted_by_the_version() -> None:
    record = after(running(), Wish(id="", kind=WishKind.STOP, subject=GROUP))
    effect = planned(changed(resources=resources(IP, WEB, ip="x")), record)[GROUP]
    assert (effect.kind, effect.reason) == (EffectKind.UNTOUCHED, "stopped by an operator")


def test_in_maintenance_nothing_is_ordered() -> None:
    record = after(running(), Wish(id="", kind=WishKind.MAINTENANCE, subject=""))
    assert planned(version(domains=domain("n2", failback=True)), record)[GROUP].kind is EffectKind.UNTOUCHED


@pytest.mark.parametrize(
    ("kind", "subject", "words"), [(WishKind.FREEZE, GROUP, "frozen"), (WishKind.MAINTENANCE, "", "in maintenance")]
)
def test_a_group_that_may_not_be_touched_keeps_its_node_from_the_version(
    kind: WishKind, subject: str, words: str
) -> None:
    record = after(running(), Wish(id="", kind=kind, subject=subject))
    effect = planned(changed(resources=resources(IP, WEB, web="x")), record)[GROUP]
    assert (effect.kind, effect.interruption_ms) == (EffectKind.UNTOUCHED, 0)
    assert words in effect.reason
    assert effect.reason.endswith(f"the version changes {WEB}, so n1 installs it only when that is over")
    assert planned(changed(description="a text"), record)[GROUP].reason == ""


def test_a_node_that_drifted_gets_its_groups_when_it_has_the_version() -> None:
    record = running()
    record = replace(record, nodes={**record.nodes, "n2": replace(record.nodes["n2"], installed="d0")})
    assert planned(version(domains=domain("n2", "n1", failback=True)), record)[GROUP].target == "n2"


def test_planning_changes_nothing() -> None:
    record = running()
    before = whole_digest(record)
    planned(version(groups=()), record)
    assert whole_digest(record) == before


CONTENTS = arbitrary(Content, st.sampled_from((*NODES, GROUP, "7.1", "d1", "")), st.integers(0, 9))
VERSIONS = (
    version(groups=()),
    version(domains=domain("n2", failback=True)),
    changed(resources=resources(WEB, IP), needs=("mail",)),
    replace(configuration(["n1", "n2"]), digest="d2"),
)


@given(contents=st.lists(CONTENTS, max_size=6), new=st.sampled_from(VERSIONS))
def test_whatever_the_record_says_each_group_has_one_effect_that_makes_sense(
    contents: list[Content], new: Configuration
) -> None:
    record = running()
    for content in contents:
        if not isinstance(content, ConfigurationInForce):  # asked is only who has the one in force
            record = after(record, content)
    found = effects(record, KNOWN, new, situation(), MEASURED)
    assert [effect.group for effect in found] == sorted({GROUP, *(group.name for group in new.groups)})
    for effect in found:
        moves = effect.source != effect.target
        assert moves == (effect.kind in (EffectKind.START, EffectKind.STOP, EffectKind.MOVE))
    refused(record, KNOWN, new, situation())


# How long


@pytest.mark.parametrize(
    ("new", "ms", "words"),
    [
        (
            version(domains=domain("n2", "n1", failback=True)),
            2_500,
            ("500 ms on n1 (the median of 3)", "2 s on n2 (once)"),
        ),
        (version(domains=domain("n3", "n1", failback=True)), 2_000, ("1.5 s on other nodes (the median of 2)",)),
        (changed(resources=resources(IP, WEB, ip="x")), 1_900, ("stopped in 500 ms", "put in place in 400 ms", "1 s")),
        (
            changed(resources=resources(IP, WEB, web="x")),
            1_650,
            ("stopped in 450 ms", "in 400 ms", "started in 800 ms"),
        ),
        (changed(resources=resources(IP, WEB, "x.timer")), None, ("at most 90 s to start (StartTimeout=)",)),
        (changed(resources=resources(IP)), 850, ("stopped in 450 ms",)),
        (version(), 0, ("",)),
    ],
)
def test_the_interruption_is_what_was_measured(new: Configuration, ms: int | None, words: tuple[str, ...]) -> None:
    effect = planned(new, durations=MEASURED)[GROUP]
    assert effect.interruption_ms == ms, effect
    for text in words:
        assert text in effect.measured


def test_without_a_measurement_the_timeouts_are_told() -> None:
    effect = planned(version(domains=domain("n2", failback=True)))[GROUP]
    assert effect.interruption_ms is None
    assert effect.measured == "not measured yet: at most 30 s to stop (StopTimeout=) and 90 s to start (StartTimeout=)"
    assert planned(version(groups=(*KNOWN.groups, MAIL)))["mail"].measured == (
        "not measured yet: at most 90 s to start (StartTimeout=)"
    )


def test_what_was_measured_of_two_parts_is_told_with_the_limit_of_the_other() -> None:
    started = Durations(groups={GROUP: (sample(Kind.START, "n2", 600),)})
    effect = planned(version(domains=domain("n2", failback=True)), durations=started)[GROUP]
    assert effect.interruption_ms is None
    assert effect.measured == ("started in 600 ms on n2 (once), not measured yet: at most 30 s to stop (StopTimeout=)")


def test_a_restart_stands_for_a_stop_and_a_start_that_were_never_measured_apart() -> None:
    restarts = Durations(groups={GROUP: (sample(Kind.RESTART, "n1", 700), sample(Kind.START, "n1", 600))})
    effect = planned(version(domains=domain("n2", failback=True)), durations=restarts)[GROUP]
    assert (effect.interruption_ms, effect.measured) == (700, "restarted in 700 ms on other nodes (once)")


# Beside the groups


def prepared(record: Record, *names: str) -> Record:
    """These nodes have the version on their disks."""
    nodes = {name: replace(node, available="d2" if name in names else "d1") for name, node in record.nodes.items()}
    return replace(record, nodes=nodes)


@pytest.mark.parametrize(
    ("record", "new", "words"),
    [
        (prepared(running(), *NODES), version(groups=()), ""),
        (running(), KNOWN, ""),
        (prepared(running(), "n1", "n3"), version(), "n2 has not prepared d2"),
        (prepared(running(), *NODES), replace(configuration(["n1", "n2"]), digest="d2"), "n3 is here and would be"),
    ],
)
def test_what_would_be_refused_now_is_told(record: Record, new: Configuration, words: str) -> None:
    found = refused(record, KNOWN, new, situation())
    assert [(one.kind, one.subject) for one in found] == ([(ChangeKind.REFUSED, "")] if words else [])
    assert all(words in one.text for one in found)


def test_a_version_that_changes_only_groups_changes_nothing_else() -> None:
    assert changes(KNOWN, version(groups=())) == ()


def test_nodes_come_and_go_and_take_their_votes_along() -> None:
    four = configuration([*NODES, "n4"])
    comes = changes(KNOWN, four)
    assert [(one.kind, one.subject) for one in comes] == [(ChangeKind.NODE_COMES, "n4"), (ChangeKind.QUORUM, "")]
    assert comes[1].text == "the quorum is 3 of 4 votes instead of 2 of 3"
    assert [one.kind for one in changes(four, KNOWN)] == [ChangeKind.NODE_GOES, ChangeKind.QUORUM]


def test_a_node_that_goes_takes_no_group_along() -> None:
    record = after(running("n1", "n2"), Marked(node="n3"))
    two = replace(configuration(["n1", "n2"]), digest="d2")
    effect = planned(two, record, situation(ring=frozenset({"n1", "n2"})))[GROUP]
    assert effect.kind is EffectKind.UNTOUCHED


def test_votes_and_addresses_of_a_node_are_told_with_their_line() -> None:
    heavy = replace(
        KNOWN.nodes[0], votes=3, addresses=("192.0.2.99",), sources={"Votes": Source(path="cluster.conf", line=4)}
    )
    votes, address, quorum, corosync = changes(KNOWN, version(nodes=(heavy, *KNOWN.nodes[1:])))
    assert votes == Change(
        kind=ChangeKind.NODE, subject="n1", text="n1 has 3 votes instead of 1", setting="cluster.conf:4"
    )
    assert "192.0.2.99" in address.text
    assert quorum.text == "the quorum is 3 of 5 votes instead of 2 of 3"
    assert corosync.kind is ChangeKind.COROSYNC


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"last_man_standing": True}, "LastManStanding=: in use when"),
        ({"name": "other", "auto_tie_breaker": True}, "Name=, AutoTieBreaker=: in use when"),
    ],
)
def test_what_corosync_reads_at_its_start_needs_a_rolling_restart(values: Mapping[str, Any], words: str) -> None:
    (change,) = changes(KNOWN, version(cluster=replace(KNOWN.cluster, **values)))
    assert change.kind is ChangeKind.COROSYNC
    assert words in change.text
    assert "on every node, one after the other" in change.text
    assert changes(KNOWN, version(cluster=replace(KNOWN.cluster, detect_within_ms=4_400))) == ()


@pytest.mark.parametrize(("kept", "told"), [((), True), (("198.51.100.1",), False)])
def test_addresses_that_no_link_keeps_need_everything_stopped(kept: tuple[str, ...], told: bool) -> None:
    first = KNOWN.nodes[0]
    before = replace(KNOWN, nodes=(replace(first, addresses=("192.0.2.1", *kept)),))
    after_ = replace(KNOWN, nodes=(replace(first, addresses=("203.0.113.1", *kept)),))
    texts = [change.text for change in changes(before, after_) if change.kind is ChangeKind.COROSYNC]
    assert [text.startswith("no link keeps its addresses") for text in texts] == [True] * told
