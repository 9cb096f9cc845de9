"""Probes of groups that this node does not hold: they run as `Probes` does it, and what they show is told."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from standfast.configuration.model import Group, Resource
from standfast.resourced.events import Look, Looked
from standfast.resourced.presence import View
from standfast.resourced.probes import Probes
from standfast.vocabulary import ProbeState

BAD = (ProbeState.BAD, ProbeState.NOT_READY, ProbeState.DEGRADED)  # whatever its level makes of it


class Looking:
    def __init__(self, push: Callable[[Looked], None], tasks: asyncio.TaskGroup) -> None:
        self._push = push
        self._probes = Probes(tasks, self._told)
        self._looks: dict[str, Look] = {}
        self._views: dict[str, View] = {}  # as they were told

    def look_on(self, looks: Iterable[Look]) -> None:
        """Exactly these are made; one of another run begins anew."""
        wanted = {look.group: look for look in looks}
        before, self._looks = self._looks, wanted
        for name in [name for name, look in before.items() if wanted.get(name) != look]:
            self._probes.forget(name)
            self._views.pop(name, None)
        for name in [name for name, look in wanted.items() if before.get(name) != look]:
            self._probes.watch(_as_group(wanted[name]))
            self._probes.start(name)

    def _told(self, group: str, name: str, _: ProbeState, __: str) -> None:
        look = self._looks[group]
        states = {probe.full_name: self._probes.state_of(group, probe.full_name) for probe in look.probes}
        doubted = {known for known in states if self._probes.against(group, known)[1]}
        doubted -= {probe.full_name for probe in look.probes if probe.peers}  # its owner waits until it is bad
        view = View(
            run=look.run,
            good=tuple(sorted(known for known in states if states[known] is ProbeState.GOOD and known not in doubted)),
            bad=tuple(sorted(known for known in states if states[known] in BAD)),
        )
        if view != self._views.get(group):
            self._views[group] = view
            self._push(Looked(group=group, view=view))


def _as_group(look: Look) -> Group:
    """Each probe is alone, so that each is told; what the owner has made by its peers is made here."""
    resources = tuple(Resource(unit=probe.full_name, probes=(replace(probe, peers=False),)) for probe in look.probes)
    return Group(name=look.group, description="", resources=resources)
