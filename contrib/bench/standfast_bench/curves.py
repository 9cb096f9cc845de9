"""How the core's costs grow with groups and nodes: processor time, bytes of messages and files, memory.

usage: curves [GROUPS]...    50, 500 and 5,000 by default, each with 3 and with 16 nodes
"""

import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from functools import partial
from statistics import median

from standfast.resourced.apply import apply
from standfast.resourced.codec import decode, encode
from standfast.resourced.events import TimePassed
from standfast.resourced.messages import Members, Message, State, Wish, WishKind
from standfast.resourced.plan import plan
from standfast.resourced.record_text import RecordText
from standfast_bench import cluster
from standfast_bench.cluster import Sizes
from standfast_bench.core import measure
from standfast_bench.samples import sample
from standfast_bench.steps import Node

NODES = (3, 16)
GROUPS = (50, 500, 5_000)
COLUMN = 14
ONE = "--one"


def main(words: list[str]) -> int:
    """A column for each size, made in a process of its own, so that none has another one's memory."""
    if words[:1] == [ONE]:
        for name, figure in _figures(Sizes(nodes=int(words[1]), groups=int(words[2]))):
            print(f"{name}\t{figure}")
        return 0
    asked = [int(word) for word in words] or list(GROUPS)
    columns = [(nodes, groups, _column(nodes, groups)) for nodes in NODES for groups in asked]
    print(f"{'nodes, groups':<44}" + "".join(f"{f'{nodes}, {groups}':>{COLUMN}}" for nodes, groups, _ in columns))
    for name in columns[0][2]:
        print(f"{name:<44}" + "".join(f"{column[name]:>{COLUMN}}" for _, _, column in columns))
    return 0


def _column(nodes: int, groups: int) -> dict[str, str]:
    command = [sys.executable, sys.argv[0], ONE, str(nodes), str(groups)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("\t") for line in told.splitlines())


def _figures(sizes: Sizes) -> Iterator[tuple[str, str]]:
    yield "memory: record and configuration", _memory(sizes)
    record, known = cluster.settled(sizes), cluster.configuration(sizes)
    yield "plan, all settled", _ms(measure(partial(plan, record, known, cluster.situation(record)), 5))
    new = cluster.new(sizes)
    yield "plan, nothing started", _ms(measure(partial(plan, new, known, cluster.situation(new)), 5))
    wish = cluster.update(Wish(id="w", kind=WishKind.STOP, subject=sizes.group_names[0]), record.position + 1)
    yield "update of one group", _ms(measure(partial(apply, record, cluster.TERM, wish), 20))
    node = sizes.node_names[0]
    state = encode(sample(State, nonce="n-1", member=cluster.member(node, sizes.groups_of(node))))
    yield from _message("state", state)
    there = tuple(cluster.member(name, sizes.groups_of(name)) for name in sizes.node_names)
    yield from _message("first update of a term", encode(cluster.update(Members(members=there), 1)))
    data = RecordText().disk(record, cluster.TERM)
    yield "the record's file", _bytes(len(data))
    yield "written anew", _ms(measure(lambda: RecordText().disk(record, cluster.TERM), 5))
    for role, name in (("coordinator", node), ("member", sizes.node_names[1])):
        yield f"step of the {role}, at rest", _ms(_at_rest(Node(name, sizes)))


def _at_rest(node: Node) -> list[float]:
    def turn() -> None:
        node.now += 500
        for name in node.names:
            node.core.terms.ticks.heard(name, 9, node.now)
        node.give(TimePassed())

    return measure(turn, 20)


def _message(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    yield f"{name}: as JSON", _bytes(len(data))
    yield f"{name}: compressed", _bytes(len(zlib.compress(data, 1)))
    yield f"{name}: compressed, and read", _ms(measure(lambda: (zlib.compress(data, 1), decode(Message, data)), 5))


def _memory(sizes: Sizes) -> str:
    tracemalloc.start()
    kept = cluster.settled(sizes), cluster.configuration(sizes)
    found, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept
    return _bytes(found)


def _ms(microseconds: list[float]) -> str:
    return f"{median(microseconds) / 1000:,.2f} ms"


def _bytes(count: int) -> str:
    return f"{count / 1024:,.1f} KiB"
