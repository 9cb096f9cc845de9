"""The event sequences of the design's review, by its numbers, each as a script (DESIGN sections 4 to 7)."""

from sim.scripts import quiet, recover


def everybody_is_alone() -> None:
    """Three nodes are cut from each other for two minutes."""
    world = quiet(5, 3)
    world.run(20_000)
    world.cut({"n1": 0, "n2": 1, "n3": 2})
    world.run(world.now + 120_000)
    recover(world)


def agent_fails(seed: int = 20) -> None:
    """The agent that fences the owner fails at first."""
    world = quiet(seed, 3)
    world.run(20_000)
    (owner,) = world.serving()
    world.cut({name: int(name == owner) for name in world.names})
    world.run(world.now + 15_000)
    recover(world)
