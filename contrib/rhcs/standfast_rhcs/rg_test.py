"""rg_test: in which order a service would start and stop, and what a changed configuration would do."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

from standfast_rhcs.cluster import PREFIX, EndedError
from standfast_rhcs.trees import Item, Services, read

USAGE: Final = """usage: rg_test noop FILE <start|stop|status> service NAME
       rg_test delta OLD NEW
  FILE, OLD, NEW: a cluster.conf of RHCS, or a folder such as /etc/standfast"""
_DONE: Final = {"start": "Start of {} complete", "stop": "Stop of {} complete", "status": "Status of {} is good"}
_BEGUN: Final = {"start": "Starting {}...", "stop": "Stopping {}...", "status": "Checking status of {}..."}


def main(words: Sequence[str]) -> int:
    """The exit code."""
    match list(words):
        case ["noop", file, ("start" | "stop" | "status") as verb, "service" | "group", name]:
            print("\n".join(noop(read(Path(file)), verb, name.removeprefix(PREFIX))))
        case ["delta", old, new]:
            print("\n".join(delta(read(Path(old)), read(Path(new)))))
        case ["test", *_] | ["rules", *_]:
            raise EndedError(1, "what a configuration comes to is shown by standfast config plan")
        case _:
            raise EndedError(1, USAGE)
    return 0


def noop(services: Services, verb: str, name: str) -> list[str]:
    """The lines of `rg_test noop`; nothing is started or stopped. Raises EndedError."""
    if name not in services:
        raise EndedError(1, f"there is no service {name!r}: the services are {', '.join(sorted(services)) or 'none'}")
    items = [f"{PREFIX}{name}", *map(str, services[name])]
    items = items[::-1] if verb == "stop" else items
    return [
        "Running in test mode.",
        _BEGUN[verb].format(name),
        *(f"[{verb}] {item}" for item in items),
        _DONE[verb].format(name),
    ]


def delta(old: Services, new: Services) -> list[str]:
    """The lines of `rg_test delta`: what is stopped, then what is started, each in its order."""
    down: list[str] = []
    up: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ()), new.get(name, ())
        first = _first_changed(before, after)
        down += _lines("stop", reversed(before[first:]))
        up += _lines("start", after[first:])
        down += [f"[stop] {PREFIX}{name}"] if name not in new else []
        up += [f"[start] {PREFIX}{name}"] if name not in old else []
    return ["=== Operations (down-phase) ===", *down, "=== Operations (up-phase) ===", *up]


def _first_changed(before: Sequence[Item], after: Sequence[Item]) -> int:
    """From there up everything is started anew; behind the last one where nothing is."""
    changed = (place for place, (old, new) in enumerate(zip_longest(before, after)) if old != new)
    return next(changed, len(before))


def _lines(verb: str, items: Iterable[Item]) -> list[str]:
    return [f"[{verb}] {item}" for item in items]
