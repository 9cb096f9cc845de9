"""Whether this node can work: its disk, and the version of the messages (DESIGN section 4, "Ticks")."""

from collections.abc import Callable

from standfast.resourced import story
from standfast.resourced.events import Action
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import Tick, Ticks


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

    def ticked(self, tick: Tick) -> None:
        if not tick.fit and not tick.holds:
            self.rests_up_to = tick.term

    def mend(self, terms: Terms, now: int) -> None:
        """Who could not work takes part again by a new term: this one waits for what it did not store, or counts on
        it to begin nothing."""
        if not self._disk_good:
            terms.save()
        if self._unwell and self._ticks.fit:
            self._unwell = False
            if self._me in terms.members:
                terms.join_anew(now)
