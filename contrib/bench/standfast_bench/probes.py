"""Measures probes of each type, and others beside one that hangs; prints two tables."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from standfast_bench import answers, on_a_node
from standfast_bench.probing import Case, Seen, make, read, spread

BUS = Path("/run/dbus/system_bus_socket")
NEED_BUS = ("unit", "exec", "file", "mount")  # types that ask systemd
COMMON = "Interval=1s\nTimeout=1s\n"
CASES = {
    "http": "URL=http://127.0.0.1:{http}/healthz",
    "http, Body=": "URL=http://127.0.0.1:{http}/healthz\nBody=fine",
    "http, Json=": 'URL=http://127.0.0.1:{http}/healthz\nJson=state == "fine"',
    "http, Unix socket": "URL=http://app/healthz\nSocket={folder}/app.sock",
    "http, a name": "URL=http://localhost:{http}/healthz",
    "https": "URL=https://localhost:{https}/healthz",
    "tcp": "Type=tcp\nConnect=127.0.0.1:{tcp}",
    "tcp, Send=, Expect=": "Type=tcp\nConnect=127.0.0.1:{tcp}\nSend=PING\\r\\n\nExpect=PONG",
    "tcp, TLS=yes": "Type=tcp\nConnect=localhost:{tls}\nTLS=yes",
    "udp": "Type=udp\nConnect=127.0.0.1:{udp}\nSend=hello\nExpect=hello",
    "icmp": "Type=icmp\nHost=127.0.0.1",
    "link": "Type=link\nInterface=lo",
    "address": "Type=address\nAddress=127.0.0.1",
    "unit": "Type=unit\nUnit=basic.target",
    "exec": "Type=exec\nExec=/bin/true",
    "file": "Type=file\nPath=/etc/passwd",
    "mount": "Type=mount\nPath=/proc",
}
SERVED_BY_OTHERS = (
    f"{', '.join(on_a_node.SERVED)} need a server: --lab has them; or --file FILE with a [X-Probe] for each"
)
HUNG = "[X-Probe]\nURL=http://127.0.0.1:{silent}/healthz\n" + COMMON
COLUMNS = "{:<24}{:>7}{:>8}{:>8}   {:<26}{:<18}"


def main(arguments: list[str]) -> int:
    """A benchmark asserts nothing; 1 when no probe was measured."""
    if arguments[:1] == ["--case"]:  # a process of its own for each case
        make(arguments[1])
        return 0
    if arguments[:1] == ["--serve"]:
        answers.serve(Path(arguments[1]))
        return 0
    if "--lab" in arguments:
        return on_a_node.measure([word for word in arguments if word != "--lab"])
    parser = argparse.ArgumentParser(prog="probes")
    parser.add_argument("--lab", action="store_true", help="in a node of a lab, with real servers for every type")
    parser.add_argument("--probes", type=int, default=200, help="of each type, each once a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="for which each type is measured")
    parser.add_argument("--hung", type=int, default=50, help="how many hang beside http ones at the most")
    parser.add_argument("--only", action="append", metavar="NAME", help="as the table has it; may be repeated")
    parser.add_argument("--file", type=Path, help="a unit file whose [X-Probe NAME] sections are measured too")
    chosen = parser.parse_args(arguments)
    print(f"{chosen.probes} probes at 1 s for {chosen.seconds:g} s each, Python {sys.version.split()[0]}, ", end="")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    with _servers() as (folder, places):
        known = {name: f"[X-Probe]\n{text}\n{COMMON}".format_map(places) for name, text in CASES.items()}
        if chosen.file is not None:
            known |= _sections(chosen.file.read_text())
        wanted = {name: text for name, text in known.items() if not chosen.only or name in chosen.only}
        measured = _types(wanted, chosen.probes, chosen.seconds, folder)
        case = Case(text=known["http"], count=chosen.probes, seconds=chosen.seconds, hung_text=HUNG.format_map(places))
        _beside_hung(case, (0, 1, chosen.hung), folder)
    return 0 if measured else 1


@contextmanager
def _servers() -> Iterator[tuple[Path, Mapping[str, object]]]:
    """A folder, and what the texts of CASES name."""
    with tempfile.TemporaryDirectory(prefix="standfast-bench-") as name:
        folder = Path(name)
        answers.make_certificate(folder)
        command = [sys.executable, sys.argv[0], "--serve", name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield folder, json.loads(process.stdout.readline()) | {"folder": name}
            process.communicate()


def _sections(text: str) -> dict[str, str]:
    """Each [X-Probe NAME] of a file by its name."""
    begun = [f"[X-Probe{part}" for part in text.split("[X-Probe")[1:]]
    return {part.partition("]")[0].removeprefix("[X-Probe").strip() or "the file's": part for part in begun}


def _types(wanted: Mapping[str, str], count: int, seconds: float, folder: Path) -> int:
    """Prints a line for each type; how many were measured."""
    print(COLUMNS.format("", "tries", "CPU", "us/try", "latency min, median, max", "PSS before, after").rstrip())
    left_out = [] if set(on_a_node.SERVED) <= set(wanted) else [SERVED_BY_OTHERS]
    measured = 0
    for name, text in wanted.items():
        why = _missing(text)
        seen = None if why else _run(Case(text=text, count=count, seconds=seconds), folder)
        if seen is None:
            left_out.append(f"{name}: {why or 'it could not be measured'}")
            continue
        measured += 1
        tries = len(seen.latency_s)
        latency = "{:.1f}, {:.1f}, {:.1f} ms".format(*spread(seen.latency_s))
        memory = "{:.1f}, {:.1f} MiB".format(*(kib / 1024 for kib in seen.memory_kib))
        cpu, each = f"{100 * seen.cpu_s / seen.wall_s:.1f} %", f"{1e6 * seen.cpu_s / max(tries, 1):.0f}"
        print(COLUMNS.format(name, tries, cpu, each, latency, memory).rstrip(), flush=True)
        if seen.strange:
            print(f"    not good: {seen.strange}")
    if left_out:
        print("\nLeft out:", "\n          ".join(left_out))
    return measured


def _missing(text: str) -> str:
    """Why it cannot be measured here; "" when it can."""
    try:
        (probe,) = read(text)
    except ValueError as error:
        return str(error)
    return f"there is no system bus at {BUS}" if probe.type in NEED_BUS and not BUS.exists() else ""


def _beside_hung(case: Case, numbers: tuple[int, ...], folder: Path) -> None:
    """Prints how late http probes begin beside so many that hang."""
    print(f"\n{case.count} http probes: how late a try begins{'median':>12}{'max':>12}")
    for hung in numbers:
        if (seen := _run(replace(case, hung=hung), folder)) is not None:
            _, middle, most = spread(seen.late_s)
            beside = f"beside {hung} whose server never answers" if hung else "alone"
            print(f"  {beside:<38}{middle:>9.1f} ms{most:>9.1f} ms", flush=True)


def _run(case: Case, folder: Path) -> Seen | None:
    environment = os.environ | {"SSL_CERT_FILE": str(folder / answers.CERTIFICATE)}
    command = [sys.executable, sys.argv[0], "--case", json.dumps(asdict(case))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    return Seen(**json.loads(done.stdout))
