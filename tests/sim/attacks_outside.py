"""Attacks on what probes say: it fails for everybody, for two by chance, or on every node that is tried (section 8)."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from random import Random

from sim.configurations import example
from sim.outside import asking
from sim.planted import Bug, _replaced
from sim.scripts import WISH_MS, record_of, recover, run_until
from sim.world import World
from standfast.configuration.model import Configuration, Domain, Recovery, Resource
from standfast.resourced import blame, looks, placement
from standfast.resourced.messages import WishKind
from standfast.resourced.placement import Decided
from standfast.resourced.presence import Held, View
from standfast.resourced.reasons import Reason
from standfast.resourced.record import Record

OUTAGE_MS = 400_000
HOMES = {"database": "n3", "mail": "n2", "webserv": "n1"}
POLICIES = {"database": Recovery.RESTART_DISABLE, "mail": Recovery.RELOCATE, "webserv": Recovery.RESTART}


def three_groups(**often: float) -> Configuration:
    """One for each node, each with a probe and a policy of its own."""
    known = example(["n1", "n2", "n3"])
    webserv = known.groups[0]
    domains = tuple(
        Domain(name=f"of-{name}", nodes=(home, *sorted({"n1", "n2", "n3"} - {home})), ordered=True)
        for name, home in HOMES.items()
    )
    groups = tuple(
        replace(
            webserv,
            name=name,
            resources=webserv.resources if name == "webserv" else (Resource(unit=f"{name}.service"),),
            domain=f"of-{name}",
            recovery=POLICIES[name],
            failure_expire_ms=600_000,
        )
        for name in HOMES
    )
    return asking(Random(0), replace(known, domains=domains, groups=groups), **{"often": 1.0, "outside": 0.0, **often})


def at_home(seed: int, groups: Iterable[str] = HOMES, **often: float) -> World:
    """Each of these groups runs where it belongs."""
    configuration = three_groups(**often)
    chosen = tuple(group for group in configuration.groups if group.name in set(groups))
    world = World(seed, ["n1", "n2", "n3"], replace(configuration, groups=chosen))
    for name in world.names:
        world.power_on(name)
    world.run(20_000)
    for group in chosen:
        if world.serving(group.name) != [HOMES[group.name]]:
            world.operators.wish("n1", WishKind.RELOCATE, group.name, HOMES[group.name])
    world.run(world.now + WISH_MS)
    assert places(world) == {group.name: [HOMES[group.name]] for group in chosen}
    return world


def places(world: World) -> dict[str, list[str]]:
    return {group.name: world.serving(group.name) for group in world.configuration.groups}


def all_probes_fail_at_once() -> None:
    """What all probes ask fails for minutes: every group is where it was all the time, runs whenever it is not being
    restarted, and nothing is given up; when it is over all go on where they are."""
    for seed in range(3):
        world = at_home(seed)
        before = places(world)
        world.outside.fails_everywhere(OUTAGE_MS, Random(seed))
        while world.now < world.outside.lasts[1]:
            world.run(world.now + 5_000)
            holders = {name: set(known.holders) for name, known in record_of(world, "n1").groups.items()}
            assert holders == {name: set(nodes) for name, nodes in before.items()}
        world.run(world.now + 10_000)
        known = record_of(world, "n1").groups
        assert (places(world), [name for name in known if known[name].disabled]) == (before, [])
        assert not any(held.failed for group in known.values() for held in group.held.values())
        recover(world)
        assert places(world) == before


def two_hang_by_chance() -> None:
    """Two groups hang on two nodes at once: each is mended by a restart where it is, the one that tries nothing on a
    node where it failed as well."""
    world = at_home(5, ("mail", "webserv"))
    before = places(world)
    world.units.hang("n1", "webserv")
    world.units.hang("n2", "mail")
    world.run(world.now + 10_000)
    assert places(world) == before
    recover(world)


def only_group_fails_everywhere() -> None:
    """There is nobody to compare with: the group moves once, and is kept where its probe never was good."""
    world = at_home(6, ("webserv",))
    world.outside.fails_everywhere(OUTAGE_MS, Random(6))
    seen: list[str] = []
    while world.now < world.outside.lasts[1]:
        world.run(world.now + 500)
        seen += [node for node in record_of(world, "n1").groups["webserv"].holders if [node] != seen[-1:]]
    assert len(seen) == 2, seen
    world.run(world.now + 10_000)
    assert places(world) == {"webserv": seen[-1:]}
    recover(world)


def probe_of_one_node_is_bad() -> None:
    """In a healthy cluster a group whose probe is bad on its node is moved: the others are well where they are."""
    world = at_home(7)
    for group in HOMES:
        world.outside.fails("n1", group)
    world.run(world.now + 60_000)
    (node,) = places(world)["webserv"]
    assert node != "n1"
    recover(world)


def what_is_outside_fails_for_all() -> None:
    """Every node asks it, and nobody sees it good for long: nothing is moved, and nothing is restarted."""
    for seed in range(4):
        world = at_home(seed, outside=1.0)
        before, starts = places(world), world.audit.starts
        world.outside.fails_everywhere(OUTAGE_MS, Random(seed))
        world.run(world.now + OUTAGE_MS + 10_000)
        assert (places(world), world.audit.starts) == (before, starts)
        assert not any(held.failed for group in record_of(world, "n1").groups.values() for held in group.held.values())
        recover(world)


def what_is_outside_fails_for_one_node() -> None:
    """The others see it good: the group goes there, after no restart, and does not go to who sees it bad, either."""
    world = at_home(9, ("webserv",), outside=1.0)
    starts = world.audit.starts
    world.outside.fails("n2", "webserv")
    world.run(world.now + 5_000)
    world.outside.fails("n1", "webserv")
    world.run(world.now + 20_000)
    assert (places(world), world.audit.starts) == ({"webserv": ["n3"]}, starts + 1)
    assert len(record_of(world, "n1").groups["webserv"].failures) == 1  # each restart would have been one more
    world.power_off("n3")
    world.outside.mends("n2", "webserv")
    world.run(world.now + 30_000)
    assert places(world) == {"webserv": ["n2"]}
    recover(world)


def peers_do_not_see_it() -> None:
    """What n1 serves is not seen by the others: it is restarted there as often as its policy has it, then moved."""
    world = at_home(10, ("webserv",), often=0.0, peers=1.0)
    world.outside.hides("n1", "webserv")
    world.run(world.now + 30_000)
    assert places(world)["webserv"] != ["n1"]
    assert len(record_of(world, "n1").groups["webserv"].failures) == 3
    recover(world)


def peers_hang_while_it_is_restarted() -> None:
    """A restart mends what the others did not see; they hang before they see it, and their old word does not count."""
    world = at_home(11, ("webserv",), often=0.0, peers=1.0)
    world.outside.hides("n1", "webserv")
    run_until(world, lambda: bool(record_of(world, "n1").groups["webserv"].failures))
    world.outside.unseen.clear()
    for name in ("n2", "n3"):
        world.machines[name].hung = True
    world.run(world.now + 2_000)
    for name in ("n2", "n3"):
        world.resume(name)
    world.run(world.now + 20_000)
    assert places(world) == {"webserv": ["n1"]}
    assert len(record_of(world, "n1").groups["webserv"].failures) == 1
    recover(world)


def lonely_node_starts_at_once() -> None:
    """Two nodes: who is left has no peer, and does not wait for one."""
    configuration = asking(Random(0), example(["n1", "n2"]), often=0.0, peers=1.0)
    world = World(12, ["n1", "n2"], configuration)
    for name in world.names:
        world.power_on(name)
    world.run(30_000)
    (owner,) = world.serving()
    (other,) = {"n1", "n2"} - {owner}
    world.power_off(owner)
    run_until(world, lambda: world.serving() == [other])
    world.run(world.now + 500)
    assert not record_of(world, other).groups["webserv"].open_orders
    recover(world)


def nobody_else_is_looked_at() -> AbstractContextManager[None]:
    """Whatever other groups' probes say, the node is to blame."""
    return _replaced(blame, "_fails_everywhere", lambda *_: False)


def who_sees_the_end_late_is_blamed() -> AbstractContextManager[None]:
    """As soon as another group is well, the node of one that is not is to blame."""
    return _replaced(blame, "longest_look_ms", lambda _: 0)


def kept_without_a_restart() -> AbstractContextManager[None]:
    """Nothing is tried with a group that is kept."""

    def rule(_: placement._Step, __: str, ___: Held, why: Reason) -> Decided:
        return Decided(waits_for=(why,))

    return _replaced(placement._Step, "_keep", rule)


def node_before_is_forgotten() -> AbstractContextManager[None]:
    """That its probes were as bad on the node that it came from means nothing."""
    return _replaced(blame, "_failed_before", lambda *_: "")


def no_node_is_ever_to_blame() -> AbstractContextManager[None]:
    return _replaced(blame, "_fails_everywhere", lambda *_: True)


def everybody_sees_it_good() -> AbstractContextManager[None]:
    """Nobody asks the others what they see."""
    return _replaced(placement, "sees_good", lambda *_: True)


def who_has_not_looked_yet_is_believed() -> AbstractContextManager[None]:
    """Who saw it good before it failed counts."""
    return _replaced(placement, "longest_look_ms", lambda _: 0)


def restart_mends_what_is_outside() -> AbstractContextManager[None]:
    """A group is restarted for what is not its own."""
    return _replaced(placement, "outside", lambda *_: frozenset())


def word_of_an_older_run_counts() -> AbstractContextManager[None]:
    """What a peer saw before a restart counts after it."""

    def rule(me: str, record: Record | None, _: Configuration, __: str) -> dict[str, View]:
        assert record is not None
        return {name: record.nodes[name].views.get("webserv", View()) for name in record.members if name != me}

    return _replaced(looks, "peer_views", rule)


def who_is_alone_waits_for_peers() -> AbstractContextManager[None]:
    """Without another node nobody knows, and a start waits for somebody who does."""
    views = looks.peer_views

    def rule(me: str, record: Record | None, known: Configuration, unit: str) -> Mapping[str, View]:
        return views(me, record, known, unit) or {"nobody": View()}

    return _replaced(looks, "peer_views", rule)


BUGS: tuple[Bug, ...] = (
    word_of_an_older_run_counts,
    who_is_alone_waits_for_peers,
    everybody_sees_it_good,
    who_has_not_looked_yet_is_believed,
    restart_mends_what_is_outside,
    nobody_else_is_looked_at,
    who_sees_the_end_late_is_blamed,
    kept_without_a_restart,
    node_before_is_forgotten,
    no_node_is_ever_to_blame,
)
