"""Random histories of versions that change units: nothing stops that they do not change, and all runs as they say."""

import pytest

from sim.moves import storm
from sim.scripts import recover


@pytest.mark.parametrize("seed", range(10))
def test_a_version_moves_only_what_it_changes(seed: int) -> None:
    world = storm(seed)
    recover(world)
    assert world.changes.stopped > 0
