"""Histories of ticks: where nothing happens nobody is suspect."""

from sim.scripts import quiet


def nobody_is_suspect_at_rest() -> None:
    """Each node reads the others' ticks just before its own is due, for a minute and a half."""
    world = quiet(3, 3)
    world.run(30_000)
    begun = {name: machine.core.terms.highest_term for name, machine in world.machines.items() if machine.core}
    world.run(world.now + 60_000)
    ended = {name: machine.core.terms.highest_term for name, machine in world.machines.items() if machine.core}
    assert begun == ended, f"terms at rest: {begun}, then {ended}"


def test_nobody_is_suspect_at_rest() -> None:
    nobody_is_suspect_at_rest()
