"""What one answer of standfast-metrics costs: time, processor time of both ends, memory."""

import asyncio
import gzip
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bus.private import PrivateBus
from fakes.daemons import Cluster
from standfast_bench.published import publish_groups

DEFAULT: Final = ("10", "2", "500", "1", "500", "2")
ROUNDS: Final = 10
REPOSITORY: Final = Path(__file__).parents[3]
TICKS: Final = os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> int:
    """Prints a line for each number of groups."""
    numbers = [int(word) for word in arguments or DEFAULT]
    for groups, units in zip(numbers[::2], numbers[1::2], strict=True):
        with tempfile.TemporaryDirectory(prefix="standfast-bench-") as folder:
            bus = PrivateBus(Path(folder))
            bus.start()
            os.environ |= {"DBUS_SYSTEM_BUS_ADDRESS": bus.address, "STANDFAST_INTERFACES": f"{REPOSITORY}/dbus"}
            try:
                _measure(Path(folder), groups, units)
            finally:
                bus.kill()
    return 0


def _measure(folder: Path, groups: int, units: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    daemons = multiprocessing.get_context("fork").Process(target=_daemons, args=(groups, units, theirs), daemon=True)
    daemons.start()
    assert daemons.pid is not None
    if not ours.poll(60):
        raise SystemExit("the daemons do not start")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    settings = {"PYTHONPATH": f"{REPOSITORY}/services", "LISTEN": f"127.0.0.1:{port}", "STATE_DIRECTORY": str(folder)}
    command = [sys.executable, "-s", "-P", "-m", "standfast.metrics"]
    endpoint = subprocess.Popen(command, env=os.environ | settings)
    try:
        _wait(port)
        before, theirs_before, times = _cpu_s(endpoint.pid), _cpu_s(daemons.pid), []
        for _ in range(ROUNDS):
            time.sleep(0.7)  # who asks sooner gets the same answer again
            begun = time.monotonic()
            body = _ask(port)
            times.append(time.monotonic() - begun)
        cpu_ms = (_cpu_s(endpoint.pid) - before) / ROUNDS * 1000
        daemons_ms = (_cpu_s(daemons.pid) - theirs_before) / ROUNDS * 1000
        series = sum(1 for line in body.splitlines() if not line.startswith("#"))
        median = statistics.median(times)
        print(
            f"{groups} groups of {units}: {series} series in {median:.3f} s, at most {max(times):.3f}; "
            f"CPU {cpu_ms:.0f} ms, and {daemons_ms:.0f} ms of the daemons; PSS {_pss_mib(endpoint.pid):.1f} MiB; "
            f"load {os.getloadavg()[0]:.1f}"
        )
    finally:
        endpoint.terminate()
        endpoint.wait()
        daemons.kill()
        daemons.join()


def _ask(port: int) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own service
        return gzip.decompress(answer.read()).decode()


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            _ask(port)
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("standfast-metrics does not answer")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # proc(5): utime and stime


def _pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _daemons(groups: int, units: int, ready: Connection) -> None:
    """Four daemons that publish three nodes and these groups, each unit with a probe."""

    async def serve() -> None:
        cluster = Cluster()
        publish_groups(cluster, groups, units)
        async with cluster.running():
            ready.send("up")
            await asyncio.Event().wait()

    asyncio.run(serve())
