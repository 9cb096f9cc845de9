"""Each planted bug is noticed, and the very same history is clean without it."""

from collections.abc import Callable
from functools import partial

import pytest

from sim import planted
from sim.audit import Violation
from sim.operators import PATIENCE_MS
from sim.test_histories import quiet
from sim.test_histories import test_who_opened_a_term_with_a_node_no_longer_believes_that_it_left as who_was_met
from sim.walk import calm, walk
from sim.world import World
from standfast.resourced.codec import decode
from standfast.resourced.events import QuorumTold
from standfast.resourced.messages import Message, OrderGiven, OrderKind, Update, WishKind

History = Callable[[], object]
Sent = Callable[[str, Update], bool]


def recover(world: World) -> None:
    calm(world)
    world.run(world.now + 200_000)
    world.audit.served()


def once(world: World, wanted: Sent, strike: Callable[[str, Update], None]) -> None:
    """The first update that is wanted is followed by a strike, before anybody reads it."""
    struck: list[Update] = []

    def provoke(name: str, data: bytes) -> None:
        message = decode(Message, data)
        if isinstance(message, Update) and not struck and wanted(name, message):
            struck.append(message)
            strike(name, message)

    world.provoke = provoke


def is_start(_: str, update: Update) -> bool:
    return isinstance(update.content, OrderGiven) and update.content.kind is OrderKind.START


def run_until(world: World, reached: Callable[[], bool]) -> None:
    limit = world.now + 60_000
    while not reached():
        assert world.now < limit
        world.run(world.queue[0][0])


def members(world: World, name: str) -> tuple[str, ...]:
    core = world.machines[name].core
    return core.terms.term.members if core is not None and core.terms.term is not None else ()


Held = list[tuple[str, str, str, str]]  # fencer, loss, node, action


def hold_agents(world: World) -> Held:
    """From now on agents that are begun do not end."""
    held: Held = []

    def begin(name: str, loss: str, node: str, action: str) -> None:
        machine = world.machines[name]
        if (loss, action) not in machine.agents:
            machine.agents[(loss, action)] = node
            held.append((name, loss, node, action))
            world.agents.tell(name)

    world.agents.begin = begin  # type: ignore[method-assign]
    return held


def let_go(world: World, held: Held) -> None:
    """Agents work again, those that were held as well."""
    del world.agents.begin  # it covers the method of the class
    for name, loss, node, action in held:
        if world.machines[name].agents.pop((loss, action), None):
            world.agents.begin(name, loss, node, action)


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


def everybody_is_alone() -> None:
    """Three nodes are cut from each other for two minutes."""
    world = quiet(5, 3)
    world.run(20_000)
    world.cut({"n1": 0, "n2": 1, "n3": 2})
    world.run(world.now + 120_000)
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


def agent_fails(seed: int = 20) -> None:
    """The agent that fences the owner fails at first."""
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.cut({name: int(name == owner) for name in world.names})
    world.run(world.now + 15_000)
    recover(world)


WALKS: dict[planted.Bug, tuple[int, int]] = {
    planted.disks_without_a_majority: (93, 2),
    planted.quorum_of_another_ring: (3, 2),
    planted.record_of_the_lowest_node: (2, 3),
    planted.losses_that_do_not_end: (2, 2),
    planted.only_the_last_owner_blocks: (0, 3),
    planted.away_blocks_nothing: (0, 3),
    planted.acknowledged_at_delivery: (3, 2),
    planted.released_before_it_stopped: (0, 3),
    planted.stopped_by_a_restart_of_the_daemon: (0, 3),
}
HISTORIES: dict[planted.Bug, History] = {
    planted.gate_without_quorum: order_meets_no_quorum,
    planted.leaves_without_its_mark: leaving_meets_an_order,
    planted.marked_while_it_holds: owner_is_cut_off_as_it_leaves,
    planted.runs_on_without_quorum: everybody_is_alone,
    planted.minority_is_settled: both_acknowledge,
    planted.planned_twice: wish_between_plan_and_order,
    planted.orders_before_all_have_stored: first_update_that_only_one_has_read,
    planted.proof_for_a_later_loss: answer_after_the_next_loss,
    planted.failed_attempt_is_a_proof: agent_fails,
    planted.who_was_met_is_forgotten: partial(who_was_met, 0),
    **{bug: partial(walk, seed, count) for bug, (seed, count) in WALKS.items()},
}


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: str(bug.__name__))
def test_a_planted_bug_is_noticed(bug: planted.Bug) -> None:
    with bug(), pytest.raises(Violation):
        HISTORIES[bug]()


@pytest.mark.parametrize("history", HISTORIES.values(), ids=[bug.__name__ for bug in HISTORIES])
def test_its_history_is_clean_without_it(history: History) -> None:
    history()
