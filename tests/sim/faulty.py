"""What faulty links make of a side: who hears whom, where rings churn, and who is alone in ever new rings meanwhile.

Corosync wants every node of a ring to hear every other one (measured: a fault that is not transitive leaves one node of
it alone in a new ring each 0.6 s; the others make a ring of their own, in which nothing is delivered and nothing is
said of quorum). Nodes that no path of good links joins are parted as by a cut.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Pair = frozenset[str]  # two nodes that do not hear each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Of the nodes that run: nodes of equal `reach` hear each other, as far as Corosync uses it."""

    reach: Mapping[str, int] = field(default_factory=dict)  # of nodes on a side with a faulty link
    odd: frozenset[str] = frozenset()  # alone in ever new rings
    stuck: frozenset[str] = frozenset()  # in one ring with those that an odd node hears: nothing is delivered


def divide(sides: Mapping[int, Sequence[str]], bad: Collection[Pair], blamed: Sequence[str]) -> Parts:
    """`blamed`: every node; of two that do not hear each other the later one there is odd."""
    reach: dict[str, int] = {}
    odd: set[str] = set()
    stuck: set[str] = set()
    for side, names in sides.items():
        if not any(pair <= set(names) for pair in bad):
            continue
        for part in _parts(names, bad):
            together = _stay(sorted(part, key=blamed.index), bad)
            alone = part - together
            odd |= alone
            stuck |= together if alone else set()
            reach |= dict.fromkeys(together, 100 * (side + 1) + min(map(blamed.index, together)))
            reach |= {name: 10_000 + blamed.index(name) for name in alone}
    return Parts(reach=reach, odd=frozenset(odd), stuck=frozenset(stuck))


def hears(one: str, other: str, bad: Collection[Pair]) -> bool:
    return frozenset((one, other)) not in bad


def _parts(names: Iterable[str], bad: Collection[Pair]) -> list[set[str]]:
    """The nodes that some path of good links joins."""
    left, parts = sorted(names), []
    while left:
        part = new = {left[0]}
        while new:
            new = {name for name in left if any(hears(name, other, bad) for other in new)} - part
            part = part | new
        left = [name for name in left if name not in part]
        parts.append(part)
    return parts


def _stay(names: Sequence[str], bad: Collection[Pair]) -> set[str]:
    """The first of them, and each one after it that hears all who stay."""
    staying: set[str] = set()
    for name in names:
        if all(hears(name, other, bad) for other in staying):
            staying.add(name)
    return staying
