"""Who was heard lately, and who echoed this node's own ticks (DESIGN section 4, "Ticks").

A tick's number is a fresh random one, so that an echo of an older process of this node is never taken for one of ours.
Sans-I/O: the caller passes the time, CLOCK_BOOTTIME in milliseconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

INTERVAL_MS = 1_000
SUSPECT_AFTER_MS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Once a second: this node's number, and the last number that it read of each other node."""

    number: int
    read: Mapping[str, int]
    fit: bool  # False: this node says that it cannot work (its disk)
    holds: bool  # it holds some group
    term: int  # the highest that it knows: unfit and holding nothing, it begins nothing in any term up to this one


class Ticks:
    def __init__(self, me: str) -> None:
        self.me = me
        self.fit = True
        self.holds = False
        self._sent: dict[int, int] = {}  # our numbers of the last seconds: when sent
        self._read: dict[str, int] = {}  # the last number of each node
        self._heard: dict[str, int] = {}  # when each node was last heard
        self.echoed: dict[str, int] = {}  # when that tick of ours was sent which each node echoed last
        self._unfit: dict[str, int | None] = {}  # who cannot work: up to which term it begins nothing; None: it holds

    def number(self, number: int, now: int, keep_ms: int) -> int:
        """Note `number` as sent now; numbers older than `keep_ms` are forgotten."""
        self._sent = {known: at for known, at in self._sent.items() if now - at <= keep_ms}
        self._sent[number] = now
        return number

    def tick(self, number: int, term: int, now: int, keep_ms: int) -> Tick:
        number = self.number(number, now, keep_ms)
        return Tick(number=number, read=dict(self._read), fit=self.fit, holds=self.holds, term=term)

    def received(self, sender: str, tick: Tick, now: int) -> None:
        self.heard(sender, tick.number, now)
        if tick.fit:
            self._unfit.pop(sender, None)
        else:
            self._unfit[sender] = None if tick.holds else tick.term
        self.echo(sender, tick.read.get(self.me, 0))

    def heard(self, sender: str, number: int, now: int) -> None:
        """A tick, or what counts as one, of `sender` was read now; our own came back."""
        self._read[sender] = number
        self._heard[sender] = now
        if sender == self.me:
            self.echo(sender, number)

    def echo(self, sender: str, number: int) -> None:
        """`sender` has read our tick `number`; one that we did not send lately changes nothing."""
        if number in self._sent:
            self.echoed[sender] = max(self.echoed.get(sender, -1), self._sent[number])

    def next_at(self, due: int, sender: str, now: int) -> int:
        """When this node ticks next, which was to be at `due`, after a tick of `sender` was read: with it, once half of
        the interval is over. Nodes soon tick together, and each is woken once a second for all of them."""
        return now if sender != self.me and now < due <= now + INTERVAL_MS // 2 else due

    def joined(self, name: str, now: int) -> None:
        """A node begins anew: it has time to tick, and what it echoed before does not count."""
        self._heard[name] = now
        self._unfit.pop(name, None)
        if name != self.me:
            self.echoed.pop(name, None)

    def silent_ms(self, name: str, now: int) -> int | None:
        """For so long no tick of the node was read; None: none was since this process began."""
        return max(0, now - self._heard[name]) if name in self._heard else None

    def suspects(self, members: Iterable[str], now: int) -> frozenset[str]:
        """Members without a tick for 3 s, and those that say that they cannot work; never this node itself
        for its silence."""
        silent = {name for name in members if name != self.me and now - self._heard.get(name, now) >= SUSPECT_AFTER_MS}
        return frozenset(silent | (set(self._unfit) & set(members)) | ({self.me} if not self.fit else set()))

    def resting(self, named_in: Mapping[str, int], now: int) -> frozenset[str]:
        """Who says that it cannot work and holds nothing, and was heard lately; but a node that was named in a later
        term (`named_in`: the last one of each) than it spoke of has taken part since."""
        heard = {name for name, at in self._heard.items() if now - at < SUSPECT_AFTER_MS}
        said = {name: term for name, term in self._unfit.items() if term is not None and name in heard}
        return frozenset(name for name, term in said.items() if named_in.get(name, 0) <= term)

    @property
    def unfit(self) -> Mapping[str, int | None]:
        """Who said that it cannot work: up to which term it begins nothing; None: it holds something."""
        return dict(self._unfit)

    def echoers(self, now: int, within_ms: int) -> frozenset[str]:
        """Nodes that echoed a tick sent within `within_ms`; empty while our own did not come back."""
        names = frozenset(name for name, sent in self.echoed.items() if now - sent <= within_ms)
        return names if self.me in names else frozenset()
