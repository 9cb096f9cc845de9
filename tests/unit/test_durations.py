"""How long starts, stops and restarts took, as the record tells it; and the file that keeps it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from standfast.resourced import durations_file
from standfast.resourced.codec import encode
from standfast.resourced.durations import KEPT, UNMEASURED, VERSION, Durations, Kind, Measuring, Sample, middle
from standfast.resourced.messages import (
    ConfigurationInForce,
    Content,
    Installed,
    Members,
    OrderGiven,
    OrderKind,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, ResourceReport
from standfast.resourced.record import Record
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, fresh, member, term

START, STOP, RESTART = OrderKind.START, OrderKind.STOP, OrderKind.RESTART


class Told:
    """The updates of one term after the other, and the clock of the node that delivers them."""

    def __init__(self, record: Record | None = None, durations: Durations = UNMEASURED) -> None:
        self.measuring = Measuring(durations)
        self.now = 5_000
        self.number = 7
        self.record = record or term(fresh(), *NODES)
        self._look()

    def _look(self) -> None:
        self.measuring.look(self.record, f"n1-{self.number}", self.now)

    def update(self, content: Content) -> None:
        self.record = after(self.record, content, number=self.number)
        self._look()

    def order(self, kind: OrderKind, node: str = "n1") -> None:
        number = self.record.groups[GROUP].number
        self.update(OrderGiven(group=GROUP, number=number, kind=kind, node=node, reasons=()))

    def report(
        self, holding: Holding, node: str = "n1", *, busy: bool = False, failed: str = "", units: Mapping[str, str] = {}
    ) -> None:
        order = self.record.groups[GROUP].open_orders.get(node)
        resources = tuple(
            ResourceReport(unit=unit, active=word, probe="none", cause="") for unit, word in units.items()
        )
        held = Held(holding=holding, failed=failed, resources=resources)
        number = order.number if order is not None else 0
        self.update(Reported(node=node, group=GROUP, order=number, busy=busy, held=held))

    def begin_term(self, *names: str, held: Mapping[str, Holding]) -> None:
        self.number += 1
        there = tuple(member(name, held=held.get(name, Holding.NOTHING)) for name in names)
        self.record = after(self.record, Members(members=there), number=self.number, position=1)
        self._look()

    def start(self, ms: int, node: str = "n1") -> "Told":
        self.order(START, node)
        self.now += ms
        self.report(Holding.RUNNING, node)
        return self

    def stop(self, ms: int, node: str = "n1") -> "Told":
        self.order(STOP, node)
        self.now += ms
        self.report(Holding.NOTHING, node)
        return self

    def of(self, kind: OrderKind, node: str = "n1") -> list[int]:
        return [one.ms for one in self.measuring.durations.of(GROUP, Kind(kind), node)]


def test_a_start_a_restart_and_a_stop_take_from_the_order_to_the_report_that_they_are_done() -> None:
    told = Told().start(240)
    told.order(RESTART)
    told.now += 300
    told.report(Holding.QUEUED, busy=True)
    told.now += 50
    told.report(Holding.RUNNING)
    told.stop(70)
    assert (told.of(START), told.of(RESTART), told.of(STOP)) == ([240], [350], [70])


def test_of_each_kind_the_last_five_on_each_node_are_kept() -> None:
    told = Told()
    for ms in range(100, 100 + KEPT + 2):
        told.start(ms).stop(1)
    told.start(9, "n2")
    assert told.of(START) == [102, 103, 104, 105, 106]
    assert told.of(STOP) == [1] * KEPT
    assert told.of(START, "n2") == [9]


def test_on_a_node_where_it_never_started_the_other_nodes_are_taken() -> None:
    told = Told().start(100).stop(1).start(300, "n2")
    assert told.of(START, "n3") == [100, 300]


def test_the_first_time_that_each_unit_is_seen_up_or_down_is_kept() -> None:
    told = Told()
    told.order(START)
    for ms, ip, web in ((40, "active", "activating"), (60, "active", "active"), (20, "active", "active")):
        told.now += ms
        told.report(Holding.QUEUED, busy=True, units={"ip": ip, "web": web})
    told.report(Holding.RUNNING, units={"ip": "active", "web": "active"})
    told.order(STOP)
    for ms, ip, web in ((5, "active", "deactivating"), (20, "active", "inactive")):
        told.now += ms
        told.report(Holding.STOPPING, busy=True, units={"ip": ip, "web": web})
    told.report(Holding.NOTHING)
    start, stop = told.measuring.durations.groups[GROUP]
    assert (start.ms, start.units) == (120, {"ip": 40, "web": 100})
    assert (stop.ms, stop.units) == (25, {"web": 25})


def test_an_order_that_a_new_term_interrupts_is_not_measured_though_it_succeeded() -> None:
    told = Told()
    told.order(START)
    told.now += 100
    told.begin_term("n1", "n2", held={"n1": Holding.RUNNING})
    told.now += 100
    told.report(Holding.RUNNING)
    told.order(STOP)
    told.begin_term("n2", "n3", held={})  # n1, which stopped it, is gone with its report
    assert told.measuring.durations == UNMEASURED


def test_a_term_that_ends_before_the_next_is_open_interrupts_too() -> None:
    told = Told()
    told.order(START)
    told.measuring.look(told.record, "", told.now)
    told._look()
    told.now += 100
    told.report(Holding.RUNNING)
    assert told.measuring.durations == UNMEASURED


def test_a_new_coordinator_goes_on_measuring() -> None:
    told = Told().start(100)
    told.begin_term("n2", "n1", held={"n1": Holding.RUNNING})
    told.stop(30)
    assert (told.of(START), told.of(STOP)) == ([100], [30])


@pytest.mark.parametrize("kind", [STOP, RESTART])
def test_what_failed_before_takes_another_time_and_is_not_measured(kind: OrderKind) -> None:
    told = Told().start(100)
    told.report(Holding.RUNNING, failed="it crashed")
    told.order(kind)
    told.now += 10
    told.report(Holding.NOTHING if kind is STOP else Holding.RUNNING)
    assert told.of(kind) == []


def test_a_stop_of_a_group_that_is_half_stopped_for_a_version_is_not_measured() -> None:
    told = Told().start(100)
    held = Held(holding=Holding.RUNNING, partial=("web",))
    told.update(Reported(node="n1", group=GROUP, order=0, busy=False, held=held))
    assert told.stop(10).of(STOP) == []


def test_what_does_not_succeed_is_not_measured() -> None:
    told = Told()
    told.order(START)
    told.report(Holding.NOTHING, failed="its start failed")
    told.start(100)
    told.order(STOP)
    told.report(Holding.STOP_FAILED, failed="it hangs")
    assert (told.of(START), told.of(STOP)) == ([100], [])


def test_a_start_that_had_begun_is_not_measured_from_the_middle() -> None:
    told = Told()
    told.begin_term(*NODES, held={"n1": Holding.QUEUED})
    assert told.start(100).of(START) == []


def test_an_order_that_replaces_another_one_is_measured_from_its_own_beginning() -> None:
    told = Told()
    told.order(START)
    told.now += 100
    told.order(START)
    told.now += 30
    told.report(Holding.RUNNING)
    assert told.of(START) == [30]


def test_a_report_that_only_says_how_far_it_is_ends_nothing() -> None:
    told = Told()
    told.order(START)
    told.now += 100
    told.report(Holding.RUNNING, busy=True)
    assert told.of(START) == []
    told.now += 20
    told.update(Wish(id="w", kind=WishKind.FREEZE, subject=GROUP))
    told.report(Holding.RUNNING)
    assert told.of(START) == [120]


def test_groups_and_nodes_that_a_new_version_does_not_have_are_forgotten() -> None:
    told = Told().start(100).stop(1).start(200, "n2").stop(1, "n2")
    told.update(ConfigurationInForce(digest="d2", votes={"n1": 1, "n3": 1}, groups=(GROUP,), base="d1"))
    assert {one.node for one in told.measuring.durations.groups[GROUP]} == {"n1"}
    told.update(ConfigurationInForce(digest="d3", votes={"n1": 1, "n3": 1}, groups=("mail",), base="d2"))
    assert told.measuring.durations == UNMEASURED


def test_the_record_that_is_read_at_the_start_begins_nothing() -> None:
    told = Told()
    told.order(START)
    late = Told(told.record)
    late.report(Holding.RUNNING)
    assert late.measuring.durations == UNMEASURED


def installed(node: str) -> Installed:
    return Installed(node=node, installed="d2", available="d2")


def test_a_version_takes_from_when_it_is_in_force_until_a_node_that_stops_nothing_for_it_has_it() -> None:
    told = Told().start(100)
    told.update(ConfigurationInForce(digest="d2", votes=dict.fromkeys(NODES, 1), groups=(GROUP,), base="d1"))
    told.now += 300
    told.update(
        Reported(node="n1", group=GROUP, order=0, busy=False, held=Held(holding=Holding.RUNNING, partial=("web",)))
    )
    told.update(installed("n2"))
    told.now += 100
    told.update(installed("n1"))
    told.update(installed("n2"))
    samples = told.measuring.durations.groups[VERSION]
    assert [(one.kind, one.node, one.ms) for one in samples] == [(Kind.INSTALL, "n2", 300)]


def test_who_comes_late_and_has_the_version_then_was_not_that_slow() -> None:
    told = Told()
    told.update(ConfigurationInForce(digest="d2", votes=dict.fromkeys(NODES, 1), groups=(GROUP,), base="d1"))
    told.begin_term("n1", "n2", held={})
    told.now += 60_000
    told.update(installed("n2"))
    assert told.measuring.durations == UNMEASURED


@pytest.mark.parametrize(
    ("values", "expected"), [((), None), ((7,), 7), ((9, 1), 5), ((9, 1, 2), 2), ((1, 2, 3, 100), 2)]
)
def test_one_that_took_very_long_does_not_count(values: tuple[int, ...], expected: int | None) -> None:
    assert middle(values) == expected


SOME = Durations(groups={GROUP: (Sample(kind=Kind.STOP, node="n1", ms=70, units={"web": 30}),)})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    assert durations_file.write(SOME, path)
    assert durations_file.read(path) == SOME
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("data", [None, b"", b"\xff", encode(SOME)[:-9], b"[]", encode(SOME).replace(b"70", b'"70"')])
def test_a_damaged_file_is_as_none_and_the_next_one_is_whole(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "durations.json"
    if data is not None:
        path.write_bytes(data)
    assert durations_file.read(path) == UNMEASURED
    assert durations_file.write(SOME, path)
    assert durations_file.read(path) == SOME


def test_a_folder_that_takes_nothing_costs_nothing(tmp_path: Path) -> None:
    assert not durations_file.write(SOME, tmp_path / "missing" / "durations.json")
