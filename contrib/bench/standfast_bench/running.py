"""Round after round, each side in its turn, A B A B: so all see the same machine; what is measured is noted at once."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench.cases import AnyCase, Side
from standfast_bench.catalogue import CASES
from standfast_bench.rounds import Round, Run, save


def lab_of(side: type[Side]) -> Lab:
    """The lab of that kind of cluster; all cases with it share it."""
    return Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-{side.__name__.lower()}")


def take_down() -> None:
    """Nothing of any lab of the bench is left, whoever interrupted it."""
    for side in dict.fromkeys(side for case in CASES.values() for side in case.sides.values()):
        lab_of(side).down()


def complete(run: Run, cases: Sequence[AnyCase], sides: Sequence[str], rounds: int, file: Path) -> Run:
    """Every case was measured so often on each of these sides of its; what the run has already is not repeated.

    LabError when a round failed twice, the second time in a new lab; the file has all rounds before it.
    """
    up: dict[str, Lab] = {}
    try:
        for case in cases:
            labs = {name: lab_of(side) for name, side in case.sides.items() if name in sides}
            _leave_only(up, labs)
            for number in range(case.rounds or rounds):
                for side, lab in labs.items():
                    if len(run.of(case.name, side)) > number:
                        continue
                    say(f"round {number + 1} of {case.rounds or rounds}, {case.name}, {side}")
                    up[lab.place.name] = lab
                    one = _measured_twice(case, side, case.sides[side](lab))
                    run = replace(run, rounds=(*run.rounds, one))
                    save(run, file)
    finally:
        for lab in up.values():
            try:
                lab.down()
            except LabError as error:
                say(f"{error}: bench --clean, later")  # what ended the run is told, and the others go down
    return run


def _leave_only(up: dict[str, Lab], labs: Mapping[str, Lab]) -> None:
    """What the next case does not need disturbs it."""
    needed = {lab.place.name for lab in labs.values()}
    for name in set(up) - needed:
        up.pop(name).down()


def _measured_twice(case: AnyCase, name: str, side: Side) -> Round:
    """A round; one that failed is tried again in a new lab, once."""
    try:
        side.up()
        return measured(case, name, side)
    except LabError as error:
        say(f"{error}; once more, in a new lab")
        side.lab.down()
        side.up()
        return measured(case, name, side)


def measured(case: AnyCase, name: str, side: Side) -> Round:
    """One round on a side that is up."""
    at, load, about = datetime.now(UTC), os.getloadavg()[0], side.about()
    samples = tuple(case.measure(side))
    return Round(
        case=case.name, side=name, at=at.isoformat(timespec="seconds"), load=load, about=about, samples=samples
    )


def say(text: str) -> None:
    """Tells one line on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
