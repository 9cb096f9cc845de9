"""What the journal's entries add up to: each is counted once. Without clock and files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from standfast.incidents import Entry, Incident, StepName, steps
from standfast.incidents.gathering import PAUSE
from standfast.metrics.families import BUCKETS_S, STEPS
from standfast.metrics.samples import Known, Sample

STALE: Final = timedelta(hours=1)  # what was said longer ago is not waited for any more
MOST_ENTRIES: Final = 5000  # of an incident that does not end
MOST_NAMES: Final = 1000  # of groups, and of nodes, that are remembered


@dataclass(slots=True, kw_only=True)
class Histogram:
    """How many values were at most BUCKETS_S, one after the other, and above them; and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        place = next((place for place, bound in enumerate(BUCKETS_S) if seconds <= bound), len(BUCKETS_S))
        self.counts[place] += 1
        self.sum += seconds


@dataclass(slots=True, kw_only=True)
class GroupTotals:
    """Of one group, since the journal's first entry."""

    serves: bool = False  # it was started, and not stopped since
    failures: int = 0
    restarts: int = 0
    starts: int = 0
    outages: int = 0
    outage_s: float = 0.0
    last_outage_s: float = 0.0
    last_outage_at: float = 0.0  # seconds since 1970; 0 = none


@dataclass(slots=True, kw_only=True)
class Totals:
    """Everything that was counted, and the incident that is not over yet."""

    cursor: str = ""  # of the last entry that is in here
    steps: dict[str, Histogram] = field(default_factory=lambda: {step: Histogram() for step in STEPS})
    outages: Histogram = field(default_factory=Histogram)
    incidents: int = 0
    terms: int = 0
    failed_attempts: int = 0
    losses: dict[str, int] = field(default_factory=dict)  # by node
    groups: dict[str, GroupTotals] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)  # groups, when what is not over began
    open: Incident | None = None

    def add(self, entry: Entry) -> None:
        """The next entry of the journal is counted."""
        if self.open and not self.open.continues(entry) and not _waits(self.open, entry.at, entry.boot):
            self._close(self.open)
        if self.open is None:
            self.served = [name for name, group in self.groups.items() if group.serves]
            self.open = Incident([])
        self.open.add(entry)
        self._count(entry)
        if len(self.open.entries) >= MOST_ENTRIES:
            self._close(self.open)

    def end(self, now: datetime) -> None:
        """What came to its end by now is counted."""
        if self.open and not _waits(self.open, now, self.open.entries[-1].boot):
            self._close(self.open)

    def _close(self, incident: Incident) -> None:
        self.incidents += 1
        self._measure(incident)
        self.open = None

    def _measure(self, incident: Incident) -> None:
        groups = sorted({entry.group for entry in incident.entries if entry.group})
        made = {group: steps(incident, group) for group in groups} if groups else {"": steps(incident)}
        # What many groups waited for alike, such as the proof, is one step.
        apart = {(step.name, step.entry): step.ms for found in made.values() for step in found[1:]}
        for (step_name, _), ms in apart.items():
            self.steps[step_name.value].add(ms / 1000)
        for name, found in made.items():
            group = self.groups.get(name)
            if group and name in self.served and any(step.name is StepName.STARTED for step in found):
                self._outage(group, found[0].at, found[-1].at)

    def _outage(self, group: GroupTotals, begun: datetime, over: datetime) -> None:
        seconds = (over - begun) / timedelta(seconds=1)
        self.outages.add(seconds)
        group.outages += 1
        group.outage_s += seconds
        group.last_outage_s, group.last_outage_at = seconds, over.timestamp()

    def _count(self, entry: Entry) -> None:
        match entry.event:
            case "term-opened":
                self.terms += 1
            case "attempt-failed":
                self.failed_attempts += 1
            case "node-lost" if entry.node in self.losses or len(self.losses) < MOST_NAMES:
                self.losses[entry.node] = self.losses.get(entry.node, 0) + 1
        if entry.group and (entry.group in self.groups or len(self.groups) < MOST_NAMES):
            self._count_group(self.groups.setdefault(entry.group, GroupTotals()), entry)

    def _count_group(self, group: GroupTotals, entry: Entry) -> None:
        match entry.event:
            case "group-failed":
                group.failures += 1
            case "group-started":
                group.starts += 1
                group.serves = True
            case "group-stopped":
                group.serves = False
            case "order" if entry.decision == "restart":
                group.restarts += 1

    def learn(self, known: Known) -> None:
        """Who is there is counted from 0, who is not there any more is forgotten.

        A node that was away has not read of every start and stop: what serves is the record's word.
        """
        self.losses = {node: self.losses.get(node, 0) for node in sorted(known.nodes)}
        self.groups = {name: self.groups.get(name) or GroupTotals() for name in sorted(known.groups)}
        for name, started in known.groups.items():
            self.groups[name].serves = started


def _waits(incident: Incident, now: datetime, boot: str) -> bool:
    """More of the incident may come in this boot: how that ended which a node saw before it was cut, it does not tell.

    Nor may it after an hour in which nothing was said of it, whatever else kept the incident going.
    """
    if now - incident.entries[-1].at <= PAUSE:
        return True
    lately = Incident([])
    open_losses: set[str] = set()
    for entry in incident.entries:
        if entry.boot == boot and now - entry.at <= STALE:
            lately.learn(entry)
            if entry.event == "node-lost":
                open_losses.add(entry.incident)
            elif entry.event in ("node-proven", "node-back"):
                open_losses.discard(entry.incident)
    return bool(lately.unsettled or open_losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Totals as they were: nothing changes it any more."""

    samples: tuple[Sample, ...]
    histograms: tuple[tuple[str, tuple[str, ...], tuple[int, ...], float], ...]  # family, labels, counts, sum


def counted(totals: Totals) -> Counted:
    """What is counted now."""
    found: list[tuple[str, tuple[str, ...], Histogram]] = [("incident_outage_seconds", (), totals.outages)]
    found += [("incident_step_seconds", (step,), histogram) for step, histogram in totals.steps.items()]
    return Counted(
        samples=tuple(_samples(totals)),
        histograms=tuple((name, labels, tuple(one.counts), one.sum) for name, labels, one in found),
    )


def _samples(totals: Totals) -> Iterator[Sample]:
    yield Sample("incidents_total", (), totals.incidents)
    yield Sample("terms_opened_total", (), totals.terms)
    yield Sample("fence_attempts_failed_total", (), totals.failed_attempts)
    yield from (Sample("node_losses_total", (node,), count) for node, count in sorted(totals.losses.items()))
    for name, group in sorted(totals.groups.items()):
        yield Sample("group_failures_total", (name,), group.failures)
        yield Sample("group_restarts_total", (name,), group.restarts)
        yield Sample("group_starts_total", (name,), group.starts)
        yield Sample("group_outages_total", (name,), group.outages)
        yield Sample("group_outage_seconds_total", (name,), group.outage_s)
        if group.last_outage_at:
            yield Sample("group_last_outage_seconds", (name,), group.last_outage_s)
            yield Sample("group_last_outage_timestamp_seconds", (name,), group.last_outage_at)
