"""The bench of probes still measures what it says; how long anything takes is asserted nowhere."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "contrib" / "bench" / "probes"


def test_the_bench_measures_each_type_and_what_a_hung_one_does_to_others(tmp_path: Path) -> None:
    own = tmp_path / "own.conf"
    own.write_text("[X-Probe loopback]\nType=link\nInterface=lo\n[X-Probe none]\nType=tcp\n")
    chosen = ("http, Body=", "https", "tcp, Send=, Expect=", "udp", "loopback", "none")
    wanted = [word for name in chosen for word in ("--only", name)]
    command = [sys.executable, str(BENCH), "--probes=3", "--seconds=1.5", "--hung=2", f"--file={own}", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    measured = [name for name in chosen if any(line.startswith(f"{name} ") and " MiB" in line for line in lines)]
    assert measured == list(chosen[:-1]), done.stdout
    assert any(line.endswith("none: [X-Probe none] needs Connect=; add it") for line in lines), done.stdout
    assert [line.split(",")[0].strip().split("  ")[0] for line in lines[-3:]] == [
        "alone",
        "beside 1 whose server never answers",
        "beside 2 whose server never answers",
    ]
