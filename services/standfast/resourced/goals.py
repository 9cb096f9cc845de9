"""When a wish is done, and when it went otherwise than foreseen, as conditions on what resourced publishes (pure).

Whoever wished it needs no rules of his own to follow it: he reads what the bus says, and compares.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from standfast.resourced.foreseen import Foreseen, Outcome
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.record import Record
from standfast.resourced.showing import NO_DRILL
from standfast.vocabulary import BY_HAND, NodeState, Phase, copies_of

GROUP: Final = "Group1"
MEMBER: Final = "Member1"
CLUSTER: Final = "Groups1"


class Compared(StrEnum):
    IS = "is"
    IS_NOT = "is-not"
    HAS = "has"  # the list has the value
    LACKS = "lacks"
    CHANGED = "changed"  # it is not what it was when the wish was made


Value = str | bool | int | tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """About one property of the group or node `name`, of the cluster where that is ""."""

    interface: str
    name: str
    property: str
    test: Compared
    value: Value = ""


Way = tuple[Condition, ...]  # all of them hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One of the ways is enough. `otherwise` counts only while nothing of `done` does."""

    done: tuple[Way, ...]
    otherwise: tuple[Way, ...]


FLAGS: Final[Mapping[WishKind, tuple[tuple[Compared, str], ...]]] = {
    WishKind.START: ((Compared.LACKS, "stopped"), (Compared.LACKS, BY_HAND)),
    WishKind.STOP: ((Compared.HAS, "stopped"),),
    WishKind.RELOCATE: ((Compared.LACKS, "stopped"),),
    WishKind.ENABLE: ((Compared.LACKS, "disabled"),),
    WishKind.DISABLE: ((Compared.HAS, "disabled"),),
    WishKind.FREEZE: ((Compared.HAS, "frozen"),),
    WishKind.THAW: ((Compared.LACKS, "frozen"),),
}
OFF: Final = (WishKind.FENCE, WishKind.CONFIRM)


def goal_of(wish: Wish, record: Record, foreseen: Foreseen, affected: Collection[str]) -> Goal:
    """The wish came true when what is foreseen of it came true. `affected`: groups with which something is done because
    of it."""
    touched = [one for one in foreseen.groups if one.group in affected and one.touched and one.after is not None]
    common = (*_wished(wish, record), *(condition for one in touched for condition in _reached(one)))
    return Goal(
        done=tuple((*way, *common) for way in _ways_off(wish)) if wish.kind in OFF else (common,),
        otherwise=tuple(way for one in touched for way in _missed(one)),
    )


def goal_of_drill(groups: Collection[str]) -> Goal:
    """All of these groups, which its fault strikes, recovered in time."""
    over = (_changed(CLUSTER, "", "LastDrill"), _is(CLUSTER, "", "Drill", NO_DRILL))
    recovered = [
        condition
        for name in groups
        for condition in (
            _changed(GROUP, name, "Drilled"),
            Condition(interface=GROUP, name=name, property="Drilled", test=Compared.LACKS, value=0),
        )
    ]
    return Goal(done=((*over, *recovered),), otherwise=(over,))


def _wished(wish: Wish, record: Record) -> Iterator[Condition]:
    if wish.kind is WishKind.KEEP:
        yield _is(CLUSTER, "", "Unconfirmed", ("", 0))
    elif wish.kind is WishKind.TAKE_BACK:
        yield _is(CLUSTER, "", "Configuration", record.unconfirmed)
    elif wish.kind in (WishKind.MAINTENANCE, WishKind.NORMAL):
        yield _is(CLUSTER, "", "Maintenance", wish.kind is WishKind.MAINTENANCE)
    elif wish.kind in (WishKind.STANDBY, WishKind.RESUME):
        yield _is(MEMBER, wish.subject, "Standby", wish.kind is WishKind.STANDBY)
    for name in copies_of(wish.subject, record.groups) if wish.kind in FLAGS else ():
        for test, flag in FLAGS[wish.kind]:
            yield Condition(interface=GROUP, name=name, property="Flags", test=test, value=flag)


def _ways_off(wish: Wish) -> Iterator[Way]:
    """It is proven off, or was and is back."""
    yield (_is(MEMBER, wish.subject, "State", NodeState.FENCED.value),)
    yield (_changed(MEMBER, wish.subject, "Incarnation"),)


def _reached(outcome: Outcome) -> Iterator[Condition]:
    """Something is done with this group."""
    assert outcome.after is not None
    yield _is(GROUP, outcome.group, "Phase", outcome.after.phase.value)
    if outcome.after.phase is Phase.STARTED:
        yield _is(GROUP, outcome.group, "Owner", outcome.after.owner)
        if outcome.before == outcome.after:
            yield _changed(GROUP, outcome.group, "Since")


def _missed(outcome: Outcome) -> Iterator[Way]:
    """It has come to rest in another state than the one that was foreseen; how it was before the wish is none."""
    assert outcome.after is not None
    name, target, since = outcome.group, outcome.after.owner, _changed(GROUP, outcome.group, "Since")
    yield (_is(GROUP, name, "Phase", Phase.BLOCKED.value), since)
    if outcome.after.phase is not Phase.STARTED:
        return
    elsewhere = Condition(interface=GROUP, name=name, property="Owner", test=Compared.IS_NOT, value=target)
    yield (_is(GROUP, name, "Phase", Phase.STARTED.value), elsewhere, since, _is(GROUP, name, "WantedOn", ""))
    disabled = Condition(interface=GROUP, name=name, property="Flags", test=Compared.HAS, value="disabled")
    yield (_is(GROUP, name, "Phase", Phase.STOPPED.value), disabled, since)


def _is(interface: str, name: str, property_name: str, value: Value) -> Condition:
    return Condition(interface=interface, name=name, property=property_name, test=Compared.IS, value=value)


def _changed(interface: str, name: str, property_name: str) -> Condition:
    return Condition(interface=interface, name=name, property=property_name, test=Compared.CHANGED)
