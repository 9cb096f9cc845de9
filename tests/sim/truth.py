"""Where the core's answers meet the oracle's: orders, proofs, what is planned and what is not, and the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.oracle import ASKED_FOR, LATE, View, Why, may_start, started, stays, strays
from standfast.configuration.model import Configuration, Group
from standfast.resourced.codec import decode
from standfast.resourced.core import Core
from standfast.resourced.messages import Lineage, Message, OrderGiven, OrderKind, Update
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.audit import Audit
    from sim.world import World

PATIENCE_MS = 1_500  # a plan may be as old as this
LOOK_MS = 500  # at a record that did not change
HEARD_MS = 60_000  # who was falsely proven off reboots, or is fenced again, within this after it was heard
INSTALLING_MS = 10_000  # who is about to have a version in place is waited for that long


class Truth:
    def __init__(self, world: World, audit: Audit) -> None:
        self.world = world
        self.audit = audit
        self.checks = 0
        self.orders = 0
        self._seen: dict[tuple[str, int], tuple[frozenset[str], frozenset[str]]] = {}  # by update: ring, who rests
        self._looked: dict[str, tuple[Record, int]] = {}  # at which record of a coordinator, and when
        # By term and group, who installs, and since when it may start and does not.
        self._idle: dict[tuple[str, str], tuple[frozenset[str], int]] = {}
        self._lied_about: dict[str, tuple[str, int]] = {}  # node: its incarnation, when it was heard again
        self._alarms: set[str] = set()
        self._believing: dict[str, set[Lineage]] = {}  # by node: records in which it is falsely proven off

    def _view(self, record: Record, configuration: Configuration, core: Core) -> View:
        held = {
            group.name: frozenset(
                machine.name
                for machine in self.world.machines.values()
                if machine.powered and not machine.believed_off
                if (place := machine.places.get(group.name)) is not None and (place.held or place.runs)
            )
            for group in configuration.groups
        }
        return View(
            record=record,
            configuration=configuration,
            ring=frozenset(core.terms.ring_nodes),
            resting=frozenset(
                name
                for name in core.terms.ticks.resting({}, core.now)
                if self.audit.harmless(self.world.machines[name])
            ),
            really_held=held,
        )

    @property
    def split(self) -> bool:
        """An agent lied and was believed: there may be two records that both count."""
        return bool(self._lied_about)

    # Orders

    def _if_taken(self, node: str, nonce: str, view: View) -> View:
        """Who really holds what matters where the order can be taken. A coordinator whose Corosync hung may go on for a
        moment in a term that all others ended; who is not in that term, or does not hear itself, begins nothing."""
        core = self.world.machines[node].core
        term = core.terms.term if core is not None else None
        if core is not None and term is not None and term.nonce == nonce and core.echoed():
            return view
        return replace(view, really_held={group: frozenset() for group in view.really_held})

    def sent(self, name: str, data: bytes) -> None:
        """A coordinator orders a start: on the record that it planned on, the oracle must allow it."""
        if b'"OrderGiven"' not in data:
            return
        update = decode(Message, data)
        core = self.world.machines[name].core
        if not isinstance(update, Update) or not isinstance(update.content, OrderGiven) or core is None:
            return
        order = update.content
        group = core.configuration.group(order.group)
        if order.kind is not OrderKind.START or core.record is None or group is None:
            return
        self.orders += 1
        view = self._view(core.record, core.configuration, core)
        self._seen[update.nonce, update.position] = view.ring, view.resting
        why = may_start(group, order.node, self._if_taken(order.node, update.nonce, view))
        if why is not None:
            self.audit.fail("oracle", f"{name} orders {order.group} to start on {order.node}, but: {why.name}")

    def applied(self, core: Core, before: Record | None, record: Record) -> None:
        """The first node that applies an update: a start order that counts is allowed, a proof is true."""
        in_force = self.world.files.versions[record.configuration]
        view = self._view(record, in_force, core)
        assert core.terms.term is not None
        nonce = core.terms.term.nonce
        planned_on = self._seen.get((nonce, core.terms.term.position))
        if planned_on is not None:  # who rested then begins nothing in this term, whatever it says by now
            view = replace(view, ring=planned_on[0], resting=planned_on[1])
        for group in in_force.groups:
            known = record.groups[group.name]
            for node, order in known.open_orders.items():
                had = before.groups.get(group.name) if before else None
                if order.kind is OrderKind.START and (had is None or had.open_orders.get(node) != order):
                    self._judge_order(group, node, self._if_taken(node, nonce, view))
        for name, loss in record.losses.items():
            machine = self.world.machines[name]
            if loss.proof and machine.powered and loss.incarnation == machine.incarnation:
                self._judge_proof(name, loss.number, record)

    def _judge_order(self, group: Group, node: str, view: View) -> None:
        why = may_start(group, node, view)
        if why is not None and why not in LATE:
            self.audit.fail("oracle", f"a start of {group.name} on {node} is taken, but: {why.name}")

    def _judge_proof(self, name: str, loss: str, record: Record) -> None:
        machine = self.world.machines[name]
        holds = any(place.held or place.runs for place in machine.places.values())
        if machine.believed_off or (record.losses[name].proof == "watchdog" and not holds):
            return  # who holds nothing is always fed: its watchdog proves that of it
        if loss not in self.world.agents.lies:
            self.audit.fail("invariant 2", f"{name} is proven off (loss {loss}), but it is on and never was off")
        self.world.note(f"{name} is believed to be off: its agent lied")
        machine.believed_off = True
        self._lied_about[name] = (machine.incarnation, 0)
        self._believing[name] = set()

    # Lies

    def read(self, core: Core, record: Record) -> None:
        """A node that is named in a term whose record said that it is off is condemned."""
        term = core.terms.term
        assert term is not None
        for name, (incarnation, heard) in self._lied_about.items():
            node, loss = record.nodes[name], record.losses.get(name)
            if loss is not None and loss.proof and loss.incarnation == incarnation and not node.present:
                self._believing[name].add(record.lineage)
            if heard or term.position != 1 or not node.present or node.incarnation != incarnation:
                continue
            if max(state.lineage for state in term.states.values() if state.lineage) not in self._believing[name]:
                continue
            self._lied_about[name] = (incarnation, self.world.now)
            if not node.condemned:
                self.audit.fail("lie", f"{name} was proven off and is heard again, but it is let in")

    def told(self, event: str, subject: str) -> None:
        if event == "node-condemned":
            self._alarms.add(subject)

    def lies_came_out(self) -> None:
        """Whoever was falsely proven off and heard again was alarmed about, and has rebooted or was fenced."""
        for name, (incarnation, heard) in self._lied_about.items():
            machine = self.world.machines[name]
            if heard and name not in self._alarms:
                self.audit.fail("lie", f"{name} spoke although it was proven off, and no journal says so")
            goes_on = machine.powered and machine.incarnation == incarnation
            if heard and goes_on and self.world.now - heard > HEARD_MS:
                self.audit.fail("lie", f"{name} was proven off, is heard, and goes on")

    # Plans

    def coordinates(self, name: str, core: Core, record: Record) -> None:
        """What may start, is wanted and held by nobody is started, unless it failed and is waited for."""
        coordinator, terms = core.coordinator, core.terms
        if coordinator._in_flight or terms.term is None or core.configuration.digest != record.configuration:
            return
        before, at = self._looked.get(name, (None, 0))
        if before is record and self.world.now - at < LOOK_MS:
            return
        self._looked[name] = record, self.world.now
        allowed = all(position >= 1 for position in terms.term.stored.values())
        view = self._view(record, core.configuration, core)
        for group in core.configuration.groups:
            key = (terms.term.nonce, group.name)
            if allowed and self._startable(group, view):
                ran = record.groups[group.name].last_owner
                install = frozenset[str]() if ran else _installing(record)
                known, since = self._idle.get(key, (install, self.world.now))
                since = since if known == install else self.world.now
                self._idle[key] = install, since
                if self.world.now - since > PATIENCE_MS + (INSTALLING_MS if install else 0):
                    self.audit.fail("oracle", f"{group.name} may start, but {name} does not start it")
            else:
                self._idle.pop(key, None)

    def _startable(self, group: Group, view: View) -> bool:
        known = view.record.groups.get(group.name)
        if known is None or known.open_orders or known.failures or known.avoided or known.held:
            return False
        if known.wanted or self._in_line(group, view):
            return False
        self.checks += 1
        return any(may_start(group, node, view) is None for node in view.record.nodes)

    def _in_line(self, group: Group, view: View) -> bool:
        """It waits for its turn: others start first."""
        record = view.record
        others = [other for other in view.configuration.groups if other.name in record.groups]
        after = any(not started(record, other.name) for other in others if other.base in group.after)
        needs = any(not stays(other, view) for other in others if other.base in group.needs)
        starting = any(known.open_orders for known in record.groups.values())
        return (
            after
            or needs
            or self._has_enough(group, view)
            or (view.configuration.cluster.max_starts is not None and starting)
        )

    def _has_enough(self, group: Group, view: View) -> bool:
        """So many other copies of it run, may run where only resourced is away, or may start as well."""
        count = 0
        for other in view.configuration.groups if group.node else ():
            known, node = view.record.groups.get(other.name), view.record.nodes.get(other.node)
            if other.base != group.base or other.name == group.name or known is None or node is None:
                continue
            away = not node.present and other.node in view.ring
            busy = bool(known.open_orders) or bool(known.held)
            count += away or busy or may_start(other, other.node, view) in (None, Why.BEHIND)
        return bool(group.node) and count >= group.copies

    # The end

    def unserved(self) -> list[str]:
        """What does not run although it should."""
        core = next((c for m in self.world.machines.values() if (c := m.core) and c.terms.term and c.record), None)
        if core is None or core.record is None:
            return ["no term is open"]
        texts = []
        view = self._view(core.record, core.configuration, core)
        texts += self._copies(core.configuration)
        for group in core.configuration.groups:
            serving = self.world.serving(group.name)
            known = core.record.groups.get(group.name)
            if not serving and group.node and may_start(group, group.node, view) is Why.ENOUGH:
                continue
            if len(serving) != 1 and not (not serving and self._excused(group, view)):
                texts.append(f"{group.name} is served by {serving or 'nobody'}: {known}")
            elif serving and known is not None and strays(group, view):
                texts.append(f"{group.name} is served outside of its domain: {known}")
        return texts

    def _copies(self, configuration: Configuration) -> list[str]:
        """No group has more copies that run than it is to have."""
        running: dict[str, list[str]] = {}
        for group in configuration.groups:
            if group.node:
                running.setdefault(group.base, []).extend(self.world.serving(group.name))
        limits = {group.base: group.copies for group in configuration.groups}
        return [f"{name} has copies on {nodes}" for name, nodes in running.items() if len(nodes) > limits[name]]

    def _excused(self, group: Group, view: View) -> bool:
        """Nothing but what the operator configured keeps it from running."""
        if group.name not in view.record.groups:
            return False
        reasons = {may_start(group, node, view) for node in view.record.nodes}
        return reasons <= ASKED_FOR and reasons != {Why.DOMAIN}


def _installing(record: Record) -> frozenset[str]:
    """Who is here and does not have the version in force in place: a group that ran nowhere yet may wait for it."""
    return frozenset(
        name for name, node in record.nodes.items() if node.present and node.installed != record.configuration
    )
