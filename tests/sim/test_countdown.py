"""After a power cut of all, who stays off is fenced after PostJoinDelay=, and every member shows how long that is."""

from sim.scripts import boots, record_of, run_until, served_on_the_first, starts
from sim.world import World
from standfast.resourced import showing
from standfast.resourced.messages import WishKind

DELAY_S = 60  # PostJoinDelay=
SLACK_S = 2  # a member may have read the loss and counted the second a little later than the coordinator


def shown(world: World, name: str) -> int:
    """What `standfast status` on `name` says: seconds until n3 is fenced."""
    core = world.machines[name].core
    assert core is not None
    assert core.record is not None
    ((_, node, failed, seconds, _),) = showing.losses(
        core.record, core.configuration, core.coordinator.situation(core.knowledge)
    )
    assert (node, failed) == ("n3", 0)
    return int(seconds)


def two_of_three(seed: int) -> tuple[World, int]:
    """All lost their power, n1 and n2 have it again and have just found that n3 is missing; and when they booted."""
    world = served_on_the_first(seed, 3)
    for name in world.names:
        world.power_off(name)
    world.run(world.now + 5_000)
    began = world.now
    world.power_on("n1")
    world.power_on("n2")
    run_until(world, lambda: all(world.machines[name].core is not None for name in ("n1", "n2")))
    run_until(world, lambda: all("n3" in record_of(world, name).losses for name in ("n1", "n2")))
    return world, began


def test_every_member_counts_down_and_fences_then_and_starts_after_the_proof() -> None:
    world, began = two_of_three(51)
    lost = world.now
    for passed_s in range(0, DELAY_S - SLACK_S, 5):
        world.run(lost + passed_s * 1000)
        for name in ("n1", "n2"):
            assert abs(DELAY_S - passed_s - shown(world, name)) <= SLACK_S, (name, passed_s)
        assert not starts(world, began), "n3 may run it"
        assert boots(world) == [2, 2, 1]
    run_until(world, lambda: bool(record_of(world, "n1").losses["n3"].proof))
    assert DELAY_S - SLACK_S <= (world.now - lost) / 1000 <= DELAY_S + 10
    assert not starts(world, began), "it starts after the proof"
    run_until(world, lambda: bool(starts(world, began)))


def test_an_operator_does_not_have_to_wait() -> None:
    world, began = two_of_three(52)
    world.run(world.now + 10_000)
    assert shown(world, "n2") <= DELAY_S - 10 + SLACK_S
    asked = world.now
    world.operators.wish("n2", WishKind.FENCE, "n3")
    run_until(world, lambda: bool(starts(world, began)))
    assert world.now - asked < 20_000


def test_a_new_coordinator_counts_anew_and_so_do_the_members() -> None:
    world, _ = two_of_three(53)
    world.run(world.now + 20_000)
    world.kill_daemon("n1")
    run_until(world, lambda: world.machines["n1"].core is not None)
    world.run(world.now + 10_000)
    seen = {name: shown(world, name) for name in ("n1", "n2")}
    assert abs(seen["n1"] - seen["n2"]) <= SLACK_S, seen
