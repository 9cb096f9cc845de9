"""The event sequences of the design's review, by its numbers, each as a script (DESIGN sections 4 to 7).

Those that the model found as well stand with its letters.
"""

from collections.abc import Callable

from sim.scripts import (
    WISH_MS,
    answer,
    at_rest,
    boots,
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
    quiet,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    starts,
    stop_daemon,
    when,
    word_waits,
)
from standfast.resourced.messages import State, WishKind
from standfast.resourced.stages import Stage

# Which record, and who may write it


def stopped_between_plan_and_order() -> None:
    """C2: an operator stops the group while its start is under way. Both are in one order on all members: either the
    group never starts, or it is stopped again; it does not stay."""
    world = at_rest(30, 3)
    began = world.now

    def strike(*_: object) -> None:
        world.operators.busy_until.clear()
        world.operators.wish("n3", WishKind.STOP, "webserv")

    once(world, is_start, strike)
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 20_000)
    assert len(starts(world, began)) <= 1
    assert world.serving() == []
    recover(world)


def cold_start_with_one_daemon() -> None:
    """C3: five nodes lose their power; n1 was off when the others acknowledged a standby. Three are back, they are
    quorate, but only n1's resourced runs. It opens nothing alone; with the two others the standby is known."""
    world = served_on_the_first(31, 5)
    world.leave("n1")
    world.run(world.now + 10_000)
    world.operators.wish("n2", WishKind.STANDBY, "n5")
    world.run(world.now + 3_000)
    assert "n5" in world.operators.acknowledged
    for name in world.names:
        world.power_off(name)
    world.run(world.now + 1_000)
    for name in ("n1", "n2", "n3"):
        world.power_on(name)
    releases = [stop_daemon(world, name) for name in ("n2", "n3")]
    world.run(world.now + 30_000)
    assert world.network.stations["n1"].ring_nodes == ("n1", "n2", "n3")
    assert members(world, "n1") == ()
    for release in reversed(releases):
        release()
    run_until(world, lambda: position(world, "n1") >= 1)
    assert record_of(world, "n1").nodes["n5"].standby
    recover(world)


def minority_is_asked_for_much() -> None:
    """C3: n1 and n2 are cut off from the three others, and an operator asks them for one thing after the other.
    All of it is answered with a no, and the record of the three counts when they meet."""
    world = served_on_the_first(32, 5)
    world.cut({"n1": 1, "n2": 1, "n3": 0, "n4": 0, "n5": 0})
    world.run(world.now + 5_000)
    for name in world.names:
        world.operators.wish("n1", WishKind.STANDBY, name)
    world.operators.wish("n3", WishKind.STOP, "webserv")
    world.run(world.now + 20_000)
    assert set(world.operators.acknowledged) == {"webserv"}
    heal(world)
    world.run(world.now + 30_000)
    assert record_of(world, "n3").groups["webserv"].stopped
    assert not any(node.standby for node in record_of(world, "n3").nodes.values())
    recover(world)


def word_of_a_new_ring_comes_late() -> None:
    """C4: n3 loses its power. n1 runs the group and hears nothing from votequorum of the new ring for three
    seconds: unknown starts nothing and stops nothing."""
    world = served_on_the_first(33, 3)
    began, release = world.now, word_waits(world, "n1")
    world.power_off("n3")
    run_until(world, lambda: world.network.stations["n1"].ring_nodes == ("n1", "n2"))
    world.run(world.now + 3_000)
    assert world.serving() == ["n1"]
    release()
    world.run(world.now + 10_000)
    assert world.serving() == ["n1"]
    assert starts(world, began) == []
    recover(world)


# What a node does with its orders


def order_is_read_long_after_corosync_hung() -> None:
    """C7: n1 coordinates, and its Corosync hangs with its own order in the queue. Six seconds later it goes on, still
    says "quorate", and gives n1 that order. No tick of n1 was echoed for so long: it begins nothing."""
    world = at_rest(36, 3)
    began, held = world.now, hold_agents(world)
    resumes: list[Callable[[], None]] = []
    once(world, is_start, lambda name, _: resumes.append(hang_corosync(world, name)))
    world.operators.wish("n2", WishKind.START, "webserv")
    run_until(world, lambda: bool(resumes))
    world.run(world.now + 6_000)
    core = world.machines["n1"].core
    assert core is not None
    before = core.hands["webserv"].last_order
    resumes[0]()
    run_until(world, lambda: core.hands["webserv"].last_order > before)
    world.corosync.reform()
    world.run(world.now + 1_000)
    assert starts(world, began) == []
    let_go(world, held)
    recover(world)


def order_waits_when_its_term_ends() -> None:
    """C12: n3 has read the order to start, and waits for votequorum's word. n1 is back, the term ends and n1 gets the
    group. When the word comes at last, n3 has nothing to do: the order was void with its term."""
    world = served_on_the_first(35, 3)
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.run(world.now + 1_000)
    began, release = world.now, word_waits(world, "n3")
    world.power_off("n1")
    run_until(world, lambda: world.machines["n3"].core.hands["webserv"].stage is Stage.WAITING)  # type: ignore[union-attr]
    world.power_on("n1")
    run_until(world, lambda: "n1" in members(world, "n3"))
    release()
    world.run(world.now + 20_000)
    assert starts(world, began) == ["n1"]
    recover(world)


def ordered_daemon_restarts() -> None:
    """H7: resourced of the node that is ordered to start dies before it has read the order. The term has ended with it,
    and so has the order: the group is not "starting" for ever."""
    world = at_rest(36, 3)
    once(world, is_start, lambda name, _: world.kill_daemon(name))
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 15_000)
    assert len(world.serving()) == 1
    assert boots(world) == [1, 1, 1]
    recover(world)


def order_is_read_by_a_daemon_that_hangs() -> None:
    """H7, H8: n1, coordinator and owner to be, hangs with its own order under way, joined and silent. Its missing ticks
    make it suspect, the others go on without it; the group waits, for what n1 has begun nobody knows."""
    world = at_rest(37, 3)
    began = world.now

    def strike(name: str, _: object) -> None:
        world.machines[name].hung = True

    once(world, is_start, strike)
    world.operators.wish("n2", WishKind.START, "webserv")
    run_until(world, lambda: world.machines["n1"].hung)
    hung = world.now
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    assert world.now - hung < 10_000
    world.run(world.now + 5_000)
    assert starts(world, began) == []
    world.resume("n1")
    world.run(world.now + 30_000)
    assert len(world.serving()) == 1
    assert boots(world) == [1, 1, 1]
    recover(world)


# Fencing


def everybody_is_alone() -> None:
    """D3: three nodes are cut from each other for two minutes: who is not quorate stops what it runs."""
    world = quiet(5, 3)
    world.run(20_000)
    world.cut({"n1": 0, "n2": 1, "n3": 2})
    world.run(world.now + 120_000)
    recover(world)


def agent_fails(seed: int = 20) -> None:
    """The agent that fences the owner fails at first."""
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.agents.disturb(owner, "fails", 10_000)
    isolate(world, owner)
    world.run(world.now + 15_000)
    recover(world)


def agent_fails_twice_in_the_same_words() -> None:
    """Section 6: the agent fails, is tried again and fails with the very same words. It is tried for ever, not twice.

    The second failure is not told (`Core._say`), so the attempt stays under way until the term ends."""
    world = served_on_the_first(38, 2)
    held = hold_agents(world)
    world.power_off("n1")
    for number in range(4):
        run_until(world, lambda number=number: len(held) == number + 1)  # type: ignore[misc]
        answer(world, held, number, good=False)
    let_go(world, held)
    recover(world)


def all_daemons_are_gone() -> None:
    """H4: resourced dies on all nodes and stays away longer than DaemonGrace. Nobody is shot, nothing is stopped."""
    world = served_on_the_first(39, 3)
    began = world.now
    releases = [stop_daemon(world, name) for name in world.names]
    world.run(world.now + 60_000)
    for release in reversed(releases):
        release()
    world.run(world.now + 20_000)
    assert world.serving() == ["n1"]
    assert starts(world, began) == []
    assert boots(world) == [1, 1, 1]
    recover(world)


def victim_is_back_before_its_agent_ends() -> None:
    """H10: n1 is cut off, its agent is slow, and the network heals. Until that agent has ended n1 may still be switched
    off: it is in the term, says what it holds, and gets no order."""
    world = at_rest(40, 3)
    began, held = world.now, hold_agents(world)
    isolate(world, "n1")
    run_until(world, lambda: len(held) == 1)
    heal(world)
    run_until(world, lambda: members(world, "n2") == ("n1", "n2", "n3"))
    world.operators.wish("n2", WishKind.START, "webserv")
    world.run(world.now + 10_000)
    assert starts(world, began) == ["n2"]
    answer(world, held, 0, good=False)
    world.run(world.now + WISH_MS)
    world.operators.wish("n2", WishKind.RELOCATE, "webserv", "n1")
    world.run(world.now + 10_000)
    assert world.serving() == ["n1"]
    let_go(world, held)
    recover(world)


def one_node_boots_late_after_a_power_cut() -> None:
    """H11: the power of all is cut; n1 and n2 are up twenty seconds before n3. It is not shot while it boots."""
    world = served_on_the_first(41, 3)
    for name in world.names:
        world.power_off(name)
    world.run(world.now + 5_000)
    world.power_on("n1")
    world.power_on("n2")
    world.run(world.now + 20_000)
    assert "n3" in record_of(world, "n1").losses
    world.power_on("n3")
    world.run(world.now + 20_000)
    assert boots(world) == [2, 2, 2]
    assert len(world.serving()) == 1
    recover(world)


def all_are_shut_down_in_turn() -> None:
    """H11: n1, n2 and n3 are shut down one after the other. When n2 goes, n3 would not be quorate: both are marked
    before one of them goes. At the next start n3 is missing, and nobody waits for it or shoots it."""
    world = served_on_the_first(42, 3)
    for name in ("n1", "n2", "n3"):
        world.leave(name)
        world.run(world.now + 15_000)
    assert not any(machine.powered for machine in world.machines.values())
    began = world.now
    world.power_on("n1")
    world.power_on("n2")
    world.run(world.now + 30_000)
    assert len(starts(world, began)) == 1
    assert record_of(world, "n1").losses == {}
    recover(world)


def agent_lies() -> None:
    """H14: n3, which holds nothing, is cut off; its agent says "off", but it switched something else. When n3 speaks
    again with the incarnation that was proven off, it is not let in: it is told to reboot."""
    world = served_on_the_first(43, 3)
    held = hold_agents(world)
    isolate(world, "n3")
    run_until(world, lambda: len(held) == 1)
    answer(world, held, 0, good=True)
    world.run(world.now + 3_000)
    assert record_of(world, "n1").losses["n3"].proof == "agent"
    heal(world)
    world.run(world.now + 20_000)
    assert boots(world) == [1, 1, 2]
    when(world, "n3 reboots")
    let_go(world, held)
    recover(world)


# Stopping and leaving


def held_goes_after_the_stop() -> None:
    """H18: the units of n1 hang when they are to stop. `held` stays until they are seen to be gone, and n2 waits."""
    world = served_on_the_first(44, 3)
    began = world.now
    world.units.harden("n1", "hangs")
    world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n2")
    world.run(world.now + 10_000)
    assert world.machines["n1"].places["webserv"].held
    assert not world.machines["n1"].places["webserv"].leased
    assert starts(world, began) == []
    world.run(world.now + 40_000)
    assert starts(world, began) == ["n2"]
    recover(world)


def leaves_without_a_term() -> None:
    """D3: resourced of the others is dead, and n1, which runs the group, is shut down. No term takes its mark: it stops
    everything and goes, and is not kept up for ever."""
    world = served_on_the_first(45, 3)
    world.units.harden("n1", "hangs")
    releases = [stop_daemon(world, name) for name in ("n2", "n3")]
    world.leave("n1")
    world.run(world.now + 60_000)
    assert not world.machines["n1"].powered
    for release in reversed(releases):
        release()
    recover(world)


def ring_changes_while_all_answer() -> None:
    """D9: the call is answered when the next ring comes. The old call is void, nobody waits for it, and the new ring
    has its term."""
    world = served_on_the_first(46, 3)
    once_sent(world, lambda message: isinstance(message, State), lambda _: world.power_off("n3"))
    world.kill_daemon("n2")
    run_until(world, lambda: not world.machines["n3"].powered)
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    recover(world)
