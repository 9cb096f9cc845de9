"""What an operator's wish would do, before anybody has wished it: to each group, and when it is done (pure).

Nothing is judged anew: `refuse_wish` says whether it could be, `plan` what is ordered then, and the durations that were
measured for how long a group is not served.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from standfast.configuration.model import Configuration
from standfast.resourced.changes_planned import Effect, EffectKind, effects_of
from standfast.resourced.durations import Durations
from standfast.resourced.foreseen import Foreseen
from standfast.resourced.goals import Goal, goal_of
from standfast.resourced.interruptions import after_fencing
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.whatif import NothingElse, Wished, foresee
from standfast.resourced.wishes import refuse_wish, resolve_wish

SAID: Final[Mapping[WishKind, str]] = {
    WishKind.START: "an operator starts {subject}",
    WishKind.STOP: "an operator stops {subject}",
    WishKind.RELOCATE: "an operator moves {subject}",
    WishKind.RESTART: "an operator restarts {subject}",
    WishKind.ENABLE: "an operator enables {subject}",
    WishKind.DISABLE: "an operator disables {subject}",
    WishKind.FREEZE: "an operator freezes {subject}",
    WishKind.THAW: "an operator thaws {subject}",
    WishKind.STANDBY: "{subject} is put in standby",
    WishKind.RESUME: "the standby of {subject} ends",
    WishKind.MAINTENANCE: "maintenance begins",
    WishKind.NORMAL: "maintenance ends",
    WishKind.KEEP: "the version in force is kept",
    WishKind.TAKE_BACK: "the version in force is taken back",
    WishKind.FENCE: "an operator has {subject} fenced",
    WishKind.CONFIRM: "an operator confirms that {subject} is off",
}
TO_A_NODE: Final = (WishKind.START, WishKind.RELOCATE)
OF_THE_CLUSTER: Final = (WishKind.MAINTENANCE, WishKind.NORMAL, WishKind.KEEP, WishKind.TAKE_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The wish with the node that the plan would choose, what would happen, what becomes of each group that there is,
    and when it is done."""

    wish: Wish
    foreseen: Foreseen
    effects: tuple[Effect, ...]
    goal: Goal


class WishRefusedError(Exception):
    """Why it would be refused, a sentence."""


def wish_of(word: str, subject: str, node: str, record: Record, by: str) -> Wish:
    """The wish as `Groups1.SimulateWish` names it. Raises ValueError: there is no such wish."""
    kinds = {kind.value: kind for kind in SAID}
    if word not in kinds:
        raise ValueError(f"there is no wish {word[:20]}; there are: {', '.join(kinds)}")
    kind = kinds[word]
    if node and kind not in TO_A_NODE:
        raise ValueError(f"{word} takes no node beside what it is for")
    if subject and kind in OF_THE_CLUSTER:
        raise ValueError(f"{word} is for the whole cluster")
    loss = record.losses.get(subject) if kind is WishKind.CONFIRM else None
    return Wish(id="", kind=kind, subject=subject, node=node, loss=loss.number if loss else "", by=by)


def outcome(
    wish: Wish,
    record: Record,
    configuration: Configuration,
    situation: Situation,
    durations: Durations,
    offs_ms: tuple[int, ...] = (),
    back: Configuration | None = None,
) -> Outcome:
    """If this was wished now. `offs_ms`: how long FENCE took before; `back`: the version that TAKE_BACK brings, which
    differs from `configuration`, the one in force. Raises WishRefusedError."""
    if why := refuse_wish(wish, record, configuration, situation):
        raise WishRefusedError(why)
    if back is not None:
        situation = replace(situation, offered=back)
    meant = resolve_wish(wish, record, configuration, situation)
    usual = foresee(record, configuration, situation, NothingElse())
    then = foresee(record, configuration, situation, Wished(wish=meant, text=_said(meant)))
    found = effects_of(record, configuration, back or configuration, durations, usual, then)
    if wish.kind is WishKind.FENCE:
        found = tuple(_fenced(one, wish.subject, configuration, durations, offs_ms) for one in found)
    affected = {one.group for one in found if one.kind is not EffectKind.UNTOUCHED}
    return Outcome(wish=meant, foreseen=then, effects=found, goal=goal_of(meant, record, then, affected))


def _said(wish: Wish) -> str:
    said = SAID[wish.kind].format(subject=wish.subject)
    where = {WishKind.START: "on", WishKind.RELOCATE: "to"}.get(wish.kind, "")
    return f"{said} {where} {wish.node}" if where and wish.node else said


def _fenced(
    effect: Effect, node: str, configuration: Configuration, durations: Durations, offs_ms: tuple[int, ...]
) -> Effect:
    """What ran there is not stopped: its power is cut."""
    group = configuration.group(effect.group)
    if effect.kind is not EffectKind.MOVE or effect.source != node or group is None:
        return effect
    expected = after_fencing(durations, group, effect.target, offs_ms)
    return replace(effect, interruption_ms=expected.ms, measured=expected.measured)
