"""`python3 -m standfast.resourced.replaying FILE`: what comes of a recorded incident, as JSON on stdout.

FILE is what `standfast report` wrote, or a file of the flight recorder on a node that has the versions. It is a program
of its own because it reads what strangers sent: it may use so much memory and time, and no more.
"""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from standfast import archive
from standfast.archive import CONFIGURATION, FLIGHT, REDACTED
from standfast.configuration import versions
from standfast.configuration.load import check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import File, Tree, name_refusal
from standfast.resourced.codec import MessageError
from standfast.resourced.flight import read_line
from standfast.resourced.recorder import BEFORE, NOW
from standfast.resourced.replay import Replay

LARGEST_MEMORY: Final = 2 << 30
LONGEST_CPU_S: Final = 600
_GZIP: Final = b"\x1f\x8b"
Report = dict[str, Any]


class ReplayError(Exception):
    """The file cannot be replayed: one sentence."""


def main(arguments: list[str]) -> int:
    (name,) = arguments
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_S, LONGEST_CPU_S))
    try:
        made: dict[str, Any] = {"nodes": replay_file(Path(name))}
    except ReplayError as error:
        made = {"error": str(error)}
    except (MemoryError, RecursionError):
        made = {"error": f"{name} is too large to be replayed."}
    except Exception as error:  # what nobody recorded may break any rule
        made = {"error": f"{name} cannot be replayed: its recording is damaged or was changed ({error!r})."}
    json.dump(made, sys.stdout)
    return 1 if "error" in made else 0


def replay_file(path: Path) -> list[Report]:
    """What came of each node's recording. Raises ReplayError."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if packed:
                return _replay_report(path, archive.read(file))
            data = file.read(archive.LARGEST_BYTES + 1)
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror or error}.") from error
    except archive.ArchiveError as error:
        raise ReplayError(f"{path} {error}: take the report again, or copy it again.") from error
    if len(data) > archive.LARGEST_BYTES:
        raise ReplayError(f"{path} is too large to be replayed.")
    return [_replay({str(path): data}, Versions(versions.read))]


def _replay_report(path: Path, files: Mapping[str, bytes]) -> list[Report]:
    found = []
    for node in sorted({name.partition("/")[0] for name in files if name.endswith((f"/{BEFORE}", f"/{NOW}"))}):
        places = [f"{node}/{FLIGHT}/{name}" for name in (BEFORE, NOW)]
        kept = {f"{path}: {place}": files[place] for place in places if place in files}
        known = Versions(partial(tree_in, files, node))
        found.append(_replay(kept, known, digests=f"{node}/{FLIGHT}/{REDACTED}" not in files))
    if not found:
        text = "it was made by an older release, by somebody without rights, or where resourced never ran"
        raise ReplayError(f"{path} has no recording in it: {text}.")
    return found


def tree_in(files: Mapping[str, bytes], node: str, digest: str) -> Tree | None:
    """The version of this digest as the node's part of a report has it, without its secrets."""
    folder = f"{node}/{CONFIGURATION}/{digest}/"
    found = {name.removeprefix(folder): data for name, data in files.items() if name.startswith(folder)}
    if not found:
        return None
    tree = {name: File(content=found[name], mode=0o600) for name in sorted(found) if name_refusal(name) is None}
    return Tree(files=tree, problems=())


class Versions:
    """Configurations by their digests, each read once."""

    def __init__(self, read: Callable[[str], Tree | None]) -> None:
        self._read = read
        self._known: dict[str, Configuration | None] = {}
        self.problems: dict[str, str] = {}  # why one cannot be used

    def get(self, digest: str) -> Configuration | None:
        if digest not in self._known:
            self._known[digest] = self._load(digest)
        return self._known[digest]

    def _load(self, digest: str) -> Configuration | None:
        tree = self._read(digest)
        if tree is None:
            self.problems[digest] = "its files are not here"
            return None
        try:
            found = check(tree, system=None)
        except ConfigurationError as error:
            self.problems[digest] = str(error.problems[0])
            return None
        return replace(found, digest=digest)  # without its secrets it has another one


def _replay(files: Mapping[str, bytes], known: Versions, *, digests: bool = True) -> Report:
    again = Replay(known.get, digests=digests)
    for name, data in files.items():
        for number, line in enumerate(data.splitlines(), 1):
            try:
                again.take(read_line(line))
            except MessageError as error:
                text = f"{name} line {number} is not what a flight recorder writes ({error})"
                raise ReplayError(f"{text}: take the report again, or copy it again.") from error
    return asdict(again.done) | {"result": again.done.result.value, "problems": known.problems}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
