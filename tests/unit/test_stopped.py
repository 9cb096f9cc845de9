"""What stopped a resource: an administrator, or systemd for another unit."""

from dataclasses import replace
from pathlib import Path

import pytest

from standfast.resourced.by_hand import Notes
from standfast.resourced.stopped import STOPS, Other, Run, by_a_job, by_hand, culprit, others_of, read_run

APACHE, NETWORK = "apache2.service", "network-x.service"
S = 1_000_000
ASKED = Run(
    unit=APACHE, active="inactive", up_at=10 * S, left_at=100 * S, main_ended_at=100 * S + 5, down_at=100 * S + 9
)
MOUNT = Run(unit="srv-www.mount", active="inactive", up_at=10 * S, left_at=100 * S, down_at=100 * S + 9)


@pytest.mark.parametrize(
    ("run", "heard_at", "stopped"),
    [
        (ASKED, ASKED.down_at + 300, True),
        (ASKED, 0, False),  # it told of its own end and ended
        (ASKED, 50 * S, False),  # a reload, long ago
        (replace(ASKED, main_ended_at=100 * S - 1), ASKED.down_at + 300, False),  # a reload, just before its end
        (replace(ASKED, active="failed", result="exit-code"), ASKED.down_at + 300, True),  # 143 of Java
        (
            replace(ASKED, active="failed", result="timeout"),
            ASKED.down_at + 300,
            True,
        ),  # it did not stop, and was killed
        (replace(ASKED, active="failed", result="watchdog"), ASKED.down_at + 300, False),
        (replace(ASKED, active="failed", result="oom-kill"), ASKED.down_at + 300, False),
        (Run(unit=APACHE, active="inactive"), 100 * S, True),  # unloaded: nothing refers to it
        (Run(unit=APACHE, active="inactive"), 0, False),
        (MOUNT, MOUNT.down_at + 300, True),
        (replace(MOUNT, down_at=MOUNT.left_at), 0, False),  # umount
    ],
)
def test_a_job_stopped_what_came_down_before_the_end_of_a_job_that_was_done(
    run: Run, heard_at: int, stopped: bool
) -> None:
    assert by_a_job(run, heard_at, listening_since=20 * S) is stopped


@pytest.mark.parametrize(
    ("run", "stopped"),
    [
        (ASKED, True),
        (replace(ASKED, main_ended_at=100 * S - 1), False),
        (replace(ASKED, active="failed", result="exit-code"), False),  # or a crash in its own stop
        (replace(ASKED, main_ended_at=0), False),  # no process that says whether it was first
        (replace(ASKED, main_ended_at=0, remains=True), True),
        (MOUNT, True),
        (replace(MOUNT, down_at=MOUNT.left_at), False),
    ],
)
def test_what_nobody_heard_was_stopped_only_where_nothing_else_is_possible(run: Run, stopped: bool) -> None:
    assert by_a_job(run, 0, listening_since=200 * S) is stopped


def other(relation: str = "BindsTo", *, job: str = "", moved_at: int = 0, of: str = APACHE) -> Other:
    return Other(unit=NETWORK, relation=relation, of=of, active="inactive", job=job, moved_at=moved_at)


@pytest.mark.parametrize(
    ("one", "now", "moved"),
    [
        (other(moved_at=99 * S + 1), 101 * S, True),
        (other(moved_at=101 * S), 101 * S, True),
        (other(moved_at=98 * S), 101 * S, False),
        (other(moved_at=500 * S), 501 * S, False),
        (other(), 101 * S, False),
        (other(job="stop"), 101 * S, True),
        (other(job="restart"), 101 * S, True),
        (other(job="start"), 101 * S, False),
        (other(job="stop"), 300 * S, False),  # whose time is another one
        (other("Conflicts", job="start"), 101 * S, True),
        (other("Conflicts", job="stop"), 101 * S, False),
        (other("", job="start"), 101 * S, True),
    ],
)
def test_what_can_have_stopped_it_moved_in_the_same_second(one: Other, now: int, moved: bool) -> None:
    assert one.moved(ASKED, now) is moved


def test_of_an_unloaded_unit_only_now_is_known() -> None:
    forgotten = Run(unit=APACHE, active="inactive")
    assert other(moved_at=99 * S).moved(forgotten, 99 * S + 5)
    assert not other(moved_at=90 * S).moved(forgotten, 99 * S)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (other("BindsTo"), f"{APACHE} was stopped with {NETWORK}, which it is bound to"),
        (other("Requires"), f"{APACHE} was stopped with {NETWORK}, which it requires"),
        (other("PartOf"), f"{APACHE} was stopped with {NETWORK}, which it is part of"),
        (other("Requires", of="a.mount"), f"{APACHE} was stopped with {NETWORK}, which a.mount requires"),
        (other("Conflicts"), f"{APACHE} was stopped because {NETWORK} was started, which conflicts with it"),
        (other(""), f"{APACHE} was stopped because {NETWORK} was started"),
    ],
)
def test_the_cause_names_what_stopped_it(one: Other, text: str) -> None:
    cause = culprit(ASKED, [one], [], 101 * S)
    assert cause is not None
    assert (cause.kind, cause.text) == ("dependency", text)


def test_every_relation_that_stops_is_looked_at_and_the_closest_is_named() -> None:
    run = replace(
        ASKED, relations={name: (NETWORK, f"{name}.service") for name in (*STOPS, "Conflicts", "ConflictedBy")}
    )
    found = others_of(run)
    assert found[NETWORK] == "BindsTo"
    assert {found[f"{name}.service"] for name in STOPS} == set(STOPS)
    assert found["ConflictedBy.service"] == "ConflictedBy"
    assert found["shutdown.target"] == ""


def test_a_resource_that_failed_in_the_same_second_is_the_cause() -> None:
    failed = replace(ASKED, unit="mysqld.service", active="failed", result="signal")
    cause = culprit(ASKED, [], [failed], 101 * S)
    assert cause is not None
    assert cause.text == f"{APACHE} was stopped in the second in which mysqld.service failed"
    assert culprit(ASKED, [], [replace(failed, left_at=90 * S, down_at=90 * S)], 101 * S) is None


def test_what_systemd_stops_because_nothing_needs_it_is_no_wish_of_anybody() -> None:
    assert culprit(ASKED, [], [], 101 * S) is None
    cause = culprit(replace(ASKED, unneeded=True), [], [], 101 * S)
    assert cause is not None
    assert cause.text.endswith("because nothing needed it (StopWhenUnneeded=)")


def test_a_masked_unit_is_told_how_it_comes_back() -> None:
    assert by_hand(ASKED).text == f"{APACHE} was stopped by an administrator"
    assert "systemctl unmask" in by_hand(replace(ASKED, load="masked")).text


def test_a_run_is_read_from_properties_whatever_is_missing() -> None:
    general = {
        "ActiveState": "inactive",
        "LoadState": "loaded",
        "ActiveExitTimestampMonotonic": 7,
        "BindsTo": [NETWORK],
    }
    run = read_run(APACHE, general, {"ExecMainExitTimestampMonotonic": 8})
    assert (run.left_at, run.main_ended_at, run.down_at, run.relations["BindsTo"]) == (7, 8, 0, (NETWORK,))


def test_notes_outlive_the_process_and_a_damaged_one_says_nothing(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.add(APACHE, 7)
    notes.add("other.service", 8)
    (tmp_path / "by-hand/other.service").write_text("")
    again = Notes(tmp_path)
    assert (again.down_at(APACHE), again.down_at("other.service")) == (7, None)
    again.remove(APACHE)
    assert Notes(tmp_path).down_at(APACHE) is None


def test_a_note_that_cannot_be_written_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "by-hand").write_text("no folder")
    notes = Notes(tmp_path)
    notes.add(APACHE, 7)
    assert notes.down_at(APACHE) == 7
    notes.remove(APACHE)
    assert notes.down_at(APACHE) is None
