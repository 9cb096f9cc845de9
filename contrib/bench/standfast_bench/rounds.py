"""What a bench has measured so far, in one JSON file: an interrupted run goes on from it, and tables are made of it."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from standfast_lab.image import debian_point
from standfast_lab.place import LabError

FENCED: Final = "was fenced"  # a sample's note says so of a node
REPOSITORY: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure."""

    what: str  # the key of its row
    value: float | None  # in the row's unit; None: not over while it was waited for
    steps: Mapping[str, float] = field(default_factory=dict)  # milliseconds of each step, in order: where the time went
    curve: tuple[tuple[float, float], ...] = ()  # (seconds, how much was done by then), for a plot
    note: str = ""  # what else happened


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement of one case on one side."""

    case: str
    side: str
    at: str  # when it began, UTC
    load: float  # of the machine, before it
    about: str  # versions and settings of the side
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All of them, of one tree on one machine."""

    commit: str
    machine: str
    rounds: tuple[Round, ...] = ()

    def of(self, case: str, side: str | None = None) -> list[Round]:
        """The rounds of the case, on that side or on all."""
        return [one for one in self.rounds if one.case == case and side in (None, one.side)]

    def samples(self, what: str, side: str) -> list[Sample]:
        """The figures of the row on that side."""
        return [one for it in self.rounds if it.side == side for one in it.samples if one.what == what]


def begin() -> Run:
    """A run of this tree, on this machine, without any round."""
    return Run(commit=commit(), machine=machine())


def load(file: Path) -> Run:
    """What the file holds; LabError where it is none of ours."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
        rounds = tuple(_round(one) for one in found.pop("rounds"))
        return Run(**found, rounds=rounds)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{file} holds no run of the bench: {error}") from error


def _round(found: dict[str, Any]) -> Round:
    samples = tuple(Sample(**one | {"curve": tuple(map(tuple, one["curve"]))}) for one in found.pop("samples"))
    return Round(**found, samples=samples)


def save(run: Run, file: Path) -> None:
    """The file holds the run, whole, whenever this is interrupted."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(json.dumps(asdict(run), indent=1) + "\n")
    new.replace(file)


def commit() -> str:
    """The tree's commit, with a mark where services/ or contrib/ differ from it; "unknown" outside of git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "services", "units", "contrib/lab", "contrib/bench")
    return f"{head}, changed" if head and changed else head or "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", REPOSITORY, *words], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> str:
    """Processors, memory, kernel and release."""
    processors = _after(Path("/proc/cpuinfo").read_text().splitlines(), "model name") or platform.machine()
    memory = int((_after(Path("/proc/meminfo").read_text().splitlines(), "MemTotal") or "0").split()[0])
    return (
        f"{os.cpu_count()} x {processors}, {memory / 1024 / 1024:.0f} GiB, "
        f"Linux {platform.release()}, Debian {debian_point()}"
    )


def _after(lines: Iterable[str], name: str) -> str | None:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
