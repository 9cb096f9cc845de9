"""What a client misses, case by case, of each side in turn: A B A B, so that both see the same machine."""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from standfast_lab.cluster import served
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench.pacemaker import Pacemaker, Tuned
from standfast_bench.sides import Side, Standfast

SIDES: Final[Mapping[str, Callable[[], Side]]] = {"standfast": Standfast, "pacemaker": Pacemaker, "tuned": Tuned}
PROGRAM: Final = "apache2"
PATIENCE_S: Final = 90.0  # an outage that nobody noticed by then is noted as such
CALM_S: Final = 2.0  # for which the page must have been there again


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement."""

    case: str
    side: str
    outage_s: float | None  # None: not noticed, or not over, within PATIENCE_S
    load: float
    about: str


# The cases: each injects its fault into a settled cluster, and returns when it began


def kill(side: Side) -> float:
    """Every process of Apache is killed."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.sh(owner, "pkill", "-KILL", "-x", PROGRAM)
    return at


def hang(side: Side) -> float:
    """Every process of Apache is stopped: to systemd it is active."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.sh(owner, "pkill", "-STOP", "-x", PROGRAM)
    return at


def power(side: Side) -> float:
    """The node that serves loses its power."""
    owner = _owner(side.lab)
    at = time.monotonic()
    side.lab.kill(owner)
    return at


def relocate(side: Side) -> float:
    """An operator moves the service."""
    owner = _owner(side.lab)
    other = next(node for node in side.lab.nodes() if node != owner)
    at = time.monotonic()
    side.relocate(other)
    return at


def start(side: Side) -> float:
    """All daemons of all nodes are started at once; what was missed since counts."""
    side.stop()
    at = time.monotonic()
    side.start()
    return at


CASES: Final[Mapping[str, Callable[[Side], float]]] = {
    one.__name__: one for one in (kill, hang, power, relocate, start)
}


def _owner(lab: Lab) -> str:
    owner = lab.holder()
    if owner is None:
        raise LabError("nobody has the address")
    return owner


def measure(case: str, side: Side) -> Round:
    """One round; afterwards the side is as it was."""
    side.settle()
    load, about = os.getloadavg()[0], side.about()
    side.lab.client_start()
    try:
        side.lab.wait(lambda: any(one.ok for one in side.lab.client_requests()), 20, "the client's first good answer")
        at = CASES[case](side)
        outage = _outage(side.lab, at, case)
    finally:
        side.lab.client_stop()
    return Round(case=case, side=side.name, outage_s=outage, load=load, about=about)


def _outage(lab: Lab, at: float, case: str) -> float | None:
    """Seconds without a good answer since `at`; of a start those since it was typed."""

    def over() -> bool:
        after = [one for one in lab.client_requests() if one.t_start >= at]
        bad = max((one.t_end for one in after if not one.ok), default=None)
        good = [one.t_end for one in after if one.ok and bad is not None and one.t_start > bad]
        return bool(good) and time.monotonic() - min(good) >= CALM_S

    try:
        lab.wait(over, PATIENCE_S, "the client to get its page again")
    except LabError:
        if case in ("kill", "relocate") and served(lab.place):
            return 0.0  # it was too short for the client to see
        return None
    return lab.outage_s(since=at if case == "start" else at - 1)


# The run


def main(words: Sequence[str]) -> int:
    """The exit code."""
    asked = _asked(words)
    done = _read(asked.into)
    sides = {name: SIDES[name]() for name in asked.side}
    try:
        for number in range(asked.rounds):
            for case in asked.case:
                for name, side in sides.items():
                    if sum(one.case == case and one.side == name for one in done) > number:
                        continue
                    print(f"bench: round {number + 1} of {asked.rounds}, {case}, {name}", file=sys.stderr, flush=True)
                    side.up()
                    done.append(measure(case, side))
                    _note(asked.into, done[-1])
    except LabError as error:
        print(f"bench: {error}; the rounds so far are in {asked.into}, the next run goes on there", file=sys.stderr)
        return 1
    finally:
        for side in sides.values():
            side.lab.down()
    print("\n".join(table(done)))
    return 0


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Outages beside Pacemaker's.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--side", action="append", choices=list(SIDES))
    parser.add_argument("--into", type=Path, default=Path("bench.jsonl"))
    asked = parser.parse_args(words)
    asked.case, asked.side = asked.case or list(CASES), asked.side or list(SIDES)
    return asked


def _read(file: Path) -> list[Round]:
    return [Round(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def _note(file: Path, one: Round) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(one)) + "\n")


def table(rounds: Iterable[Round]) -> list[str]:
    """Markdown: for each case each side's figures, and how ours compares to each of the others."""
    found = list(rounds)
    sides = [name for name in SIDES if any(one.side == name for one in found)]
    lines = [f"| case | {' | '.join(sides)} | ratio |", f"|---|{'---|' * (len(sides) + 1)}"]
    for case in CASES:
        by_side = {name: [one for one in found if (one.case, one.side) == (case, name)] for name in sides}
        if any(by_side.values()):
            lines.append(f"| {case} | {' | '.join(_cell(by_side[name]) for name in sides)} | {_ratios(by_side)} |")
    loads = [one.load for one in found]
    lines += ["", f"Seconds: min / median / max (rounds). Load before a round {min(loads):.1f} to {max(loads):.1f}."]
    return lines + [f"- {about}" for about in dict.fromkeys(one.about for one in found)]


def _cell(rounds: Sequence[Round]) -> str:
    if not rounds:
        return "-"
    known = [one.outage_s for one in rounds if one.outage_s is not None]
    never = f"; {len(rounds) - len(known)} not over in {PATIENCE_S:.0f} s" if len(known) < len(rounds) else ""
    if not known:
        return f"not over in {PATIENCE_S:.0f} s ({len(rounds)})"
    return f"{min(known):.2f} / {statistics.median(known):.2f} / {max(known):.2f} ({len(known)}){never}"


def _ratios(by_side: Mapping[str, Sequence[Round]]) -> str:
    """Our median to each other one's."""
    medians = {
        name: statistics.median(known)
        for name, rounds in by_side.items()
        if (known := [one.outage_s for one in rounds if one.outage_s is not None])
    }
    ours = medians.pop(Standfast.name, None)
    if ours is None:
        return "-"
    return ", ".join(f"{ours / theirs:.2f} of {name}" for name, theirs in medians.items() if theirs) or "-"
