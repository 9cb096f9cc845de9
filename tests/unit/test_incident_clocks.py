"""Several nodes' journals as one: clocks that differ, and what each node has read told once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from standfast.incidents import Entry, gather, steps
from standfast.incidents.clocks import axis_us, elapsed_us, merge
from standfast.incidents.reading import parse
from unit.stories import START, entry, power_cut


def journal(entries: Sequence[Entry], host: str, ahead_s: float = 0.0, late_ms: int = 0) -> list[Entry]:
    """As `host` wrote them: by its clock, `late_ms` after the others, on its own monotonic time."""
    written = []
    for one in entries:
        us = (one.at - START) // timedelta(microseconds=1) + late_ms * 1000
        at = START + timedelta(microseconds=us, seconds=ahead_s)
        written.append(replace(one, host=host, at=at, boot=f"boot of {host}", uptime_us=50_000_000 + us))
    return written


OWN = journal(power_cut(0, "web"), "node2")
LOCAL = [entry(0.05, "probe-changed", "web", node="node3"), entry(0.9, "mount-busy", "web", node="node3")]
BOTH = sorted([*power_cut(0, "web"), *LOCAL], key=lambda one: one.at)


@pytest.mark.parametrize("ahead_s", [5.0, -5.0, 0.0, 86_400.0])
def test_a_clock_that_differs_is_corrected_and_named(ahead_s: float) -> None:
    merged = merge(OWN, {"node3": journal(BOTH, "node3", ahead_s, late_ms=2)})
    assert merged.ahead["node3"] == timedelta(seconds=ahead_s, milliseconds=2)
    there = [one for one in merged.entries if one.host == "node3" and not one.position]
    own = [one for one in merged.entries if one.event in ("probe-changed", "mount-busy")]
    assert [one.at - START for one in own] == [timedelta(seconds=0.05), timedelta(seconds=0.9)]
    assert [one.event for one in there if one in own] == ["probe-changed", "mount-busy"]
    times = [one.at for one in merged.entries]
    assert times == sorted(times)


def test_an_event_that_several_nodes_read_is_there_once_and_as_this_node_has_it() -> None:
    third = journal(power_cut(0, "web"), "node4", -3.0)
    merged = merge(OWN, {"node3": journal(BOTH, "node3", 5.0), "node4": third})
    assert [one.host for one in merged.entries if one.event == "node-lost"] == ["node2"]
    stopped = replace(OWN[2], event="group-stopped", node="node2", position="8.9")  # a node says itself who wrote it
    others = {"node3": [*journal(BOTH, "node3", 5.0), replace(stopped, node="node3", host="node3")]}
    assert len([one for one in merge([*OWN, stopped], others).entries if one.position == "8.9"]) == 1
    assert len([one for one in merged.entries if one.event == "view-changed"]) == 3, "each saw that itself"
    assert set(merged.ahead.values()) == {timedelta(seconds=5), timedelta(seconds=-3)}


def test_the_steps_of_merged_journals_are_those_of_one() -> None:
    (incident,) = gather(merge(OWN, {"node3": journal(BOTH, "node3", 5.0)}).entries)
    (alone,) = gather(OWN)
    assert [(step.name, step.ms) for step in steps(incident, "web")] == [
        (step.name, step.ms) for step in steps(alone, "web")
    ]


def test_a_clock_that_was_set_in_the_middle_is_corrected_on_both_sides() -> None:
    there = journal(BOTH, "node3", 5.0)
    there = [replace(one, at=one.at - timedelta(seconds=60)) if index > 6 else one for index, one in enumerate(there)]
    merged = merge(OWN, {"node3": there})
    assert [one.at - START for one in merged.entries if one.event in ("probe-changed", "mount-busy")] == [
        timedelta(seconds=0.05),
        timedelta(seconds=0.9),
    ]


@pytest.mark.parametrize("stalled_s", [0.018, 0.025, 0.035, 0.5])
def test_a_node_that_was_too_busy_for_a_while_is_not_taken_for_one_whose_clock_differs(stalled_s: float) -> None:
    """It wrote nothing until then; what it should have written comes at once."""
    told = [replace(one, at=max(one.at, START + timedelta(seconds=stalled_s))) for one in BOTH]
    merged = merge(OWN, {"node3": journal(told, "node3", 5.0)})
    assert merged.ahead["node3"] == timedelta(seconds=5)
    (busy,) = (one for one in merged.entries if one.event == "mount-busy")
    assert busy.at - START == timedelta(seconds=0.9)


def test_what_a_node_wrote_before_its_boot_is_placed_by_its_corrected_clock() -> None:
    before = replace(entry(-600.0, "probe-changed", "web"), host="node3", boot="the one before", uptime_us=9)
    before = replace(before, at=before.at + timedelta(seconds=5))
    merged = merge(OWN, {"node3": [before, *journal(BOTH, "node3", 5.0)]})
    assert merged.entries[0].event == "probe-changed"
    assert merged.entries[0].at - START == timedelta(seconds=-600)


def test_a_node_that_shares_nothing_is_placed_by_its_clock_and_said_so() -> None:
    merged = merge(OWN, {"node3": journal(LOCAL, "node3"), "node4": []})
    assert merged.ahead == {"node3": None, "node4": None}
    assert [one.at - START for one in merged.entries if one.host == "node3"] == [
        timedelta(seconds=0.05),
        timedelta(seconds=0.9),
    ]


def test_an_empty_journal_takes_the_first_other_one_as_it_is() -> None:
    assert [one.at for one in merge([], {"node3": OWN}).entries] == [one.at for one in OWN]
    assert merge([], {}).entries == ()


def test_the_time_between_entries_is_never_negative_and_follows_the_boots_own_clock() -> None:
    early, late = entry(5, "a", boot="b", uptime_us=7), entry(1, "b", boot="b", uptime_us=9)
    assert elapsed_us(early, late) == 2
    assert elapsed_us(late, early) == 0
    assert elapsed_us(early, replace(late, boot="c")) == 0
    assert elapsed_us(replace(late, boot="c"), early) == 4_000_000
    assert axis_us([]) == []
    assert axis_us([early, late, replace(early, boot="c")]) == [0, 2, 4_000_002]


def test_what_journalctl_writes_that_is_no_entry_is_left_out() -> None:
    good = b'{"__REALTIME_TIMESTAMP":"1767268800000000","STANDFAST_EVENT":"order","MESSAGE":null}'
    output = b"\n".join([b"-- No entries --", good, b'{"STANDFAST_EVENT":"order"}', b"[]", b"\xff", b"[" * 5000, b"{}"])
    assert [one.event for one in parse(output)] == ["order"]
