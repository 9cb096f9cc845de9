"""Random histories of whole clusters; a failure prints its seed and one command. STANDFAST_FULL=1 runs thousands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.walk import walk

REPOSITORY = Path(__file__).parents[2]
FULL = os.environ.get("STANDFAST_FULL") == "1"
SEEDS = {2: 2_000, 3: 2_000, 5: 1_000} if FULL else {2: 25, 3: 20, 5: 8}


@pytest.mark.parametrize(("seed", "count"), [(seed, count) for count, seeds in SEEDS.items() for seed in range(seeds)])
def test_a_random_history_breaks_no_invariant_and_recovers(seed: int, count: int) -> None:
    walk(seed, count)


def journal(seed: int, count: int, hash_seed: int) -> str:
    path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("services", "tests"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "sim.walk", str(seed), str(count)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("seed", "count"), [(7, 3), (11, 5)])
def test_one_seed_is_one_history_whatever_the_hash_seed(seed: int, count: int) -> None:
    assert journal(seed, count, 1) == journal(seed, count, 4_000_000_000)
