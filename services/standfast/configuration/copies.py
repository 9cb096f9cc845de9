"""Copies=: a group that runs on several nodes is one group for each node that may run it, called NAME@NODE.

Only that node runs it, so each copy has its own failures, its own owner and its own way back, and no rule that keeps a
group from running twice knows of copies. A name that an administrator may write has no "@".
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from standfast.addresses.units import served_by
from standfast.configuration.model import Configuration, Group, Problem

MOST = 16  # as many as there may be nodes
ALL = "all"


def parse_copies(text: str) -> int:
    """A number of nodes, or all of them."""
    if text == ALL:
        return MOST
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:3]) <= MOST:
        raise ValueError(f"“{text}” is neither {ALL} nor a number from 1 to {MOST}")
    return int(text)


def with_copies(written: Configuration) -> Configuration:
    """The configuration with a group for each copy, by name."""
    groups = [copy for group in written.groups for copy in _copies_of(group, written)]
    return replace(written, groups=tuple(sorted(groups, key=lambda group: group.name)))


def _copies_of(group: Group, written: Configuration) -> tuple[Group, ...]:
    if group.copies == 1:
        return (group,)
    return tuple(replace(group, name=f"{group.name}@{node}", node=node) for node in written.allowed(group))


def as_written(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Each group once, as its target says it: without its copies."""
    return tuple({group.base: replace(group, name=group.base, node="") for group in groups}.values())


def groups_on(groups: Iterable[Group], node: str) -> tuple[Group, ...]:
    """Those that have to do with `node`: all but the copies of other nodes."""
    return tuple(group for group in groups if group.node in ("", node))


def sets_of(configuration: Configuration) -> dict[str, tuple[Group, ...]]:
    """By its name: the copies of each group that has them, on its best node first."""
    found: dict[str, list[Group]] = {}
    for group in configuration.groups:
        if group.node:
            found.setdefault(group.base, []).append(group)
    order = {base: configuration.allowed(replace(copies[0], node="")) for base, copies in found.items()}
    return {base: tuple(sorted(found[base], key=lambda copy: order[base].index(copy.node))) for base in found}


def copy_problems(group: Group) -> Iterator[Problem]:
    """What cannot be on several nodes at once."""
    if group.copies == 1:
        return
    written = f"Copies= of {group.name}"
    if group.exclusive:
        text = f"{written} and Exclusive= contradict each other; remove one of them, or use Apart="
        yield Problem(source=group.sources["Exclusive"], text=text)
    for resource in group.resources:
        if address := served_by(resource.unit):
            text = f"{written} would put {address} on several nodes at once; give the address a group of its own"
            yield Problem(source=resource.source, text=text)
        for probe in resource.probes:
            if probe.peers:
                text = f"From=peers cannot tell the copies of {group.name} apart; remove it, or {written}"
                yield Problem(source=probe.sources["From"], text=text)
