"""What can be said where no term is open: nobody decides, and the record that is here may be old."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from standfast.configuration.model import Configuration, QuorumLoss
from standfast.resourced.explain.facts import Explanation, Fact, Part, Said, Stated, stated
from standfast.resourced.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """What a node knows that cannot plan."""

    me: str
    record: Record | None
    configuration: Configuration
    why: str  # why no term is open, and what to do about it; "" = one is, but this node has another configuration
    heard: frozenset[str]  # nodes in its ring
    holds: frozenset[str]  # groups that it has itself
    quorate: bool
    absent: Mapping[str, str] = field(default_factory=dict)  # nodes that it is to go on without, and how far that is


def explain_blindly(name: str, kind: str, names: tuple[str, ...], blind: Blind) -> Explanation:
    """A node, or a group with these names: its own, or those of its copies."""
    why = _why_not(blind)
    said = _node(name, blind) if kind == "node" else _group(names, blind)
    absent = (Part(name=node, said=(stated(Fact.GOES_WITHOUT, text=text),)) for node, text in blind.absent.items())
    state = stated(Fact.NOTHING_DONE, name=name)
    return Explanation(kind=kind, name=name, state=state, why=(why, *said), more=tuple(absent))


def _why_not(blind: Blind) -> Stated:
    if blind.why:
        return stated(Fact.NO_TERM, node=blind.me, why=blind.why)
    return stated(Fact.OTHER_VERSION, node=blind.me)


def _group(names: tuple[str, ...], blind: Blind) -> Iterator[Said]:
    held = blind.holds & set(names)
    yield stated(Fact.HELD_HERE if held else Fact.NOT_HELD_HERE, node=blind.me)
    if held and not blind.quorate:
        cluster = blind.configuration.cluster
        stops = cluster.quorum_loss is QuorumLoss.STOP
        yield stated(Fact.STOPS_HERE if stops else Fact.GOES_ON_HERE, cluster.setting("QuorumLoss"), node=blind.me)
    known = blind.record.groups if blind.record is not None else {}
    owners = [known[name].last_owner for name in names if name in known and known[name].last_owner]
    if owners and not held:
        yield stated(Fact.KNOWN_LAST, node=blind.me, owner=", ".join(owners))


def _node(name: str, blind: Blind) -> Iterator[Said]:
    if name != blind.me:
        yield stated(Fact.HEARD if name in blind.heard else Fact.NOT_HEARD, name=name, node=blind.me)
