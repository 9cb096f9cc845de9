"""Whether this node can work: its disk, and the version of the messages (DESIGN section 4, "Ticks")."""

from collections.abc import Callable

from standfast.resourced import story
from standfast.resourced.codec import encode
from standfast.resourced.events import Action, JoinGroup, SendTick
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import Ticks

KEEP_TICKS_MS = 10_000


class Fitness:
    """Said in the ticks: who cannot work is left out of terms, and blocks nothing while it holds nothing."""

    def __init__(self, me: str, ticks: Ticks, act: Callable[[Action], None]) -> None:
        self._me, self._ticks, self._act = me, ticks, act
        self._disk_good, self._unwell = True, False  # unwell: since it took part last it could not work
        self._too_old = False  # the others speak a version that this release does not know
        self.rests_up_to = 0  # said in a tick: unfit and holding nothing, this node begins nothing in any such term

    def wrote(self, good: bool) -> None:
        """The record was written, or could not be."""
        if good != self._disk_good:
            self._disk_good = good
            self._act(story.disk(good))
        self._ticks.fit = good and not self._too_old
        self._unwell |= not good

    def cannot_speak(self, version: int) -> None:
        """This release is too old for the cluster: it says in its ticks that it cannot work, and stays away."""
        self._too_old, self._ticks.fit = True, False
        self._act(story.too_old(version))

    def tick(self, terms: Terms, number: int, now: int) -> None:
        """The next one is sent, after what could be mended was."""
        self.mend(terms, now)
        tick = self._ticks.tick(number, terms.highest_term, now, KEEP_TICKS_MS)
        self._act(SendTick(data=encode(tick)))
        if not tick.fit and not tick.holds:
            self.rests_up_to = tick.term

    def rejoin(self, terms: Terms, now: int) -> None:
        """Who left the group joins it again when its pause is over, if it can work."""
        if terms.rejoin_at is not None and now >= terms.rejoin_at and self._ticks.fit:
            terms.rejoin_at = None
            self._act(JoinGroup())

    def mend(self, terms: Terms, now: int) -> None:
        """Who could not work takes part again by a new term: this one waits for what it did not store, or counts on
        it to begin nothing."""
        if not self._disk_good:
            terms.save()
        if self._unwell and self._ticks.fit:
            self._unwell = False
            if self._me in terms.members:
                terms.join_anew(now)
