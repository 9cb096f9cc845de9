"""From a name to what is to be said of it."""

from collections.abc import Iterator

from standfast.resourced.explain.blind import Blind, explain_blindly
from standfast.resourced.explain.copies import explain_copies
from standfast.resourced.explain.facts import Explanation
from standfast.resourced.explain.groups import explain_group
from standfast.resourced.explain.look import Look
from standfast.resourced.explain.nodes import explain_node
from standfast.vocabulary import copies_of


def explain(name: str, known: Look | Blind) -> tuple[Explanation, ...]:
    """Of a group, or all copies of one, and of a node of that name; empty: there is nothing of that name."""
    return tuple(_all(name, known))


def names(known: Look | Blind) -> tuple[str, ...]:
    """Everything that can be explained."""
    groups = [group.name for group in known.configuration.groups]
    return tuple(dict.fromkeys([*groups, *(name.partition("@")[0] for name in groups), *_nodes(known)]))


def group_of_unit(name: str, known: Look | Blind) -> str:
    """The group that a unit of this name is a resource of; "" = none. A service needs no suffix."""
    for group in known.configuration.groups:
        if any(resource.unit in (name, f"{name}.service") for resource in group.resources):
            return group.base
    return ""


def _nodes(known: Look | Blind) -> list[str]:
    return [node.name for node in known.configuration.nodes]


def _all(name: str, known: Look | Blind) -> Iterator[Explanation]:
    groups = copies_of(name, [group.name for group in known.configuration.groups])
    if isinstance(known, Blind):
        if groups:
            yield explain_blindly(name, "group", groups, known)
        if name in _nodes(known):
            yield explain_blindly(name, "node", (), known)
        return
    found = tuple(filter(None, map(known.configuration.group, groups)))
    found = tuple(group for group in found if group.name in known.record.groups)
    if len(found) == 1 and found[0].name == name:
        yield explain_group(found[0], known)
    elif found:
        yield explain_copies(name, known.together.sets[name], known)
    if name in known.record.nodes and name in _nodes(known):
        yield explain_node(name, known)
