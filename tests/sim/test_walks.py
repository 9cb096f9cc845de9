"""Random histories of whole clusters, and that a seed is one history; fresh seeds run by `python3 -m sim.run`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.audit import Violation
from sim.faults import ALL_KINDS
from sim.walk import History, shape, walk

REPOSITORY = Path(__file__).parents[2]
SEEDS = {2: 16, 3: 14, 4: 8, 5: 8}


@pytest.mark.parametrize(("seed", "count"), [(seed, count) for count, seeds in SEEDS.items() for seed in range(seeds)])
def test_a_random_history_breaks_no_invariant_and_recovers(seed: int, count: int) -> None:
    walk(seed, count)


def test_every_kind_of_fault_is_drawn() -> None:
    drawn = {fault.kind for seed in range(60) for fault in shape(seed).faults}
    assert drawn == set(ALL_KINDS)


def test_the_other_faults_stay_as_they_are_when_the_nodes_are_fewer() -> None:
    assert shape(7).faults == shape(7).faults
    done = walk(History(seed=7, count=3).less(range(0, 200, 2), ("n3",)))
    assert done.names == ["n1", "n2"]


def test_the_oracle_is_asked_in_every_history() -> None:
    done = walk(1, 3)
    assert done.audit.truth.orders > 0
    assert done.audit.truth.checks > 0


def digest(seed: int, count: int, hash_seed: int) -> str:
    path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("services", "tests"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "sim.walk", str(seed), "--nodes", str(count), "--digest"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("seed", "count"), [(7, 3), (11, 5)])
def test_one_seed_is_one_history_whatever_the_hash_seed(seed: int, count: int) -> None:
    """Every event given to every core and every action, as SHA-256, and the journal before it."""
    assert digest(seed, count, 1) == digest(seed, count, 4_000_000_000)


def test_a_violation_names_its_invariant_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.truth.may_start", lambda *_: None)
    monkeypatch.setattr("sim.truth.PATIENCE_MS", -1)
    with pytest.raises(Violation, match=r"(?s)oracle: .* python3 -m sim\.walk 1 --nodes 3"):
        walk(1, 3)
