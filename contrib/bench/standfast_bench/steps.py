"""Steps of a whole core in an open term: what each event costs while nothing is wrong."""

import gc
import tempfile
import time
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path

from standfast.resourced.codec import encode
from standfast.resourced.core import Core
from standfast.resourced.events import (
    Action,
    Adopted,
    Event,
    QuorumTold,
    Received,
    RingChanged,
    SendRecord,
    TickReceived,
    TimePassed,
)
from standfast.resourced.messages import Asked, Content, Members, Request, State, Wish, WishKind
from standfast.resourced.presence import Identity
from standfast.resourced.record import Disk
from standfast.resourced.recorder import Recorder
from standfast.resourced.term import Term
from standfast.resourced.ticks import Tick
from standfast.vocabulary import Ring, UnitState
from standfast_bench import cluster
from standfast_bench.cluster import Sizes
from standfast_bench.samples import sample

NONCE = f"node01-{cluster.TERM}"
STEP_MS = 100
REPEAT = 30


class Node:
    """One core in an open term whose first update it has read, and that runs its groups."""

    def __init__(self, name: str, sizes: Sizes) -> None:
        self.now = 1_000_000
        self.names = sizes.node_names
        self.positions = count(1)
        numbers = count(1)
        self.core = Core(
            identity=Identity(node=name, incarnation=f"{name}/1", machine="m", product="p"),
            configuration=cluster.configuration(sizes),
            installed=cluster.DIGEST,
            disk=Disk(highest_term=cluster.TERM, record=cluster.settled(sizes)),
            write=lambda data: True,
            fresh=lambda: next(numbers),
            now=self.now,
        )
        ring = Ring(1, 4)
        self.give(RingChanged(ring=ring, nodes=self.names))
        self.give(QuorumTold(ring=ring, quorate=True))
        there = tuple(cluster.member(other, sizes.groups_of(other)) for other in self.names)
        self.core.terms.term = Term(
            nonce=NONCE,
            number=cluster.TERM,
            members=self.names,
            coordinator=self.names[0],
            cold=False,
            states={member.node: sample(State, member=member) for member in there},
            stored=dict.fromkeys(self.names, 1),
        )
        for group in sizes.group_names:
            units = self.core.configuration.group(group)
            assert units is not None
            mine = group in sizes.groups_of(name)
            states = tuple(_state(resource.unit, mine) for resource in units.resources)
            self.give(Adopted(group=group, held=mine, leased=mine, states=states))
        self.deliver(self.give(self._first(Members(members=there))))

    def give(self, event: Event) -> list[Action]:
        return self.core.step(event, self.now, cluster.AT)

    def deliver(self, actions: list[Action]) -> None:
        """What this node says is read by it, until it says no more."""
        for action in actions:
            if isinstance(action, SendRecord):
                self.deliver(self.give(Received(sender=self.core.me, data=action.data)))

    def update(self, content: Asked) -> Received:
        """The coordinator's update with what was asked for; `deliver` gave it all before."""
        if self.core.coordinator.term is None:
            return self._first(content)
        request = Request(nonce=NONCE, content=content)
        (sent,) = self.give(Received(sender=self.names[1], data=encode(request)))
        assert isinstance(sent, SendRecord)
        return Received(sender=self.names[0], data=sent.data)

    def _first(self, content: Content) -> Received:
        update = cluster.update(content, next(self.positions))
        return Received(sender=self.names[0], data=encode(update))


def _state(unit: str, active: bool) -> UnitState:
    return sample(UnitState, unit=unit, active="active" if active else "inactive", job="")


def steps(sizes: Sizes) -> Iterator[tuple[str, list[float], float | None]]:
    for role, name in (("the coordinator", sizes.node_names[0]), ("a member", sizes.node_names[1])):
        node = Node(name, sizes)
        tick = encode(sample(Tick, number=4, read=dict.fromkeys(sizes.node_names, 9), fit=True))
        kinds = (WishKind.FREEZE, WishKind.THAW)
        wishes = [Wish(id="w", kind=kind, subject=sizes.group_names[2]) for kind in kinds] * (REPEAT // 2)
        events: tuple[tuple[str, Iterator[Event]], ...] = (
            ("nothing but time passed", repeat(TimePassed(), REPEAT)),
            ("a tick came", repeat(TickReceived(sender=sizes.node_names[2], data=tick), REPEAT)),
            ("an update came", map(node.update, wishes)),
        )
        for told, those in events:
            taken, recorded = _measure(node, those)
            yield f"step of {role}: {told}", taken, None
            yield "  and what its flight recorder takes", recorded, None


def _measure(node: Node, events: Iterator[Event]) -> tuple[list[float], list[float]]:
    """Of each step, and of the look of a recorder that began with the first of them, in a folder in memory."""
    times, recorded = [], []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        recorder = Recorder(node.core.me, "", Path(folder))
        gc.collect()
        for event in events:
            node.now += STEP_MS
            for name in node.names:
                node.core.terms.ticks.heard(name, 9, node.now)  # nobody becomes suspect
            begin = time.process_time_ns()
            actions = node.give(event)
            stepped = time.process_time_ns()
            recorder.look(node.core, event)
            times.append((stepped - begin) / 1000)
            recorded.append((time.process_time_ns() - stepped) / 1000)
            node.deliver(actions)
    return times[1:], recorded[1:]
