"""Whether this node is healthy, out of what its heuristics saw (qdiskd's scores, with damping). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from standfast.configuration.health import health_minimum
from standfast.configuration.model import Heuristic


class Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # it hangs or cannot be run: that says nothing about the node


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look, and what was seen in a few words."""

    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is believed of one heuristic. It is good until it was bad often enough: a restart of ours moves no group."""

    good: bool = True
    against: int = 0  # looks one after the other that say otherwise; a look that cannot tell is none
    last: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The node as a whole."""

    score: int
    minimum: int

    @property
    def healthy(self) -> bool:
        return self.score >= self.minimum


def looked(word: Word, heuristic: Heuristic, seen: Seen) -> Word:
    """What is believed after this look: fail_after bad ones in a row are bad, pass_after good ones good again."""
    if seen.outcome is Outcome.UNKNOWN:
        return replace(word, last=seen)
    if (seen.outcome is Outcome.GOOD) == word.good:
        return replace(word, against=0, last=seen)
    enough = heuristic.fail_after if word.good else heuristic.pass_after
    if word.against + 1 >= enough:
        return Word(good=not word.good, last=seen)
    return replace(word, against=word.against + 1, last=seen)


def judge(heuristics: Sequence[Heuristic], words: Mapping[str, Word]) -> Health:
    """The scores of all that are good, and what is needed; a node without heuristics is healthy."""
    score = sum(one.score for one in heuristics if words.get(one.name, Word()).good)
    return Health(score=score, minimum=health_minimum(heuristics))


def shown(heuristics: Sequence[Heuristic], words: Mapping[str, Word]) -> list[tuple[str, int, str]]:
    """Each heuristic's name, the score that it counts with now, and what was seen last."""
    known = ((one, words.get(one.name, Word())) for one in heuristics)
    return [(one.name, one.score if word.good else 0, _seen(word)) for one, word in known]


def _seen(word: Word) -> str:
    if word.last is None:
        return "not looked at yet"
    if word.last.outcome is Outcome.UNKNOWN:
        return f"{word.last.text}; counts as {'good' if word.good else 'bad'}, as before"
    if word.against:
        return f"{word.last.text}; still {'good' if word.good else 'bad'}, {word.against} in a row against it"
    return word.last.text
