"""Histories of a node that says in its ticks that it cannot work: the others go on as if it held nothing."""

import pytest

from sim.scripts import at_rest, members, once, once_sent, recover, run_until
from standfast.resourced.codec import encode
from standfast.resourced.messages import Call, OrderGiven, Update, WishKind


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mended_ms", [1_500, 60_000])
def test_who_said_that_it_cannot_work_begins_nothing_that_it_was_ordered_before(seed: int, mended_ms: int) -> None:
    """n3's disk is full; it says so, and that it holds nothing. An order to it was sent before, and its reader is slow:
    when it reads the order, n1 and n2 are in a term of their own, where the group starts without asking n3."""
    world = at_rest(seed, 3)
    n3 = world.network.stations["n3"]

    def strike(_: str, update: Update) -> None:
        assert isinstance(update.content, OrderGiven)
        assert update.content.node == "n3"
        n3.reading = True  # its reader does not look

    once(world, lambda _, update: isinstance(update.content, OrderGiven), strike)
    world.machines["n3"].disk_bad = True
    world.after(mended_ms, setattr, world.machines["n3"], "disk_bad", False)
    world.operators.wish("n1", WishKind.START, "webserv", "n3")
    run_until(world, lambda: world.serving() != [])
    world.corosync.read(n3)
    world.run(world.now + 10_000)
    assert len(world.serving()) == 1
    recover(world)


def rests_for_a_moment_before_a_term(seed: int) -> None:
    """n2's resourced is back after its death, and n3 is named in the call that follows. Just then n3 says that it
    cannot work; before it has read the call its disk is mended. It takes part and starts the group. Then n1 calls
    again without n3, by whose last tick it cannot work and holds nothing: that says nothing of what came since."""
    world = at_rest(seed, 3)
    n3 = world.machines["n3"].core
    assert n3 is not None

    def strike(_: str) -> None:
        n3.ticks.fit = n3.fitness._disk_good = n3.terms.saved = False
        said = n3.ticks.tick(n3._fresh(), n3.terms.highest_term, world.now, 10_000)
        n3.fitness.rests_up_to, n3.tick_at = said.term, world.now + 2_500
        world.corosync.tick("n3", encode(said))

    world.kill_daemon("n2")
    run_until(world, lambda: members(world, "n1") == ("n1", "n3"))
    once_sent(world, lambda message: isinstance(message, Call) and "n3" in message.named, strike)
    run_until(world, lambda: members(world, "n1") == ("n1", "n2", "n3"))
    world.operators.wish("n1", WishKind.START, "webserv", "n3")
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    world.run(world.now + 10_000)
    recover(world)


@pytest.mark.parametrize("seed", [0, 4, 9])
def test_what_a_node_said_before_a_term_says_nothing_of_what_it_was_ordered_in_it(seed: int) -> None:
    rests_for_a_moment_before_a_term(seed)
