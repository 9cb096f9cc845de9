"""The executables in alerts.d: which events each is run for, as the comments at its head say (pure).

#!/bin/sh
# Alert-Level: warning
# Alert-Events: group-started
# Alert-Timeout: 30s
# Alert-Secret: webhook.secret
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Problem, Source
from standfast.configuration.tree import Tree
from standfast.configuration.values import parse_span
from standfast.journal import Event, Level

FOLDER: Final = "alerts.d"
MOST: Final = 16
NOTHING: Final = 2  # a level that no event has
LEVELS: Final = {"none": NOTHING, **{level.name.lower(): int(level) for level in Level}}
TIMEOUT_MS: Final = 30_000
_LONGEST_MS: Final = 300_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_INTERPRETER: Final = re.compile(rb"#![ \t]*(/[^\s\0]+)(?:[ \t]+([^\n\0]*?))?[ \t]*\n")
_COMMENT: Final = re.compile(r"#\s*Alert-(\w*)\s*:\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One executable."""

    name: str  # of the file
    content: bytes
    interpreter: tuple[str, ...]  # what its first line names; it is run with the file as the last argument
    level: int = int(Level.WARNING)  # events of this level and above
    events: tuple[str, ...] = ()  # and these, whatever their level; * and ? as in file names
    timeout_ms: int = TIMEOUT_MS
    secret: str = ""  # a file beside cluster.conf

    def is_for(self, event: str, level: int) -> bool:
        """It is run for such an event."""
        return level <= self.level or any(fnmatchcase(event, pattern) for pattern in self.events)


def read_alerts(tree: Tree) -> tuple[tuple[Alert, ...], tuple[Problem, ...]]:
    """The alerts of a version that can be run, and what is wrong with the others."""
    alerts: list[Alert] = []
    problems: list[Problem] = []
    names = sorted(name for name in tree.files if name.startswith(f"{FOLDER}/"))
    for path in names:
        name = path.removeprefix(f"{FOLDER}/")
        found = _INTERPRETER.match(tree.files[path].content)
        if not _NAME.fullmatch(name) or name == "events":
            text = "is no name for an alert; use letters, digits, “-”, “_” and “.”, no folder, and not “events”"
            problems.append(_problem(path, 0, text))
        elif found is None:
            text = "does not begin with #! and an interpreter's path; an alert is a script, for example #!/bin/sh"
            problems.append(_problem(path, 1, text))
        else:
            words = tuple(one.decode(errors="replace") for one in found.groups() if one)
            alerts.append(_read(name, tree, words, problems))
    if len(alerts) > MOST:
        problems.append(_problem(FOLDER, 0, f"has {len(alerts)} alerts; {MOST} at most can be run"))
    return tuple(alerts[:MOST]), tuple(problems)


def _read(name: str, tree: Tree, interpreter: tuple[str, ...], problems: list[Problem]) -> Alert:
    path = f"{FOLDER}/{name}"
    level, timeout_ms, secret = int(Level.WARNING), TIMEOUT_MS, ""
    events: tuple[str, ...] = ()
    for number, key, value in _comments(tree.files[path].content):
        try:
            match key:
                case "Level":
                    level = _level(value)
                case "Events":
                    events = (*events, *_events(value))
                case "Timeout":
                    timeout_ms = parse_span(value, minimum_ms=1000, maximum_ms=_LONGEST_MS)
                case "Secret":
                    secret = _secret(value, tree)
                case _:
                    known = ("Level", "Events", "Timeout", "Secret")
                    raise ValueError(f"there is no Alert-{key}{did_you_mean(key, known)}")
        except ValueError as error:
            problems.append(_problem(path, number, str(error)))
    return Alert(
        name=name,
        content=tree.files[path].content,
        interpreter=interpreter,
        level=level,
        events=events,
        timeout_ms=timeout_ms,
        secret=secret,
    )


def _comments(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Line, key and value of each comment of ours before the first line that is no comment."""
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        if line and not line.startswith("#"):
            return
        if found := _COMMENT.match(line):
            yield number, found[1], found[2]


def _level(value: str) -> int:
    if value not in LEVELS:
        raise ValueError(f"“{value}” is no level; write one of {', '.join(LEVELS)}")
    return LEVELS[value]


def _events(value: str) -> tuple[str, ...]:
    patterns = tuple(value.split())
    for pattern in patterns:
        if not any(fnmatchcase(event, pattern) for event in Event):
            raise ValueError(f"there is no event {pattern}{did_you_mean(pattern, tuple(Event))}")
    return patterns


def _secret(value: str, tree: Tree) -> str:
    if "/" in value or value == "corosync.key":
        raise ValueError(f"“{value}” is no name of a file beside cluster.conf")
    if tree.lacks(value):
        raise ValueError(f"there is no file {value}; write it beside cluster.conf, mode 0600")
    return value


def _problem(path: str, line: int, text: str) -> Problem:
    return Problem(source=Source(path=path, line=line), text=text)
