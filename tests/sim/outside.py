"""What probes ask: it fails for all who ask it at once, or for one node; and what must not be done because of that."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from standfast.configuration.model import Configuration, Group, Probe
from standfast.probes.verdict import Outcome
from standfast.resourced import looks
from standfast.resourced.events import Look, Looked
from standfast.resourced.presence import Held, View
from standfast.resourced.probe_judge import seen_by_peers
from standfast.resourced.reasons import Rule
from standfast.resourced.record import Record
from standfast.vocabulary import Cause, Holding, ProbeState, UnitState

if TYPE_CHECKING:
    from sim.machine import Place
    from sim.world import World
    from standfast.resourced.core import Core

SEEN_MS = 3_000  # after it failed every probe of it is in doubt, and has been told
FIRST_ANSWER_MS = 1_500  # after a start a probe knows nothing
OWN = "own"  # the probe that finds a hung unit
GIVEN_UP = {Rule.MOVED_AWAY, Rule.LEFT_AT_ONCE, Rule.DISABLED_BY_POLICY}


class Outside:
    def __init__(self, world: World) -> None:
        self.world = world
        self.said: dict[tuple[str, str], str] = {}  # by node and group: "doubt" or "bad"
        self.lasts: tuple[int, int] = (0, 0)  # since and until when it fails for all probes of all groups
        self.unseen: set[tuple[str, str]] = set()  # (node, group): others do not see what it serves there
        self.peers = any(probe.peers for group in world.configuration.groups for probe in probes_of(group))
        self._viewed: dict[str, object] = {}
        self.checks = 0
        self.looks: dict[str, dict[str, Look]] = {}  # what each node looks at of groups that it does not hold, by group

    # What probes see

    def fails(self, node: str, group: str) -> None:
        """The group's probe is bad on that node for as long as nobody mends it."""
        self._say(node, group, "bad")

    def mends(self, node: str, group: str) -> None:
        self._say(node, group, "")

    def fails_everywhere(self, lasts: int, random: Random) -> None:
        """What all probes ask fails: each notices after a while, counts, and after a while sees that it is over."""
        world = self.world
        world.note(f"what all probes ask fails for {lasts} ms")
        self.lasts = world.now, world.now + lasts
        for name in world.names:
            for group in world.configuration.groups:
                noticed = random.randint(0, 2_000)
                world.after(noticed, self._say, name, group.name, "doubt")
                world.after(noticed + random.randint(100, 6_000), self._say, name, group.name, "bad")
                world.after(lasts + random.randint(0, 2_000), self._say, name, group.name, "")

    def _say(self, node: str, group: str, what: str) -> None:
        if what and not self.world.calm:
            self.said[node, group] = what
        else:
            self.said.pop((node, group), None)
        self.world.units.observe(node, group)
        self._tell(node, group)

    def look_on(self, node: str, wanted: tuple[Look, ...]) -> None:
        before, self.looks[node] = self.looks.get(node, {}), {look.group: look for look in wanted}
        for look in wanted:
            if before.get(look.group) != look:
                self.world.after(FIRST_ANSWER_MS, self._tell, node, look.group)

    def _tell(self, node: str, group: str) -> None:
        look = self.looks.get(node, {}).get(group)
        if look is None:
            return
        said = {probe.full_name: self._seen(node, group, probe) for probe in look.probes}
        good, bad = (tuple(sorted(name for name in said if said[name] == what)) for what in ("", "bad"))
        view = View(run=look.run, good=good, bad=bad)
        self.world.give(node, Looked(group=group, view=view))

    def _seen(self, node: str, group: str, probe: Probe) -> str:
        if probe.outside:
            return self.said.get((node, group), "")
        return "bad" if any((owner, group) in self.unseen for owner in self.world.serving(group)) else ""

    def hides(self, node: str, group: str, *, hidden: bool = True) -> None:
        """What the group serves on that node is (not) seen by the others."""
        (self.unseen.add if hidden else self.unseen.discard)((node, group))
        for name in self.world.names:
            self._tell(name, group)

    def mend(self) -> None:
        """All is good again."""
        for node, group in list(self.said):
            self._say(node, group, "")
        for node, group in sorted(self.unseen):
            self.hides(node, group, hidden=False)
        self.lasts = (0, 0)

    def probed(self, node: str, group: str, place: Place, state: UnitState) -> UnitState:
        """The unit with what its probes say of it; of each group only the last unit has some."""
        seen = self._by_peers(node, group, state)
        mine = self._probed(node, group, place, state)
        if seen is None or mine.probe is ProbeState.BAD or (mine.probe is ProbeState.UNKNOWN and seen is Outcome.GOOD):
            return mine
        if seen is Outcome.BAD:
            cause = state.cause or Cause(kind="probe", text=f"{state.unit}: bad as others see it")
            return replace(mine, probe=ProbeState.BAD, bad_probes=("peers",), doubt=True, cause=cause)
        return mine if seen is Outcome.GOOD else replace(mine, probe=ProbeState.UNKNOWN)

    def _by_peers(self, node: str, group: str, state: UnitState) -> Outcome | None:
        """What its peers see of it, None: it has no such probe, or nobody can look."""
        core = self.world.machines[node].core
        settings = core.configuration.group(group) if core is not None else None
        probes = [probe for one in settings.resources for probe in one.probes if probe.peers] if settings else []
        probe = next((probe for probe in probes if probe.unit == state.unit), None)
        if core is None or probe is None or state.active != "active":
            return None
        views = looks.peer_views(node, core.record, core.configuration, state.unit)
        return seen_by_peers(probe, views).outcome if views else None

    def stepped(self, name: str, core: Core) -> None:
        """What others see reaches the probes of the owner as the record changes."""
        nodes = core.record.nodes if core.record is not None else None
        if self.peers and nodes is not self._viewed.get(name):
            self._viewed[name] = nodes
            self.world.after(0, self.world.units.observe_all, name)

    def _probed(self, node: str, group: str, place: Place, state: UnitState) -> UnitState:
        said = self.said.get((node, group), "")
        hangs = state.unit in place.bad
        if not hangs and (not said or state.unit != place.units[-1] or state.active != "active"):
            return state
        if not hangs and self.world.now - place.started_at < FIRST_ANSWER_MS:
            return replace(state, probe=ProbeState.UNKNOWN)
        if not hangs and said == "doubt":
            return replace(state, probe=ProbeState.GOOD, doubt=True)
        cause = state.cause or Cause(kind="probe", text=f"{state.unit}: no answer")
        # that it hangs is seen by a probe of its own, whatever the other one asks
        bad = (*((OWN,) if hangs else ()), *(("",) if said == "bad" else ()))
        return replace(state, probe=ProbeState.BAD, bad_probes=bad, doubt=True, cause=cause)

    # What must not be done

    def applied(self, before: Record, record: Record) -> None:
        """While all probes fail at once no group is moved, or given up, because of its probes."""
        since, until = self.lasts
        if not since + SEEN_MS <= self.world.now <= until:
            return
        for name, known in record.groups.items():
            had = before.groups.get(name)
            rules = {why.rule for why in known.reasons}
            if had is None or had.number == known.number or not rules & GIVEN_UP:
                continue
            if had.reasons == known.reasons:
                continue
            for node, held in had.held.items():
                if _bad(held) and held.probes and self._seen_elsewhere(before, name, node):
                    text = f"{name} is not kept on {node}, although all probes fail: {known.reasons}"
                    self.world.audit.fail("outside", text)

    def _seen_elsewhere(self, record: Record, group: str, node: str) -> bool:
        """Some other group on another node fails of its probes, and nobody is known to be well."""
        self.checks += 1
        probed = {one.name for one in self.world.files.versions[record.configuration].groups if _probes(one.resources)}
        others = [
            (where, held)
            for name, known in record.groups.items()
            if name != group and name in probed
            for where, held in known.held.items()
        ]
        well = any(held.holding is Holding.RUNNING and not held.failed and not held.doubt for _, held in others)
        return not well and any(_bad(held) for where, held in others if where != node)


def probes_of(group: Group) -> tuple[Probe, ...]:
    return tuple(probe for resource in group.resources for probe in resource.probes)


def _bad(held: Held) -> bool:
    return held.holding is not Holding.NOTHING and (held.doubt or bool(held.probes))


def _probes(resources: tuple[object, ...]) -> bool:
    return any(getattr(resource, "probes", ()) for resource in resources)


def asking(
    random: Random, before: Configuration, often: float = 0.7, outside: float = 0.3, peers: float = 0.0
) -> Configuration:
    """The last unit of most groups has a probe, and now and then one that its peers make."""
    groups = []
    for group in before.groups:
        *others, last = group.resources
        probe = Probe(name="", unit=last.unit, outside=random.random() < outside)
        probes = (probe,) if random.random() < often else ()
        if random.random() < peers:
            probes = (*probes, Probe(name="peers", unit=last.unit, peers=True))
        groups.append(replace(group, resources=(*others, replace(last, probes=probes))))
    return replace(before, groups=tuple(groups))
