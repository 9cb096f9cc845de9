"""The bench of outages from a round to its table, with no word on times: what nobody runs for a month would rot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from standfast_lab import normal

from house.source import REPOSITORY
from lab.conftest import by_default
from lab.trial import Stage

sys.path.append(str(REPOSITORY / "contrib/bench"))

from standfast_bench import rounds, table
from standfast_bench.catalogue import CASES
from standfast_bench.running import measured
from standfast_bench.sides import Standfast


@pytest.mark.parametrize("case", by_default(["kill", "relocate", "hang", "power", "start"], "kill", "relocate"))
def test_a_round_of_ours_has_its_outage_and_tells_where_the_time_went(stage: Stage, tmp_path: Path, case: str) -> None:
    normal.make(stage.lab)
    one = measured(CASES[case], "standfast", Standfast(stage.lab))
    (sample,) = one.samples
    assert sample.value is not None
    assert sample.value > 0
    assert sample.note == ""
    assert {"decided", "started", "good"} <= set(sample.steps)
    assert sum(sample.steps.values()) > 0
    run = rounds.Run(commit=rounds.commit(), machine=rounds.machine(), rounds=(one,))
    rounds.save(run, tmp_path / "run.json")
    print(table.markdown(rounds.load(tmp_path / "run.json")))


@pytest.mark.parametrize("case", by_default(["kill", "address"]))
def test_a_whole_run_goes_from_new_labs_of_all_sides_to_a_table_and_takes_them_down(tmp_path: Path, case: str) -> None:
    file = str(tmp_path / "run.json")
    bench = [str(REPOSITORY / "contrib/bench/bench"), "--rounds", "1", "--case", case, "--into", file]
    environment = os.environ | {"STANDFAST_LAB_NAME": os.environ.get("STANDFAST_LAB_NAME", "check")}
    done = subprocess.run(bench, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout)
    run = rounds.load(tmp_path / "run.json")
    assert [(one.case, one.side) for one in run.rounds] == [(case, side) for side in CASES[case].sides]
    again = subprocess.run([bench[0], "--table", file], capture_output=True, text=True, check=True)
    assert again.stdout == done.stdout
