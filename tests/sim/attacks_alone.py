"""Attacks on start-alone: an operator's word, and what must be proven before it counts (DESIGN section 5)."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sim.planted import Bug, _replaced
from sim.scripts import (
    WISH_MS,
    answer,
    boots,
    hold_agents,
    isolate,
    let_go,
    members,
    position,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    starts,
    stop_daemon,
    when,
)
from sim.world import World
from standfast.resourced import alone, terms
from standfast.resourced.alone import Alone, Wanted
from standfast.resourced.codec import decode
from standfast.resourced.coordinator import Knowledge
from standfast.resourced.events import FencingTold
from standfast.resourced.messages import Content, Proven, WishKind
from standfast.resourced.record import Disk
from standfast.resourced.terms import Terms

WAIT_MS = 40_000  # a cold start that opens no term by then opens none


def _cold(seed: int, count: int, *boot: str) -> World:
    """The group ran on n1; then all lost power, and only these nodes boot. They open no term."""
    world = served_on_the_first(seed, count)
    for name in world.names:
        world.power_off(name)
    world.run(world.now + 5_000)
    for name in boot:
        world.power_on(name)
    world.run(world.now + WAIT_MS)
    assert all(members(world, name) == () for name in boot)
    return world


def _wanted(world: World, name: str) -> dict[str, Wanted]:
    core = world.machines[name].core
    assert core is not None
    return core.alone.wanted


def one_of_two_is_dead_at_a_cold_start() -> None:
    """D1: n1 is up and not quorate for ever. With an operator's word n2 is proven off and the group starts; `on` is
    owed, n2 boots and joins, and nobody is shot."""
    for seed in range(40, 45):
        world = _cold(seed, 2, "n1")
        highest, began = record_of(world, "n1").term, world.now
        assert world.corosync.loosened == 0
        assert world.operators.start_alone("n1", "n2") == "done"
        run_until(world, lambda: world.serving() == ["n1"])  # noqa: B023  # it is called here
        record = record_of(world, "n1")
        assert record.term >= highest + 1_000
        assert when(world, "n1: n2 is proven off", began) <= when(world, "n1 starts webserv", began)
        assert record.losses["n2"].proof == "agent"
        run_until(world, lambda: members(world, "n1") == ("n1", "n2"))  # noqa: B023
        world.run(world.now + 10_000)
        assert world.agents.shots == 0
        assert boots(world) == [2, 2]
        assert starts(world, began) == ["n1"]
        recover(world)


def named_node_lives_behind_a_cut_link() -> None:
    """n1 goes on alone with the group; n2 was shot, boots behind the cut link and is not quorate. There somebody says
    that n1 is dead. Its device is asked, and only when it is off n2 starts anything."""
    for seed in range(45, 50):
        world = served_on_the_first(seed, 2)
        isolate(world, "n2")
        run_until(world, lambda: world.machines["n2"].boot == 2)  # noqa: B023  # it is called here
        world.run(world.now + 10_000)
        assert world.serving() == ["n1"]
        began, shots = world.now, world.agents.shots
        assert world.operators.start_alone("n2", "n1") == "done"
        run_until(world, lambda: world.serving() == ["n2"])  # noqa: B023
        assert world.agents.shots == shots + 1
        assert when(world, "n1 is off", began) < when(world, "n2 starts webserv", began)
        recover(world)


def device_of_the_named_node_fails() -> None:
    """The same, and n1's device does not answer: nothing is started on n2, votequorum is told nothing, n1 runs on."""
    world = served_on_the_first(50, 2)
    isolate(world, "n2")
    run_until(world, lambda: world.machines["n2"].boot == 2)
    world.agents.disturb("n1", "fails", 10_000_000)
    world.run(world.now + 10_000)
    began = world.now
    assert world.operators.start_alone("n2", "n1") == "done"
    world.run(world.now + WAIT_MS)
    assert _wanted(world, "n2")["n1"].failed > 2
    assert world.serving() == ["n1"]
    assert starts(world, began) == []
    assert world.corosync.loosened == 0
    world.cut(dict.fromkeys(world.names, 0))
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    assert _wanted(world, "n2") == {}
    world.run(world.now + 20_000)
    assert starts(world, began) == []
    recover(world)


def lying_requests_are_refused() -> None:
    """Who is heard is not absent, and who is absent is not left out; where a term is open there is nothing to do."""
    world = _cold(51, 3, "n1")
    ask = world.operators.start_alone
    assert ask("n1", "n2") == "n3 is absent too: name every absent node"
    assert ask("n1", "n1", "n2", "n3") == "n1 is this node: name those that are absent"
    assert ask("n1", "n2", "n3", "n9") == "there is no node n9; there are: n1, n2, n3"
    world.power_on("n2")
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    assert "a term is open" in ask("n1", "n3")
    recover(world)
    world = _cold(52, 2, "n1")
    world.power_on("n2")
    start = stop_daemon(world, "n2")
    core = world.machines["n1"].core
    assert core is not None
    run_until(world, lambda: core.terms.ring_nodes == ("n1", "n2"))
    assert world.operators.start_alone("n1", "n2") == "n2 is heard: it is not absent"
    world.run(world.now + WAIT_MS)
    assert world.agents.shots == 0
    start()
    recover(world)


def named_node_returns_before_its_proof() -> None:
    """n2 boots while its agent is under way: the request is over, and its late success proves nothing.
    They open a term together."""
    for seed in range(53, 56):
        world = _cold(seed, 2, "n1")
        held = hold_agents(world)
        assert world.operators.start_alone("n1", "n2") == "done"
        run_until(world, lambda: len(held) == 1)  # noqa: B023  # it is called here
        world.power_on("n2")
        run_until(world, lambda: position(world, "n1") > 0)  # noqa: B023
        assert members(world, "n1") == ("n1", "n2")
        assert _wanted(world, "n1") == {}
        assert world.corosync.loosened == 0
        let_go(world, held)
        recover(world)


def named_node_is_heard_and_its_device_lies() -> None:
    """n1 runs the group behind a cut link, and its resourced is dead. Somebody on n2 says that it is absent; while its
    agent is under way the link heals. Who is in the ring is not off, whatever its device says then."""
    for seed in range(62, 65):
        world = served_on_the_first(seed, 2)
        isolate(world, "n2")
        run_until(world, lambda: world.machines["n2"].boot == 2)  # noqa: B023  # it is called here
        world.run(world.now + 10_000)
        start, began, held = stop_daemon(world, "n1"), world.now, hold_agents(world)
        assert world.operators.start_alone("n2", "n1") == "done"
        run_until(world, lambda: len(held) == 1)  # noqa: B023
        world.cut(dict.fromkeys(world.names, 0))
        core = world.machines["n2"].core
        assert core is not None
        run_until(world, lambda: core.terms.ring_nodes == ("n1", "n2"))  # noqa: B023
        answer(world, held, 0, good=True)
        world.run(world.now + 30_000)
        assert starts(world, began) == []
        assert world.serving() == ["n1"]
        let_go(world, held)
        start()
        recover(world)


def daemon_restarts_with_all_proofs() -> None:
    """resourced on n1 dies when votequorum was told to do without n2, before the term is open. The request is
    forgotten: n1 is quorate and opens nothing from its disk; n2 may have gone on. Asked again, all is proven again."""
    world = _cold(56, 2, "n1")
    began = world.now
    assert world.operators.start_alone("n1", "n2") == "done"
    run_until(world, lambda: world.corosync.loosened > 0)
    stop_daemon(world, "n1")()
    world.run(world.now + WAIT_MS)
    assert world.network.stations["n1"].saw_all
    assert members(world, "n1") == ()
    assert starts(world, began) == []
    again = world.now
    assert world.operators.start_alone("n1", "n2") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    assert when(world, "fenced on n1: off n2", again) < when(world, "n1 starts webserv", again)
    recover(world)


def two_of_three_are_burnt() -> None:
    """n1 serves; n2 and n3 burn, and it stops. On an operator's word it serves again. What it is asked for then is
    not acknowledged, for n2 and n3 could open a term from older disks; nobody switches them on. Then n2 is repaired."""
    world = served_on_the_first(57, 3)
    for name in ("n2", "n3"):
        world.power_off(name)
    run_until(world, lambda: world.serving() == [])
    world.run(world.now + 20_000)
    began = world.now
    assert world.operators.start_alone("n1", "n2", "n3") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    world.operators.wish("n1", WishKind.STANDBY, "n3")
    world.run(world.now + WISH_MS)
    assert "n3" not in world.operators.acknowledged
    assert world.serving() == ["n1"]
    assert record_of(world, "n1").without == ("n2", "n3")
    world.run(world.now + 60_000)
    assert [world.machines[name].powered for name in world.names] == [True, False, False]
    world.power_on("n2")
    run_until(world, lambda: members(world, "n1") == ("n1", "n2"))
    world.operators.wish("n1", WishKind.RESUME, "n3")
    world.run(world.now + WISH_MS)
    assert record_of(world, "n1").without == ()
    assert "n3" in world.operators.acknowledged
    assert starts(world, began) == ["n1"]
    recover(world)


def three_of_five_are_burnt() -> None:
    """n1 and n2 go on together by one word; n2's resourced may restart, and n1's Corosync may not."""
    world = _cold(58, 5, "n1", "n2")
    assert world.operators.start_alone("n2", "n3", "n4", "n5") == (
        "the lowest node that is here opens the term: ask on n1"
    )
    assert world.operators.start_alone("n1", "n3", "n4", "n5") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    assert members(world, "n2") == ("n1", "n2")
    stop_daemon(world, "n2")()
    run_until(world, lambda: members(world, "n2") == ("n1", "n2") and position(world, "n2") > 0)
    world.run(world.now + 5_000)
    assert world.serving() == ["n1"]
    recover(world)


def proofs_are_of_different_times() -> None:
    """n2's device answers at once, n3's for a long time not; meanwhile somebody switches n2 on behind a cut link. When
    n3 is off at last, the old proof of n2 does not count: n2 is asked for again, and is off before the start."""
    world = _cold(59, 3, "n1")
    isolate(world, "n1")
    world.agents.disturb("n3", "fails", 10_000_000)
    assert world.operators.start_alone("n1", "n2", "n3") == "done"
    run_until(world, lambda: _wanted(world, "n1")["n2"].how == "agent")
    world.power_on("n2")
    world.run(world.now + WAIT_MS)
    assert world.corosync.loosened == 0
    began = world.now
    del world.agents.moods["n3"]
    run_until(world, lambda: world.serving() == ["n1"])
    assert when(world, "n2 is off", began) < when(world, "n1 starts webserv", began)
    recover(world)


def absent_nodes_had_more_terms() -> None:
    """n2 and n3 went on without n1 for some terms, and burnt. n1 goes on from its older record; once n2 is back that
    record counts: what n2 alone knew is lost, as the operator was told, and not what was done since."""
    world = served_on_the_first(61, 3)
    world.leave("n1")
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    for _ in range(6):
        stop_daemon(world, "n3")()
        world.run(world.now + 8_000)
    for name in ("n2", "n3"):
        world.power_off(name)
    world.run(world.now + 5_000)
    known = decode(Disk, world.machines["n2"].disk).highest_term
    world.power_on("n1")
    world.run(world.now + WAIT_MS)
    assert record_of(world, "n1").term + 2 < known
    assert world.operators.start_alone("n1", "n2", "n3") == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    world.operators.wish("n1", WishKind.STANDBY, "n3")
    world.run(world.now + WISH_MS)
    world.power_on("n2")
    run_until(world, lambda: members(world, "n2") == ("n1", "n2") and position(world, "n2") > 0)
    assert record_of(world, "n2").nodes["n3"].standby
    world.operators.wish("n1", WishKind.RESUME, "n3")
    recover(world)


def operator_vouches_for_a_node() -> None:
    """n2's device is as dead as n2: `fence confirm` names the loss as shown, after an attempt has failed."""
    world = _cold(60, 2, "n1")
    world.agents.disturb("n2", "fails", 10_000_000)
    assert world.operators.start_alone("n1", "n2") == "done"
    loss = _wanted(world, "n1")["n2"].loss
    assert "no attempt to fence n2 has failed yet" in world.operators.confirm("n1", "n2", loss)
    run_until(world, lambda: _wanted(world, "n1")["n2"].failed > 0)
    assert "is not the one that waits for its proof" in world.operators.confirm("n1", "n2", "8.1")
    assert world.operators.confirm("n1", "n2", loss) == "done"
    run_until(world, lambda: world.serving() == ["n1"])
    assert record_of(world, "n1").losses["n2"].proof == "operator"
    assert record_of(world, "n1").owed == {}
    recover(world)


def word_without_proofs() -> AbstractContextManager[None]:
    """An operator's word is enough: nobody waits for proofs."""
    return _replaced(Wanted, "how", property(lambda _: "operator", lambda *_: None))


def failed_attempt_proves() -> AbstractContextManager[None]:
    """What fenced has ended with counts as a proof, whatever it says."""
    told = Alone.told

    def rule(one: Alone, event: FencingTold) -> None:
        told(one, replace(event, ended={key: (True, text) for key, (_, text) in event.ended.items()}))

    return _replaced(Alone, "told", rule)


def nobody_need_be_named() -> AbstractContextManager[None]:
    """The request is taken as it is said, whoever is heard or absent too."""
    return _replaced(Alone, "_refusal_by_place", lambda *_: "")


def old_proofs_count() -> AbstractContextManager[None]:
    """A proof is good for ever."""
    return _replaced(alone, "_is_old", lambda *_: False)


def request_outlives_a_return() -> AbstractContextManager[None]:
    """What was asked goes on, whoever is heard meanwhile."""
    refusal = Alone._refusal

    def rule(one: Alone, names: tuple[str, ...], linked: frozenset[str], known: Knowledge) -> str:
        return "" if one.wanted else refusal(one, names, linked, known)

    return _replaced(Alone, "_refusal", rule)


def loosened_quorum_opens() -> AbstractContextManager[None]:
    """Where votequorum says yes the record of one disk counts, whether or not an operator's word stands."""
    return _replaced(Terms, "_alone", lambda *_: True)


def alone_wishes_are_acknowledged() -> AbstractContextManager[None]:
    """S: with the absent nodes proven off, what is stored here is acknowledged, though they could go on without it."""
    durable_at = Terms.durable_at

    def rule(one: Terms, position: int) -> bool:
        record = one.record
        one.record = replace(record, without=()) if record is not None else None
        try:
            return durable_at(one, position)
        finally:
            one.record = record

    return _replaced(Terms, "durable_at", rule)


def absent_are_switched_on() -> AbstractContextManager[None]:
    """S: `on` is owed to whoever was proven off, though the absent nodes can open a term by themselves."""
    first = alone.first_updates

    def rule(*arguments: Any) -> tuple[Content, ...]:
        return tuple(replace(one, switch_on=True) if isinstance(one, Proven) else one for one in first(*arguments))

    return _replaced(alone, "first_updates", rule)


def alone_is_one_term_later() -> AbstractContextManager[None]:
    """The term's number is the next one, as of any term."""
    return _replaced(terms, "ALONE_TERMS", 1)


BUGS: tuple[Bug, ...] = (
    word_without_proofs,
    failed_attempt_proves,
    nobody_need_be_named,
    old_proofs_count,
    request_outlives_a_return,
    loosened_quorum_opens,
    alone_wishes_are_acknowledged,
    absent_are_switched_on,
    alone_is_one_term_later,
)
