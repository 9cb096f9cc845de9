"""What the journal's entries add up to: each incident once, whatever restarts in between."""

import asyncio
import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.journal_reader import START, Journal
from standfast.incidents import Entry, StepName
from standfast.metrics import following, totals, totals_file
from standfast.metrics.families import BUCKETS_S
from standfast.metrics.following import Follower
from standfast.metrics.samples import Known
from standfast.metrics.totals import Counted, Totals

DAY = 86_400.0


def entry(seconds: float, event: str, group: str = "", incident: str = "", decision: str = "") -> Entry:
    at = START + timedelta(seconds=seconds)
    return Entry(at=at, event=event, node="node3", text=event, group=group, incident=incident, decision=decision)


def cut(seconds: float, *groups: str, proven: float = 0.7) -> list[Entry]:
    """A node is lost, and these groups run again 0.3 s after its proof."""
    started = [entry(seconds + proven + 0.3, "group-started", group) for group in groups]
    orders = [entry(seconds + proven + 0.1, "order", group) for group in groups]
    lost = [entry(seconds, "view-changed"), entry(seconds + 0.2, "node-lost", incident="8.1")]
    return [*lost, entry(seconds + proven, "node-proven", incident="8.1"), *orders, *started]


def after(*entries: Entry, until: float = DAY) -> Totals:
    """These entries were counted, and it is `until` seconds after START."""
    found = Totals()
    for one in entries:
        found.add(one)
    found.end(START + timedelta(seconds=until))
    return found


def serving(*groups: str) -> list[Entry]:
    return [entry(-DAY, "group-started", group) for group in groups]


def value(found: Totals, name: str, *labels: str) -> float | None:
    samples = {(one.family, one.labels): one.value for one in totals.counted(found).samples}
    return samples.get((name, labels))


def test_the_steps_of_a_power_cut_are_counted_once_however_many_groups_waited_for_them() -> None:
    found = after(*serving("web", "mail"), *cut(0, "web", "mail"))
    assert {name: sum(one.counts) for name, one in found.steps.items()} == {
        "detected": 0, "decided": 1, "fenced": 1, "stopped": 0, "started": 2, "good": 0,
    }  # fmt: skip
    assert found.steps["fenced"].sum == pytest.approx(0.5)
    assert found.steps["started"].sum == pytest.approx(0.6)
    assert found.steps["fenced"].counts[BUCKETS_S.index(0.5)] == 1


def test_an_outage_is_from_the_first_sign_to_the_last_step_and_only_of_who_served() -> None:
    found = after(*serving("web"), *cut(0, "web", "new"))
    assert (value(found, "group_outages_total", "web"), value(found, "group_outages_total", "new")) == (1, 0)
    assert value(found, "group_outage_seconds_total", "web") == pytest.approx(1.0)
    assert value(found, "group_last_outage_seconds", "web") == pytest.approx(1.0)
    assert value(found, "group_last_outage_timestamp_seconds", "web") == START.timestamp() + 1.0
    assert value(found, "group_last_outage_seconds", "new") is None
    assert sum(found.outages.counts) == 1


def test_who_was_stopped_by_an_operator_has_no_outage_when_it_starts_again() -> None:
    stopped = [entry(-60, "group-stopped", "web")]
    started = [entry(0, "order", "web"), entry(0.2, "group-started", "web")]
    assert value(after(*serving("web"), *stopped, *started), "group_outages_total", "web") == 0


def test_an_incident_is_counted_when_it_is_over_and_not_before() -> None:
    def waiting(until: float, *entries: Entry) -> int:
        return after(*entries, until=until).incidents

    assert (waiting(9.0, *cut(0, "web")), waiting(12.0, *cut(0, "web"))) == (0, 1)
    unproven = cut(0, "web")[:2]
    assert (waiting(3000.0, *unproven), waiting(DAY, *unproven)) == (0, 1)
    on_its_way = [entry(0, "group-starting", "web")]
    assert (waiting(80.0, *on_its_way), waiting(DAY, *on_its_way)) == (0, 1)


def test_a_proof_that_takes_half_an_hour_is_one_step_of_one_outage() -> None:
    found = after(*serving("web"), *cut(0, "web", proven=1800))
    assert value(found, "incidents_total") == 2  # the first start was one
    assert found.steps["fenced"].sum == pytest.approx(1799.8)
    assert value(found, "group_outage_seconds_total", "web") == pytest.approx(1800.3)


def test_what_this_node_saw_begin_before_it_was_cut_itself_keeps_no_later_incident_open() -> None:
    before = [*serving("web"), *cut(0, "web")[:2], entry(1, "group-starting", "mail")]
    later = [replace(one, boot="b2") for one in (*cut(60, "web"), *cut(200, "web"))]
    again = [one if one.incident != "8.1" else replace(one, incident="9.1") for one in later]
    found = after(*before, *again, until=DAY)
    assert (found.incidents, value(found, "group_outages_total", "web")) == (4, 2)


def test_an_incident_that_others_keep_going_does_not_wait_for_ever_for_one_loss() -> None:
    open_loss = [*serving("web"), entry(0, "node-lost", incident="8.1")]
    others = [entry(seconds, "term-opened") for seconds in range(1800, 7201, 1800)]
    found = after(*open_loss, *others, until=7220)
    assert found.incidents == 4  # the start, the loss with what came within its hour, and each of the two after it


def test_a_loss_that_is_over_since_the_node_is_back_is_waited_for_no_longer() -> None:
    lost = [entry(0, "node-lost", incident="1.1"), entry(5, "node-back", incident="1.1")]
    assert value(after(*lost, until=60), "incidents_total") == 1


def test_what_happens_elsewhere_does_not_end_an_incident_whose_loss_is_unproven() -> None:
    lost, rest = cut(0, "web", proven=1800)[:2], cut(0, "web", proven=1800)[2:]
    found = after(*serving("web"), *lost, entry(600, "link-down"), *rest)
    assert value(found, "incidents_total") == 2
    assert value(found, "group_outage_seconds_total", "web") == pytest.approx(1800.3)


def test_an_incident_that_never_ends_is_cut_off_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MOST_ENTRIES", 10)
    found = after(*(entry(at, "group-failed", "web") for at in range(25)), until=25.0)
    assert (found.incidents, value(found, "group_failures_total", "web")) == (2, 25)


def test_failures_restarts_starts_losses_terms_and_failed_attempts_are_counted_at_once() -> None:
    events = ["term-opened", "node-lost", "attempt-failed", "attempt-failed", "group-failed", "group-started"]
    found = after(
        *(entry(at, event, "web" if event.startswith("group") else "") for at, event in enumerate(events)),
        entry(6, "order", "web", decision="restart"),
        entry(7, "order", "web", decision="start"),
        until=7.0,
    )
    assert [
        value(found, "terms_opened_total"),
        value(found, "node_losses_total", "node3"),
        value(found, "fence_attempts_failed_total"),
        value(found, "group_failures_total", "web"),
        value(found, "group_starts_total", "web"),
        value(found, "group_restarts_total", "web"),
        value(found, "incidents_total"),
    ] == [1, 1, 2, 1, 1, 1, 0]


def known(*nodes: str, **groups: bool) -> Known:
    return Known(nodes=frozenset(nodes), groups=groups)


def test_names_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MOST_NAMES", 3)
    found = after(*(entry(at, "group-failed", f"g{at}") for at in range(5)))
    assert sorted(found.groups) == ["g0", "g1", "g2"]


def test_who_is_there_is_counted_from_0_and_who_is_gone_is_forgotten() -> None:
    found = after(entry(0, "node-lost", incident="8.1"), entry(1, "group-failed", "g1"), entry(2, "group-failed", "g2"))
    found.learn(known("node1", "node3", g1=True, g9=False))
    assert found.losses == {"node1": 0, "node3": 1}
    assert {name: group.failures for name, group in found.groups.items()} == {"g1": 1, "g9": 0}


def test_what_started_while_this_node_was_away_counts_as_serving() -> None:
    found = Totals()
    found.learn(known(web=True, mail=False))
    for one in cut(0, "web", "mail"):
        found.add(one)
    found.learn(known(web=False, mail=True))  # what served when it began is what counts
    found.end(START + timedelta(seconds=DAY))
    assert (value(found, "group_outages_total", "web"), value(found, "group_outages_total", "mail")) == (1, 0)


def test_a_group_that_is_gone_before_its_incident_ends_is_no_error() -> None:
    found = Totals()
    for one in (*serving("web"), *cut(0, "web")):
        found.add(one)
    found.learn(known())
    found.end(START + timedelta(seconds=DAY))
    assert (found.incidents, found.groups) == (2, {})


# The file


def test_what_was_stored_comes_back_with_the_incident_that_is_not_over(tmp_path: Path) -> None:
    found = after(*serving("web"), *cut(0, "web")[:3], until=1.0)
    found.cursor = "c7"
    totals_file.store(tmp_path / "totals.json", found)
    again = totals_file.load(tmp_path / "totals.json")
    for one in cut(0, "web")[3:]:
        found.add(one)
        again.add(one)
    for both in (found, again):
        both.end(START + timedelta(seconds=DAY))
    assert totals.counted(again) == totals.counted(found)
    assert (again.cursor, value(again, "group_outages_total", "web")) == ("c7", 1)


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", '{"format": 9}', '{"format": 1, "buckets": [1]}'])
def test_a_file_that_cannot_be_used_is_said_to_be_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "totals.json").write_text(content)
    with pytest.raises(ValueError, match=r"."):
        totals_file.load(tmp_path / "totals.json")


def test_a_part_of_a_file_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    totals_file.store(path, after(*cut(0, "web")))
    for name in json.loads(path.read_bytes()):
        document = json.loads(path.read_bytes())
        document[name] = None
        if name in ("cursor", "incidents", "terms", "failed_attempts", "losses", "served"):
            continue
        (tmp_path / "broken.json").write_text(json.dumps(document))
        with pytest.raises(ValueError, match=r"."):
            totals_file.load(tmp_path / "broken.json")


# Following the journal


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    found = Journal()
    monkeypatch.setattr(following, "reader", found.reader)
    return found


def look(*followers: Follower) -> Counted:
    """What the last of them has counted after each looked at the journal."""

    async def catch_up() -> None:
        for follower in followers:
            await follower.catch_up()

    asyncio.run(catch_up())
    assert followers[-1].counted is not None
    return followers[-1].counted


def outages(counted: Counted) -> float | None:
    return {(one.family, one.labels): one.value for one in counted.samples}.get(("group_outages_total", ("web",)))


def test_a_restart_counts_nothing_twice_and_misses_nothing(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)
    before = look(Follower(path))
    assert outages(before) == 1
    assert look(Follower(path)) == before
    journal.power_cut(600)  # while nobody follows
    assert outages(look(Follower(path))) == 2


def test_a_restart_in_the_middle_of_an_incident_goes_on_with_it(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_now", lambda: START + timedelta(seconds=2))
    whole, parts = Follower(tmp_path / "whole"), tmp_path / "parts"
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)
    entries = journal.entries
    expected = look(whole)
    for count in range(1, len(entries) + 1):
        journal.entries = entries[:count]
        look(Follower(parts))
    monkeypatch.setattr(following, "_now", lambda: START + timedelta(seconds=60))
    assert look(Follower(parts)) == look(whole) != expected


def test_what_serves_by_the_records_word_is_known_after_a_restart(journal: Journal, tmp_path: Path) -> None:
    """A node that joined after the start has read of no start."""
    path = tmp_path / "totals.json"
    journal.write(-DAY, "term-opened")
    before = Follower(path)
    look(before)
    asyncio.run(before.catch_up(known("n1", web=True)))
    journal.power_cut(0)
    assert outages(look(Follower(path))) == 1


def test_what_is_rotated_away_is_not_taken_off_what_was_counted(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)
    look(Follower(path))
    journal.power_cut(600)
    journal.vacuum(4)  # the first entry of the second cut is gone, and the one that the cursor names
    found = {(one.family, one.labels): one.value for one in look(Follower(path)).samples}
    assert found["group_outages_total", ("web",)] == 2
    assert found["node_losses_total", ("node3",)] == 2  # by the first entry that is left


def test_a_damaged_file_has_everything_counted_anew(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "totals.json"
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)
    before = look(Follower(path))
    path.write_text(path.read_text().replace("c000006", "damaged"))
    assert look(Follower(path)) == before
    path.write_text("{")
    assert look(Follower(path)) == before
    assert capsys.readouterr().err.count("[metrics-recounted]") == 2


def test_several_who_wait_for_the_same_look_all_have_its_result(journal: Journal, tmp_path: Path) -> None:
    follower = Follower(tmp_path / "totals.json")
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)

    async def catch_up() -> None:
        await asyncio.gather(*(follower.catch_up() for _ in range(3)))

    asyncio.run(catch_up())
    assert follower.counted is not None
    assert outages(follower.counted) == 1


def test_there_is_one_look_at_a_time_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way, most = [0], [0]

    def catch_up(*_: Any) -> Counted:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        threading.Event().wait(0.002)  # as long as a look takes
        under_way[0] -= 1
        return totals.counted(Totals())

    follower = Follower(tmp_path / "totals.json")
    monkeypatch.setattr(follower, "_catch_up", catch_up)

    async def ask() -> None:
        for _ in range(20):
            await follower.catch_up()

    async def several() -> None:
        await asyncio.gather(*(ask() for _ in range(5)))

    asyncio.run(several())
    assert most == [1]


def test_a_journal_that_hangs_holds_up_nobody_and_is_read_when_it_answers(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_WAIT_S", 0.05)
    answers = threading.Event()
    follower = Follower(tmp_path / "totals.json")
    journal.power_cut(0)
    read = journal.reader()

    def reader() -> Any:
        assert answers.wait(20)
        return read

    monkeypatch.setattr(following, "reader", reader)

    async def catch_up() -> None:
        await follower.catch_up()
        assert follower.counted is None
        answers.set()
        async with asyncio.timeout(20):
            while follower.counted is None:
                await follower.catch_up()

    asyncio.run(catch_up())


def test_a_journal_that_cannot_be_read_has_nothing_counted_and_is_tried_again(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(tmp_path / "totals.json")
    journal.power_cut(0)

    def fail() -> Any:
        raise OSError(74, "Bad message")

    with monkeypatch.context() as broken:
        broken.setattr(following, "reader", fail)
        asyncio.run(follower.catch_up())
        assert follower.counted is None
    assert look(follower).samples


def test_a_full_disk_changes_nothing_but_what_a_restart_remembers(journal: Journal, tmp_path: Path) -> None:
    journal.write(-DAY, "group-started", group="web")
    journal.power_cut(0)
    follower = Follower(tmp_path / "no such folder" / "totals.json")
    assert outages(look(follower)) == 1
    journal.power_cut(600)
    assert outages(look(follower)) == 2


def test_every_step_of_an_incident_but_the_cause_has_a_histogram() -> None:
    assert set(Totals().steps) == {step.value for step in StepName} - {"cause"}
