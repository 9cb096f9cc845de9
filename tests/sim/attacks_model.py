"""The event sequences that broke the protocol's model, by its letters, each as a script (DESIGN section 4 to 7).

Every script ends clean with the rules as they are; `test_attacks` shows which rule each would break without.
"""

from sim.operators import PATIENCE_MS
from sim.scripts import (
    answer,
    hold_agents,
    is_start,
    let_go,
    members,
    once,
    position,
    quiet,
    recover,
    run_until,
    starts,
    when,
)
from standfast.resourced.events import QuorumTold
from standfast.resourced.messages import (
    OrderGiven,
    Proven,
    Update,
    WishKind,
)


def proof_is_read_where_corosync_hung() -> None:
    """The model's unexplained flag (seed 300511): "start on n1 while n2 had no power-off since its last term".

    n2 is off and n1, which coordinates, has the agent's word for it. In the moment when n1 sends the proof its
    Corosync hangs. n2 boots and opens a term with n3, whose first update both store. Now n1's Corosync goes on: it
    still holds the old ring's token, so n1 reads its own proof and its own order, alone, and starts the group.
    That is right: the proof is of the loss that n1 saw, and n2 cannot have been given anything since. In the new term
    n1 is absent: no order goes out before it is proven off, and then it runs nothing. The model's check counted n2 as
    dangerous from the first update of its new term; danger begins with the first order that names it.
    """
    world = quiet(1, 3)
    world.run(20_000)
    for kind, node in ((WishKind.RELOCATE, "n3"), (WishKind.STOP, "")):
        world.operators.wish("n1", kind, "webserv", node)
        world.run(world.now + PATIENCE_MS)
    held = hold_agents(world)
    world.power_off("n2")
    run_until(world, lambda: len(held) == 1)
    world.operators.wish("n1", WishKind.START, "webserv")
    world.run(world.now + 5_000)
    core = world.machines["n1"].core
    assert core is not None
    run_until(world, lambda: world.now - core.ticks._echoed["n3"] < 200)
    began = world.now
    station = world.network.stations["n1"]

    def strike(name: str, _: Update) -> None:
        world.freeze_corosync(name, PATIENCE_MS)
        world.power_on("n2")

    once(world, lambda _, update: isinstance(update.content, Proven), strike)
    answer(world, held, 0, good=True)
    run_until(world, lambda: members(world, "n2") == ("n2", "n3") and position(world, "n2") >= 1)
    station.frozen = False
    world._flow("n1")
    run_until(world, lambda: bool(starts(world, began)))
    assert starts(world, began) == ["n1"]
    assert members(world, "n2") == ("n2", "n3")
    let_go(world, held)
    world._reform()
    world.run(world.now + 20_000)
    assert starts(world, began) == ["n1", "n2"]
    assert when(world, "n1 is off", began) < when(world, "n2 starts webserv", began)
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
    world = quiet(7, 3)

    def strike(name: str, _: Update) -> None:
        world.cut({other: int(other == name) for other in world.names})
        for other in world.names:
            if other != name:
                world.after(100, lambda other=other: world.kill_daemon(other))  # type: ignore[misc]

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
