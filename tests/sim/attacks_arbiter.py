"""Attacks on clusters with an arbiter: its vote comes late, stays too long, or is not there (DESIGN section 5)."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sim.arbiter import LINGERS_MS, MISSES_MS, Arbiter
from sim.planted import Bug, _blocker, _replaced
from sim.scripts import (
    answer,
    boots,
    heal,
    hold_agents,
    isolate,
    let_go,
    members,
    quiet,
    record_of,
    recover,
    run_until,
    starts,
)
from sim.world import World
from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import Rules
from standfast.resourced import absence
from standfast.resourced.messages import Content, WishKind
from standfast.resourced.outlook import Outlook
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.term import Word
from standfast.resourced.terms import Terms
from standfast.resourced.watching import Watching
from standfast.vocabulary import Ring


def with_vote(seed: int, count: int, *, watchdogs: bool = False) -> World:
    """All nodes are in one term, n1 owns the group, and each node has the arbiter's vote."""
    world = quiet(seed, count, watchdogs=watchdogs, arbiter=True)
    world.run(20_000)
    assert world.serving() == ["n1"]
    assert all(device.casts for device in arbiter_of(world).devices.values())
    return world


def arbiter_of(world: World) -> Arbiter:
    assert world.arbiter is not None
    return world.arbiter


def at_worst(world: World) -> None:
    """Who is cut off keeps the vote as long as it can, and is missed as soon as it can be."""
    arbiter = arbiter_of(world)
    arbiter.early = 1.0
    arbiter.lingers_ms, arbiter.misses_ms = (LINGERS_MS[1],) * 2, (MISSES_MS[0],) * 2


def cut_off_from_all(world: World, name: str) -> None:
    isolate(world, name)
    arbiter_of(world).cut_off(name)


def says_quorate(world: World, name: str) -> bool:
    core = world.machines[name].core
    return core is not None and core.quorum() is Word.YES


def both_sides_are_quorate() -> None:
    """n1 owns the group and hears neither n2 nor the arbiter; it calls itself quorate for seconds after n2 has the
    vote. n2 starts nothing before n1 is proven off."""
    world = with_vote(51, 2)
    at_worst(world)
    held, since = hold_agents(world), world.now
    cut_off_from_all(world, "n1")
    run_until(world, lambda: members(world, "n2") == ("n2",) and members(world, "n1") == ("n1",))
    world.run(world.now + 3_000)
    assert says_quorate(world, "n1")
    assert says_quorate(world, "n2")
    assert world.serving() == ["n1"]
    world.run(world.now + 20_000)
    assert starts(world, since) == []
    assert not world.serving()
    let_go(world, [one for one in held if one[0] == "n2"])  # whose agent is faster is another story
    run_until(world, lambda: world.serving() == ["n2"])
    assert record_of(world, "n2").losses["n1"].proof == "agent"
    recover(world)


def halves_of_four_are_both_quorate() -> None:
    """n1 and n2 do not reach the arbiter and still count its vote; n3 and n4 have it."""
    world = with_vote(58, 4)
    at_worst(world)
    held, since = hold_agents(world), world.now
    world.cut({"n1": 0, "n2": 0, "n3": 1, "n4": 1})
    for name in ("n1", "n2"):
        arbiter_of(world).cut_off(name)
    run_until(world, lambda: members(world, "n3") == ("n3", "n4") and members(world, "n1") == ("n1", "n2"))
    world.run(world.now + 3_000)
    assert all(says_quorate(world, name) for name in world.names)
    world.run(world.now + 20_000)
    assert starts(world, since) == []
    let_go(world, held)
    run_until(world, lambda: world.serving() == ["n3"])
    recover(world)


def halves_of_four_ask_the_arbiter() -> None:
    """Both halves reach the arbiter: the one with n1 has its vote, and the other one runs nothing."""
    world = with_vote(53, 4)
    world.cut({"n1": 0, "n2": 0, "n3": 1, "n4": 1})
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    world.run(world.now + 6_000)
    assert not members(world, "n3")
    assert world.serving() == ["n1"]
    recover(world)


def owner_is_cut_off_from_all_under_a_watchdog() -> None:
    """Watchdogs and no fence device. n1 still counts the arbiter's vote, so it is fed, and then its units do not stop:
    it is reset before n2 counts it as off."""
    world = with_vote(54, 2, watchdogs=True)
    at_worst(world)
    world.units.harden("n1", "wedged")
    cut_off_from_all(world, "n1")
    since = world.now
    run_until(world, lambda: world.dogs.resets == 1)
    assert not record_of(world, "n2").losses["n1"].proof
    run_until(world, lambda: world.serving() == ["n2"])
    assert starts(world, since) == ["n2"]
    assert record_of(world, "n2").losses["n1"].proof == "watchdog"
    assert boots(world) == [2, 1]
    recover(world)


def both_sides_are_asked() -> None:
    """J with an arbiter: both sides are quorate, and each is asked for something. Neither acknowledges it: the other
    one may not know of it, and is not proven off."""
    world = with_vote(55, 2)
    at_worst(world)
    held = hold_agents(world)
    cut_off_from_all(world, "n1")
    run_until(world, lambda: all(members(world, name) == (name,) for name in world.names))
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.operators.wish("n2", WishKind.STANDBY, "n1")
    world.run(world.now + 500)
    heal(world)
    arbiter_of(world).heal("n1")
    world.run(world.now + 5_000)
    let_go(world, held)
    recover(world)


def stale_disk_and_the_arbiter() -> None:
    """K with an arbiter: n2 is off while n1 is asked for something and, as n2 is proven off, acknowledges it. Then n1
    is off, and n2 boots. The arbiter makes it quorate, but knows no record: no term opens before n1 is back."""
    world = with_vote(56, 2)
    held = hold_agents(world)
    world.power_off("n2")
    run_until(world, lambda: len(held) == 1)
    answer(world, held, 0, good=True)
    run_until(world, lambda: record_of(world, "n1").losses["n2"].proof == "agent")
    world.operators.wish("n1", WishKind.FREEZE, "webserv")
    world.run(world.now + 3_000)
    assert record_of(world, "n1").groups["webserv"].frozen
    world.power_off("n1")
    world.power_on("n2")
    world.run(world.now + 20_000)
    assert says_quorate(world, "n2")
    assert not members(world, "n2")
    world.power_on("n1")
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    assert record_of(world, "n2").groups["webserv"].frozen
    let_go(world, held)
    recover(world)


def arbiter_dies_under_a_lone_node() -> None:
    """n2 is proven off and stays so; n1 is quorate by the arbiter's vote, and the arbiter ends: n1 stops what it runs,
    and begins again when the arbiter is back."""
    world = with_vote(57, 2)
    held = hold_agents(world)
    world.power_off("n2")
    run_until(world, lambda: len(held) == 1)
    answer(world, held, 0, good=True)
    world.run(world.now + 5_000)
    assert world.serving() == ["n1"]
    arbiter_of(world).dies(told=True)
    world.run(world.now + 5_000)
    assert not world.machines["n1"].runs("webserv")
    world.run(world.now + 60_000)
    arbiter_of(world).returns()
    run_until(world, lambda: world.serving() == ["n1"])
    let_go(world, held)
    recover(world)


def arbiter_is_gone_and_both_are_here() -> None:
    """Two nodes that hear each other have two of three votes: the arbiter's end costs nothing."""
    world = with_vote(58, 2)
    since = world.now
    arbiter_of(world).dies(told=False)
    world.run(world.now + 60_000)
    assert world.serving() == ["n1"]
    assert starts(world, since) == []
    recover(world)


def vote_changes_sides_after_a_watchdogs_proof() -> None:
    """Only watchdogs. n1 is cut off, stops what it runs and is proven off, though it lives and has its record in
    memory. n2 acknowledges a wish; then n1 has the arbiter's vote and n2 has not. n1 opens no term with its old
    record."""
    world = with_vote(59, 2, watchdogs=True)
    cut_off_from_all(world, "n1")
    run_until(world, lambda: world.serving() == ["n2"])
    assert record_of(world, "n2").losses["n1"].proof == "watchdog"
    world.operators.wish("n2", WishKind.FREEZE, "webserv")
    world.run(world.now + 3_000)
    assert record_of(world, "n2").groups["webserv"].frozen
    arbiter_of(world).cut_off("n2")
    world.run(world.now + 1_000)
    arbiter_of(world).heal("n1")
    world.run(world.now + 40_000)
    assert not members(world, "n1"), "n1 opened a term with a record that lacks what was acknowledged"
    recover(world)


def vote_comes_long_after_it_had_gone() -> None:
    """Only watchdogs. n2 has the vote for its new ring for a moment, opens a term, and has it no more: n1 goes on with
    it. Long after that n1 is cut off from the arbiter, and still has the vote for a while as n2 gets it: then n2 begins
    to count."""
    world = with_vote(60, 2, watchdogs=True)
    at_worst(world)
    isolate(world, "n1")
    run_until(world, lambda: members(world, "n2") == ("n2",))
    world.run(world.now + 60_000)
    assert world.serving() == ["n1"]
    arbiter_of(world).cut_off("n1")
    run_until(world, lambda: world.serving() == ["n2"])
    recover(world)


def quorate_is_a_permission() -> AbstractContextManager[None]:
    """Whoever holds the quorum starts what it wants, whoever else may still run it."""
    waits = (Rule.UNSETTLED, Rule.AWAITS_PROOF, Rule.AWAITS_LOSS, Rule.AWAITS_DAEMON)

    def rule(why: Reason | None, _: Group, known: Outlook) -> Reason | None:
        quorate = known.rules.holds(known.record.members, arbiter=True)
        return None if why is not None and why.rule in waits and quorate else why

    return _blocker(rule)


def proofs_are_counted_without_a_quorum() -> AbstractContextManager[None]:
    """A node whose watchdog was not heard for long is off, whoever has the quorum meanwhile."""
    rule = absence.watchdog_proofs

    def counted(record: Record, known: Configuration, situation: Situation, waits: Waits) -> list[Content]:
        return rule(record, known, replace(situation, quorate_since=0), waits)

    return _replaced(absence, "watchdog_proofs", counted)


def arbiter_is_a_store() -> AbstractContextManager[None]:
    """What is stored by one of two nodes is acknowledged: with the arbiter's vote that is a majority."""
    durable_at = Terms.durable_at

    def rule(terms: Terms, position: int) -> bool:
        stored = terms.term.stored.items() if terms.term is not None else ()
        names = frozenset(name for name, reached in stored if reached >= position > 0)
        return durable_at(terms, position) or terms.rules.holds(names, arbiter=True)

    return _replaced(Terms, "durable_at", rule)


def arbiter_is_a_disk() -> AbstractContextManager[None]:
    """A term is opened from one of two disks: with the arbiter's vote that is a majority."""
    return _replaced(Rules, "majority", lambda rules, names: rules.holds(names, arbiter=True))


def proof_without_the_arbiters_times() -> AbstractContextManager[None]:
    """Who is cut off is taken for one that counts the arbiter's vote no more."""
    return _replaced(absence, "arbiter_lingers_ms", lambda _: None)


def fed_by_a_vote_that_others_have() -> AbstractContextManager[None]:
    """A watchdog is fed as if the arbiter voted for this node, whatever votequorum says."""
    holds = Rules.holds

    def rule(rules: Rules, names: frozenset[str], *_: bool, **others: Any) -> bool:
        return holds(rules, names, **{**others, "arbiter": True})

    return _replaced(Rules, "holds", rule)


def vote_is_taken_for_granted() -> AbstractContextManager[None]:
    """Nodes that would be quorate with the arbiter's vote take themselves for quorate."""
    told = Terms.quorum_told

    def rule(terms: Terms, ring: Ring, quorate: bool, now: int) -> None:
        told(terms, ring, quorate or terms.rules.may_hold(frozenset(terms.ring_nodes)), now)

    return _replaced(Terms, "quorum_told", rule)


def record_of_who_was_taken_for_off_counts() -> AbstractContextManager[None]:
    """Whoever its watchdog would have reset by now goes on with the record in its memory."""
    return _replaced(Watching, "forget", lambda *_: None)


BUGS: tuple[Bug, ...] = (
    quorate_is_a_permission,
    proofs_are_counted_without_a_quorum,
    arbiter_is_a_store,
    arbiter_is_a_disk,
    proof_without_the_arbiters_times,
    fed_by_a_vote_that_others_have,
    vote_is_taken_for_granted,
    record_of_who_was_taken_for_off_counts,
)
