"""Where no term is open, every node says why, and what to do about it."""

from sim.scripts import hold_agents, members, quiet, record_of, run_until, stop_daemon
from sim.world import World
from standfast.resourced.no_term import why_no_term


def said(world: World, name: str) -> str:
    core = world.machines[name].core
    assert core is not None
    return why_no_term(core.terms)


def test_a_term_that_is_open_is_nothing_to_tell() -> None:
    world = quiet(61, 3)
    world.run(20_000)
    assert said(world, "n1") == ""


def test_one_of_three_is_too_few() -> None:
    world = quiet(62, 3)
    world.run(20_000)
    world.cut({"n1": 0, "n2": 1, "n3": 1})
    run_until(world, lambda: not members(world, "n1"))
    assert said(world, "n1") == (
        "too few nodes are here: boot n2, n3, or, if that cannot be, standfast quorum start-alone n2 n3"
    )


def test_one_of_two_at_a_cold_start_waits_for_votequorum() -> None:
    world = quiet(63, 2)
    world.power_off("n2")
    world.run(20_000)
    assert said(world, "n1") == (
        "Corosync does not call this view quorate: standfast quorum "
        "(after a cold start all must have been here once: boot n2)"
    )


def test_a_lone_survivor_that_is_restarted_does_not_trust_its_disk() -> None:
    world = quiet(64, 2)
    world.run(20_000)
    world.power_off("n2")
    run_until(world, lambda: "n2" in record_of(world, "n1").losses and bool(record_of(world, "n1").losses["n2"].proof))
    hold_agents(world)
    world.kill_daemon("n1")
    run_until(world, lambda: world.machines["n1"].core is not None)
    world.run(world.now + 5_000)
    assert said(world, "n1") == (
        "a later record may be on n2: boot n2, or, if that cannot be, standfast quorum start-alone n2"
    )


def test_who_is_in_the_ring_need_not_be_booted() -> None:
    world = quiet(65, 3)
    world.run(20_000)
    stop_daemon(world, "n3")
    world.kill_daemon("n2")
    run_until(world, lambda: said(world, "n1") == "too few nodes are here: start standfast-resourced on n2, n3")
