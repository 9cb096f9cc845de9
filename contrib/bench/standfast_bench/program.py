"""The command `bench`: see `bench --help`."""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from standfast_lab.place import LabError

from standfast_bench import plots, publishing, rounds, running, table
from standfast_bench.catalogue import CASES, SIDES
from standfast_bench.running import say

INTO = Path("/var/tmp/standfast-bench.json")  # noqa: S108 - root's own run, which a reboot must not lose
USAGE = """Measures outages, start-up at scale and footprint beside Pacemaker's and keepalived's, on the same lab, the
sides in turn; prints each case's figures and their ratio. A whole run takes about 90 minutes. What is measured is noted
at once: an interrupted run (ctrl-C takes the labs down) goes on where it was when it is started again."""


def command() -> int:
    """`main` as a process of its own, which SIGINT (a shell's background jobs ignore it) and SIGTERM interrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    return main(sys.argv[1:])


def main(words: Sequence[str]) -> int:
    """The exit code: 0 done, 1 failed, 130 interrupted."""
    asked = _asked(words)
    try:
        if asked.table is not None:
            print(table.markdown(rounds.load(asked.table)), end="")
            return 0
        if os.geteuid() != 0:
            raise LabError("only root can run a lab")
        if asked.clean:
            running.take_down()
            return 0
        if asked.background:
            return _in_background(words, asked.into)
        if (asked.plots or asked.publish) and _install("bench") != 0:
            raise LabError("contrib/install-packages could not install what plots need")  # told before, not after all
        return _run(asked)
    except LabError as error:
        say(f"{error}")
        return 1
    except KeyboardInterrupt:
        say(f"interrupted; the rounds so far are in {asked.into}, and the same command goes on from there")
        return 130


def _run(asked: argparse.Namespace) -> int:
    with asked.into.with_name(f".{asked.into.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"another bench measures into {asked.into}") from None
        run = _resumed(asked.into)
        run = running.complete(run, [CASES[name] for name in asked.case], asked.side, asked.rounds, asked.into)
    print(table.markdown(run), end="")
    if asked.plots is not None:
        asked.plots.mkdir(parents=True, exist_ok=True)
        say(f"wrote {' '.join(map(str, plots.draw(run, asked.plots)))}")
    if asked.publish:
        say(f"wrote {' '.join(map(str, publishing.publish(run)))}")
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _install(packages: str) -> int:
    return subprocess.run(
        [rounds.REPOSITORY / "contrib/install-packages", packages], stdin=subprocess.DEVNULL
    ).returncode


def _resumed(file: Path) -> rounds.Run:
    """The run that the file has, of this very tree and machine; a new one, in new labs, where there is no file."""
    fresh = rounds.begin()
    if not file.exists():
        running.take_down()
        return fresh
    found = rounds.load(file)
    if (found.commit, found.machine) != (fresh.commit, fresh.machine):
        raise LabError(
            f"{file} is of {found.commit} on {found.machine}, this is {fresh.commit} on {fresh.machine}: "
            "remove it, or name another one with --into"
        )
    say(f"{file} has {len(found.rounds)} rounds: going on from there")
    return found


def _in_background(words: Sequence[str], into: Path) -> int:
    log = into.with_suffix(".log")
    command = [sys.executable, sys.argv[0], *(word for word in words if word != "--background")]
    with log.open("a") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    say(f"runs as process {process.pid}; what it says: tail -f {log}; to interrupt it: kill {process.pid}")
    return 0


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=USAGE)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each outage on each side (default: 5)")
    parser.add_argument(
        "--case", action="append", choices=list(CASES), help="only this one; more than once: only these"
    )
    parser.add_argument("--side", action="append", choices=list(SIDES), help="only this one, or these")
    parser.add_argument("--into", type=Path, default=INTO, metavar="FILE", help=f"JSON, of this run (default: {INTO})")
    parser.add_argument(
        "--background", action="store_true", help="go on without this terminal; FILE's .log has what is said"
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the figures as SVG (python3-matplotlib)")
    parser.add_argument(
        "--publish", action="store_true", help="then write them into README.md and contrib/docs: on a quiet machine"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="measure nothing: print the table of a stored run")
    parser.add_argument("--clean", action="store_true", help="measure nothing: take down what a killed bench left")
    asked = parser.parse_args(words)
    asked.case, asked.side = asked.case or list(CASES), asked.side or list(SIDES)
    return asked
