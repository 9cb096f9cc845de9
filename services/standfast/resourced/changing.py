"""Only what changed moves: a new version of the configuration and the groups that this node runs (DESIGN section 3).

From the first resource on that the version changes, a group is stopped under the old definitions, and started again
under the new ones when they are in place. A version that changes a frozen group where it runs, or any in maintenance,
does not come into force (configuring.py).
"""

from collections.abc import Callable, Iterable, Mapping

from standfast.configuration.model import Configuration, Group
from standfast.resourced.events import Act
from standfast.resourced.hands import Hand
from standfast.resourced.stages import BEGUN, Gate, Stage


def make_hands(
    groups: tuple[Group, ...], known: Mapping[str, Hand], act: Callable[[Act], None], gate: Callable[[str], Gate]
) -> dict[str, Hand]:
    """A hand for each group; one that exists goes on with the group's new settings."""
    hands = {}
    for group in groups:
        hand = known.get(group.name)
        if hand is None:
            hand = Hand(group, act, lambda name=group.name: gate(name))  # type: ignore[misc]
        hand.group = group
        hands[group.name] = hand
    return hands


def make_way(hands: Mapping[str, Hand], new: Configuration, now: int, *, able: bool) -> bool:
    """True: `new` may be put in place here, for nothing runs that it changes. What does is stopped, as far as this node
    is `able` to start it again; ask again after each step."""
    groups = {group.name: group for group in new.groups}
    return all([_gives_way(hand, groups.get(name), now, able) for name, hand in hands.items()])


def resume(hands: Iterable[Hand], now: int, *, in_place: bool) -> None:
    """What stopped for a version starts when the one in force is in place; what waited too long for it has failed."""
    for hand in hands:
        if in_place:
            hand.resume(now)
        hand.expire(now)


def _gives_way(hand: Hand, new: Group | None, now: int, able: bool) -> bool:
    if new is not None:
        return hand.shorten(new, now, may_stop=able)
    if hand.stage in BEGUN:
        hand.stop(now)  # the version was not to come into force while anything of it is held
    return hand.stage in (Stage.IDLE, Stage.WAITING)
