"""Which entry of the journal follows from which: INCIDENT, PARENT, and how long a node had been silent."""

from types import SimpleNamespace
from typing import cast

from standfast.resourced.apply import apply
from standfast.resourced.chronicle import Chronicle
from standfast.resourced.events import Entry
from standfast.resourced.messages import (
    AttemptBegun,
    Content,
    LossDeclared,
    Members,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, ResourceReport
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import Record
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import Ticks
from standfast.vocabulary import Holding, Ring
from unit.cluster import GROUP, NODES, because, fresh, member, term

NOW = 10_000


class Told:
    """A node's journal while it follows one term."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.ticks = Ticks("n1")
        self.ticks.heard("n3", 5, NOW - 900)
        self._terms = cast(
            Terms,
            SimpleNamespace(term=SimpleNamespace(number=7), ring=Ring(node=1, sequence=12), ticks=self.ticks),
        )
        self._chronicle = Chronicle()
        self._position = 1

    def after(self, content: Content) -> dict[str, Entry]:
        """What is told of the update, by event."""
        self._position += 1
        update = Update(nonce="n1-7", position=self._position, at="now", content=content)
        before, self.record = self.record, apply(self.record, 7, update)
        return {one.event: one for one in self._chronicle.told(before, self.record, self._terms, update, NOW)}

    def order(self, kind: OrderKind, node: str, why: Reason) -> dict[str, Entry]:
        number = self.record.groups[GROUP].number
        return self.after(OrderGiven(group=GROUP, number=number, kind=kind, node=node, reasons=(why,)))

    def report(self, node: str, holding: Holding, failed: str = "", probe: str = "none") -> dict[str, Entry]:
        resource = ResourceReport(unit="web.service", active="active", probe=probe, cause="")
        held = Held(holding=holding, failed=failed, units=("web.service",) if failed else (), resources=(resource,))
        return self.after(Reported(node=node, group=GROUP, order=99, busy=False, held=held))


def test_everything_that_follows_from_a_loss_names_it() -> None:
    told = Told(term(fresh(), *NODES, held={"n3": Holding.RUNNING}))
    stopped = told.after(Members(members=(member("n1"), member("n2"))))["group-stopped"]
    assert stopped.fields["LOST"] == "n3"
    lost = told.after(LossDeclared(node="n3", reason=because("it left the ring")))["node-lost"]
    assert (lost.fields["INCIDENT"], lost.fields["NODE"], lost.fields["SILENT_MS"]) == ("7.1", "n3", "900")
    assert lost.fields["VIEW"] == str(Ring(node=1, sequence=12))
    begun = told.after(AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"))["attempt"]
    proven = told.after(Proven(loss="7.1", how="agent", text="status is off", switch_on=True))["node-proven"]
    assert [begun.fields["PARENT"], proven.fields["PARENT"]] == [lost.fields["POSITION"], begun.fields["POSITION"]]
    why = reason(Rule.OWNER_PROVEN_OFF, owner="n3", loss="7.1", how="agent", node="n1")
    ordered = told.order(OrderKind.START, "n1", why)
    assert [entry.fields["INCIDENT"] for entry in ordered.values()] == ["7.1", "7.1"]
    assert [entry.fields["PARENT"] for entry in ordered.values()] == [proven.fields["POSITION"]] * 2
    started = told.report("n1", Holding.RUNNING, probe="good")["group-started"]
    assert started.fields["PARENT"] == ordered["order"].fields["POSITION"], "a start names its decision"
    assert (started.fields["DECISION"], started.fields["INCIDENT"]) == ("start", "7.1")
    assert started.fields["PROBE"] == "good"
    gone = told.after(Members(members=(member("n2"), member("n3", incarnation="n3/2"))))["group-stopped"]
    assert not {"INCIDENT", "CAUSE", "PARENT"} & set(gone.fields), "that is another loss"


def test_what_is_done_about_a_failure_follows_from_it_and_what_comes_later_does_not() -> None:
    told = Told(term(fresh(), *NODES, held={"n3": Holding.RUNNING}))
    failed = told.report("n3", Holding.RUNNING, "web.service was killed")["group-failed"]
    assert failed.fields["RESOURCE"] == "web.service"
    assert "PARENT" not in failed.fields
    ordered = told.order(OrderKind.RESTART, "n3", because("it failed"))["order"]
    assert ordered.fields["PARENT"] == failed.fields["POSITION"]
    started = told.report("n3", Holding.RUNNING)["group-started"]
    assert (started.fields["PARENT"], started.fields["DECISION"]) == (ordered.fields["POSITION"], "restart")
    assert "PROBE" not in started.fields
    wish = told.after(Wish(id="w", kind=WishKind.RESTART, subject=GROUP))["wish"]
    assert wish.fields["GROUP"] == GROUP
    assert "PARENT" not in wish.fields, "the failure is over"
    assert told.order(OrderKind.RESTART, "n3", because("asked"))["order"].fields["PARENT"] == wish.fields["POSITION"]


def test_a_loss_that_follows_from_a_failed_stop_names_it() -> None:
    told = Told(term(fresh(), *NODES, held={"n3": Holding.RUNNING}))
    blocked = told.report("n3", Holding.STOP_FAILED, "web.service did not stop")["group-blocked"]
    why = reason(Rule.STOP_FAILED, group=GROUP, cause="web.service did not stop")
    lost = told.after(LossDeclared(node="n3", reason=why, group=GROUP))["node-lost"]
    assert lost.fields["PARENT"] == blocked.fields["POSITION"]


def test_what_is_remembered_of_losses_ends_with_them() -> None:
    told = Told(term(fresh(), *NODES))
    for number in range(1, 4):
        lost = told.after(LossDeclared(node="n3", reason=because("it left the ring")))["node-lost"]
        assert lost.fields["INCIDENT"] == "7.1"
        assert "PARENT" not in lost.fields, f"loss {number} is a new one"
        told.after(Members(members=tuple(member(name, incarnation=f"{name}/{number}") for name in NODES)))
