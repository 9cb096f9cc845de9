"""This node's way to the version in force: it is read and installed (DESIGN section 3, "Installing the units").

What is in force is acted on only when every member of the term has stored that: a node that is about to be cut off may
read what nobody else will, and who has another corosync.key installed is heard by nobody who does not know why.
"""

import json
from collections.abc import Callable

from standfast.configuration.model import Configuration
from standfast.resourced.events import Action, ConfigurationRead, FetchConfiguration, InstallConfiguration
from standfast.resourced.messages import ConfigurationInForce, Installed, Update
from standfast.resourced.terms import Terms

ASK_AGAIN_MS = 10_000
MOST_SENTENCES = 20
LONGEST_SENTENCE = 300
# Bytes in a message. The first update of a term has those of every member, and Corosync takes 64 KiB in one piece.
MOST_OBJECTIONS = 1_500
MOST_DRIFTED = 500


class Installation:
    def __init__(
        self,
        configuration: Configuration,
        installed: str,
        terms: Terms,
        act: Callable[[Action], None],
        ready: Callable[[Configuration], bool],
    ) -> None:
        """`ready(new)`: nothing runs here any more that this version changes."""
        self.configuration = configuration  # in use
        self.installed = installed  # digest of the version whose units are in place
        self.offered: Configuration | None = None  # the version that was prepared last
        self.objections: tuple[str, ...] = ()
        self.drifted: tuple[str, ...] = ()
        self._terms, self._act, self._ready = terms, act, ready
        self._in_force_at = ("", 0)  # nonce and position where a version came into force last
        self._asked: Action | None = None
        self._asked_at = 0

    @property
    def available(self) -> str:
        return self.offered.digest if self.offered is not None else ""

    def told(self, me: str) -> Installed:
        """What the record is to say of this node."""
        return Installed(
            node=me,
            installed=self.installed,
            available=self.available,
            objections=self.objections,
            drifted=self.drifted,
        )

    def delivered(self, update: Update) -> None:
        if isinstance(update.content, ConfigurationInForce):
            self._in_force_at = (update.nonce, update.position)

    def read(self, event: ConfigurationRead) -> None:
        self.configuration, self.installed, self.offered = event.configuration, event.installed, event.offered
        self.objections = _bounded(event.objections, MOST_OBJECTIONS)
        self.drifted = _bounded(event.drifted, MOST_DRIFTED)

    def advance(self, wanted: str, now: int) -> None:
        """What is next is asked for, again after a while. `wanted`: what is to be read beside that, "" = nothing."""
        record, term = self._terms.record, self._terms.term
        if record is None or term is None or term.position == 0:
            return
        due = record.configuration if record.configuration != self.installed else wanted
        if not due:
            self._asked = None
        elif due not in (self.available, self.configuration.digest):
            self._ask(FetchConfiguration(digest=due), now)
        elif due == record.configuration and self._stored() and self._ready(self._version(due)):
            self._ask(InstallConfiguration(digest=due), now)

    def _version(self, digest: str) -> Configuration:
        """Which of the two versions that are read has this digest."""
        return self.offered if self.offered is not None and self.available == digest else self.configuration

    def _stored(self) -> bool:
        """Every member has stored which version is in force; one of this term as an acknowledged wish must be, too."""
        term, (nonce, position) = self._terms.term, self._in_force_at
        assert term is not None
        if nonce != term.nonce:
            return min(term.stored.values()) > 0
        return min(term.stored.values()) >= position and self._terms.durable_at(position)

    def _ask(self, action: FetchConfiguration | InstallConfiguration, now: int) -> None:
        if action != self._asked or now - self._asked_at >= ASK_AGAIN_MS:
            self._asked, self._asked_at = action, now
            self._act(action)


def _bounded(texts: tuple[str, ...], most: int) -> tuple[str, ...]:
    """As many of the first ones as fit into `most` bytes, the very first cut until it does."""
    kept: list[str] = []
    for text in texts[:MOST_SENTENCES]:
        short = text[:LONGEST_SENTENCE]
        while not kept and _written(short) > most:
            short = short[:-1]
        most -= _written(short)
        if most < 0:
            break
        kept.append(short)
    return tuple(kept)


def _written(text: str) -> int:
    """Bytes of it in a message, with what comes between two."""
    return len(json.dumps(text)) + 1
