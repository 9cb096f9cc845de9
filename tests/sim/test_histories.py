"""Histories told step by step: each once broke an invariant, or shows what a rule is for."""

import pytest

from sim.scripts import boots, quiet, recover, run_until_open
from standfast.resourced.messages import WishKind
from standfast.vocabulary import Phase


@pytest.mark.parametrize("seed", range(5))
def test_who_opened_a_term_with_a_node_no_longer_believes_that_it_left(seed: int) -> None:
    """Both are marked left; n1 hangs when their term opens, n2 goes on alone; cut off, n1 wakes and goes on alone."""
    world = quiet(seed, 2)
    run_until_open(world, "n2")
    world.machines["n1"].hung = True
    world.run(world.now + 6_000)
    world.cut({"n1": 0, "n2": 1})
    world.after(500, lambda: world.resume("n1"))
    world.run(world.now + 20_000)
    recover(world)


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_was_full_for_a_moment_costs_no_node(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(10_000)
    world.machines["n3"].disk_bad = True
    world.operators.wish("n1", WishKind.STANDBY, "n2")
    world.run(world.now + 4_000)
    world.machines["n3"].disk_bad = False
    world.run(world.now + 20_000)
    core = world.machines["n1"].core
    assert core is not None
    assert core.terms.term is not None
    assert core.terms.term.members == ("n1", "n2", "n3")
    world.run(world.now + 40_000)
    assert world.machines["n3"].boot == 1


@pytest.mark.parametrize("seed", range(3))
def test_when_every_resourced_dies_at_once_nobody_is_shot_and_nothing_is_stopped(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(20_000)
    serving = world.serving()
    for name in world.names:
        world.kill_daemon(name)
    world.run(world.now + 90_000)
    assert world.serving() == serving
    assert boots(world) == [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_an_owner_whose_corosync_hangs_is_proven_off_before_its_group_starts_elsewhere(seed: int) -> None:
    """It reads "quorate" all the time, and its own messages do not come back."""
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.freeze_corosync(owner, 12_000)
    world.run(world.now + 30_000)
    (other,) = world.serving()
    assert other != owner
    assert world.machines[owner].boot == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_corosync_that_hangs_for_a_moment_costs_nothing(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.freeze_corosync(owner, 1_000)
    world.run(world.now + 60_000)
    assert world.serving() == [owner]
    assert boots(world) == [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_an_owner_that_leaves_is_not_shot_and_its_group_moves(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.leave(owner)
    world.run(world.now + 60_000)
    (other,) = world.serving()
    assert other != owner
    assert not world.machines[owner].powered
    assert boots(world) == [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_a_group_that_neither_starts_nor_stops_costs_one_node_and_is_blocked_then(seed: int) -> None:
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    started = world.units._started

    def broken(name: str, group: str, unit: str) -> None:
        world.fails = float(unit == "web.service")
        world.machines[name].places[group].stubborn = "wedged"
        started(name, group, unit)

    world.units._started = broken  # type: ignore[method-assign]
    world.units.fail(owner)
    world.run(world.now + 300_000)
    core = next(core for name in world.names if (core := world.machines[name].core) and name != owner)
    assert core.record is not None
    assert core.record.groups["webserv"].phase is Phase.BLOCKED
    assert {name: world.machines[name].boot for name in world.names} == dict.fromkeys(world.names, 1) | {owner: 2}


@pytest.mark.parametrize("seed", range(3))
def test_a_node_that_is_shot_while_it_is_in_the_ring_is_switched_on_again(seed: int) -> None:
    """Its proof comes before Corosync notices: that it is still in the ring does not mean that it is back."""
    world = quiet(seed, 3)
    world.run(20_000)
    world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n3")
    world.run(world.now + 30_000)
    assert world.serving() == ["n3"]
    world.units.harden("n3", "wedged")
    world.operators.wish("n1", WishKind.RELOCATE, "webserv", "n1")
    world.run(world.now + 120_000)
    assert world.serving() == ["n1"]
    assert boots(world) == [1, 1, 2]
    assert world.machines["n3"].powered
