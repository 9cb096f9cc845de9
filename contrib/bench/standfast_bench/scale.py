"""What a cluster takes at rest; many groups on three nodes: all started, all of a lost node's running again.

Wall-clock times mean something only on a machine that does nothing else: each has the load that the machine had, and
the processor time that all nodes together took, which a busy machine does not lengthen.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench import footprint, many
from standfast_bench.cases import OURS, Case, Row, Side
from standfast_bench.idle import at_rest
from standfast_bench.many import Many
from standfast_bench.pacemaker import Pacemaker, PeerMany, Tuned
from standfast_bench.rounds import Sample
from standfast_bench.sides import Standfast

LARGE: Final = Many(groups=500, resources=1)
REST_S: Final = 60.0


class Measurable(Side, Protocol):
    @property
    def places(self) -> Sequence[str]:
        """The control groups of its daemons."""


class Loadable(Measurable, Protocol):
    def load(self, groups: Many) -> float:
        """Its groups were asked to start, all at once, and nothing of them ran before; when, CLOCK_MONOTONIC."""


def rest(prefix: str, side: Measurable) -> Iterator[Sample]:
    """Of a cluster to which nothing happens."""
    yield at_rest(side.lab, REST_S, prefix, side.places)
    yield memory(side.lab, prefix, side.places)


def measure(groups: Many, prefix: str, side: Loadable) -> Iterator[Sample]:
    """One round on a lab that serves; afterwards it has these groups, and a node less."""
    begun = side.load(groups)
    yield _taken(side.lab, f"{prefix}-start", groups, begun, _spent(side.lab))
    yield from rest(prefix, side)
    yield _lost(side.lab, groups, prefix)


def _lost(lab: Lab, groups: Many, prefix: str) -> Sample:
    """The node with most services, of those that do not coordinate ours, loses its power; whether it comes back is no
    matter here."""
    lost = max(lab.place.nodes()[1:], key=many.running_on)
    note = f"{many.running_on(lost)} of {groups.services} services were there"
    spent = _spent(lab, lost.name)
    begun = time.monotonic()
    lab.kill(lost.name)
    return _taken(lab, f"{prefix}-lost", groups, begun, spent, note, without=lost.name)


def _taken(
    lab: Lab, what: str, groups: Many, begun: float, spent: float, note: str = "", *, without: str = ""
) -> Sample:
    """Until all of the groups run, with how many did when."""
    curve: list[tuple[float, float]] = []
    load = os.getloadavg()[0]
    while (count := many.running(lab, without)) < groups.services:
        if [before for _, before in curve[-2:]] == [count, count]:
            curve.pop()  # of many looks at the same number the first and the last draw the line
        curve.append((time.monotonic() - begun, float(count)))
        if time.monotonic() - begun > many.RUNNING_WITHIN_S:
            return Sample(what=what, value=None, curve=tuple(curve), note=f"{count} run; {note}")
        time.sleep(0.05)
    value = time.monotonic() - begun
    cpu = f"{_spent(lab, without) - spent:.1f} s of processor time on all nodes, load {load:.1f}"
    return Sample(what=what, value=value, curve=(*curve, (value, float(count))), note=f"{note}; {cpu}".lstrip("; "))


def _spent(lab: Lab, without: str = "") -> float:
    """Processor time of all nodes so far, but for the one that is cut."""
    return sum(footprint.cpu_s(node, "") for node in lab.place.nodes() if node.name != without)


def memory(lab: Lab, prefix: str, daemons: Sequence[str] = footprint.DAEMONS) -> Sample:
    """The most that a cluster's daemons take on one node."""
    found = {node.name: {name: footprint.taken(node, name) for name in daemons} for node in lab.place.nodes()}
    sums = {name: sum(one.pss_mib for one in taken.values()) for name, taken in found.items()}
    worst = max(sums, key=lambda name: sums[name])
    note = ", ".join(f"{daemon} {one.pss_mib:.1f}" for daemon, one in found[worst].items())
    return Sample(what=f"{prefix}-memory", value=sums[worst], note=f"{worst}: {note}")


def _at_rest(prefix: str, title: str, mib: float, cpu_s: float) -> tuple[Row, ...]:
    return (
        Row(
            what=f"{prefix}-memory", title=f"{title}: memory of a node, PSS", budgets={OURS: mib}, unit="MiB", digits=1
        ),
        Row(what=f"{prefix}-rest", title=f"{title}: processor time at rest", budgets={OURS: cpu_s}, unit="s/min"),
    )


def _loaded(prefix: str, title: str) -> tuple[Row, ...]:
    return (
        Row(what=f"{prefix}-start", title=f"{title}: all started", budgets={OURS: 15}, digits=1),
        Row(what=f"{prefix}-lost", title=f"{title}: a lost node's running again", budgets={OURS: 8}, digits=1),
        *_at_rest(prefix, title, 110, 0.2),
    )


HostType = TypeVar("HostType", bound=Side)


def _case(
    name: str,
    rows: tuple[Row, ...],
    sides: Mapping[str, type[HostType]],
    samples: Callable[[HostType], Iterator[Sample]],
) -> Case[HostType]:
    return Case(name=name, rows=rows, sides=sides, measure=lambda side: tuple(samples(side)), rounds=1)


RESTING: Final[Mapping[str, type[Measurable]]] = {OURS: Standfast, "pacemaker": Pacemaker, "tuned": Tuned}
LOADED: Final[Mapping[str, type[Loadable]]] = {OURS: Standfast, "tuned": PeerMany}
CASES: Final = (
    _case("one", _at_rest("one", "one group", 80, 0.1), RESTING, partial(rest, "one")),
    _case("many", _loaded("many", "500 single-unit groups"), LOADED, partial(measure, LARGE, "many")),
)


def main(words: Sequence[str]) -> int:
    """Prints each figure as it is known; the exit code: 1 where one is over its budget."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--groups", type=int, default=LARGE.groups)
    parser.add_argument("--resources", type=int, default=LARGE.resources, help="of each group")
    parser.add_argument("--keep", action="store_true", help="the lab stays")
    asked = parser.parse_args(words)
    side = Standfast(Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-scale"))
    groups = Many(groups=asked.groups, resources=asked.resources)
    rows = {row.what: row for row in _loaded("asked", f"{groups.groups} groups of {groups.resources}")}
    try:
        side.lab.up(asked.nodes)
        over = [tell(rows[sample.what], sample) for sample in measure(groups, "asked", side)]
    except LabError as error:
        print(f"scale: {error}")
        return 1
    finally:
        if not asked.keep:
            side.lab.down()
    return 1 if any(over) else 0


def tell(row: Row, sample: Sample) -> bool:
    """It is printed; whether it is over its budget."""
    budget = row.budgets[OURS]
    over = sample.value is None or sample.value > budget
    value = "-" if sample.value is None else f"{sample.value:.{row.digits}f}"
    verdict = f"over the budget of {budget:g}" if over else f"budget {budget:g}"
    print(f"{row.title:<55} {value:>8} {row.unit:<6} ({verdict})  {sample.note}", flush=True)
    return over
