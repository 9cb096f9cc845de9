"""What became of a cluster.conf, for people and programs: nothing of it is passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from standfast.configuration.model import Source


class Kind(StrEnum):
    """Why somebody should read a finding."""

    TO_DO = "to do"  # before it can be used
    LEFT_OUT = "left out"  # it has no counterpart
    DIFFERS = "differs"  # it has one, which does not do quite the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that somebody must know; it never holds a secret."""

    kind: Kind
    source: Source
    what: str  # as it is written there: <cman port="6809">
    text: str  # what to do about it

    def __str__(self) -> str:
        return f"{self.source}: {self.what}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """One thing that was translated."""

    source: Source
    what: str  # <netfs name="htdocs">
    now: str  # var-www-html.mount, a mount unit


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """One file of the new configuration."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A whole configuration, not written yet, and what is to be told of it."""

    files: Mapping[str, NewFile]  # by name below /etc/standfast
    became: tuple[Became, ...]  # in the order of the file
    findings: tuple[Finding, ...]  # likewise
    packages: tuple[str, ...]  # of Debian, that every node needs for it; by name
