"""What groups say of each other: Needs=, After= and Apart= name groups that exist, and contradict nothing."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from standfast.configuration.cluster import ClusterPart
from standfast.configuration.keys import Values, did_you_mean
from standfast.configuration.model import Problem, Source

_KEYS = {"Needs": "needs", "After": "is after", "Apart": "is apart from"}  # with the verb of its sentence
_Name = TypeVar("_Name", bound=Hashable)
_ORDERING = ("Needs", "After")  # the group starts after those that it names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    """One name of another group in one of the keys."""

    key: str
    group: str
    other: str
    source: Source

    def __str__(self) -> str:
        return f"{self.group} {_KEYS[self.key]} {self.other}"


def check_relations(groups: Mapping[str, Values], cluster: ClusterPart, problems: list[Problem]) -> None:
    """What the groups (by name) say of each other can come true; everything else is appended to `problems`."""
    relations = [found for name in groups for key in _KEYS for found in _relations(name, key, groups, problems)]
    _refuse_circles(relations, groups, problems)
    _refuse_apart_on_one_node(relations, groups, cluster, problems)


def _relations(name: str, key: str, groups: Mapping[str, Values], problems: list[Problem]) -> Iterator[_Relation]:
    """The relations of group `name` that mean something, each once."""
    seen: set[str] = set()
    for entry in groups[name].entries.get(key, ()):
        for other in entry.value.split():
            if refusal := _refusal(name, key, other, seen, groups):
                problems.append(Problem(source=entry.source, text=refusal))
            else:
                yield _Relation(key=key, group=name, other=other, source=entry.source)
            seen.add(other)


def _refusal(name: str, key: str, other: str, seen: set[str], groups: Mapping[str, Values]) -> str | None:
    if other == name:
        return f"{key}= names its own group; remove {name}"
    if other in seen:
        return f"{other} is in {key}= twice; remove one of them"
    if other not in groups:
        hint = did_you_mean(other.removesuffix(".target"), set(groups) - {name})
        return f"there is no group {other}{hint or '; write its target, or remove it'}"
    return None


def _refuse_circles(relations: list[_Relation], groups: Mapping[str, Values], problems: list[Problem]) -> None:
    waits: dict[str, dict[str, _Relation]] = {name: {} for name in groups}
    for relation in relations:
        if relation.key in _ORDERING:
            waits[relation.group].setdefault(relation.other, relation)
    for names in circles(waits):
        steps = [waits[name][other] for name, other in zip(names, (*names[1:], names[0]), strict=True)]
        way = ", ".join(map(str, steps))
        text = f"none of these could start before the others: {way}; remove one of these settings"
        problems.append(Problem(source=steps[-1].source, text=text))


def circles(waits: Mapping[_Name, Mapping[_Name, object]]) -> Iterator[list[_Name]]:
    """The names on each circle found; without the last step of each (back to the first name) there would be none."""
    done: set[_Name] = set()
    for start in waits:
        way = {} if start in done else {start: iter(waits[start])}
        while way:
            name, rest = next(reversed(way.items()))
            following = next(rest, None)
            if following is None:
                done.add(name)
                del way[name]
            elif following in way:
                names = list(way)
                yield names[names.index(following) :]
            elif following not in done:
                way[following] = iter(waits[following])


def _refuse_apart_on_one_node(
    relations: list[_Relation], groups: Mapping[str, Values], cluster: ClusterPart, problems: list[Problem]
) -> None:
    told = set()
    for relation in relations:
        pair = frozenset((relation.group, relation.other))
        if relation.key != "Apart" or pair in told:
            continue
        told.add(pair)
        nodes = _allowed(groups[relation.group], cluster)
        if len(nodes) == 1 and nodes == _allowed(groups[relation.other], cluster):
            text = f"{relation}, but both may run on {min(nodes)} only; let one of them run on another node too"
            problems.append(Problem(source=relation.source, text=text))


def _allowed(group: Values, cluster: ClusterPart) -> frozenset[str]:
    """The nodes that may run the group, as Configuration.allowed() will say it; none when its domain is not known."""
    name = group.by_field.get("domain")
    if name is None:
        return cluster.node_names
    domain = next((one for one in cluster.domains if one.name == name), None)
    if domain is None:
        return frozenset()
    return frozenset(domain.nodes) if domain.restricted else cluster.node_names
