"""Histories of a node that says in its ticks that it cannot work: the others go on as if it held nothing."""

import pytest

from sim.scripts import at_rest, once, recover, run_until
from standfast.resourced.messages import OrderGiven, Update, WishKind


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
