"""What people see of the record."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration
from standfast.resourced import showing
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    Installed,
    LossDeclared,
    Marked,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, ResourceReport
from standfast.resourced.record import Record
from standfast.vocabulary import Holding, NodeState
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term

KNOWN = configuration(list(NODES))
ALL, TWO = frozenset(NODES), frozenset({"n1", "n2"})
HERE = term(fresh(), *NODES)
AWAY = term(HERE, "n1", "n2")
LOST = after(AWAY, LossDeclared(node="n3", reason=because("it left the ring")))
ATTACKED = after(LOST, AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"))
PROVEN = after(ATTACKED, Proven(loss="7.1", how="agent", text="", switch_on=True))
LEFT = replace(AWAY, nodes={**AWAY.nodes, "n3": replace(AWAY.nodes["n3"], left=True)})


@pytest.mark.parametrize(
    ("record", "ring", "state"),
    [
        (HERE, ALL, NodeState.ONLINE),
        (fresh(), ALL, NodeState.JOINING),
        (fresh(), TWO, NodeState.LEFT),
        (LEFT, ALL, NodeState.LEFT),
        (AWAY, ALL, NodeState.UNRESPONSIVE),
        (AWAY, TWO, NodeState.LOST),
        (LOST, TWO, NodeState.LOST),
        (ATTACKED, TWO, NodeState.FENCING),
        (PROVEN, TWO, NodeState.FENCED),
    ],
)
def test_a_node_is_shown_by_the_strongest_that_applies(record: Record, ring: frozenset[str], state: NodeState) -> None:
    assert showing.node_state("n3", record, ring) is state


GOING = after(HERE, Marked(node="n3"))


@pytest.mark.parametrize(
    ("record", "name", "ring", "state"),
    [
        (HERE, "n3", ALL, NodeState.ONLINE),
        (HERE, "n3", TWO, NodeState.LOST),
        (GOING, "n3", TWO, NodeState.LEFT),
        (HERE, "n1", frozenset(), NodeState.ONLINE),
    ],
)
def test_without_a_term_only_who_is_in_the_ring_is_online(
    record: Record, name: str, ring: frozenset[str], state: NodeState
) -> None:
    assert showing.node_state(name, record, ring, in_term=False) is state


def test_a_node_that_has_another_configuration_is_drifted_only_while_it_is_here() -> None:
    drifted = after(HERE, Installed(node="n3", installed="d0", available="d1"))
    assert showing.node_values("n3", drifted, ALL)["Drifted"]
    assert not showing.node_values("n3", HERE, ALL)["Drifted"]
    assert not showing.node_values("n3", AWAY, TWO)["Drifted"]


def shown(record: Record) -> tuple[object, ...]:
    values = showing.group_values(GROUP, record, showing.Waiting(record, KNOWN, situation(ring=TWO)))
    return values["Phase"], values["Owner"], values["LastOwner"], values["Reason"]


def runs(node: str) -> Reported:
    web = ResourceReport(unit="web.service", active="active", probe="good", cause="")
    held = Held(holding=Holding.RUNNING, resources=(web,))
    return Reported(node=node, group=GROUP, order=99, busy=False, held=held)


def stops(node: str) -> Reported:
    return Reported(node=node, group=GROUP, order=99, busy=False, held=Held(holding=Holding.NOTHING))


def test_a_group_says_who_has_it_and_who_had_it_before() -> None:
    number = HERE.groups[GROUP].number
    order = OrderGiven(group=GROUP, number=number, kind=OrderKind.START, node="n1", reasons=(because("why"),))
    starting = after(HERE, order)
    assert shown(starting) == ("starting", "n1", "", "why")
    on_n1 = after(starting, runs("n1"))
    assert shown(on_n1)[:3] == ("started", "n1", "")
    between = after(on_n1, stops("n1"))
    assert shown(between)[:3] == ("stopped", "", "n1")
    assert shown(after(between, runs("n2")))[:3] == ("started", "n2", "n1")


def test_a_group_that_waits_says_for_what() -> None:
    assert shown(LOST)[3] == "waits for the proof that n3 is off (loss 7.1)"
    stopped = after(LOST, Wish(id="w", kind=WishKind.STOP, subject=GROUP))
    assert shown(stopped)[3] == "stopped by an operator"
    assert showing.group_values(GROUP, stopped, showing.Waiting(stopped, KNOWN, None))["Flags"] == ["stopped"]


def test_what_an_administrator_stopped_is_a_flag_and_says_how_it_ends() -> None:
    held = Held(holding=Holding.RUNNING, by_hand=("web.service",))
    by_hand = after(HERE, Reported(node="n1", group=GROUP, order=99, busy=False, held=held))
    values = showing.group_values(GROUP, by_hand, showing.Waiting(by_hand, KNOWN, situation(ring=TWO)))
    assert (values["Phase"], values["Flags"]) == ("started", ["held-by-administrator"])
    assert values["Reason"] == (
        "an administrator stopped web.service: nothing is done until it is started on n1 "
        "(systemctl start web.service), or standfast group start webserv"
    )


def test_resources_are_shown_as_their_owner_reported_them() -> None:
    values = showing.resource_values(GROUP, after(HERE, runs("n1")), KNOWN)
    assert values["web.service"]["State"] == "active"
    assert values["web.service"]["Probe"] == "good"
    assert values["ip.service"]["State"] == "inactive"
    assert [values[unit]["Place"] for unit in ("ip.service", "web.service")] == [1, 2]


def test_a_loss_says_how_often_it_was_tried_and_when_again() -> None:
    assert showing.losses(LOST, KNOWN, None) == [("7.1", "n3", 0, 0, "it left the ring")]
    failed = after(ATTACKED, AttemptEnded(loss="7.1", fencer="n1", action="off", text="no"))
    failed = after(failed, AttemptEnded(loss="7.1", fencer="n1", action="off", text="no"))
    assert showing.losses(failed, KNOWN, situation()) == [("7.1", "n3", 2, 2, "it left the ring")]
    assert showing.losses(PROVEN, KNOWN, situation()) == []


def test_after_a_cold_start_a_loss_counts_down_to_its_first_attempt_unless_there_will_be_none() -> None:
    cold = after(AWAY, LossDeclared(node="n3", reason=because("it is not here"), cold=True))

    def seconds(record: Record, known: Configuration = KNOWN) -> int:
        ((_, _, _, seconds, _),) = showing.losses(record, known, situation(now=18_500, waits=counted))
        return int(seconds)

    counted = {"attempt 7.1 after 0": 0}
    assert seconds(cold) == 42, "what is left of PostJoinDelay=60s, and never 0 while it waits"
    assert seconds(replace(cold, maintenance=True)) == 0
    assert seconds(after(cold, Wish(id="w", kind=WishKind.FENCE, subject="n3"))) == 0
    nothing_fences = tuple(replace(node, fence=()) for node in KNOWN.nodes)
    assert seconds(cold, replace(KNOWN, nodes=nothing_fences)) == 0
    assert seconds(cold, replace(KNOWN, nodes=KNOWN.nodes[:2])) == 0, "a drifted member may not know the node"
