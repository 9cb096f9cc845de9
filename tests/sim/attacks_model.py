"""The event sequences that broke the protocol's model, by its letters, each as a script (DESIGN section 4 to 7).

Every script ends clean with the rules as they are; `test_attacks` shows which rule each would break without.
"""

from collections.abc import Callable

from sim.scripts import (
    answer,
    at_rest,
    dies_with_its_message,
    hang_corosync,
    heal,
    hold_agents,
    is_start,
    isolate,
    let_go,
    members,
    once,
    once_sent,
    position,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    starts,
    stop_daemon,
    when,
    word_waits,
)
from standfast.resourced.messages import (
    Open,
    Proven,
    RecordChunk,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.stages import Stage


def proof_is_read_where_corosync_hung() -> None:
    """The model's unexplained flag (seed 300511): "start on n1 while n2 had no power-off since its last term".

    n2 is off and n1, which coordinates, has the agent's word for it. In the moment when n1 sends the proof its
    Corosync hangs. n2 boots and opens a term with n3, whose first update both store. Now n1's Corosync goes on: it
    still holds the old ring's token, so n1 reads its own proof and its own order, alone, and starts the group.
    That is right: the proof is of the loss that n1 saw, and n2 cannot have been given anything since. In the new term
    n1 is absent: no order goes out before it is proven off, and then it runs nothing. The model's check counted n2 as
    dangerous from the first update of its new term; danger begins with the first order that names it.
    """
    world = at_rest(1, 3)
    held = hold_agents(world)
    world.power_off("n2")
    run_until(world, lambda: len(held) == 1)
    world.operators.wish("n1", WishKind.START, "webserv")
    world.run(world.now + 5_000)
    core = world.machines["n1"].core
    assert core is not None
    run_until(world, lambda: world.now - core.ticks.echoed["n3"] < 200)
    began = world.now
    resumes: list[Callable[[], None]] = []

    def strike(name: str, _: Update) -> None:
        resumes.append(hang_corosync(world, name))
        world.power_on("n2")

    once(world, lambda _, update: isinstance(update.content, Proven), strike)
    answer(world, held, 0, good=True)
    run_until(world, lambda: members(world, "n2") == ("n2", "n3") and position(world, "n2") >= 1)
    resumes[0]()
    run_until(world, lambda: bool(starts(world, began)))
    assert starts(world, began) == ["n1"]
    assert members(world, "n2") == ("n2", "n3")
    let_go(world, held)
    world.corosync.reform()
    world.run(world.now + 20_000)
    assert starts(world, began) == ["n1", "n2"]
    assert when(world, "n1 is off", began) < when(world, "n2 starts webserv", began)
    recover(world)


def order_that_only_its_dying_reader_has_read() -> None:
    """A: n1 coordinates, orders the start to itself and is cut off with that message: it starts, and nobody else ever
    learns of it. n2 and n3 know another last owner; they wait for the proof of n1 all the same."""
    world = at_rest(10, 3)
    began, held = world.now, hold_agents(world)
    once(world, is_start, lambda name, _: dies_with_its_message(world, name))
    world.operators.wish("n2", WishKind.START, "webserv")
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    world.run(world.now + 10_000)
    assert starts(world, began) == ["n1"]
    let_go(world, held)
    world.run(world.now + 10_000)
    assert starts(world, began) == ["n1", "n2"]
    assert when(world, "n1 is off", began) < when(world, "n2 starts webserv", began)
    recover(world)


def two_records_meet() -> None:
    """B: as before, but the network heals before n1 is proven off, and n1 is the lowest member. What the others
    acknowledged meanwhile stays; n1's record, which ends with an order that nobody else knows, is thrown away."""
    world = at_rest(11, 3)
    held = hold_agents(world)
    once(world, is_start, lambda name, _: dies_with_its_message(world, name))
    world.operators.wish("n2", WishKind.START, "webserv")
    run_until(world, lambda: members(world, "n2") == ("n2", "n3") and position(world, "n2") > 1)
    world.operators.wish("n2", WishKind.STANDBY, "n3")
    world.run(world.now + 1_000)
    assert world.operators.acknowledged["n3"][1] is WishKind.STANDBY
    heal(world)
    run_until(world, lambda: all(members(world, name) == ("n1", "n2", "n3") for name in world.names))
    run_until(world, lambda: all(position(world, name) >= 1 for name in world.names))
    assert all(record_of(world, name).nodes["n3"].standby for name in world.names)
    let_go(world, held)
    recover(world)


def two_records_meet_where_both_sides_are_quorate() -> None:
    """B: with two nodes n1 goes on alone with the order that only it has read. n2 is quorate as well and starts nothing
    without a proof; when they meet, n1 says what it holds, and the group stays there."""
    world = at_rest(12, 2)
    began, held = world.now, hold_agents(world)
    once(world, is_start, lambda name, _: dies_with_its_message(world, name))
    world.operators.wish("n2", WishKind.START, "webserv")
    run_until(world, lambda: all(members(world, name) == (name,) for name in world.names))
    world.run(world.now + 3_000)
    heal(world)
    run_until(world, lambda: all(members(world, name) == ("n1", "n2") for name in world.names))
    world.run(world.now + 3_000)
    assert starts(world, began) == ["n1"]
    assert world.serving() == ["n1"]
    let_go(world, held)
    recover(world)


def coordinator_changes_with_an_order_under_way() -> None:
    """C: n2 coordinates while n1's resourced is dead, and orders a start; n1 joins in that moment and is the lowest.
    The order is read in its term or in none; n1 never plans beside it."""
    world = at_rest(13, 3)
    release = stop_daemon(world, "n1")
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    began = world.now
    once(world, lambda _, update: isinstance(update.content, Wish), lambda *_: release())
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 20_000)
    assert starts(world, began) == world.serving()
    recover(world)


def view_has_the_same_name_again() -> None:
    """D: n3's process dies when a term with it is about to open, and is back in the same ring. What was queued for the
    first membership opens nothing in the second."""
    world = at_rest(14, 3)
    ring = world.network.stations["n1"].ring
    stop_daemon(world, "n3")()
    once_sent(world, lambda message: isinstance(message, Open), lambda _: world.kill_daemon("n3"))
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    run_until(world, lambda: members(world, "n1") == ("n1", "n2", "n3"))
    assert world.network.stations["n1"].ring == ring
    recover(world)


def owner_returns_with_the_same_incarnation() -> None:
    """F: n1 runs the group; its Corosync hangs, and goes on before n1 is fenced. All the time it reads "quorate"
    and runs on. That it is back is no proof: the group stays where it is, nobody else starts it."""
    world = served_on_the_first(15, 3)
    began, held = world.now, hold_agents(world)
    resume = hang_corosync(world, "n1")
    run_until(world, lambda: len(held) == 1)
    resume()
    world.corosync.reform()
    run_until(world, lambda: all(members(world, name) == ("n1", "n2", "n3") for name in world.names))
    world.run(world.now + 5_000)
    answer(world, held, 0, good=False)
    world.run(world.now + 10_000)
    assert starts(world, began) == []
    assert world.serving() == ["n1"]
    let_go(world, held)
    recover(world)


def order_comes_before_the_word_of_its_ring() -> None:
    """H: n3 is ordered to start before votequorum has spoken there of this ring. It holds the order, begins when the
    word comes, and says so; nothing is swallowed."""
    world = served_on_the_first(16, 3)
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.run(world.now + 1_000)
    began, release = world.now, word_waits(world, "n3")
    world.power_off("n1")
    run_until(world, lambda: "n3" in record_of(world, "n2").groups["webserv"].open_orders)
    world.run(world.now + 2_000)
    assert starts(world, began) == []
    release()
    world.run(world.now + 5_000)
    assert starts(world, began) == ["n3"]
    recover(world)


def stop_fails_while_nobody_hears_it() -> None:
    """I: n1 cannot stop its group, and finds that out when all other resourced are dead. What it holds is said anew in
    each term: it is fenced for it, and the group runs elsewhere."""
    world = served_on_the_first(23, 3)
    world.units.harden("n1", "wedged")
    world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n2")
    world.run(world.now + 1_000)
    releases = [stop_daemon(world, name) for name in ("n2", "n3")]
    core = world.machines["n1"].core
    assert core is not None
    run_until(world, lambda: core.hands["webserv"].stage is Stage.STOP_FAILED)
    for release in reversed(releases):
        release()
    world.run(world.now + 60_000)
    assert world.machines["n1"].boot == 2
    assert world.serving() == ["n2"]
    recover(world)


def wish_that_only_the_coordinator_has_read() -> None:
    """J: the coordinator is cut off with the update that carries an operator's wish, and reads it alone. It does not
    say that the wish is done: the others go on without it."""
    world = served_on_the_first(18, 3)
    once(world, lambda _, update: isinstance(update.content, Wish), lambda name, _: dies_with_its_message(world, name))
    world.operators.wish("n1", WishKind.STANDBY, "n3")
    world.run(world.now + 30_000)
    assert "n3" not in world.operators.acknowledged
    assert not record_of(world, "n2").nodes["n3"].standby
    recover(world)


def stale_disk_in_a_quorate_ring() -> None:
    """K: n3 was off when n1 and n2 acknowledged a standby. n2's resourced is dead, n1 is cut off, n3 boots: its ring is
    quorate, but its process is alone. It opens no term from its old disk."""
    world = served_on_the_first(19, 3)
    world.leave("n3")
    world.run(world.now + 5_000)
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.run(world.now + 3_000)
    assert "n2" in world.operators.acknowledged
    release = stop_daemon(world, "n2")
    isolate(world, "n1")
    world.power_on("n3")
    world.run(world.now + 30_000)
    assert world.network.stations["n3"].ring_nodes == ("n2", "n3")
    assert members(world, "n3") == ()
    release()
    recover(world)


def stale_disk_of_two_nodes() -> None:
    """K, D1: n2 was off when n1 acknowledged that the group is stopped. n2 boots, its Corosync sees n1, and n1 dies
    before n2 got the record. n2 is quorate by itself, and opens nothing from its old disk; nobody is fenced."""
    world = served_on_the_first(20, 2)
    world.leave("n2")
    world.run(world.now + 5_000)
    world.operators.wish("n1", WishKind.STOP, "webserv")
    world.run(world.now + 3_000)
    assert "webserv" in world.operators.acknowledged
    world.power_on("n2")
    release = stop_daemon(world, "n2")
    run_until(world, lambda: world.network.stations["n2"].saw_all)
    world.power_off("n1")
    world.run(world.now + 5_000)
    release()
    world.run(world.now + 60_000)
    assert members(world, "n2") == ()
    assert world.machines["n1"].boot == 1
    recover(world)


def answer_to_an_older_question() -> None:
    """L: n3 joins with an old record, and its process dies and joins again while the first answer, the record, is under
    way. Only what was sent for its second question counts."""
    world = served_on_the_first(21, 3)
    release = stop_daemon(world, "n3")
    world.operators.wish("n1", WishKind.STANDBY, "n3")
    world.run(world.now + 5_000)

    def strike(_: str) -> None:
        again = stop_daemon(world, "n3")
        world.after(1, again)
        world.operators.wish("n1", WishKind.RESUME, "n3")

    once_sent(world, lambda message: isinstance(message, RecordChunk), strike)
    release()
    world.run(world.now + 15_000)
    assert members(world, "n3") == ("n1", "n2", "n3")
    assert record_of(world, "n3") == record_of(world, "n1")
    recover(world)
