"""Attacks in which two things cross: reports, orders, calls, wishes and leaves that meet under way."""

from sim.operators import PATIENCE_MS
from sim.scripts import (
    answer,
    applied,
    dies_with_its_message,
    heal,
    hold_agents,
    is_start,
    let_go,
    member,
    members,
    once,
    once_sent,
    quiet,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    word_waits,
)
from standfast.resourced.events import QuorumTold
from standfast.resourced.messages import Members, OrderGiven, OrderKind, Reported, State, Update, WishKind
from standfast.resourced.presence import Held
from standfast.resourced.record import initial
from standfast.vocabulary import Holding


def report_crosses_an_order() -> None:
    """P: n1 reports "nothing" twice. After the first report it is ordered to start again; the second one, older than
    that order, is delivered after it. It does not clear the order, so nobody else is ordered."""
    record = initial("d1", {"n1": 1, "n2": 1, "n3": 1}, ("webserv",))
    here = tuple(member(name) for name in record.nodes)
    contents = (
        Members(members=here),
        OrderGiven(group="webserv", number=1, kind=OrderKind.START, node="n1", reasons=()),
        Reported(node="n1", group="webserv", order=0, busy=False, held=Held(holding=Holding.NOTHING)),
    )
    record = applied(record, *contents)
    assert "n1" in record.groups["webserv"].open_orders


def two_orders_are_planned_on_one_number() -> None:
    """C, C2: two starts were planned before either was delivered. The first one moves the group's number, so the second
    is void on every member."""
    record = initial("d1", {"n1": 1, "n2": 1, "n3": 1}, ("webserv",))
    here = tuple(member(name) for name in record.nodes)
    orders = tuple(
        OrderGiven(group="webserv", number=1, kind=OrderKind.START, node=name, reasons=()) for name in ("n1", "n2")
    )
    record = applied(record, Members(members=here), *orders)
    assert list(record.groups["webserv"].open_orders) == ["n1"]


def call_crosses_a_return() -> None:
    """The model's rule C: n3 hangs, is left out, leaves and joins. A call that was sent before that and read after it
    would leave it out again, and again."""
    world = served_on_the_first(22, 3)
    world.machines["n3"].hung = True
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    world.resume("n3")
    world.run(world.now + 30_000)
    assert all(members(world, name) == ("n1", "n2", "n3") for name in world.names)
    assert world.machines["n3"].boot == 1
    recover(world)


def order_meets_no_quorum() -> None:
    """votequorum says no while the order is under way."""
    world = quiet(2, 3)

    def strike(_: str, update: Update) -> None:
        assert isinstance(update.content, OrderGiven)
        name = update.content.node
        ring = world.network.stations[name].ring
        assert ring is not None
        world.audit.told_quorum(name, ring, False)
        world.give(name, QuorumTold(ring=ring, quorate=False))
        world.after(1_000, lambda: world.tell_quorum(name))

    once(world, is_start, strike)
    world.run(60_000)
    recover(world)


def leaving_meets_an_order() -> None:
    """E: the target of an order is asked to leave while the order is under way."""
    world = quiet(3, 3)

    def strike(_: str, update: Update) -> None:
        assert isinstance(update.content, OrderGiven)
        world.leave(update.content.node)

    once(world, is_start, strike)
    world.run(60_000)
    recover(world)


def leaving_crosses_a_new_term() -> None:
    """n1 was long without a term when it is asked to leave: it goes at once. It has just presented itself for a term,
    and is ordered to start what ran there last."""
    world = served_on_the_first(123, 3)
    for name in ("n2", "n3"):
        world.power_off(name)
    world.run(world.now + 60_000)
    assert not world.serving()
    once_sent(world, lambda message: isinstance(message, State) and message.member.node == "n1", world.leave)
    for name in ("n2", "n3"):
        world.power_on(name)
    run_until(world, lambda: not world.machines["n1"].powered)
    recover(world)


def owner_is_cut_off_as_it_leaves() -> None:
    """E: the owner is asked to leave and cut off before its group has stopped."""
    world = quiet(4, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.units.harden(owner, "hangs")
    world.leave(owner)
    world.run(world.now + 100)
    world.cut({name: int(name == owner) for name in world.names})
    world.run(world.now + 20_000)
    recover(world)


def word_of_the_last_ring() -> None:
    """H: n1 is off, and n2 and n3 are a ring of their own before votequorum has spoken of it. What it said of the last
    ring opens no term and starts nothing."""
    world = served_on_the_first(36, 3)
    release_n2, release_n3 = word_waits(world, "n2"), word_waits(world, "n3")
    world.power_off("n1")
    world.run(world.now + 10_000)
    assert world.serving() == []
    assert not members(world, "n2")
    release_n3()
    release_n2()
    recover(world)


def proof_is_not_stored() -> None:
    """D: n1 is alone and has stored an operator's wish. Then its disk is full, and n2 is proven off: that settles its
    record, but on the disk it has its old lineage still. The wish is not acknowledged: after a power cut n2's record,
    of the same lineage but for its digest, may count."""
    for kind, subject in ((WishKind.STANDBY, "n1"), (WishKind.STANDBY, "n2"), (WishKind.FREEZE, "webserv")):
        world = quiet(38, 2)
        world.run(20_000)
        held = hold_agents(world)
        world.power_off("n2")
        run_until(world, lambda: len(held) == 1)  # noqa: B023  # it is called here
        world.operators.wish("n1", kind, subject)
        world.run(world.now + 2_000)
        world.machines["n1"].disk_bad = True
        answer(world, held, 0, good=True)
        world.run(world.now + 1_000)
        assert record_of(world, "n1").losses["n2"].proof == "agent"
        world.power_off("n1")
        world.machines["n1"].disk_bad = False
        let_go(world, held)
        for name in ("n2", "n1"):
            world.power_on(name)
        recover(world)


def both_acknowledge() -> None:
    """J: two nodes are cut from each other, both are quorate, and each is asked for something."""
    world = quiet(6, 2)
    world.run(20_000)
    world.cut({"n1": 0, "n2": 1})
    held = hold_agents(world)
    run_until(world, lambda: all(members(world, name) == (name,) for name in world.names))
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.operators.wish("n2", WishKind.STANDBY, "n1")
    world.run(world.now + 500)
    world.cut({"n1": 0, "n2": 0})
    world.run(world.now + 5_000)
    let_go(world, held)
    recover(world)


def wish_between_plan_and_order() -> None:
    """C: the chosen node is put into standby while the start is being planned."""
    world = quiet(2, 3)

    def strike(name: str, _: Update) -> None:
        world.after(1, lambda: world.operators.wish(name, WishKind.STANDBY, "n1"))

    once(world, lambda _, update: update.position == 1, strike)
    world.run(60_000)
    recover(world)


def first_update_that_only_one_has_read() -> None:
    """M: the coordinator is cut off with its first update; the others' daemons die before they read that a term is
    open, and find on their disks that it has left."""
    world = quiet(8, 3)

    def strike(name: str, _: Update) -> None:
        world.cut({other: int(other == name) for other in world.names})
        for other in world.names:
            if other != name:
                world.after(100, world.kill_daemon, other)

    once(world, lambda _, update: update.position == 1, strike)
    world.run(60_000)
    recover(world)


def answer_after_the_next_loss() -> None:
    """M: the agent of a first loss answers when the node has been back and is lost again."""
    world = quiet(8, 3)
    world.run(20_000)
    (owner,) = world.serving()
    apart = {name: int(name == owner) for name in world.names}
    held = hold_agents(world)
    world.cut(apart)
    run_until(world, lambda: len(held) == 1)
    fencer, loss, _, action = held[0]
    world.cut(dict.fromkeys(world.names, 0))
    run_until(world, lambda: members(world, owner) == tuple(world.names))
    world.operators.wish(fencer, WishKind.STOP, "webserv")
    world.run(world.now + PATIENCE_MS)
    world.cut(apart)
    run_until(world, lambda: len(held) == 2)
    world.operators.wish(fencer, WishKind.START, "webserv")
    machine = world.machines[fencer]
    del machine.agents[(loss, action)]
    machine.ended[(loss, action)] = (True, "status was off")
    world.agents.tell(fencer)
    world.run(world.now + 2_000)
    let_go(world, held)
    recover(world)


def report_that_only_its_dying_coordinator_reads() -> None:
    """n2 has started the group; the update that says so reaches nobody but n1, which is cut off. In the next term n2
    says that it runs there: that is where it ran last, whatever the configuration allows later."""
    world = quiet(42, 3)
    world.run(20_000)

    def strike(name: str, _: Update) -> None:
        dies_with_its_message(world, name)

    def runs_on_n2(_: str, update: Update) -> bool:
        content = update.content
        return isinstance(content, Reported) and (content.node, content.held.holding) == ("n2", Holding.RUNNING)

    once(world, runs_on_n2, strike)
    world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n2")
    run_until(world, lambda: members(world, "n3") == ("n2", "n3"))
    world.run(world.now + 2_000)
    assert record_of(world, "n3").groups["webserv"].last_owner == "n2"
    heal(world)
    recover(world)
