"""Journal entries put together to incidents, by what they follow from and only then by pauses: pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from standfast.incidents.clocks import axis_us
from standfast.incidents.entry import Entry
from standfast.vocabulary import copies_of

PAUSE: Final = timedelta(seconds=10)  # quiet for longer: the next entry begins another incident
_LINKED_US: Final = 600_000_000  # what is over is not told on by what comes so much later
_MISSED_US: Final = 60_000_000  # a node whose links are down is missed by then
_US: Final = timedelta(microseconds=1)
_SETTLED: Final = {"group-started", "group-stopped", "group-blocked", "group-serves"}
_ON_ITS_WAY: Final = {"group-failed", "group-starting", "group-stopping", "group-active"}
_BEGINS: Final = {"group-failed", "wish", "drill-begun", "link-down"}  # never of what just happens at the same time


@dataclass(slots=True)
class Incident:
    """Entries that belong together, the oldest first, never empty."""

    entries: list[Entry]
    losses: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)  # groups on their way

    def continues(self, entry: Entry) -> bool:
        """The entry is part of this: soon after it, about the same loss, or about a group still on its way."""
        soon = entry.at - self.entries[-1].at <= PAUSE
        return soon or entry.incident in self.losses or entry.group in self.unsettled

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.learn(entry)

    def learn(self, entry: Entry) -> None:
        if entry.incident:
            self.losses.add(entry.incident)
        if entry.event in _SETTLED:
            self.unsettled.discard(entry.group)
        elif entry.group and entry.event in _ON_ITS_WAY:
            self.unsettled.add(entry.group)

    def since_start_ms(self, entry: Entry) -> int:
        return round((entry.at - self.entries[0].at) / timedelta(milliseconds=1))


@dataclass(slots=True, eq=False)
class _Story:
    """An incident while it is put together: its entries by their places in the journal."""

    places: list[int]
    last_us: int
    open_losses: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)  # of these groups, those that came to an end
    missed: dict[str, int] = field(default_factory=dict)  # node: when


def gather(entries: Iterable[Entry]) -> list[Incident]:
    """The incidents that the entries, the oldest first, tell of; within one the times follow the clock that does not
    jump, from its first entry on."""
    told = list(entries)
    at_us = axis_us(told)
    found = _Gathering(told, at_us)
    for place in range(len(told)):
        found.add(place)
    return [_incident(told, at_us, story.places) for story in found.stories]


def _incident(told: Sequence[Entry], at_us: Sequence[int], places: Sequence[int]) -> Incident:
    first = places[0]
    made = Incident([])
    for place in places:
        since = (at_us[place] - at_us[first]) * _US
        made.add(
            replace(told[place], at=told[first].at + since) if since != told[place].at - told[first].at else told[place]
        )
    return made


class _Gathering:
    """Which story each entry belongs to, one after the other."""

    def __init__(self, told: Sequence[Entry], at_us: Sequence[int]) -> None:
        self._told = told
        self._at_us = at_us
        self.stories: list[_Story] = []
        self._by_loss: dict[str, _Story] = {}
        self._by_position: dict[str, _Story] = {}
        self._by_group: dict[str, _Story] = {}  # of groups on their way

    def add(self, place: int) -> None:
        entry, us = self._told[place], self._at_us[place]
        linked = sorted(set(self._linked(entry, us)), key=lambda story: story.places[0])
        story = self._joined(linked) if linked else self._near(entry, us)
        if story is None:
            story = _Story([], us)
            self.stories.append(story)
        self._learn(story, place, entry, us)

    def _linked(self, entry: Entry, us: int) -> Iterator[_Story]:
        """The stories that the entry itself names."""
        story = self._by_loss.get(entry.incident)
        open_or_back = entry.event == "node-back" or (story is not None and entry.incident in story.open_losses)
        if story is not None and (open_or_back or us - story.last_us <= _LINKED_US):
            yield story
        for position in {entry.parent, entry.position} - {""}:
            if story := self._by_position.get(position):
                yield story
        story = self._by_group.get(entry.group) if entry.event not in ("wish", "drill-begun") else None
        if story is not None and us - story.last_us <= _LINKED_US:
            yield story
        missed = {*entry.lost.split(), *([entry.node] if entry.event == "node-lost" else [])}
        lonely = entry.host if entry.event in ("view-changed", "link-down") else ""  # it misses those that miss it
        for story in self._lately(us, _MISSED_US):
            if any(us - story.missed.get(node, us - _MISSED_US - 1) <= _MISSED_US for node in {*missed, lonely}):
                yield story

    def _lately(self, us: int, within_us: int) -> Iterator[_Story]:
        """Stories that were told on lately, the last one first."""
        for story in reversed(self.stories[-20:]):
            if us - story.last_us <= within_us:
                yield story

    def _near(self, entry: Entry, us: int) -> _Story | None:
        """The story that an entry without links belongs to by its time."""
        if entry.event == "group-failed" or (entry.event == "probe-changed" and entry.probe == "bad"):
            open_ones = (story for story in self._lately(us, PAUSE // _US) if entry.group in story.groups - story.over)
            return next(open_ones, None)  # one follows from the other
        if entry.event in _BEGINS or (entry.event == "view-changed" and entry.lost):
            return None
        lately = (story for story in self._lately(us, PAUSE // _US) if self._told[story.places[-1]].boot == entry.boot)
        near = sorted(lately, key=lambda story: story.last_us, reverse=True)
        if entry.group:
            same = [story for story in near if _base(entry.group) in map(_base, story.groups)]
            wide = [story for story in near if not self._told[story.places[0]].group]
            near = [*same, *wide, *near]
        return next(iter(near), None)

    def _joined(self, stories: list[_Story]) -> _Story:
        """What one entry belongs to is one story."""
        first, *rest = stories
        for other in rest:
            first.places = sorted([*first.places, *other.places])
            first.last_us = max(first.last_us, other.last_us)
            first.open_losses |= other.open_losses
            first.groups |= other.groups
            first.over = (first.over | other.over) - self._by_group.keys()
            first.missed |= other.missed
            self.stories.remove(other)
            for known in (self._by_loss, self._by_position, self._by_group):
                known.update({key: first for key, story in known.items() if story is other})
        return first

    def _learn(self, story: _Story, place: int, entry: Entry, us: int) -> None:
        story.places.append(place)
        story.last_us = us
        story.missed |= {node: us for node in entry.lost.split()}
        for node in _here_again(entry):
            for other in self._lately(us, _MISSED_US):
                other.missed.pop(node, None)
        if entry.incident:
            self._by_loss[entry.incident] = story
            if entry.event in ("node-lost", "attempt", "attempt-failed"):
                story.open_losses.add(entry.incident)
            elif entry.event in ("node-proven", "node-back"):
                story.open_losses.discard(entry.incident)
        if entry.position:
            self._by_position[entry.position] = story
        if entry.group:
            story.groups.add(entry.group)
            if entry.event in _SETTLED:
                story.over.add(entry.group)
                self._by_group.pop(entry.group, None)
            elif entry.event in _ON_ITS_WAY or entry.event in _BEGINS:
                self._by_group[entry.group] = story


def _here_again(entry: Entry) -> set[str]:
    """The nodes that nobody misses any more."""
    if entry.event == "view-changed" and not entry.lost:
        return set(entry.members.split()) - {entry.host}
    return {entry.node} if entry.event == "node-back" else set()


def _base(group: str) -> str:
    """The group that it is a copy of."""
    return group.partition("@")[0]


def about(group: str, incidents: Iterable[Incident]) -> list[Incident]:
    """The incidents in which the group, or one of its copies, had a part, without the entries of other groups."""
    found = []
    for incident in incidents:
        if copies_of(group, [entry.group for entry in incident.entries]):
            part = Incident([])
            for entry in incident.entries:
                if not entry.group or copies_of(group, (entry.group,)):
                    part.add(entry)
            found.append(part)
    return found


def with_loss(number: str, incidents: Iterable[Incident]) -> list[Incident]:
    """The incident that the loss with this number belongs to."""
    return [incident for incident in incidents if number in incident.losses]
