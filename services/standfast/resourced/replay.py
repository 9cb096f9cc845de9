"""A recorded incident once more: every update applied, every plan made again and held against the recorded one (pure).

What is compared is what was decided: the updates that a plan proposed, with their reasons, which nodes it left out of
the next term, and the version that it wanted; of the record its digests.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from standfast.configuration.model import Configuration
from standfast.resourced import plan as plans
from standfast.resourced import story
from standfast.resourced.apply import apply
from standfast.resourced.flight import Applied, Begun, Ended, Failed, Line, Opened, Planned, Rested, Whole
from standfast.resourced.messages import Content, Update
from standfast.resourced.record import Record, digest
from standfast.resourced.situation import Situation

Versions = Callable[[str], Configuration | None]


class Kind(StrEnum):
    TERM = "term"
    UPDATE = "update"  # something that was told, or done, and is in the record
    DECIDED = "decided"  # the coordinator proposed it
    DIFFERS = "differs"
    FAILED = "failed"  # resourced ended over it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the incident; `at` is RFC 3339 UTC."""

    at: str
    place: str  # TERM.POSITION
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the same code on the same data does not give the same."""

    at: str
    place: str
    what: str
    recorded: tuple[str, ...]
    replayed: tuple[str, ...]


class Result(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    INCOMPLETE = "incomplete"  # what could be compared is the same, but not everything could be
    NOTHING = "nothing"  # nothing was decided here


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What came of one node's recording."""

    node: str = ""
    steps: list[Step] = field(default_factory=list)
    updates: int = 0  # that were applied
    digests: int = 0  # that were compared
    plans: int = 0  # that were made again
    decisions: int = 0  # updates that these proposed
    gaps: int = 0  # places where something of the recording is missing
    unknown: dict[str, int] = field(default_factory=dict)  # by version: plans that could not be made without its files
    coordinators: list[str] = field(default_factory=list)  # of the terms, each once
    differences: list[Difference] = field(default_factory=list)

    @property
    def result(self) -> Result:
        if self.differences:
            return Result.DIFFERENT
        if self.unknown or self.gaps:
            return Result.INCOMPLETE
        return Result.SAME if self.plans else Result.NOTHING


class Replay:
    """One node's recording, line by line."""

    def __init__(self, versions: Versions, *, digests: bool = True) -> None:
        """`versions`: the configuration of this digest; None: its files are not at hand. `digests`: the record's are
        compared, as they are those of what is recorded."""
        self.done = Replayed()
        self._digests = digests
        self._versions = versions
        self._record: Record | None = None
        self._term: Opened | None = None
        self._position = 0
        self._waits: Mapping[str, int] | None = None
        self._proposed: Counter[str] = Counter()  # sentences that were told already, as decided

    def take(self, line: Line) -> None:
        match line:
            case Begun():
                self.done.node = line.node
                self._record, self._term, self._waits = None, None, None
            case Whole():
                self._record = line.record
            case Opened():
                self._opened(line)
            case Ended():
                self._term = None
            case Applied():
                self._applied(line.update)
            case Rested() if self._record is not None and self._term is not None:
                self._compare_records(self._term.at, line.digest)
            case Planned():
                self._planned(line)
            case Failed():
                self._tell(line.at, Kind.FAILED, f"resourced ended: {line.error} over {line.event}")

    def _opened(self, line: Opened) -> None:
        self._term, self._position = line, line.position
        if line.coordinator not in self.done.coordinators:
            self.done.coordinators.append(line.coordinator)
        text = f"Term {line.term} is open: {', '.join(line.members)}; {line.coordinator} coordinates"
        self._tell(line.at, Kind.TERM, text)
        if self._record is not None:
            self._compare_records(line.at, line.digest)

    def _applied(self, update: Update) -> None:
        term, record = self._term, self._record
        if term is None or record is None:
            return
        if update.nonce != term.nonce or update.position != self._position + 1:
            self.done.gaps += 1
            self._record = None
            return
        self._position = update.position
        self._record = apply(record, term.term, update)
        self.done.updates += 1
        for text in told(record, self._record, term.term, update):
            if self._proposed[text]:
                self._proposed[text] -= 1
            else:
                self._tell(update.at, Kind.UPDATE, text)

    def _compare_records(self, at: str, recorded: str) -> None:
        assert self._record is not None
        if not self._digests:
            return
        self.done.digests += 1
        if (found := digest(self._record)) != recorded:
            self._differs(at, "the record", (recorded,), (found,))

    def _planned(self, line: Planned) -> None:
        waits = self._waits if line.follows else line.waits
        self._waits = None
        if self._record is None or self._term is None or waits is None:
            return
        configuration = self._versions(line.configuration)
        offered = self._versions(line.offered) if line.offered else None
        missing = line.configuration if configuration is None else line.offered if offered is None else ""
        if configuration is None or missing:
            self.done.unknown[missing] = self.done.unknown.get(missing, 0) + 1
            return
        self.done.plans += 1
        self.done.decisions += len(line.contents)
        for content in line.contents:
            for text in self._words(content, line.at)[:1]:
                self._proposed[text] += 1
                self._tell(line.at, Kind.DECIDED, text)
        try:
            planned = plans.plan(self._record, configuration, _situation(line, waits, offered))
        except Exception as error:  # it never does, unless the code or the file is broken: either is the answer
            decided = self._sentences(line.contents, line.at)
            self._differs(line.at, f"what {line.me} decided", decided, (f"the plan fails: {error!r}",))
            return
        self._waits = planned.waits
        self._compare_plans(line, planned)

    def _compare_plans(self, line: Planned, planned: plans.Planned) -> None:
        what = f"what {line.me} decided"
        if line.contents != planned.contents:
            missing = tuple(content for content in line.contents if content not in planned.contents)
            new = tuple(content for content in planned.contents if content not in line.contents)
            if not missing and not new:
                missing, new, what = line.contents, planned.contents, f"the order of {what}"
            self._differs(line.at, what, self._sentences(missing, line.at), self._sentences(new, line.at))
        if set(line.overdue) != planned.overdue:
            self._differs(line.at, "who is left out of the next term", line.overdue, tuple(sorted(planned.overdue)))
        if line.wanted != planned.wanted:
            self._differs(line.at, "the version that is wanted", (line.wanted,), (planned.wanted,))

    def _sentences(self, contents: Iterable[Content], at: str) -> tuple[str, ...]:
        return tuple("; ".join(self._words(content, at)) for content in contents)

    def _words(self, content: Content, at: str) -> tuple[str, ...]:
        """What the journal would tell of it now; of what changes nothing that is told, what it is."""
        assert self._record is not None
        assert self._term is not None
        update = Update(nonce=self._term.nonce, position=self._position + 1, at=at, content=content)
        after = apply(self._record, self._term.term, update)
        return told(self._record, after, self._term.term, update) or (repr(content),)

    def _differs(self, at: str, what: str, recorded: tuple[str, ...], replayed: tuple[str, ...]) -> None:
        found = Difference(at=at, place=self._place, what=what, recorded=recorded, replayed=replayed)
        self.done.differences.append(found)
        self._tell(at, Kind.DIFFERS, f"{what} is not the same")

    def _tell(self, at: str, kind: Kind, text: str) -> None:
        self.done.steps.append(Step(at=at, place=self._place, kind=kind, text=text))

    @property
    def _place(self) -> str:
        return f"{self._term.term}.{self._position}" if self._term is not None else ""


def told(before: Record, after: Record, term: int, update: Update) -> tuple[str, ...]:
    """The journal's sentences of one update."""
    return tuple(entry.text for entry in story.entries(before, after, term, update))


def _situation(line: Planned, waits: Mapping[str, int], offered: Configuration | None) -> Situation:
    return Situation(
        me=line.me,
        now=line.now,
        ring_nodes=frozenset(line.ring_nodes),
        cold=line.cold,
        orders_allowed=line.orders_allowed,
        resting=frozenset(line.resting),
        waits=waits,
        quorate_since=line.quorate_since,
        linked=frozenset(line.linked),
        race_ms=line.race_ms,
        offered=offered,
    )
