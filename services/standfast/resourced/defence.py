"""Against itself: a node without quorum, or proven off although it lives, runs nothing (DESIGN sections 5, 6)."""

from collections.abc import Callable, Collection

from standfast.resourced import story
from standfast.resourced.events import Action, Reboot
from standfast.resourced.hands import Hand
from standfast.resourced.record import Record
from standfast.resourced.stages import BEGUN, Stage
from standfast.resourced.term import Word


class Defence:
    """Each stop is told once."""

    def __init__(self, me: str, act: Callable[[Action], None]) -> None:
        self._me = me
        self._act = act
        self._told_quorum_lost = self._told_to_reboot = False

    def guard(self, hands: Collection[Hand], quorum: Word, now: int) -> None:
        """Not quorate: everything here is stopped at once."""
        if quorum is not Word.NO:
            self._told_quorum_lost = False
            return
        running = [hand for hand in hands if hand.stage in BEGUN]
        for hand in running:
            hand.stop(now)
        if running and not self._told_quorum_lost:
            self._told_quorum_lost = True
            self._act(story.quorum_lost([hand.group.name for hand in running]))

    def condemned(self, record: Record, hands: Collection[Hand], now: int) -> None:
        """This node's loss was proven and yet it lives: it stops everything and reboots."""
        if not record.nodes[self._me].condemned or self._told_to_reboot:
            return
        self._told_to_reboot = True
        for hand in hands:
            if hand.stage not in (Stage.IDLE, Stage.STOPPING):
                hand.stop(now)
        self._act(Reboot(reason="this node's loss was proven, but it was never off: others may run its groups"))
