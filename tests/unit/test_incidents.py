"""Which entries make one incident, and the steps that it went through."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.ctl.timeline_table import show
from standfast.incidents import Entry, Incident, StepName, about, entry_of, gather, slowest, steps, with_loss
from unit.stories import START, entry, failure, power_cut


def told(incident: Incident, group: str = "") -> list[tuple[str, int]]:
    return [(step.name.value, step.ms) for step in steps(incident, group)]


def test_a_power_cut_is_told_from_the_last_sign_of_life_to_the_good_probe() -> None:
    (incident,) = gather(power_cut(0, "web"))
    made = steps(incident, "web")
    assert told(incident, "web") == [
        ("cause", 0),
        ("detected", 2200),
        ("decided", 20),
        ("fenced", 680),
        ("started", 210),
        ("good", 50),
    ]
    assert made[0].at == START - timedelta(seconds=2.2)
    assert sum(step.ms for step in made) == 3160
    slow = slowest(made)
    assert slow is not None and slow.name == "detected"
    assert incident.losses == {"8.1"}


def test_a_node_that_ticked_after_its_corosync_fell_silent_was_alive_until_then() -> None:
    """Its Corosync was stopped: nobody waited for the token."""
    entries = [replace(one, silent_ms=300) if one.event == "node-lost" else one for one in power_cut(0, "web")]
    (incident,) = gather(entries)
    assert told(incident)[:2] == [("cause", 0), ("detected", 280)]


def test_a_node_whose_links_were_down_before_was_not_heard_later() -> None:
    down = [entry(-5, "link-down", lost="node1"), entry(-4.9, "link-down", lost="node1")]
    (incident,) = gather([*down, *power_cut(0, "web")])
    assert told(incident)[:2] == [("cause", 0), ("detected", 5000)]


def test_a_kill_is_told_from_the_failure_on() -> None:
    (incident,) = gather(failure(0, "web"))
    assert told(incident, "web") == [("detected", 0), ("decided", 10), ("started", 190), ("good", 0)]


def test_a_hang_soon_after_a_start_is_an_incident_of_its_own() -> None:
    bad = entry(8.0, "probe-changed", "web", resource="web.service", probe="bad", silent_ms=3100)
    found = gather([*failure(0, "web"), bad, *failure(8.01, "web", "10")])
    assert [told(incident, "web")[0] for incident in found] == [("detected", 0), ("cause", 0)]


def test_what_fails_again_after_it_served_is_another_incident_and_another_outage() -> None:
    entries = [*failure(0, "web", "9"), *failure(5, "web", "10")]
    assert [told(incident, "web") for incident in gather(entries)] == [told(Incident(failure(0, "web")), "web")] * 2
    assert told(Incident(entries), "web") == told(Incident(failure(0, "web")), "web")


def test_a_start_that_fails_is_tried_elsewhere_in_the_same_incident() -> None:
    first = failure(0, "web")[:3]
    again = [
        entry(0.5, "group-failed", "web", position="9.8", parent="9.6"),
        entry(0.6, "order", "web", position="9.9", parent="9.8", decision="start"),
        entry(1.0, "group-active", "web", position="9.10", parent="9.9"),
        entry(1.5, "group-started", "web", position="9.11", parent="9.10", probe="good"),
    ]
    (incident,) = gather([*first, *again])
    assert told(incident, "web") == [("detected", 0), ("decided", 10), ("started", 990), ("good", 500)]


def test_a_group_that_runs_with_a_bad_probe_is_started_and_not_good() -> None:
    up = entry(0.3, "group-active", "web", position="9.7", parent="9.6")
    started = entry(0.4, "group-started", "web", position="9.8", parent="9.7", probe="bad")
    (incident,) = gather([*failure(0, "web")[:3], up, started])
    assert told(incident, "web") == [("detected", 0), ("decided", 10), ("started", 290)]


def test_a_hang_is_told_from_the_last_good_look_on() -> None:
    bad = entry(-0.01, "probe-changed", "web", resource="web.service", probe="bad", silent_ms=3100)
    (incident,) = gather([bad, *failure(0, "web")])
    assert told(incident, "web")[:3] == [("cause", 0), ("detected", 3110), ("decided", 10)]


def test_a_relocation_is_told_from_the_wish_on() -> None:
    entries = [
        entry(0, "wish", "web", position="9.4"),
        entry(0.01, "order", "web", position="9.5", parent="9.4", decision="stop"),
        entry(0.01, "group-stopping", "web", position="9.5", parent="9.4"),
        entry(0.2, "group-stopped", "web", position="9.6", parent="9.5"),
        entry(0.22, "order", "web", position="9.7", decision="start"),
        entry(0.22, "group-starting", "web", position="9.7"),
        entry(0.5, "group-started", "web", position="9.8", parent="9.7", probe="good"),
    ]
    (incident,) = gather(entries)
    assert told(incident, "web") == [("cause", 0), ("decided", 10), ("stopped", 190), ("started", 300), ("good", 0)]


def test_a_partition_is_one_incident_of_both_sides() -> None:
    alone = [
        entry(0.002, "view-changed", lost="node2 node3", silent_ms=2200, node="node1", host="node1"),
        entry(0.003, "quorum-lost", node="node1", host="node1"),
        entry(0.3, "quorum-lost-stop", node="node1", host="node1"),
    ]
    (incident,) = gather(sorted([*power_cut(0, "web"), *alone], key=lambda one: one.at))
    assert told(incident, "web")[:3] == [("cause", 0), ("detected", 2200), ("decided", 20)]


def test_fencing_that_fails_first_makes_one_long_step() -> None:
    failed = [
        entry(0.5, "attempt-failed", incident="8.1", node="node1", position="8.5", parent="8.3"),
        entry(65.0, "attempt", incident="8.1", node="node1", position="8.6", parent="8.5"),
    ]
    (incident,) = gather(sorted([*power_cut(0, "web", proven=600.0), *failed], key=lambda one: one.at))
    assert ("fenced", 599980) in told(incident, "web")


def test_a_proof_that_an_operator_gives_hours_later_is_of_the_same_incident() -> None:
    (incident,) = gather(power_cut(0, "web", proven=30_000.0))
    assert ("fenced", 29_999_980) in told(incident, "web")


def test_two_incidents_at_once_are_told_apart() -> None:
    entries = sorted([*power_cut(0, "web"), *failure(0.3, "mail")], key=lambda one: one.at)
    first, second = gather(entries)
    assert (first.entries, second.entries) == (power_cut(0, "web"), failure(0.3, "mail"))
    assert told(second, "mail")[0] == ("detected", 0)


def test_two_nodes_that_are_lost_at_once_are_one_incident() -> None:
    view, *rest = power_cut(0, "web")
    other = [
        entry(0.021, "node-lost", incident="8.2", node="node3", position="8.7"),
        entry(0.9, "node-proven", incident="8.2", node="node3", position="8.8", parent="8.7"),
    ]
    (incident,) = gather(sorted([replace(view, lost="node1 node3"), *rest, *other], key=lambda one: one.at))
    assert incident.losses == {"8.1", "8.2"}
    assert ("fenced", 680) in told(incident, "web"), "of the node that had it"
    assert ("fenced", 880) in told(Incident(incident.entries, losses=incident.losses)), "of both"


def test_two_views_that_lose_a_node_each_are_two_incidents() -> None:
    entries = [*power_cut(0, "web"), *power_cut(0.35, "mail", lost="node3", loss="9.1")]
    found = gather(sorted(entries, key=lambda one: one.at))
    assert [incident.losses for incident in found] == [{"8.1"}, {"9.1"}]
    assert with_loss("9.1", found) == [found[1]]
    assert with_loss("7.1", found) == []


def test_a_power_cut_soon_after_another_one_is_another_incident() -> None:
    back = [entry(3, "view-changed"), entry(3.1, "node-back", incident="8.1", node="node1", position="9.1")]
    down = [entry(7, "link-down", lost="node2"), entry(7.1, "link-down", lost="node2")]
    second = power_cut(9, "web", lost="node2", loss="10.1")
    found = gather([*power_cut(0, "web"), *back, *down, *second])
    assert [incident.losses for incident in found] == [{"8.1"}, {"10.1"}]
    assert found[1].entries == [*down, *second]


def test_a_node_that_loses_its_power_again_soon_after_it_was_back_is_lost_anew() -> None:
    back = entry(12, "node-back", incident="8.1", node="node1", position="9.1")
    found = gather([*power_cut(0, "web"), back, *power_cut(30, "web", loss="10.1")])
    assert [incident.losses for incident in found] == [{"8.1"}, {"10.1"}]


def test_a_node_that_another_one_missed_while_it_was_cut_off_itself_is_lost_anew() -> None:
    alone = entry(-50, "view-changed", lost="node1 node3", silent_ms=2200, host="node2")
    again = entry(-40, "view-changed", members="node1 node2 node3", host="node2")
    found = gather([alone, again, *power_cut(0, "web")])
    assert [len(incident.entries) for incident in found] == [2, len(power_cut(0, "web"))]


def test_what_a_node_tells_after_its_boot_is_another_incident_unless_a_link_says_otherwise() -> None:
    before, after = (replace(entry(at, "term-opened"), boot=boot, uptime_us=5) for at, boot in ((0, "a"), (4, "b")))
    back = replace(entry(5, "node-back", incident="8.1", node="node1", position="9.1"), boot="b", uptime_us=9)
    assert [incident.entries[0].event for incident in gather([before, after])] == ["term-opened"] * 2
    assert len(gather([*power_cut(0, "web"), back])) == 1


def test_a_group_that_fails_while_its_node_is_missed_belongs_to_both_and_makes_them_one() -> None:
    ordered = entry(0.72, "order", "web", "8.1", parent="7.5", position="8.30", decision="start")
    failed = entry(-1, "group-failed", "web", position="7.5")
    entries = sorted([failed, *power_cut(0), ordered], key=lambda one: one.at)
    assert len(gather(entries)) == 1


def test_copies_are_told_together_and_one_by_one() -> None:
    names = ("proxy@n1", "proxy@n2", "proxy2", "web")
    entries = [entry(0.1 * at, "group-started", group=name) for at, name in enumerate(names)]
    found = {
        name: [one.group for incident in about(name, gather(entries)) for one in incident.entries]
        for name in ("proxy", "proxy@n2")
    }
    assert found == {"proxy": ["proxy@n1", "proxy@n2"], "proxy@n2": ["proxy@n2"]}


def test_groups_that_start_with_the_cluster_are_one_incident() -> None:
    opened = [entry(0, "view-changed"), entry(0.1, "term-opened")]
    starts = [entry(0.2 + at / 100, "order", f"g{at}", position=f"2.{at}", decision="start") for at in range(20)]
    assert len(gather([*opened, *starts])) == 1


def test_what_comes_after_a_pause_without_links_is_another_incident() -> None:
    assert [incident.entries for incident in gather([*power_cut(0, "web"), *failure(3600, "web")])] == [
        power_cut(0, "web"),
        failure(3600, "web"),
    ]


def test_a_node_that_boots_slowly_is_back_in_the_incident_of_its_loss() -> None:
    back = entry(1500, "node-back", incident="8.1", node="node1", position="9.1")
    assert len(gather([*power_cut(0, "web"), back])) == 1
    start = entry(90_000, "order", "web", "8.1", position="9.7", decision="start")
    assert len(gather([*power_cut(0, "web"), back, start])) == 2, "days later that loss is a reason, and no cause"


def test_a_slow_start_is_the_same_incident_and_ends_it() -> None:
    slow = [entry(0, "group-starting", group="web"), entry(80, "group-started", group="web")]
    assert len(gather([*slow, entry(200, "group-failed", group="web")])) == 2


def test_a_group_that_serves_again_by_itself_is_good_again() -> None:
    entries = [entry(0, "group-failed", "web", position="9.1"), entry(1, "group-kept", "web", position="9.2")]
    serves = entry(7200, "group-serves", "web", position="9.3", parent="9.1")
    (incident,) = gather([*entries, serves])
    assert told(incident, "web") == [("detected", 0), ("good", 7_200_000)]


@pytest.mark.parametrize("cut", range(len(power_cut(0, "web"))))
def test_a_journal_that_begins_in_the_middle_tells_what_it_has(cut: int) -> None:
    entries = power_cut(0, "web")[cut:]
    (incident,) = gather(entries)
    assert incident.entries == entries
    made = steps(incident, "web")
    assert all(step.ms >= 0 for step in made)
    assert made[-1].name in ("good", "started")


def test_the_timeline_of_a_group_leaves_other_groups_out() -> None:
    (incident,) = about("web", gather(power_cut(0, "web", "mail")))
    assert {one.group for one in incident.entries} == {"", "web"}
    assert about("unknown", gather(power_cut(0, "web"))) == []


def test_the_slowest_group_ends_an_incident_of_many() -> None:
    (incident,) = gather(power_cut(0, "web", "mail"))
    assert sum(ms for _, ms in told(incident)) == sum(ms for _, ms in told(incident, "mail")) == 3170
    assert sum(ms for _, ms in told(incident, "web")) == 3160


def test_a_journal_of_an_older_release_has_no_links_and_is_told_all_the_same() -> None:
    bare = {"position": "", "parent": "", "lost": "", "silent_ms": None, "probe": ""}
    entries = [replace(one, **bare) for one in power_cut(0, "web") if one.event != "group-active"]  # type: ignore[arg-type]  # of str and None
    (incident,) = gather(entries)
    assert told(incident, "web") == [("detected", 0), ("decided", 20), ("fenced", 680), ("started", 260)]


def test_a_clock_that_is_set_makes_no_step_negative_and_none_longer() -> None:
    clocks = [replace(one, boot="b", uptime_us=round(1e9 + 1e6 * i / 10)) for i, one in enumerate(failure(0, "web"))]
    jumped = [*clocks[:2], *(replace(one, at=one.at - timedelta(hours=2)) for one in clocks[2:])]
    (incident,) = gather(jumped)
    assert told(incident, "web") == [("detected", 0), ("decided", 100), ("started", 200), ("good", 0)]
    (incident,) = gather(
        [entry(0, "group-failed", "web"), entry(-5, "order", "web"), entry(-4, "group-started", "web")]
    )
    assert told(incident, "web") == [("detected", 0), ("decided", 0), ("started", 1000)]


def test_entries_whose_times_go_back_make_no_step_negative() -> None:
    entries = [entry(0, "group-failed", "web"), entry(-5, "order", "web"), entry(-4, "group-started", "web")]
    assert told(Incident(entries), "web") == [("detected", 0), ("decided", 0), ("started", 0)]


EVENTS = (
    *("view-changed", "node-lost", "node-proven", "order", "group-failed", "group-active", "group-started"),
    *("group-stopped", "wish", "probe-changed", "link-down", "node-back", "drill-begun", "term-opened", ""),
)
names = st.sampled_from(("", "a", "a@n1", "8.1", "9.2", "node1", "node1 node2", "bad", "good"))
any_entry = st.builds(
    Entry,
    at=st.timedeltas(timedelta(days=-1), timedelta(days=1)).map(lambda since: START + since),
    event=st.sampled_from(EVENTS),
    **dict.fromkeys(
        ("node", "text", "group", "incident", "position", "parent", "lost", "probe", "host", "boot"), names
    ),
    silent_ms=st.none() | st.integers(0, 86_400_000),
    uptime_us=st.none() | st.integers(0, 10**13),
)


@given(st.lists(any_entry, max_size=30), names)
def test_whatever_a_journal_has_steps_are_in_order_and_add_up(entries: list[Entry], group: str) -> None:
    found = gather(entries)
    assert sum(len(incident.entries) for incident in found) == len(entries)
    for incident in (*found, *about(group, found)):
        made = steps(incident, group)
        assert [step.name for step in made] == [name for name in StepName if name in {step.name for step in made}]
        assert all(step.ms >= 0 for step in made)
        times = [one.at for one in incident.entries]
        assert times == sorted(times)
    show(found, group, io.StringIO(), width=80)


def test_a_journal_record_is_read_by_its_fields() -> None:
    fields: dict[str, Any] = {
        "__REALTIME_TIMESTAMP": START + timedelta(seconds=1),
        "_SOURCE_REALTIME_TIMESTAMP": START,
        "MESSAGE": "node3 is lost",
        "STANDFAST_EVENT": "node-lost",
        "STANDFAST_NODE": "node1",
        "STANDFAST_SUBJECT": "node3",
        "STANDFAST_INCIDENT": "8.1",
        "STANDFAST_SILENT_MS": "2900",
    }
    wanted = Entry(at=START, event="node-lost", node="node3", text="node3 is lost", incident="8.1", silent_ms=2900)
    assert entry_of(fields) == wanted


def test_journalctls_json_is_read_as_the_journal_itself() -> None:
    fields = {
        "__REALTIME_TIMESTAMP": str(1_767_268_800_500_000),
        "_SOURCE_REALTIME_TIMESTAMP": str(1_767_268_800_000_000),
        "__MONOTONIC_TIMESTAMP": "2500000",
        "_BOOT_ID": "b",
        "MESSAGE": [104, 105, 255],
        "STANDFAST_EVENT": ["order", "group-started"],
        "_HOSTNAME": "node1",
    }
    read = entry_of(fields)
    assert (read.at, read.text, read.event, read.node) == (START, "hi\ufffd", "group-started", "node1")
    assert read.uptime_us == 2_000_000, "when it was sent"


values = st.none() | st.text() | st.binary() | st.integers() | st.lists(st.integers() | st.text(), max_size=3)


@given(st.dictionaries(st.sampled_from(("MESSAGE", "STANDFAST_GROUP", "STANDFAST_SILENT_MS", "_BOOT_ID")), values))
def test_strange_values_do_no_harm(fields: dict[str, Any]) -> None:
    read = entry_of(fields | {"__REALTIME_TIMESTAMP": START, "STANDFAST_EVENT": "node-lost"})
    assert read.silent_ms is None or 0 <= read.silent_ms <= 86_400_000
    show(gather([read]), "", io.StringIO(), width=80)


@pytest.mark.parametrize("time", ["", "-1", "9" * 30, None, "soon"])
def test_an_entry_without_a_time_is_none(time: Any) -> None:
    with pytest.raises(ValueError, match="without a time"):
        entry_of({"__REALTIME_TIMESTAMP": time})
