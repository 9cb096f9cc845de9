"""What the page in Cockpit weighs, and how long it takes to the first view and from a signal to the screen."""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from standfast_bench.on_a_node import BENCH, TREE, in_a_lab

DIST: Final = TREE / "contrib/cockpit/dist"
NODES, GROUPS = 8, 100
CROWD: Final = f"{NODES} nodes with {GROUPS} groups"
VIEW_MS, SIGNAL_MS, BUNDLE_KIB = 1500, 100, 1024  # at most
HUNG_MS: Final = 25_000
HUNG: Final = "Left out: views of which Cockpit answered a request after 30 s only (as 287 does now and then): {}"
USAGE: Final = f"""Prints what the page in Cockpit weighs, compressed; how long the first view takes, from navigation
(somebody is logged in) until nodes, groups and whether all is well are on the screen; and how long a signal takes from
the bus to the screen. It builds the page, makes a lab of three nodes with Cockpit, and looks at the first one with a
headless Chromium; then the other two are off, and made-up daemons on its bus publish {CROWD},
of which one changes after the other. The times are the browser's. It waits for the lab (half a minute, some minutes
where its image is still to be made) and takes two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that was measured, with a value for each round."""

    what: str
    unit: str
    values: tuple[float, ...]
    aim: float | None = None  # at most


def main(words: list[str]) -> int:
    """A benchmark asserts nothing: 0 when all was measured."""
    asked = _asked(words)
    if asked.publish:
        from standfast_bench.published import tell_forever

        asyncio.run(tell_forever(NODES, GROUPS))
    subprocess.run([TREE / "contrib/cockpit/build"], check=True)
    loads = [os.getloadavg()[0]]
    figures = list(weights(DIST))
    if not asked.weight:
        figures += _in_a_lab(asked.rounds, asked.signals)
    loads.append(os.getloadavg()[0])
    if asked.json:
        print(json.dumps({"loads": loads, "figures": [asdict(one) for one in figures]}, indent=2))
    else:
        print(*table(figures), f"load {loads[0]:.1f} before, {loads[1]:.1f} after", sep="\n")
    return 0


def weights(dist: Path) -> Iterator[Figure]:
    """As Cockpit sends it: styles and script compressed (gzip -9), fonts and pictures as they are."""
    files = [file for file in sorted(dist.rglob("*")) if file.is_file()]
    parts = {
        "styles and script, before anything is shown": [file for file in files if file.suffix in (".gz", ".html")],
        "fonts, of which a view needs two": [file for file in files if file.suffix == ".woff2"],
        "all files of the page": files,
    }
    for what, found in parts.items():
        kib = sum(file.stat().st_size for file in found) / 1024
        yield Figure(what=what, unit="KiB", values=(kib,), aim=BUNDLE_KIB if found == files else None)


def table(figures: Sequence[Figure]) -> list[str]:
    """A line for each, and how many views are in none of them."""
    width = max(len(one.what) for one in figures)
    lines = [f"{'':<{width}}{'min':>8}{'median':>8}{'max':>8}"]
    hung = 0
    for one in figures:
        values = [value for value in one.values if one.unit != "ms" or value < HUNG_MS]
        hung += (len(one.values) - len(values)) if one.aim is not None else 0
        three = (min(values), statistics.median(values), max(values)) if values else ()
        said = "".join(f"{value:>8.0f}" for value in three) or f"{'-':>24}"
        aim = "" if one.aim is None else f", aim {one.aim:g}"
        lines.append(f"{one.what:<{width}}{said} {one.unit}{aim}")
    return [*lines, *([HUNG.format(hung)] if hung else [])]


def _in_a_lab(rounds: int, signals: int) -> Iterator[Figure]:
    with in_a_lab("page", cockpit=True, nodes=3) as (lab, node):
        from lab.browser import browser

        with browser(lab) as page:
            page.login(node)
            page.do("stay", url=page.address(node))
            yield from first_views(page, node, "three nodes", rounds)
            _make_up(lab, node)
            yield from first_views(page, node, CROWD, rounds)
            yield from on_the_screen(page, CROWD, signals)


def first_views(page: Any, node: str, what: str, rounds: int) -> Iterator[Figure]:
    """In Cockpit's window and alone, with an empty cache and with a full one."""
    for where, alone in ((", in Cockpit's window", False), ("", True)):
        url = page.address(node, alone=alone)
        for cache in ("empty", "full"):
            seen = [page.do("first_view", url=url, cold=cache == "empty") for _ in range(rounds)]
            steps = {"asked": "Cockpit asks for the page", "loaded": "the page is loaded", "nodes": "nodes and groups"}
            title = f"first view, {what}{where}, {cache} cache"
            yield from _steps(title, seen, {"verdict": title} | ({} if alone else steps), VIEW_MS)
            bytes_ = tuple(one["bytes"] / 1024 for one in seen)
            yield Figure(what="  of the page over the network", unit="KiB", values=bytes_)


def on_the_screen(page: Any, what: str, signals: int) -> Iterator[Figure]:
    """After `first_views`: a group's new reason, from its daemon to the painted frame."""
    steps = {"came": "the signal is in the page", "changed": "the page is changed"}
    title = f"signal to screen, {what}"
    yield from _steps(title, page.do("signals", count=signals), {"painted": title} | steps, SIGNAL_MS)


def _steps(
    what: str, seen: Sequence[Mapping[str, float | None]], steps: Mapping[str, str], aim: float
) -> Iterator[Figure]:
    """How long it took to the end, and below it to each step on the way."""
    for name, title in steps.items():
        values = tuple(value for one in seen if (value := one[name]) is not None)
        if title == what:
            yield Figure(what=what, unit="ms", values=values, aim=aim)
        else:
            yield Figure(what=f"  until {title}", unit="ms", values=values)


def _make_up(lab: Any, node: str) -> None:
    """The node is alone, in no cluster; on its bus are the daemons of a large one."""
    lab.sh(node, "systemctl", "stop", "standfast.target", "standfast-*.service", timeout_s=120)
    for other in lab.nodes():
        if other != node:
            lab.kill(other)
    shutil.copytree(BENCH, lab.root(node) / "srv/bench")
    shutil.copytree(TREE / "tests/fakes", lab.root(node) / "srv/bench/tests/fakes")
    lab.sh(node, "systemd-run", "--unit=made-up", "/srv/bench/page", "--publish")
    published = ("busctl", "get-property", "org.standfast.Groups", "/org/standfast", "org.standfast.Groups1", "Term")
    lab.wait(lambda: lab.sh(node, *published, check=False).returncode == 0, 60, "the made-up daemons")


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="page", description=USAGE)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="of each first view (default: 7)")
    parser.add_argument("--signals", type=int, default=50, metavar="N", help="to the screen (default: 50)")
    parser.add_argument("--weight", action="store_true", help="no lab: only what the page weighs")
    parser.add_argument("--json", action="store_true", help="for programs: the value of every round")
    parser.add_argument("--publish", action="store_true", help=argparse.SUPPRESS)  # it is the node's daemons
    return parser.parse_args(words)
