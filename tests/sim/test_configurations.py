"""Histories of a configuration that changes while groups run."""

from dataclasses import replace

from sim.configurations import example
from sim.world import World
from standfast.configuration.model import Configuration


def with_critical(configuration: Configuration, unit: str, critical: bool, digest: str) -> Configuration:
    (group,) = configuration.groups
    resources = tuple(replace(r, critical=critical) if r.unit == unit else r for r in group.resources)
    return replace(configuration, digest=digest, groups=(replace(group, resources=resources),))


def test_a_failed_resource_that_becomes_critical_is_recovered() -> None:
    """Nothing changes in systemd when the configuration comes into force: what is known is judged anew."""
    names = ["n1", "n2", "n3"]
    first = with_critical(example(names), "web.service", False, "d1")
    world = World(1, names, first)
    for name in names:
        world.power_on(name)
    world.run(20_000)
    (owner,) = world.serving()
    world.units.fail(owner)
    world.run(world.now + 10_000)
    assert world.machines[owner].places["webserv"].active["web.service"] == "failed"
    world.files.push("n3", with_critical(first, "web.service", True, "d2"), "d1")
    world.run(world.now + 10_000)
    assert world.machines[owner].places["webserv"].active["web.service"] == "active"
    assert world.serving() == [owner]
