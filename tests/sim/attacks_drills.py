"""Attacks on fire drills: two at once, and one that nobody ends."""

from contextlib import AbstractContextManager

from sim.drills import LIMIT_MS, begin
from sim.planted import Bug, _replaced
from sim.scripts import record_of, recover, run_until, served_on_the_first
from standfast.resourced import coordinator, drills
from standfast.resourced.messages import WishKind
from standfast.vocabulary import DrillKind


def two_begin_at_once() -> None:
    """On two nodes, in the same moment: one begins, the other one is refused."""
    for seed in range(3):
        world = served_on_the_first(seed, 3)
        asked = [begin(world, name, DrillKind.KILL, "webserv") for name in ("n2", "n3")]
        run_until(world, lambda: set(asked) <= set(world.operators.answers))  # noqa: B023
        outcomes = sorted(world.operators.answers[identity].partition(":")[0] for identity in asked)
        assert outcomes[1] == "done", outcomes
        assert outcomes[0].startswith("a fire drill is under way"), outcomes
        recover(world)


def who_conducts_it_dies() -> None:
    """And the coordinator with it: the drill ends by itself, and the next one may begin."""
    world = served_on_the_first(1, 3)
    begin(world, "n1", DrillKind.KILL, "webserv")
    run_until(world, lambda: record_of(world, "n2").drill is not None)
    world.power_off("n1")
    world.run(world.now + LIMIT_MS + 20_000)
    record = record_of(world, "n2")
    assert record.drill is None
    last = record.groups["webserv"].drilled
    assert last is not None
    assert not last.passed
    recover(world)


# Bugs


def drills_do_not_wait_for_each_other() -> AbstractContextManager[None]:
    """They are judged while another one's beginning is under way."""
    return _replaced(coordinator, "JUDGED_AT_REST", (WishKind.CONFIGURE, WishKind.KEEP, WishKind.TAKE_BACK))


def nobody_ends_a_drill() -> AbstractContextManager[None]:
    return _replaced(drills, "overdue", lambda *_: [])


BUGS: tuple[Bug, ...] = (drills_do_not_wait_for_each_other, nobody_ends_a_drill)
