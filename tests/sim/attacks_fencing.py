"""Attacks on fencing: races, agents that lie, fencers that die in the middle (DESIGN section 6)."""

from contextlib import AbstractContextManager

from sim.planted import Bug, _replaced
from sim.scripts import isolate, quiet, record_of, recover, run_until, served_on_the_first, stop_daemon
from standfast.resourced.fencing import Fencing, Result
from standfast.resourced.race import Race
from standfast.resourced.record import Record


def two_nodes_lose_each_other() -> None:
    """H5: two nodes with a good fence device each are cut from each other. One shoots and goes on; the other one is off
    before it would have shot, and after its boot it shoots nobody."""
    for seed in range(10):
        world = quiet(seed, 2)
        world.run(20_000)
        winner = record_of(world, "n1").winner
        (other,) = {"n1", "n2"} - {winner}
        isolate(world, other)
        run_until(world, lambda: world.agents.shots > 0)  # noqa: B023  # it is called here
        world.run(world.now + 40_000)
        boots = {name: world.machines[name].boot for name in world.names}
        assert boots[winner] == 1, f"seed {seed}: the winner was shot: {boots}"
        assert world.serving() == [winner]
        recover(world)
        assert world.agents.shots == 1


def device_says_off_and_lies() -> None:
    """n1's resourced is dead for good and its group runs; n1's device answers "off" and does nothing. n1 is in the ring
    all the time, so this is no proof: nothing is started elsewhere."""
    world = served_on_the_first(31, 3)
    world.agents.disturb("n1", "lies", 600_000)
    stop_daemon(world, "n1")
    run_until(world, lambda: bool(record_of(world, "n2").failed_attempts))
    assert not record_of(world, "n2").losses["n1"].proof
    world.run(world.now + 30_000)
    assert world.serving() == ["n1"]


def both_shoot_at_once() -> AbstractContextManager[None]:
    """H5: a node does not wait for the other one's shot."""
    return _replaced(Race, "wait_ms", lambda *_: 0)


def heard_is_off() -> AbstractContextManager[None]:
    """An agent's word counts although its node is heard."""
    results = Fencing.results

    def rule(fencing: Fencing, record: Record, _: frozenset[str], limit_ms: int, now: int) -> list[Result]:
        return results(fencing, record, frozenset(), limit_ms, now)

    return _replaced(Fencing, "results", rule)


BUGS: tuple[Bug, ...] = (both_shoot_at_once, heard_is_off)
