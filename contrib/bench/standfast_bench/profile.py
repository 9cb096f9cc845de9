"""Where the daemons of a lab's nodes spend their processor time: at rest, in a failover, at hundreds of groups.

Each daemon is started by `sampled.py` through a drop-in of systemd, without its watchdog; nothing in services/ knows.
"""

import argparse
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from standfast_lab import normal
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench import many
from standfast_bench.footprint import DAEMONS
from standfast_bench.many import Many

DROP_IN: Final = """[Service]
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/python3 -s -P /srv/sampled.py {daemon} /srv/{daemon}.json
"""
SHOWN: Final = 40
WRITTEN_WITHIN_S: Final = 60.0


def main(words: Sequence[str]) -> int:
    """Prints for each daemon of a node which functions its time went through; the exit code."""
    parser = argparse.ArgumentParser(prog="profile", description=__doc__)
    parser.add_argument("situation", choices=["rest", "failover", "start"])
    parser.add_argument("--daemon", action="append", choices=DAEMONS)
    parser.add_argument("--groups", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=60, help="at rest")
    parser.add_argument("--keep", action="store_true", help="the lab stays")
    asked = parser.parse_args(words)
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-profile")
    daemons = tuple(asked.daemon or DAEMONS)
    try:
        lab.up()
        groups = Many(groups=asked.groups)
        if asked.groups:
            groups.push(lab)
        _install(lab, daemons)
        many.stop(lab)
        if asked.situation != "start":
            _served(lab, groups)
            _signal(lab, daemons, "USR1")
        _happen(lab, asked, groups)
        _signal(lab, daemons, "USR2")
        files = {daemon: lab.root(lab.nodes()[0]) / f"srv/{daemon}.json" for daemon in daemons}
        lab.wait(lambda: all(file.exists() for file in files.values()), WRITTEN_WITHIN_S, lambda: "samples are written")
        for daemon, file in files.items():
            print("\n".join(table(file, daemon)))
    except LabError as error:
        print(f"profile: {error}")
        return 1
    finally:
        if not asked.keep:
            lab.down()
    return 0


def _happen(lab: Lab, asked: argparse.Namespace, groups: Many) -> None:
    if asked.situation == "rest":
        time.sleep(asked.seconds)
    elif asked.situation == "failover":
        lab.kill(lab.nodes()[-1])
        groups.wait(lab)
    else:
        _served(lab, groups)


def _served(lab: Lab, groups: Many) -> None:
    many.start(lab)
    normal.wait(lab)
    if groups.groups:
        groups.wait(lab)


def _install(lab: Lab, daemons: Sequence[str]) -> None:
    for node in lab.nodes():
        root = lab.root(node)
        shutil.copy(Path(__file__).with_name("sampled.py"), root / "srv/sampled.py")
        for daemon in daemons:
            folder = root / f"etc/systemd/system/standfast-{daemon}.service.d"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "profile.conf").write_text(DROP_IN.format(daemon=daemon))
        lab.sh(node, "systemctl", "daemon-reload")


def _signal(lab: Lab, daemons: Sequence[str], name: str) -> None:
    for node in lab.nodes():
        if lab.is_on(node):
            units = [f"standfast-{daemon}.service" for daemon in daemons]
            lab.sh(node, "systemctl", "kill", "--kill-whom=main", "-s", name, *units)


def table(file: Path, daemon: str) -> list[str]:
    """The functions with the most time in them or below them, and in them alone."""
    found = json.loads(file.read_text())
    below: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for stack, count in found["stacks"]:
        names = [_function(frame) for frame in stack]
        alone[names[0]] += count
        below.update({name: count for name in names})
    total = sum(alone.values())
    lines = [f"\n{daemon}: {total * found['interval_s']:.2f} s", f"{'with callees':>12} {'alone':>8}"]
    for name, count in below.most_common(SHOWN):
        lines.append(f"{count * found['interval_s']:>10.2f} s {alone[name] * found['interval_s']:>6.2f} s  {name}")
    return lines


def _function(frame: str) -> str:
    file, _, name = frame.split(":", 2)
    return f"{name} ({file})"
