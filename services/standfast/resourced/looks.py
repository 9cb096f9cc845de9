"""Which probes this node makes of groups that it does not hold, and what they show (DESIGN section 8).

With Outside=yes a probe asks something that is not the group's: every node that may run it asks it too, so that the
plan knows where the group would do better. With From=peers all but the node that runs the group make the probe.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from standfast.configuration.model import Configuration, Group, Probe
from standfast.resourced.events import Action, Look, Looked, LookOn
from standfast.resourced.hands import Hand
from standfast.resourced.presence import View
from standfast.resourced.record import Record
from standfast.vocabulary import Holding

RUNS = (Holding.QUEUED, Holding.RUNNING)  # also a start: it may wait for what its peers see


class Looks:
    def __init__(self, me: str, act: Callable[[Action], None]) -> None:
        self._me = me
        self._act = act
        self._made: dict[str, Look] = {}
        self._asked: tuple[Configuration | None, tuple[Group, ...]] = (None, ())
        self.views: dict[str, View] = {}

    def advance(self, record: Record | None, configuration: Configuration, hands: Mapping[str, Hand]) -> None:
        """Exactly what is to be looked at is looked at; what was seen otherwise is forgotten."""
        if self._asked[0] is not configuration:
            self._asked = configuration, tuple(filter(_is_looked_at, configuration.groups))
        looks = [self._look(group, record, configuration, hands) for group in self._asked[1]]
        wanted = {look.group: look for look in looks if look is not None}
        if wanted != self._made:
            kept = {name for name, look in wanted.items() if self._made.get(name) == look}
            self.views = {name: view for name, view in self.views.items() if name in kept}
            self._made = wanted
            self._act(LookOn(looks=tuple(wanted.values())))

    def _look(
        self, group: Group, record: Record | None, configuration: Configuration, hands: Mapping[str, Hand]
    ) -> Look | None:
        hand = hands.get(group.name)
        if hand is None or hand.holding is not Holding.NOTHING:
            return None
        run = self._run(group, record)
        may = self._me in configuration.allowed(group)
        # what is outside starts with nobody: what it says counts at once
        outside = [replace(probe, start_timeout_ms=0) for probe in _probes(group) if may and probe.is_outside]
        probes = (*outside, *(probe for probe in _probes(group) if run and probe.peers))
        return Look(group=group.name, run=run, probes=probes) if probes else None

    def _run(self, group: Group, record: Record | None) -> int:
        """The run that peers look at, elsewhere; 0 = there is nothing to look at."""
        known = record.groups.get(group.name) if record is not None else None
        if known is None or not any(probe.peers for probe in _probes(group)):
            return 0
        runs = [node for node, held in known.held.items() if held.holding in RUNS]
        return known.run if runs and self._me not in runs else 0

    def told(self, event: Looked) -> None:
        """What was seen of something else, or of another run, is not taken."""
        look = self._made.get(event.group)
        if look is not None and look.run == event.view.run:
            self.views[event.group] = event.view


def peer_views(me: str, record: Record | None, configuration: Configuration, unit: str) -> Mapping[str, View]:
    """By each other member: what it sees of this run of the unit's group, an empty view while that is nothing."""
    groups = (one.name for one in configuration.groups if any(unit == each.unit for each in one.resources))
    group = next(groups, "")
    known = record.groups.get(group) if record is not None else None
    if record is None or known is None:
        return {}
    views = {name: record.nodes[name].views.get(group, View()) for name in record.members if name != me}
    return {name: view if view.run == known.run else View() for name, view in sorted(views.items())}


def _probes(group: Group) -> tuple[Probe, ...]:
    return tuple(probe for resource in group.resources for probe in resource.probes)


def _is_looked_at(group: Group) -> bool:
    return any(probe.peers or probe.is_outside for probe in _probes(group))
