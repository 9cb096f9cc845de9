"""What one look at a service says (DESIGN section 8)."""

from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # the checker could not work: that says nothing about what it checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try and what was seen, a sentence without a full stop."""

    outcome: Outcome
    text: str
    seen: bytes = field(default=b"", compare=False)  # what the other side sent, as far as it is kept
    latency_ms: int = field(default=0, compare=False)


class BadAnswerError(Exception):
    """The other side answered, but not as expected."""


class CannotCheckError(Exception):
    """The try could not be made."""


def excerpt(data: bytes) -> str:
    """The first characters of what a stranger sent, fit for a journal's line."""
    text = data[:60].decode("utf-8", "replace")
    return "“" + "".join(char if char.isprintable() else " " for char in text).strip() + "”"
