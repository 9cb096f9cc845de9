"""An hour of faults: kills, cuts, relocations, restarts of daemons; what must not grow is written down each minute.

The last node's daemons are spared, and live through it all: memory, descriptors and tasks grow only in a process that
lives long. They, the record's size and the journal's: each minute in the file (CSV), at the end the slope of each an
hour, with a verdict.
"""

import argparse
import csv
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

from standfast_lab import normal
from standfast_lab.lab import Lab
from standfast_lab.place import LabError, NodePlace

from standfast_bench import footprint
from standfast_bench.footprint import DAEMONS

PAUSE_S: Final = 4.0  # between two faults
WARM_MINUTES: Final = 10  # do not count: caches fill
# what an hour may add, in the figure's unit
LIMITS: Final = {"private_mib": 1.0, "descriptors": 2.0, "tasks": 2.0, "record_kib": 2.0}
JOURNAL_MIB: Final = 64.0  # an hour of a fault every few seconds

Figures = dict[str, float]


def main(words: Sequence[str]) -> int:
    """The exit code: 1 where something grows."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--into", type=Path, default=Path("soak.csv"))
    parser.add_argument("--keep", action="store_true", help="the lab stays")
    asked = parser.parse_args(words)
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-soak")
    try:
        lab.up()
        normal.wait(lab)
        return judge(_soak(lab, asked.minutes, asked.into))
    except LabError as error:
        print(f"soak: {error}")
        return 1
    finally:
        if not asked.keep:
            lab.down()


def _soak(lab: Lab, minutes: int, into: Path) -> list[Figures]:
    rows: list[Figures] = []
    faults = cycle(FAULTS)
    begun, lives = time.monotonic(), _lives(lab)
    with into.open("w") as file:
        while (minute := len(rows) + 1) <= minutes:
            done = 0
            while time.monotonic() - begun < 60 * minute:
                _one(lab, next(faults))
                done += 1
                time.sleep(PAUSE_S)
            normal.make(lab)
            rows.append({"minute": minute, "faults": done, **_figures(lab)})
            if (now := _lives(lab)) != lives:
                raise LabError(f"a daemon of {_spared(lab)} was started anew, which nobody did: {lives}, now {now}")
            writer = csv.DictWriter(file, rows[0])
            if minute == 1:
                writer.writeheader()
            writer.writerow(rows[-1])
            file.flush()
            print(f"minute {minute}: {_summary(rows[-1])}", flush=True)
    return rows


def _one(lab: Lab, fault: Callable[[Lab], None]) -> None:
    """A fault that the last one left no room for is no end of the soak."""
    try:
        fault(lab)
    except (LabError, subprocess.TimeoutExpired) as error:
        print(f"  {fault.__name__}: {error}", flush=True)


# Faults: each leaves a cluster that mends itself


def kill_service(lab: Lab) -> None:
    lab.sh(_owner(lab), "pkill", "-KILL", "-x", "apache2")


def relocate(lab: Lab) -> None:
    owner, nodes = _owner(lab), lab.nodes()
    following = nodes[(nodes.index(owner) + 1) % len(nodes)]
    lab.sh(owner, "standfast", "group", "relocate", normal.GROUP, following, timeout_s=60)


def restart_daemons(lab: Lab) -> None:
    """One daemon on each node that is not spared, another one each time."""
    for number, node in enumerate(lab.nodes()[:-1]):
        name = DAEMONS[(int(time.monotonic()) + number) % len(DAEMONS)]
        lab.sh(node, "systemctl", "restart", f"standfast-{name}.service", timeout_s=60)


def kill_daemon(lab: Lab) -> None:
    lab.sh(lab.nodes()[0], "systemctl", "kill", "-s", "KILL", "standfast-resourced.service")


def cut(lab: Lab) -> None:
    """A node is not heard for a moment: too short for a loss, or just long enough."""
    lab.cut(lab.nodes()[1])
    time.sleep(1.5)
    lab.heal()


def power(lab: Lab) -> None:
    """Of the owner, or of the first node."""
    owner = _owner(lab)
    node = lab.nodes()[0] if owner == _spared(lab) else owner
    lab.kill(node)
    lab.wait(lambda: lab.is_booted(node), 120, f"{node} to be back")


FAULTS: Final = (kill_service, relocate, restart_daemons, relocate, kill_daemon, kill_service, cut, relocate, power)


def _owner(lab: Lab) -> str:
    owner = normal.owner(lab)
    if owner is None:
        raise LabError("nobody has the group")
    return owner


# Figures


def _spared(lab: Lab) -> str:
    return lab.nodes()[-1]


def _lives(lab: Lab) -> dict[str, list[str]]:
    """The process of each daemon of the spared node."""
    node = lab.place.find(_spared(lab))
    return {name: [process.name for process in footprint.processes(node, name)] for name in DAEMONS}


def _figures(lab: Lab) -> Figures:
    """Of each daemon on the spared node, and the most on any node of what is on a disk."""
    nodes = lab.place.nodes()
    found = footprint.ours(lab.place.find(_spared(lab)))
    figures = {
        f"{name}_{figure}": float(getattr(found[name], figure))
        for name in DAEMONS
        for figure in ("private_mib", "descriptors", "tasks")
    }
    figures["record_kib"] = max(_size(node.root / "var/lib/standfast/record") / 1024 for node in nodes)
    figures["journal_mib"] = max(_journal_mib(node) for node in nodes)
    return figures


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _journal_mib(node: NodePlace) -> float:
    return sum(file.stat().st_size for file in (node.root / "var/log/journal").rglob("*.journal")) / 2**20


def _summary(row: Mapping[str, float]) -> str:
    memory = sum(value for name, value in row.items() if name.endswith("private_mib"))
    return (
        f"{row['faults']:.0f} faults, {memory:.1f} MiB, record {row['record_kib']:.1f} KiB, "
        f"journal {row['journal_mib']:.1f} MiB"
    )


def judge(rows: Sequence[Figures]) -> int:
    """Each figure's slope is printed; 1 where one of them grows."""
    counted = rows[WARM_MINUTES:] if len(rows) > 2 * WARM_MINUTES else rows
    grows = False
    for name in (name for name in rows[0] if name not in ("minute", "faults")):
        limit = next((limit for end, limit in LIMITS.items() if name.endswith(end)), JOURNAL_MIB)
        slope = slope_an_hour([(row["minute"], row[name]) for row in counted])
        grows |= slope > limit
        print(f"{name:<26} {slope:+9.2f} an hour, at most {limit:g}: {'GROWS' if slope > limit else 'flat'}")
    return int(grows)


def slope_an_hour(points: Sequence[tuple[float, float]]) -> float:
    """Of the line with the least squares through (minute, value)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    width = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / width if width else 0.0
