"""Random histories in which operators push versions of the configuration, while nodes die and links are cut."""

import pytest

from sim.pushes import storm
from sim.scripts import recover
from standfast.resourced.configuring import NOBODY


@pytest.mark.parametrize("seed", range(24))
def test_whatever_is_pushed_breaks_no_invariant_and_one_version_is_left(seed: int) -> None:
    recover(storm(seed))


def test_versions_really_come_into_force_and_go_back_and_are_refused() -> None:
    worlds = [storm(seed) for seed in range(16)]
    journal = [line for world in worlds for line in world.journal]
    assert sum(len(world.audit.versions.counts) for world in worlds) > 12
    assert any(NOBODY in line for line in journal)
    assert any("is based on" in line for line in journal)
    assert any("does not prepare it" in line for line in journal)
