"""Attacks on fencing: races, agents that lie, fencers that die in the middle (DESIGN section 6)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from sim.planted import Bug, _replaced
from sim.scripts import (
    boots,
    hang_corosync,
    isolate,
    quiet,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    stop_daemon,
)
from standfast.configuration.model import Configuration
from standfast.resourced import absence, watching
from standfast.resourced.fencing import Fencing, Result
from standfast.resourced.race import Race
from standfast.resourced.record import Record
from standfast.resourced.terms import Terms
from standfast.resourced.watching import Watching


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


def corosync_hangs_under_a_watchdog() -> None:
    """Watchdogs and no fence device. Corosync hangs on n1, which owns the group and goes on reading "quorate". Its
    ticks are echoed no more, so it is not fed, and reset before the others count it as off."""
    world = quiet(33, 3, watchdogs=True)
    world.run(20_000)
    assert world.serving() == ["n1"]
    hang_corosync(world, "n1")
    run_until(world, lambda: world.dogs.resets == 1)
    assert not record_of(world, "n2").losses["n1"].proof
    run_until(world, lambda: world.serving() != [])  # elsewhere, or on n1 if it is back before the proof
    assert world.machines["n1"].boot == 2
    recover(world)


def owner_is_cut_off_under_a_watchdog() -> None:
    """A node that is not quorate stops what it runs and is fed; its watchdog's proof is good, for it holds nothing, and
    when it is back it is let in."""
    world = quiet(34, 3, watchdogs=True)
    world.run(20_000)
    isolate(world, "n1")
    run_until(world, lambda: world.serving() == ["n2"])
    assert record_of(world, "n2").losses["n1"].proof == "watchdog"
    assert world.dogs.resets == 0
    recover(world)
    assert boots(world) == [1, 1, 1]


def resourced_is_dead_under_a_watchdog() -> None:
    """Nobody says any more that n1 is echoed, and what it holds runs on: it is reset, and then nobody hears it."""
    world = quiet(35, 3, watchdogs=True)
    world.run(20_000)
    start = stop_daemon(world, "n1")
    run_until(world, lambda: world.dogs.resets == 1)
    assert world.machines["n1"].boot == 1
    start()
    recover(world)


def quorumd_does_not_answer() -> None:
    """Nothing is held before quorumd has said that the watchdog is armed now, whatever it said before."""
    world = quiet(38, 3, watchdogs=True)
    arm, asked = world.dogs.arm, list[tuple[str, int]]()
    world.dogs.arm = lambda name, life: asked.append((name, life))  # type: ignore[method-assign]
    world.run(10_000)
    assert asked
    assert world.audit.starts == 0
    world.dogs.arm = arm  # type: ignore[method-assign]
    for name, life in asked:
        arm(name, life)
    recover(world)


def fed_without_an_echo() -> AbstractContextManager[None]:
    """A watchdog is fed as long as its node's resourced lives."""

    def rule(echoed: Mapping[str, int], *_: object) -> int:
        return max(echoed.values(), default=0) + 60_000

    return _replaced(watching, "echoed_until_ms", rule)


def held_before_the_watchdog_is_armed() -> AbstractContextManager[None]:
    """What is held does not wait for the watchdog, though the record names its timeout."""

    def rule(watched: Watching, terms: Terms, _: Configuration) -> bool:
        return terms.record is not None

    return _replaced(Watching, "stored", rule)


def proof_comes_before_the_reset() -> AbstractContextManager[None]:
    """A loss is proven when its watchdog's timeout is over, whenever that was fed last."""
    return _replaced(absence, "proven_after_ms", lambda _, timeout_ms, **__: timeout_ms // 2)


def both_shoot_at_once() -> AbstractContextManager[None]:
    """H5: a node does not wait for the other one's shot."""
    return _replaced(Race, "wait_ms", lambda *_: 0)


def heard_is_off() -> AbstractContextManager[None]:
    """An agent's word counts although its node is heard."""
    results = Fencing.results

    def rule(fencing: Fencing, record: Record, _: frozenset[str], limit_ms: int, now: int) -> list[Result]:
        return results(fencing, record, frozenset(), limit_ms, now)

    return _replaced(Fencing, "results", rule)


BUGS: tuple[Bug, ...] = (
    both_shoot_at_once,
    heard_is_off,
    fed_without_an_echo,
    held_before_the_watchdog_is_armed,
    proof_comes_before_the_reset,
)
