"""Measures planning, updates, encoding and the steps of a whole core; prints a table."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import get_args

from standfast.resourced.apply import apply
from standfast.resourced.codec import decode, encode
from standfast.resourced.messages import (
    ConfigurationInForce,
    Content,
    Members,
    Message,
    OrderGiven,
    Proven,
    Reported,
    State,
    Wish,
    WishKind,
)
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.record import Disk, Record
from standfast.resourced.record_text import RecordText, WholeText
from standfast.vocabulary import Holding
from standfast_bench import cluster
from standfast_bench.cluster import Sizes
from standfast_bench.samples import sample
from standfast_bench.steps import steps

PLAN_LIMIT_US = 50_000.0
UPDATE_LIMIT_US = 100.0
EVERY_GROUP = (Members, Proven, ConfigurationInForce)
COLUMNS = "{:<58}{:>12}{:>12}  {}"


def main(arguments: list[str]) -> int:
    """Prints medians and maxima with the limits beside them; a benchmark asserts nothing."""
    sizes = Sizes(nodes=int(arguments[0]), groups=int(arguments[1])) if len(arguments) == 2 else Sizes()
    print(f"{sizes.nodes} nodes, {sizes.groups} groups, Python {sys.version.split()[0]}, processor time\n")
    print(COLUMNS.format("", "median", "max", "limit"))
    for part in (plans, updates, texts, persisting, steps):
        for name, times, limit in part(sizes):
            print(line(name, times, limit), flush=True)
        print()
    return 0


def line(name: str, times: list[float], limit: float | None) -> str:
    told = f"< {shown(limit)}{'' if median(times) < limit else '  MISSED'}" if limit is not None else ""
    return COLUMNS.format(name, shown(median(times)), shown(max(times)), told).rstrip()


def shown(microseconds: float) -> str:
    return f"{microseconds / 1000:,.1f} ms" if microseconds >= 1000 else f"{microseconds:,.1f} us"


Result = tuple[str, list[float], float | None]


def measure(act: Callable[[], object], repeat: int) -> list[float]:
    """Microseconds of processor time of each run, after a first one that does not count."""
    act()
    gc.collect()
    times = []
    for _ in range(repeat):
        begin = time.process_time_ns()
        act()
        times.append((time.process_time_ns() - begin) / 1000)
    return times


def plans(sizes: Sizes) -> Iterator[Result]:
    known = cluster.configuration(sizes)
    for name, make in (
        ("all started and settled", cluster.settled),
        ("nothing started yet", cluster.new),
        ("one node has just left the ring", cluster.lost),
        ("one node is just proven off", cluster.proven),
    ):
        record = make(sizes)
        situation = cluster.situation(record)
        contents = len(plan(record, known, situation).contents)
        act = partial(plan, record, known, situation)
        yield f"plan: {name} ({contents} contents)", measure(act, 20), PLAN_LIMIT_US


def updates(sizes: Sizes) -> Iterator[Result]:
    """Each kind of content where it changes something."""
    whole, part = cluster.settled(sizes), cluster.declared(sizes)
    for name, record, content in _contents(sizes, whole, part):
        update = cluster.update(content, record.position + 1)
        every = ", touches every group" if isinstance(content, EVERY_GROUP) else ""
        yield f"apply: {name}{every}", measure(partial(apply, record, cluster.TERM, update), 300), UPDATE_LIMIT_US


def _contents(sizes: Sizes, whole: Record, part: Record) -> Iterator[tuple[str, Record, Content]]:
    group, node, gone = sizes.group_names[sizes.groups // 2], sizes.node_names[1], sizes.node_names[-1]
    failed = sample(Held, holding=Holding.RUNNING, failed="exit code 1")
    there = tuple(cluster.member(name, sizes.groups_of(name)) for name in sizes.node_names)
    given = {"group": group, "number": whole.groups[group].number, "node": node, "held": failed, "members": there}
    given |= {"fencer": node, "action": "off", "switch_on": True, "digest": "e" * 64, "groups": sizes.group_names}
    given |= {"votes": dict.fromkeys(sizes.node_names, 1)}
    lost = given | {"loss": part.losses[gone].number}
    for kind in get_args(Content):
        if kind is Wish:
            for wish in WishKind:
                of_node = wish in (WishKind.STANDBY, WishKind.RESUME)
                yield f"Wish {wish}", whole, Wish(id="w", kind=wish, subject=node if of_node else group, node=node)
        elif "loss" in kind.__dataclass_fields__:
            yield kind.__name__, part, sample(kind, **lost)
        else:
            yield kind.__name__, whole, sample(kind, **given)


def texts(sizes: Sizes) -> Iterator[Result]:
    record, node = cluster.settled(sizes), sizes.node_names[0]
    group = sizes.group_names[0]
    member = cluster.member(node, sizes.groups_of(node))
    lineage = RecordText().lineage(record)
    order = sample(OrderGiven, group=group, number=4, node=node)
    report = sample(Reported, node=node, group=group, held=cluster.running(group))
    there = tuple(cluster.member(name, sizes.groups_of(name)) for name in sizes.node_names)
    for name, value in (
        ("an update with an order", cluster.update(order, 4)),
        ("an update with a report", cluster.update(report, 4)),
        ("a state", sample(State, nonce="node01-7", member=member, lineage=lineage)),
        ("the first update of a term", cluster.update(Members(members=there), 1)),
    ):
        data = encode(value)
        yield f"encode: {name} ({len(data):,} bytes)", measure(partial(encode, value), 200), None
        yield f"decode: {name}", measure(partial(decode, Message, data), 200), None
    data = RecordText().disk(record, 7)
    yield f"decode: the record's file ({len(data):,} bytes)", measure(partial(decode, Disk, data), 20), None


def persisting(sizes: Sizes) -> Iterator[Result]:
    """Two records that differ by one update, in turn."""
    record, group = cluster.settled(sizes), sizes.group_names[sizes.groups // 2]
    turns = [record, cluster.after(record, Wish(id="w", kind=WishKind.STOP, subject=group))]
    text, whole, count = RecordText(), WholeText(), 0

    def turn(act: Callable[[Record], object]) -> Callable[[], object]:
        def next_one() -> object:
            nonlocal count
            count += 1
            return act(turns[count % 2])

        return next_one

    yield "persist: did one update change what is durable?", measure(turn(text.content), 200), None
    yield "persist: the same, and the file's bytes", measure(turn(lambda one: text.disk(one, 7)), 200), None
    yield "persist: the file's bytes, nothing remembered", measure(lambda: RecordText().disk(record, 7), 20), None
    yield "digest of the durable part after one update", measure(turn(text.digest), 200), None
    yield "digest of everything after one update", measure(turn(whole.digest), 200), None
