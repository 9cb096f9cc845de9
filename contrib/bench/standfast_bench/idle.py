"""What a cluster takes where nothing happens: processor time of our daemons, and of what is beside them."""

import argparse
import os
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from standfast_lab import normal
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench import footprint
from standfast_bench.footprint import AGENTS, DAEMONS, PLACES
from standfast_bench.many import Many
from standfast_bench.rounds import Sample

SETTLE_S: Final = 30.0
BUDGET_S: Final = 0.1  # a minute, all four daemons of a node
BUDGET_MANY_S: Final = 0.2  # with hundreds of groups
MANY: Final = 100
SHOWN: Final = (*PLACES, AGENTS)


def spent(lab: Lab, seconds: float, places: Collection[str] = SHOWN) -> Mapping[str, Mapping[str, float]]:
    """By node and place: seconds of processor time a minute, over so long a time."""
    nodes = lab.place.nodes()
    before = {node.name: {name: footprint.cpu_s(node, name) for name in places} for node in nodes}
    begun = time.monotonic()
    time.sleep(seconds)
    minutes = (time.monotonic() - begun) / 60
    return {
        node.name: {name: (footprint.cpu_s(node, name) - was) / minutes for name, was in before[node.name].items()}
        for node in nodes
    }


def at_rest(lab: Lab, seconds: float, prefix: str, daemons: Collection[str] = DAEMONS) -> Sample:
    """The most that a cluster's daemons take on one node."""
    time.sleep(SETTLE_S)
    found = spent(lab, seconds, {*SHOWN, *daemons})
    worst = max(found, key=lambda node: _of(daemons, found[node]))
    return Sample(what=f"{prefix}-rest", value=_of(daemons, found[worst]), note=f"{worst}: {_told(found[worst])}")


def _of(daemons: Collection[str], services: Mapping[str, float]) -> float:
    return sum(services[name] for name in daemons)


def _told(services: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in services.items())


def main(words: Sequence[str]) -> int:
    """Prints a row for each node and minute; the exit code: 1 where the mean of a node is over the budget."""
    parser = argparse.ArgumentParser(prog="idle", description=__doc__)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument(
        "--no-page", action="store_true", help="the example's group is stopped: nobody asks for its page"
    )
    parser.add_argument("--keep", action="store_true", help="the lab stays")
    asked = parser.parse_args(words)
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-idle")
    try:
        lab.up()
        if asked.groups:
            Many(groups=asked.groups).push(lab)
        if asked.no_page:
            lab.sh(lab.nodes()[0], "standfast", "group", "stop", normal.GROUP, timeout_s=60)
        time.sleep(SETTLE_S)
        return _watch(lab, asked.minutes, BUDGET_MANY_S if asked.groups >= MANY else BUDGET_S)
    except LabError as error:
        print(f"idle: {error}")
        return 1
    finally:
        if not asked.keep:
            lab.down()


def _watch(lab: Lab, minutes: int, budget: float) -> int:
    print(f"seconds of processor time a minute; budget of our daemons on a node: {budget:g}")
    print(f"{'minute':>6} {'node':<8} {'ours':>8} " + " ".join(f"{name:>11}" for name in SHOWN))
    sums: dict[str, list[float]] = {}
    for minute in range(1, minutes + 1):
        for node, services in spent(lab, 60).items():
            sums.setdefault(node, []).append(_of(DAEMONS, services))
            figures = " ".join(f"{value:>11.3f}" for value in services.values())
            print(f"{minute:>6} {node:<8} {sums[node][-1]:>8.3f} {figures}", flush=True)
    means = {node: sum(values) / len(values) for node, values in sums.items()}
    for node, mean in means.items():
        print(f"mean   {node:<8} {mean:>8.3f} {'over the budget' if mean > budget else 'within the budget'}")
    return 1 if max(means.values()) > budget else 0
