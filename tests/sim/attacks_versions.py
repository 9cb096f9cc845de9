"""Attacks on versions of the configuration: pushes that meet each other, losses, starts, and what was installed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.configurations import reduced
from sim.scripts import (
    WISH_MS,
    at_rest,
    dies_with_its_message,
    heal,
    hold_agents,
    isolate,
    let_go,
    members,
    once,
    record_of,
    recover,
    run_until,
    served_on_the_first,
    starts,
)
from sim.world import World
from standfast.configuration.model import Configuration, Resource
from standfast.resourced import configuring
from standfast.resourced.codec import encode
from standfast.resourced.events import FencingTold
from standfast.resourced.messages import ConfigurationInForce, Update, WishKind
from standfast.resourced.record import Disk, durable
from standfast.vocabulary import Phase

CONFIRM_MS = 15_000


def _offer(world: World, configuration: Configuration) -> None:
    """Every node that runs has stored it and prepared it."""
    world.files.versions[configuration.digest] = configuration
    for machine in world.machines.values():
        world.files._comes(machine, machine.life, configuration.digest)
    world.run(world.now + 500)


def _push(world: World, name: str, configuration: Configuration, base: str = "d1", confirm_ms: int = 0) -> str:
    """What somebody on `name` who offers and pushes it is answered."""
    _offer(world, configuration)
    digest = configuration.digest
    run_until(world, lambda: {n.available for n in record_of(world, name).nodes.values() if n.present} == {digest})
    identity = world.operators.configure(name, digest, base, confirm_ms=confirm_ms)
    run_until(world, lambda: identity in world.operators.answers)
    return world.operators.answers[identity]


def _next(world: World, digest: str = "d2", **changes: Any) -> Configuration:
    return replace(world.configuration, digest=digest, **changes)


def _without_groups(world: World) -> Configuration:
    return _next(world, groups=())


def _only_on(world: World, *names: str) -> Configuration:
    (domain,) = world.configuration.domains
    return _next(world, domains=(replace(domain, nodes=names, restricted=True),))


def _in_force(world: World) -> set[str]:
    return {record_of(world, name).configuration for name in world.names}


def _installed(world: World, digest: str) -> bool:
    return all(machine.installed == digest for machine in world.machines.values() if machine.powered)


def _hold_installing(world: World, name: str) -> Callable[[], None]:
    """`name` can install nothing before what is returned is called."""
    install = world.files._install

    def held(machine: Any, life: int, digest: str) -> None:
        if machine.name != name:
            install(machine, life, digest)

    world.files._install = held  # type: ignore[method-assign]

    def release() -> None:
        del world.files._install  # it covers the method of the class

    return release


def version_that_only_its_dying_coordinator_reads() -> None:
    """n1 reads alone that d2 is in force, and is cut off. The others put d3 in its place. Had n1 acted on what it read,
    there would be two second versions."""
    world = served_on_the_first(80, 3)

    def in_force(_: str, update: Update) -> bool:
        return isinstance(update.content, ConfigurationInForce)

    _offer(world, _next(world))
    once(world, in_force, lambda name, _: dies_with_its_message(world, name))
    world.operators.configure("n2", "d2", "d1")
    run_until(world, lambda: members(world, "n2") == ("n2", "n3"))
    assert record_of(world, "n1").configuration == "d2"
    world.run(world.now + 10_000)
    assert _push(world, "n2", _next(world, "d3")) == "done"
    run_until(world, lambda: world.machines["n2"].installed == "d3")
    heal(world)
    recover(world)
    assert _in_force(world) == {"d3"}


def version_is_made_of_an_older_one() -> None:
    """Two administrators begin with d1; who pushes second would undo what the first one changed."""
    world = served_on_the_first(81, 3)
    assert _push(world, "n2", _next(world)) == "done"
    run_until(world, lambda: _installed(world, "d2"))
    answer = _push(world, "n3", _next(world, "d3"))
    recover(world)
    assert _in_force(world) == {"d2"}
    assert answer.startswith("the version that is pushed is based on d1, but d2 is in force since")
    assert answer.endswith("pushed by uid 0 on n2: standfast config diff")


def one_node_gets_three_votes_at_once() -> None:
    """With d2 n3 alone would be a majority, with d1 n1 and n2 are one: where some have installed it and some have not,
    both could act. So it is refused; a vote at a time is taken."""
    world = served_on_the_first(94, 3)
    revoted = tuple(replace(node, votes=3 if node.name == "n3" else 1) for node in world.configuration.nodes)
    answer = _push(world, "n1", _next(world, nodes=revoted))
    recover(world)
    assert answer == "n3 has 1 votes and would have 3: one vote at a time, so first Votes=2"
    assert _in_force(world) == {"d1"}


def quorate_half_becomes_the_majority() -> None:
    """Each of two nodes is quorate alone. With a second vote n1 would acknowledge d2 alone, and n2 never reads it."""
    world = served_on_the_first(96, 2)
    revoted = tuple(replace(node, votes=2 if node.name == "n1" else 1) for node in world.configuration.nodes)
    _offer(world, _next(world, nodes=revoted))
    world.cut({"n1": 0, "n2": 1})
    identity = world.operators.configure("n1", "d2", "d1")
    run_until(world, lambda: identity in world.operators.answers)
    assert world.operators.answers[identity].startswith("n1 would get other votes while half of all is quorate")
    recover(world)


def group_is_removed_while_it_runs() -> None:
    world = served_on_the_first(82, 3)
    answer = _push(world, "n2", _without_groups(world))
    world.run(world.now + 5_000)
    assert answer == "webserv is not in this version and not stopped on n1: standfast group stop webserv"
    world.operators.wish("n2", WishKind.STOP, "webserv")
    run_until(world, lambda: world.serving() == [])
    world.run(world.now + 2_000)
    assert _push(world, "n2", _without_groups(world)) == "done"
    run_until(world, lambda: _installed(world, "d2"))
    recover(world)


def who_holds_it_is_cut_off() -> None:
    """n1 holds the group, is cut off, and is not proven off: whatever the record of the others says, it runs there."""
    for made in (_without_groups, lambda world: _only_on(world, "n2", "n3")):
        world = served_on_the_first(83, 3)
        held = hold_agents(world)
        world.units.harden("n1", "wedged")
        isolate(world, "n1")
        run_until(world, lambda: len(held) == 1)  # noqa: B023  # it is called here
        answer = _push(world, "n2", made(world))
        world.run(world.now + 5_000)
        let_go(world, held)
        heal(world)
        recover(world)
        assert answer.startswith("n1 is lost and not proven off yet")


def start_is_under_way_where_it_is_not_allowed_any_more() -> None:
    """The group starts on n2, slowly; it ran last on n3. A version that forbids n2 would leave it to be looked for on
    n1 and n3 only, when n2 is cut off."""
    world = at_rest(84, 3)
    world.machines["n2"].slow_until = world.now + 100_000
    world.operators.wish("n1", WishKind.START, "webserv", "n2")
    run_until(world, lambda: "n2" in record_of(world, "n1").groups["webserv"].holders)
    answer = _push(world, "n1", _only_on(world, "n1", "n3"))
    run_until(world, lambda: world.machines["n1"].installed != "d1" or answer != "done")
    held = hold_agents(world)
    isolate(world, "n2")
    run_until(world, lambda: len(held) == 1)
    world.run(world.now + 3_000)
    let_go(world, held)
    heal(world)
    recover(world)
    assert answer == "webserv is on n2, where this version does not allow it: standfast group relocate webserv"


def version_forbids_the_node_where_it_runs() -> None:
    """Nobody else can have the group for a while: it goes on being served there, and goes when somebody can. What it
    has left is looked for there, too: n1 is cut off when it has read that it is to stop, and runs it for long."""
    world = served_on_the_first(93, 3)
    for name in ("n2", "n3"):
        world.operators.wish(name, WishKind.STANDBY, name)
    run_until(world, lambda: record_of(world, "n1").nodes["n3"].standby)
    assert _push(world, "n2", _only_on(world, "n2", "n3")) == "done"
    run_until(world, lambda: _installed(world, "d2"))
    world.run(world.now + WISH_MS)
    assert world.serving() == ["n1"]
    held = hold_agents(world)
    world.units.harden("n1", "wedged")
    world.operators.wish("n3", WishKind.RESUME, "n3")
    run_until(world, lambda: record_of(world, "n3").groups["webserv"].phase is Phase.STOPPING)
    isolate(world, "n1")
    run_until(world, lambda: len(held) == 1)
    world.run(world.now + 10_000)
    assert world.serving() in ([], ["n1"])
    let_go(world, held)
    run_until(world, lambda: world.serving() == ["n3"])
    heal(world)
    recover(world)


def start_that_waits_meets_a_version() -> None:
    """n2 was ordered to start and waits, as it was not let in by its storage device. Meanwhile d2 comes into force, and
    n2 cannot install it: it begins nothing."""
    world = at_rest(85, 3)
    world.give("n2", FencingTold(running=(), ended={}, unfenced=False))
    world.operators.wish("n1", WishKind.START, "webserv", "n2")
    run_until(world, lambda: "n2" in record_of(world, "n2").groups["webserv"].open_orders)
    release = _hold_installing(world, "n2")
    assert _push(world, "n1", _next(world)) == "done"
    began = world.now
    world.give("n2", FencingTold(running=(), ended={}))
    world.run(world.now + 5_000)
    assert starts(world, began) == []
    release()
    run_until(world, lambda: world.serving() == ["n2"])
    assert world.machines["n2"].installed == "d2"
    recover(world)


def who_was_off_comes_back_with_the_old_version() -> None:
    """n3 was proven off when d2 came into force. It boots with d1, gets d2 from another node, and nothing before."""
    world = served_on_the_first(86, 3)
    world.power_off("n3")
    run_until(world, lambda: record_of(world, "n1").proven_or_left("n3"))
    held = hold_agents(world)
    assert _push(world, "n2", _next(world)) == "done"
    release = _hold_installing(world, "n3")
    let_go(world, held)
    world.power_on("n3")
    run_until(world, lambda: members(world, "n3") == ("n1", "n2", "n3"))
    began = world.now
    for name in ("n1", "n2"):
        world.operators.wish(name, WishKind.STANDBY, name)
    world.run(world.now + 10_000)
    assert "n3" not in starts(world, began)
    release()
    run_until(world, lambda: world.serving() == ["n3"])
    recover(world)
    assert _in_force(world) == {"d2"}


def one_of_two_pushes_alone() -> None:
    """n2 is proven off, n1 pushes alone: what is acknowledged is on n1's disk. n2 boots with the old record and the old
    version, and has the new ones before it runs anything."""
    world = served_on_the_first(87, 2)
    held = hold_agents(world)
    world.power_off("n2")
    run_until(world, lambda: len(held) == 1)
    refused = _push(world, "n1", _next(world))
    let_go(world, held)
    run_until(world, lambda: record_of(world, "n1").proven_or_left("n2"))
    held = hold_agents(world)  # nobody switches it on
    assert _push(world, "n1", _next(world, "d2")) == "done"
    let_go(world, held)
    world.power_on("n2")
    run_until(world, lambda: _installed(world, "d2") and members(world, "n2") == ("n1", "n2"))
    recover(world)
    assert refused.startswith("n2 is lost and not proven off yet")


def nobody_confirms() -> None:
    """d2 goes back by itself, not before its time, though its coordinator dies and another one counts anew; and not
    while a loss waits for its proof."""
    world = served_on_the_first(88, 3)
    assert _push(world, "n2", _next(world), confirm_ms=CONFIRM_MS) == "done"
    began = world.now
    world.run(world.now + 8_000)
    world.kill_daemon("n1")
    run_until(world, lambda: record_of(world, "n2").configuration == "d1")
    assert world.now - began >= CONFIRM_MS
    run_until(world, lambda: _installed(world, "d1"))
    assert record_of(world, "n2").history[0].by == configuring.NOBODY
    recover(world)


def unconfirmed_version_has_brought_a_group() -> None:
    """It runs when the time is over: it is stopped, and then the version without it comes back."""
    world = served_on_the_first(91, 3)
    (group,) = world.configuration.groups
    mail = replace(group, name="mail", resources=(Resource(unit="mail.service"),))
    assert _push(world, "n2", _next(world, groups=(mail, group)), confirm_ms=CONFIRM_MS) == "done"
    run_until(world, lambda: world.serving("mail") != [])
    run_until(world, lambda: record_of(world, "n2").configuration == "d1")
    run_until(world, lambda: _installed(world, "d1"))
    assert world.serving("mail") == []
    recover(world)


def somebody_confirms() -> None:
    world = served_on_the_first(89, 3)
    assert _push(world, "n2", _next(world), confirm_ms=CONFIRM_MS) == "done"
    world.run(world.now + 8_000)
    world.operators.wish("n3", WishKind.KEEP, "")
    world.run(world.now + 2 * CONFIRM_MS)
    assert _in_force(world) == {"d2"}
    recover(world)


def somebody_takes_it_back() -> None:
    """It goes back before its time, though the coordinator that heard the wish dies."""
    world = served_on_the_first(92, 3)
    assert _push(world, "n2", _next(world), confirm_ms=CONFIRM_MS) == "done"
    began = world.now
    run_until(world, lambda: _installed(world, "d2"))
    world.operators.wish("n3", WishKind.TAKE_BACK, "")
    run_until(world, lambda: record_of(world, "n3").confirm_ms == 0)
    world.kill_daemon("n1")
    run_until(world, lambda: record_of(world, "n2").configuration == "d1")
    assert world.now - began < CONFIRM_MS
    run_until(world, lambda: _installed(world, "d1"))
    assert record_of(world, "n2").history[0].by == configuring.OPERATOR
    recover(world)


def coordinator_cannot_install_what_others_have() -> None:
    """n1 coordinates and cannot install d2: it plans nothing, and lets another one coordinate."""
    world = served_on_the_first(90, 3)
    release = _hold_installing(world, "n1")
    assert _push(world, "n2", _next(world)) == "done"
    world.run(world.now + WISH_MS)
    world.units.fail("n1")
    run_until(world, lambda: len(world.serving()) == 1)
    release()
    recover(world)


def node_goes_and_comes_back() -> None:
    """n3 leaves and is removed; it boots with what it knows, and is heard by nobody, for the key is another one. Of the
    two that stay one dies, and the other goes on. Then n3 is added again, and gets the record and the version as any
    node that joins."""
    world = served_on_the_first(92, 3)
    world.leave("n3")
    run_until(world, lambda: not world.machines["n3"].powered)
    two = replace(reduced(_next(world), ("n1", "n2")), key="k2")
    assert _push(world, "n1", two) == "done"
    run_until(world, lambda: _installed(world, "d2"))
    isolate(world, "n3")
    world.power_on("n3")
    world.power_off("n1")
    run_until(world, lambda: world.serving() == ["n2"])
    world.run(world.now + 20_000)
    assert members(world, "n3") == ()
    world.power_on("n1")
    run_until(world, lambda: members(world, "n2") == ("n1", "n2"))
    world.power_off("n3")
    assert _push(world, "n2", _next(world, "d3", key="k2"), "d2") == "done"
    run_until(world, lambda: _installed(world, "d3"))
    _join(world, "n3")
    heal(world)
    world.power_on("n3")
    run_until(world, lambda: members(world, "n1") == ("n1", "n2", "n3"))
    recover(world)
    assert _in_force(world) == {"d3"}


def _join(world: World, name: str) -> None:
    """The node has the record and the version in force of another one on its disk."""
    record, machine = durable(record_of(world, "n1")), world.machines[name]
    machine.disk = encode(Disk(highest_term=0, record=record))
    machine.stored = {record.configuration}
    machine.used, machine.installed = world.files.versions[record.configuration], record.configuration


def _waits_for_the_first(seed: int) -> tuple[World, Callable[[], None]]:
    """A version has brought a group, and n3, the first of its domain, does not have it in place yet."""
    world = served_on_the_first(seed, 3)
    release = _hold_installing(world, "n3")
    (domain,), (group,) = world.configuration.domains, world.configuration.groups
    last_first = replace(domain, name="mail", nodes=("n3", "n2", "n1"))
    mail = replace(group, name="mail", domain="mail", resources=(Resource(unit="mail.service"),))
    assert _push(world, "n2", _next(world, groups=(mail, group), domains=(domain, last_first))) == "done"
    run_until(world, lambda: {world.machines[name].installed for name in ("n1", "n2")} == {"d2"})
    return world, release


def first_of_the_domain_installs_last() -> None:
    """Who has the version in place first is chance: the group starts where its plan said."""
    world, release = _waits_for_the_first(94)
    world.run(world.now + 3_000)
    assert not world.serving("mail")
    release()
    run_until(world, lambda: world.serving("mail") == ["n3"])
    recover(world)


def first_of_the_domain_never_installs() -> None:
    """It is not waited for for ever."""
    world, release = _waits_for_the_first(94)
    world.run(world.now + 15_000)
    assert world.serving("mail") == ["n2"]
    release()
    recover(world)
