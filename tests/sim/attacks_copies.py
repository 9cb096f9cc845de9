"""Attacks on which copies of a group run: the limit, a lost node, a daemon that is away, a better node that returns."""

from contextlib import AbstractContextManager
from dataclasses import replace

from sim.configurations import example
from sim.planted import Bug, _replaced
from sim.scripts import WISH_MS, hold_agents, let_go, record_of, recover, run_until
from sim.world import World
from standfast.configuration.copies import with_copies
from standfast.configuration.model import Group
from standfast.resourced import copies, placement
from standfast.resourced.messages import WishKind
from standfast.resourced.outlook import Outlook


def _two_of_three(seed: int, *boots: str, failback: bool = False) -> World:
    """These nodes boot; two of them are to run a copy each."""
    names = ["n1", "n2", "n3"]
    written = example(names)
    groups = tuple(replace(group, copies=2) for group in written.groups)
    domains = tuple(replace(domain, failback=failback) for domain in written.domains)
    world = World(seed, names, with_copies(replace(written, groups=groups, domains=domains)))
    for name in boots:
        world.power_on(name)
    return world


def _nodes(world: World) -> list[str]:
    return [name for name in world.names if world.serving(f"webserv@{name}")]


def _on_two_nodes(seed: int) -> World:
    """All are here, and copies run on the best two of them."""
    world = _two_of_three(seed, "n1", "n2", "n3")
    run_until(world, lambda: len(_nodes(world)) == 2)
    world.run(world.now + 20_000)
    world.operators.wish("n1", WishKind.STOP, "webserv")
    run_until(world, lambda: not _nodes(world))
    world.run(world.now + WISH_MS)
    world.operators.wish("n1", WishKind.START, "webserv")
    run_until(world, lambda: _nodes(world) == ["n1", "n2"])
    world.run(world.now + 5_000)
    return world


def so_many_run_and_no_more() -> None:
    world = _on_two_nodes(401)
    recover(world)
    assert _nodes(world) == ["n1", "n2"]


def third_node_starts_its_copy_before_the_proof() -> None:
    world = _on_two_nodes(402)
    held = hold_agents(world)
    world.power_off("n1")
    run_until(world, lambda: _nodes(world) == ["n2", "n3"])
    assert not record_of(world, "n2").losses["n1"].proof
    let_go(world, held)
    recover(world)
    assert _nodes(world) == ["n2", "n3"]  # nothing moves when a better node is back


def daemon_of_a_copy_is_away() -> None:
    """It is back within its grace: nothing starts, nothing stops."""
    world = _on_two_nodes(403)
    begun = len(world.journal)
    world.kill_daemon("n1")
    world.run(world.now + 10_000)
    assert not [line for line in world.journal[begun:] if " is starting " in line or " is stopping " in line]
    recover(world)
    assert _nodes(world) == ["n1", "n2"]


def better_node_returns_where_copies_go_home() -> None:
    """Its copy starts first; only when that serves the one on the worst node stops."""
    world = _two_of_three(404, "n2", "n3", failback=True)
    world.run(90_000)  # n1 is proven off
    assert _nodes(world) == ["n2", "n3"]
    world.power_on("n1")
    fewest = 2
    while _nodes(world) != ["n1", "n2"]:
        world.run(world.queue[0][0])
        fewest = min(fewest, len(_nodes(world)))
        assert world.now < 200_000
    assert fewest == 2
    recover(world)


def copy_that_failed_too_often_is_not_waited_for() -> None:
    world = _on_two_nodes(405)
    world.machines["n1"].failing_until = world.now + 60_000
    world.units.fail("n1", "webserv@n1")
    run_until(world, lambda: _nodes(world) == ["n2", "n3"])
    assert record_of(world, "n2").groups["webserv@n2"].failures == ()
    recover(world)
    assert _nodes(world) == ["n2", "n3"]


# The bugs


def any_number_of_copies() -> AbstractContextManager[None]:
    """Every node starts its copy."""
    return _replaced(placement, "enough_copies", lambda *_: None)


def too_many_go_on() -> AbstractContextManager[None]:
    """Of copies that run none stops."""
    return _replaced(placement, "too_many", lambda *_: None)


def lost_copies_count() -> AbstractContextManager[None]:
    """The copy of a lost node is waited for."""
    counts = copies._counts

    def rule(copy: Group, instead: Group | None, outlook: Outlook) -> bool:
        lost = copy.node in outlook.record.losses and outlook.record.groups[copy.name].last_owner == copy.node
        return lost or counts(copy, instead, outlook)

    return _replaced(copies, "_counts", rule)


def away_copies_do_not_count() -> AbstractContextManager[None]:
    """A node whose resourced is away is taken for one whose copy has gone."""
    counts = copies._counts

    def rule(copy: Group, instead: Group | None, outlook: Outlook) -> bool:
        return outlook.record.nodes[copy.node].present and counts(copy, instead, outlook)

    return _replaced(copies, "_counts", rule)


def copy_stops_before_another_serves() -> AbstractContextManager[None]:
    """One that starts counts as one that serves."""
    return _replaced(copies, "_serves", lambda copy, outlook: copies._counts(copy, None, outlook))


BUGS: tuple[Bug, ...] = (
    any_number_of_copies,
    too_many_go_on,
    lost_copies_count,
    away_copies_do_not_count,
    copy_stops_before_another_serves,
)
