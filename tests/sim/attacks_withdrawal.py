"""Attacks on withdrawal: links that are good for some and not for others (DESIGN section 4, "Faulty links")."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import combinations

from sim.network import DETECT_MS
from sim.planted import Bug, _replaced
from sim.scripts import (
    WISH_MS,
    boots,
    hold_agents,
    let_go,
    members,
    quiet,
    record_of,
    recover,
    run_until,
    starts,
)
from sim.world import World
from standfast.membershipd import pause, withdrawal
from standfast.membershipd.pause import Pause
from standfast.membershipd.withdrawal import Decision, Watch
from standfast.resourced.messages import WishKind
from standfast.resourced.term import Word
from standfast.resourced.terms import Terms
from standfast.watchdog import times

THREE_MS = 5 * DETECT_MS  # from the fault to the withdrawal, with three nodes
MORE_MS = 9 * DETECT_MS  # with more of them


def withdrawals(world: World) -> int:
    return world.links.memberships.withdrawals


def works_again(world: World, rest: tuple[str, ...], within_ms: int) -> None:
    """Those who are left are a term within so long, and nobody more than had to has withdrawn."""
    since = world.now
    run_until(world, lambda: all(members(world, name) == rest for name in rest))
    assert world.now - since <= within_ms, f"{world.now - since} ms"
    assert withdrawals(world) == len(world.names) - len(rest)


def owned_by(world: World, owner: str) -> None:
    world.run(20_000)
    if world.serving() != [owner]:
        world.operators.wish("n1", WishKind.RELOCATE, "webserv", owner)
        world.run(world.now + WISH_MS)
    assert world.serving() == [owner]


def two_do_not_hear_each_other() -> None:
    """H6: n1 and n2 do not hear each other, n3 hears both. Whoever of the two is alone in ever new rings, n2 goes, for
    its id is higher, and the other two go on."""
    for odd in ("n1", "n2"):
        for seed in range(3):
            world = quiet(seed, 3)
            owned_by(world, "n3")
            world.links.fail([("n1", "n2")], odd=odd)
            works_again(world, ("n1", "n3"), THREE_MS + DETECT_MS)
            run_until(world, lambda: len(world.serving()) == 1)  # noqa: B023  # it is called here
            recover(world)


def any_two_do_not_hear_each_other() -> None:
    """Whichever two they are, of three to five nodes: one of them goes, and the others are a term within the time that
    a watchdog leaves for it."""
    for count in (3, 4, 5):
        for seed, pair in enumerate(combinations(range(1, count + 1), 2)):
            world = quiet(seed, count)
            world.run(20_000)
            one, other = (f"n{number}" for number in pair)
            world.links.fail([(one, other)])
            rest = tuple(name for name in world.names if name != other)
            works_again(world, rest, MORE_MS + DETECT_MS)


def middle_of_a_star_goes() -> None:
    """n1 hears neither n2 nor n3. It misses two and goes, though its id is the lowest; the others stay."""
    world = quiet(41, 5)
    owned_by(world, "n4")
    world.links.fail([("n1", "n2"), ("n1", "n3")])
    works_again(world, ("n2", "n3", "n4", "n5"), MORE_MS + DETECT_MS)
    recover(world)


def owner_withdraws_and_cannot_be_fenced() -> None:
    """n3 owns the group, hears n1 no more, and goes. Its fence agents do not answer: it stops what it runs by itself,
    and nothing starts elsewhere before it is proven off."""
    world = quiet(42, 3)
    owned_by(world, "n3")
    held, since = hold_agents(world), world.now
    world.links.fail([("n1", "n3")], odd="n1")
    run_until(world, lambda: withdrawals(world) == 1)
    assert world.serving() == ["n3"]
    world.run(world.now + 10_000)
    assert not world.machines["n3"].runs("webserv")
    assert starts(world, since) == []
    assert not record_of(world, "n1").losses["n3"].proof
    let_go(world, held)
    run_until(world, lambda: world.serving() not in ([], ["n3"]))
    recover(world)


def owner_withdraws_under_a_watchdog() -> None:
    """Watchdogs and no fence device: who withdrew holds nothing soon and is fed; the proof by its watchdog is good. The
    others are not fed while rings churn, and nobody is reset: there is time for the withdrawal."""
    world = quiet(43, 3, watchdogs=True)
    owned_by(world, "n3")
    world.links.fail([("n1", "n3")], odd="n1")
    works_again(world, ("n1", "n2"), THREE_MS + DETECT_MS)
    run_until(world, lambda: world.serving() not in ([], ["n3"]))
    assert record_of(world, "n1").losses["n3"].proof == "watchdog"
    assert world.dogs.resets == 0
    recover(world)
    assert boots(world) == [1, 1, 1]


def fault_stays_for_long() -> None:
    """Nobody mends the link. Who withdrew comes back after its pause, which a boot begins anew, and goes again, for
    twice as long; the others work in between."""
    world = quiet(44, 3, watchdogs=True)
    owned_by(world, "n1")
    world.links.fail([("n1", "n2")])
    run_until(world, lambda: withdrawals(world) == 1)
    world.run(world.now + 20_000)
    world.power_off("n2")
    world.power_on("n2")
    world.run(world.now + 29_000)
    assert not world.network.stations["n2"].up
    run_until(world, lambda: withdrawals(world) == 2)
    assert any("n2 withdraws for 60 s" in line for line in world.journal)
    run_until(world, lambda: members(world, "n1") == ("n1", "n3") and world.serving() == ["n1"])
    recover(world)


def everybody_withdraws_at_once() -> AbstractContextManager[None]:
    """H6: a node does not wait for the turns of the others."""
    return _replaced(withdrawal, "_turn", lambda *_: 0)


def withdraws_though_it_hears_everybody() -> AbstractContextManager[None]:
    """Rings churn, so a node goes, whomever it hears."""
    decide: Callable[[Watch, int], Decision] = withdrawal._decide

    def rule(watch: Watch, at_ms: int) -> Decision:
        if not watch.missed and watch.members:
            watch = replace(watch, missed={min(watch.members - {watch.me}): watch.began_ms})
        return decide(watch, at_ms)

    return _replaced(withdrawal, "_decide", rule)


def withdrawn_stop_nothing() -> AbstractContextManager[None]:
    """Without Corosync nothing is known of the quorum, and what runs goes on."""
    quorum = Terms.quorum

    def rule(terms: Terms, now: int, wait_ms: int) -> Word:
        return Word.UNKNOWN if terms.ring is None and terms.word is None else quorum(terms, now, wait_ms)

    return _replaced(Terms, "quorum", rule)


@contextmanager
def watchdog_does_not_wait() -> Iterator[None]:
    """A watchdog may have a timeout in which no faulty link is found."""
    with _replaced(times, "CHURN_DETECTIONS", 1), _replaced(times, "WITHDRAWAL_STEPS", 0):
        yield


def boot_ends_the_pause() -> AbstractContextManager[None]:
    """Who withdrew takes part again as soon as it has booted."""

    def rule(known: Pause, *_: object) -> Pause:
        return replace(known, over=True)

    return _replaced(pause, "resume", rule)


BUGS: tuple[Bug, ...] = (
    everybody_withdraws_at_once,
    withdraws_though_it_hears_everybody,
    withdrawn_stop_nothing,
    watchdog_does_not_wait,
    boot_ends_the_pause,
)
