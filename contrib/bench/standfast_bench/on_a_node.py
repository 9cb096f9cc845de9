"""The benches in a node of a lab; there real servers answer the probes that need one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parents[1]
TREE = BENCH.parents[1]
LAB = os.environ.get("STANDFAST_LAB_NAME", "bench")
SERVED = ("dns", "smtp", "mysql", "pgsql", "redis")


@contextmanager
def in_a_lab(name: str, *, servers: bool = False, cockpit: bool = False, nodes: int = 1) -> Iterator[tuple[Any, str]]:
    """A lab of so many nodes with the package, and the first one's name; at the end it is gone."""
    sys.path[:0] = [str(TREE / "contrib/lab"), str(TREE / "tests")]
    from lab.own import own_lab

    os.environ["STANDFAST_LAB_NAME"] = LAB
    with own_lab(name, nodes, servers=servers, with_cockpit=cockpit) as lab:
        yield lab, lab.nodes()[0]


def measure(arguments: list[str]) -> int:
    """Makes a lab of one node, runs the bench there with these arguments, and takes the lab away; its exit code."""
    with in_a_lab("probes", servers=True) as (lab, name):
        from lab.probed_servers import FILES, UNIT, ProbedNode

        ProbedNode(lab, name).prepare()
        place = lab.root(name) / "srv/bench"
        shutil.copytree(BENCH, place)
        (place / UNIT).write_text(_served((FILES / "units" / UNIT).read_text()))
        os.environ["STANDFAST_LAB_NAME"] = f"{LAB}-probes"
        command = [str(TREE / "contrib/lab/lab"), "sh", name, "/srv/bench/probes", "--file", f"/srv/bench/{UNIT}"]
        return subprocess.run([*command, *arguments]).returncode


def _served(text: str) -> str:
    """The sections of SERVED, once a second each."""
    _, *sections = text.split("[X-Probe ")
    wanted = [section for section in sections if section.partition("]")[0] in SERVED]
    return "\n".join(f"[X-Probe {section.strip()}\nInterval=1s\nTimeout=1s\n" for section in wanted)
