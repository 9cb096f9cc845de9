"""The ring as this node's Corosync tells it, from one start of Corosync to its end."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from standfast import files, journal
from standfast.corosync.cfg import NodeStatus
from standfast.corosync.common import CorosyncError
from standfast.corosync.cpg import Member
from standfast.corosync.knet_log import LinkChange
from standfast.corosync.network import ConfigurationHandle, GroupHandle, Network
from standfast.corosync.requests import Requests
from standfast.corosync.sender import Sender
from standfast.journal import Event, Level
from standfast.membershipd.carrier import Carrier
from standfast.membershipd.chunks import is_about_versions
from standfast.membershipd.churn import LOOK_S, Churn
from standfast.membershipd.corosync_conf import token_ms
from standfast.membershipd.incarnations import GROUP, Presence, PresenceError, decode, encode
from standfast.membershipd.link_history import Change, LinkState, News, look
from standfast.membershipd.settings import Settings
from standfast.membershipd.withdrawal import Withdraw
from standfast.vocabulary import Ring

# knet tells nobody when a link changes; statistics can be tracked, but Corosync then polls them itself, and no
# faster. One look at a node costs 0.02 ms. knet finds a bad link within 0.8 token, and from 2.2 token on rings may
# churn and Corosync not answer any more: so at least one look for each token, the shorter of the two. While knet's log
# and the number of the ring are as they were, the log is all that is looked at: a question every ten seconds is enough.
LINK_INTERVAL_S: Final = 1.0
ASK_S: Final = 10.0
# While rings churn Corosync synchronises again and again, and answers each question only in between.
_ANSWERS_WITHIN_S: Final = 2.0
_LONGEST_LOOK_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known of the ring; everything is empty while Corosync does not run."""

    ring: Ring | None = None
    nodes: tuple[int, ...] = ()  # by id
    incarnations: Mapping[int, str] = field(default_factory=dict)
    links: Mapping[int, tuple[LinkState, ...]] = field(default_factory=dict)  # by peer


class Follower:
    """Follows one life of Corosync. `on_change` is called after each change of `view`; `dead` is set at the end."""

    def __init__(
        self,
        network: Network,
        requests: Requests,
        settings: Callable[[], Settings],
        incarnation: str,
        churn: Churn,
        carrier: Carrier,
        on_change: Callable[[], None],
        on_look: Callable[[], None],
    ) -> None:
        self.view = View()
        self.dead = asyncio.Event()
        self._network = network
        self._requests = requests
        self._settings = settings
        self._incarnation = incarnation
        self._churn = churn
        self._carrier = carrier
        self._on_change = on_change
        self._on_look = on_look
        self._loop = asyncio.get_running_loop()
        self._group = Sender(self._loop, self.dead.set)
        self._configuration: ConfigurationHandle | None = None
        self._members: tuple[Member, ...] = ()
        self._look = asyncio.Event()
        self._urgent = False  # something is known to have happened
        self._answers = True
        self._file = ""  # digest of the corosync.conf that this node has written
        self._files: dict[int, str] = {}  # of the others and this one, as they say
        self._told_files = asyncio.Event()
        self._logged: list[LinkChange] = []  # by knet since the last question that was answered
        self._strange: set[int] = set()  # nodes whose presence could not be read
        self._seen: object = None  # knet's log and the ring's number, when the links were read last
        self._read_at = 0.0  # when that was, seconds of the loop's clock

    async def open(self) -> None:
        """Corosync's callbacks come. Raises CorosyncError or TimeoutError while it does not run or answer."""
        group, configuration = await self._requests.ask(self._open, abandoned=_close_both)
        self._group.handle, self._configuration = group, configuration
        self._carrier.enter(group.node_id, self._group.send)
        self._carrier.members_changed(self._members, frozenset(self._members))
        self._announce()

    def wrote(self, file: str) -> None:
        """All members are told that this node has written the corosync.conf of this digest."""
        self._file = file
        self._announce()
        self._told_files.set()

    def lacking(self, files: frozenset[str]) -> tuple[int, ...]:
        """The members that did not say that they have written a corosync.conf of one of these digests."""
        return tuple(sorted({node for node, _ in self._members if self._files.get(node) not in files}))

    async def told_about_files(self) -> None:
        """Something may be known of a member's file, or of the members, that was not when this was called."""
        self._told_files.clear()
        await self._told_files.wait()

    @property
    def is_lowest(self) -> bool:
        """No member has a lower id than this node."""
        node = self._settings().node
        return node is not None and all(node.id <= member for member, _ in self._members)

    async def reload(self) -> None:
        """Every Corosync of the ring was told to read its file. Raises CorosyncError, TimeoutError."""
        assert self._configuration is not None
        await self._requests.ask(self._configuration.reload)

    async def shut_down(self) -> None:
        """Corosync was asked to leave the ring and to end, if it answers at all."""
        assert self._configuration is not None
        with contextlib.suppress(CorosyncError, TimeoutError):
            await self._requests.ask(self._configuration.shut_down)

    async def follow_links(self) -> Withdraw:
        """Keeps `view.links` up to date; returns when this node must withdraw because of them."""
        while True:
            self._on_look()
            urgent, self._urgent = self._urgent, False
            self._look.clear()
            if not self._rests(urgent) and (decision := await self._read_links()) is not None:
                return decision
            timer = self._loop.call_later(self._churn.next_look_s(self._at_rest_s()), self._look.set)
            await self._look.wait()  # no time-out: its exception costs two more turns of the loop
            timer.cancel()

    def look_now(self) -> None:
        """The links and this node's name are told anew: the settings changed."""
        self._look_at_once()
        self._told_files.set()
        self._announce()

    def close(self) -> None:
        """Nothing of it is left."""
        self._carrier.leave()
        self._group.close()
        if self._configuration is not None:
            self._configuration.close()
        self.dead.set()

    # in the thread of the requests

    def _open(self) -> tuple[GroupHandle, ConfigurationHandle]:
        group = self._network.group(
            self._loop, GROUP, self._heard, self._members_changed, self._ring_changed, self.dead.set
        )
        try:
            configuration = self._network.configuration(self._loop, self.dead.set)
        except CorosyncError:
            self._loop.call_soon_threadsafe(group.close)
            raise
        try:
            group.join()
        except CorosyncError:
            self._loop.call_soon_threadsafe(_close_both, (group, configuration))
            raise
        return group, configuration

    # what Corosync tells

    def _ring_changed(self, ring: Ring, nodes: tuple[int, ...]) -> None:
        if ring != self.view.ring:
            old, self.view = self.view, replace(self.view, ring=ring, nodes=tuple(sorted(nodes)))
            self._tell_ring(old)
            self._look_at_once()
            self._on_change()

    def _members_changed(
        self, members: tuple[Member, ...], left: tuple[Member, ...], joined: tuple[Member, ...]
    ) -> None:
        self._members = members
        gone = frozenset((*left, *joined))  # who joins anew may be another incarnation
        self._forget({node for node, _ in gone})
        self._told_files.set()
        if self._group.handle is not None:  # else `open` tells in a moment
            self._carrier.members_changed(members, gone)
        self._announce()

    def _heard(self, node: int, pid: int, data: bytes) -> None:
        if is_about_versions(data):
            self._carrier.heard((node, pid), data)
            return
        try:
            presence = decode(data)
        except PresenceError as error:
            self._tell_strange(node, f"Node {self._settings().name_of(node)} sent {error}")
            return
        name = self._settings().name_of(node)
        if presence.node != name:
            text = f"The node with id {node} calls itself {presence.node}, here it is called {name}: compare the files"
            self._tell_strange(node, text)
            return
        self._strange.discard(node)
        if self._files.get(node) != presence.file:
            self._files[node] = presence.file
            self._told_files.set()
        if self.view.incarnations.get(node) != presence.incarnation:
            self.view = replace(self.view, incarnations={**self.view.incarnations, node: presence.incarnation})
            self._on_change()

    def _forget(self, nodes: set[int]) -> None:
        self._files = {node: file for node, file in self._files.items() if node not in nodes}
        if not nodes.isdisjoint(self.view.incarnations):
            kept = {node: value for node, value in self.view.incarnations.items() if node not in nodes}
            self.view = replace(self.view, incarnations=kept)
            self._on_change()

    def _announce(self) -> None:
        """All members are told who this node is, as soon as Corosync takes the message."""
        node, group = self._settings().node, self._group.handle
        if node is None or group is None or not any(member == group.node_id for member, _ in self._members):
            return
        self._group.send(encode(Presence(node=node.name, incarnation=self._incarnation, file=self._file)))

    # links

    def _look_at_once(self) -> None:
        self._urgent = True
        self._look.set()

    def _at_rest_s(self) -> float:
        configuration = self._settings().configuration
        if configuration is None:
            return LINK_INTERVAL_S
        return min(LINK_INTERVAL_S, token_ms(configuration.cluster.detect_within_ms) / 1000)

    def _rests(self, urgent: bool) -> bool:
        """Nothing happened to links or ring since they were read a moment ago, and everybody was heard then."""
        seen, now_s = (self._network.link_log(), self._sequence()), self._loop.time()
        if not urgent and seen == self._seen and self._churn.rests and now_s - self._read_at < ASK_S:
            return True
        self._seen, self._read_at = seen, now_s
        return False

    async def _read_links(self) -> Withdraw | None:
        peers, asked_s = self._settings().peers, self._loop.time()
        self._logged += self._network.link_changes()
        look_at = asyncio.ensure_future(self._requests.ask(self._look_at(peers), timeout_s=_LONGEST_LOOK_S))
        try:
            while not (await asyncio.wait({look_at}, timeout=LOOK_S))[0]:
                if self._loop.time() - asked_s >= _ANSWERS_WITHIN_S:
                    self._tell_answers(False)
                if (decision := self._read_log()) is not None:
                    return decision
            statuses = look_at.result()
        except TimeoutError:
            self._tell_answers(False)
            return self._read_log()
        finally:
            look_at.cancel()
        self._tell_answers(True)
        if self.dead.is_set():
            return None
        self._logged = [*self._network.link_changes()]  # after the question, maybe also after its answer was made
        self._see_links(
            {
                peer: {link.number: link.up for link in status.links} if status else {}
                for peer, status in statuses.items()
            }
        )
        heard = frozenset(peer for peer, status in statuses.items() if _heard(status))
        return self._churn.looked(self._sequence(), heard)

    def _sequence(self) -> int | None:
        """Of the ring that Corosync began to form last; what it told where its file cannot be read."""
        told, node = self.view.ring, self._settings().node
        stored = self._network.stored_sequence(node.id) if node is not None else None
        return stored if stored is not None else told.sequence if told is not None else None

    def _read_log(self) -> Withdraw | None:
        """Corosync does not answer: the links are as they were, but for what knet logged since."""
        shown = {peer: {link.number: link.up for link in links} for peer, links in self.view.links.items()}
        self._logged += self._network.link_changes()
        for change in self._logged:
            shown.setdefault(change.peer, {})[change.link] = change.up
        self._see_links(shown)
        heard = frozenset(peer for peer, links in shown.items() if any(links.values()))
        return self._churn.looked(self._sequence(), heard if shown else None)

    def _see_links(self, shown: Mapping[int, Mapping[int, bool]]) -> None:
        """`shown`: by peer and link number, whether it is up."""
        links, changes = look(self.view.links, shown, int(self._loop.time() * 1000), files.now_text())
        for change in changes:
            self._tell_link(change)
        if links != self.view.links:
            self.view = replace(self.view, links=links)
            self._on_change()

    def _look_at(self, peers: tuple[int, ...]) -> Callable[[], dict[int, NodeStatus | None]]:
        """For the thread of the requests: what knet knows of each peer."""
        configuration = self._configuration
        assert configuration is not None
        return lambda: {peer: _status(configuration, peer) for peer in peers}

    # the journal

    def _tell_ring(self, old: View) -> None:
        names = [self._settings().name_of(node) for node in self.view.nodes]
        lost = [self._settings().name_of(node) for node in old.nodes if node not in self.view.nodes]
        text = f"View {self.view.ring}: {', '.join(names)}" + (f"; no longer {', '.join(lost)}" if lost else "")
        fields = {"view": str(self.view.ring), "members": " ".join(names)}
        configuration = self._settings().configuration
        if lost and configuration is not None:  # so long they were silent, unless they said that they go
            fields |= {"lost": " ".join(lost), "detect_ms": str(configuration.cluster.detect_within_ms)}
        # whether somebody who is gone left cleanly or is lost, the record says
        journal.write(Event.VIEW_CHANGED, Level.NOTICE, text, **fields)

    def _tell_link(self, change: Change) -> None:
        name, link = self._settings().name_of(change.peer), change.link
        words = "up" if link.up else "down"
        down = Level.WARNING if change.peer in self.view.nodes else Level.NOTICE  # who left the ring closes its links
        event, level, text = {
            News.DOWN: (Event.LINK_DOWN, down, "is down"),
            News.UP: (Event.LINK_UP, Level.NOTICE, "is up again"),
            News.FLAPS: (Event.LINK_FLAPS, Level.WARNING, "flaps: look at its cable and its switch port"),
            News.STEADY: (Event.LINK_STEADY, Level.NOTICE, f"does not flap any more; it is {words} since {link.since}"),
        }[change.news]
        text = f"Link {link.number} to {name} {text}"
        journal.write(event, level, text, peer=name, link=str(link.number), view=str(self.view.ring))

    def _tell_strange(self, node: int, text: str) -> None:
        """Once for each node until its presence can be read."""
        if node not in self._strange:
            self._strange.add(node)
            journal.write(Event.PRESENCE_REFUSED, Level.WARNING, text)

    def _tell_answers(self, answers: bool) -> None:
        if answers == self._answers:
            return
        self._answers = answers
        if answers:
            journal.write(Event.COROSYNC_ANSWERS, Level.NOTICE, "Corosync answers again")
        else:
            journal.write(Event.COROSYNC_HANGS, Level.ERROR, "Corosync runs but does not answer")


def _status(configuration: ConfigurationHandle, peer: int) -> NodeStatus | None:
    try:
        return configuration.node_status(peer)
    except CorosyncError:
        return None  # it does not know this node (yet), or is gone


def _heard(status: NodeStatus | None) -> bool:
    return status is not None and status.reachable


def _close_both(handles: tuple[GroupHandle, ConfigurationHandle]) -> None:
    for handle in handles:
        handle.close()
