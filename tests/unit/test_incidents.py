"""`standfast timeline`: which entries make one incident, and how it is shown."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from standfast.ctl.incidents import Entry, about, entry_of, gather
from standfast.ctl.timeline_table import show

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(seconds: float, event: str, group: str = "", incident: str = "", node: str = "node1") -> Entry:
    at = START + timedelta(seconds=seconds)
    return Entry(at=at, event=event, node=node, text=f"{event}!", group=group, incident=incident)


POWER_CUT = [
    entry(0, "view-changed"),
    entry(0.01, "node-lost", incident="8.1"),
    entry(0.02, "fence-begun", incident="8.1"),
    entry(0.70, "node-proven", incident="8.1"),
    entry(0.71, "order", group="web"),
    entry(0.72, "group-starting", group="web"),
    entry(0.95, "group-started", group="web"),
]


def test_what_follows_without_a_pause_is_one_incident() -> None:
    later = [entry(3600, "group-failed", group="web"), entry(3600.2, "group-started", group="web")]
    assert [incident.entries for incident in gather([*POWER_CUT, *later])] == [POWER_CUT, later]


def test_a_loss_that_is_proven_late_is_still_the_same_incident() -> None:
    late = entry(600, "node-proven", incident="8.1")
    assert len(gather([*POWER_CUT, late])) == 1


def test_a_slow_start_is_still_the_same_incident_and_ends_it() -> None:
    slow = [entry(0, "group-starting", group="web"), entry(80, "group-started", group="web")]
    assert len(gather([*slow, entry(200, "group-failed", group="web")])) == 2


def test_times_count_from_the_first_entry_and_the_slowest_step_is_named() -> None:
    (incident,) = gather(POWER_CUT)
    assert [incident.since_start_ms(one) for one in incident.entries] == [0, 10, 20, 700, 710, 720, 950]
    assert incident.slowest == (680, POWER_CUT[3])


def test_the_timeline_of_a_group_leaves_other_groups_out() -> None:
    other = entry(0.8, "group-started", group="mail")
    (incident,) = about("web", gather(sorted([*POWER_CUT, other], key=lambda one: one.at)))
    assert incident.entries == POWER_CUT
    assert about("unknown", gather(POWER_CUT)) == []


def test_a_journal_record_is_read_by_its_fields() -> None:
    fields: dict[str, Any] = {
        "__REALTIME_TIMESTAMP": START + timedelta(seconds=1),
        "_SOURCE_REALTIME_TIMESTAMP": START,
        "MESSAGE": "node3 is lost",
        "STANDFAST_EVENT": "node-lost",
        "STANDFAST_NODE": "node1",
        "STANDFAST_SUBJECT": "node3",
        "STANDFAST_INCIDENT": "8.1",
    }
    wanted = Entry(at=START, event="node-lost", node="node3", text="node3 is lost", incident="8.1")
    assert entry_of(fields) == wanted


def test_the_table_fits_into_80_columns() -> None:
    file = io.StringIO()
    show(gather(POWER_CUT), file, width=80)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("950 ms; slowest step: 680 ms until node-proven")
    assert "+ms" in lines[1] and "950" in lines[-1] and "group-started" in lines[-1]
