"""One address on its way: probed, taken by its unit, announced, watched. What its unit is told goes out as lines.

take ADDRESS dev INTERFACE … │ leave │ ready SENTENCE │ fail CODE SENTENCE
"""

import socket
from collections.abc import Callable
from enum import Enum

from standfast.addresses.neighbours import PROBE_S, PROBE_TIMES_S, Neighbours, mac_text
from standfast.addresses.netlink import Address, Link, Network
from standfast.addresses.place import CannotServeError, Settings, choose, read_address

ANNOUNCE_TIMES_S = (1.0, 3.0)  # after the first one
DEFEND_S = 2.0  # between two announcements, while somebody else claims the address
DEFEND_ENDS_S = 60.0  # after he was heard last
EXIT_LOST = 1
EXIT_DUPLICATE = 3


class Stage(Enum):
    NEW = "new"
    PROBING = "probing"  # does somebody else answer for it?
    TAKING = "taking"  # its unit was told to add it
    SERVING = "serving"
    OVER = "over"  # its unit was told to end


class Serving:
    """The address of one unit."""

    def __init__(
        self, text: str, sender: socket.socket, say: Callable[[str], None], tell: Callable[[str, str], None]
    ) -> None:
        """Raises CannotServeError."""
        self.text = text
        self.family, self.packed = read_address(text)
        self.stage = Stage.NEW
        self._sender = sender
        self._say, self._tell = say, tell
        self._settings = Settings()
        self._link: Link | None = None
        self._address: Address | None = None
        self._neighbours: Neighbours | None = None
        self._is_elsewhere = False
        self._asks: list[float] = []
        self._take_at = 0.0
        self._announcements: list[float] = []
        self._announced_at = 0.0
        self._strangers: dict[bytes, float] = {}  # when each was heard last

    # What its unit asks

    def serve(self, settings: Settings, network: Network, now: float) -> None:
        """It is probed for, where it belongs. Raises CannotServeError."""
        link, address = choose(self.family, self.packed, settings, network.links, network.addresses)
        if not link.carries:
            raise CannotServeError(f"{link.name} has no carrier: {self.text} would answer nobody.")
        self._settings = settings
        self._place(link, address)
        self._is_elsewhere = any(_place(one) != _place(address) for one in network.places(self.packed))
        self._asks = [now + after for after in PROBE_TIMES_S]
        self._take_at = now + PROBE_S
        self.stage = Stage.PROBING

    def watch(self, settings: Settings, network: Network, now: float) -> None:
        """Its unit has it, whoever told it to take it. Raises CannotServeError."""
        self._settings = settings
        address = next(iter(network.places(self.packed)), None)
        link = network.link(address.index) if address is not None else None
        if address is None or link is None:
            raise CannotServeError(f"Somebody removed {self.text}.")
        self._place(link, address)
        self.stage = Stage.SERVING
        self.check(network, now)
        self._announce_anew(now)
        self._say(f"ready {address} on {link.name}")

    # What happens

    def check(self, network: Network, now: float) -> None:
        """Its link carries it, and its interface has it. Raises CannotServeError."""
        before, address = self._link, self._address
        if before is None or address is None or self.stage is Stage.OVER:
            return
        link = network.link(before.index)
        if link is None:
            raise CannotServeError(f"{before.name} is gone, and {address} with it.")
        if not link.carries:
            raise CannotServeError(f"{link.name} lost its carrier or was set down: {address} answers nobody.")
        if self.stage is Stage.SERVING and _place(address) not in map(_place, network.places(self.packed)):
            raise CannotServeError(f"Somebody removed {address} from {link.name}.")
        if link.mac != before.mac:  # a bond took another port
            self._place(link, address)
            if self.stage is Stage.SERVING:
                self._announce_anew(now)

    def hear(self, interface: str, mac: bytes, now: float) -> None:
        """Somebody else says that he has the address."""
        if self._link is None or self._link.name != interface or self.stage is Stage.OVER:
            return
        sentence = f"{self.text} is in use by {mac_text(mac)} on {interface}"
        if self.stage is Stage.PROBING and not self._settings.defend:
            self.fail(f"{sentence}: end it there, or write Duplicate=defend in [X-Address].", EXIT_DUPLICATE)
            return
        if mac not in self._strangers:
            taken = "; it is taken from there (Duplicate=defend)."
            refused = ", too: end it there, or write Duplicate=defend in [X-Address]."
            self._tell("address-claimed", f"{sentence}{taken if self._settings.defend else refused}")
        self._strangers[mac] = now
        if self.stage is Stage.SERVING and self._settings.defend:
            self._announce_by(max(now, self._announced_at + DEFEND_S))

    def advance(self, now: float) -> None:
        """What is due by now was done."""
        if self.stage is Stage.PROBING:
            if self._asks and now >= self._asks[0]:
                self._asks.pop(0)
                self._speak().ask()
            if now >= self._take_at or not self._speak().speaks:
                self._take()
        elif self.stage is Stage.SERVING and self._announcements and now >= self._announcements[0]:
            self._announcements = [at for at in self._announcements if at > now]
            self._announce(now)
            self._defend(now)

    @property
    def due(self) -> float | None:
        """When it wants to advance."""
        if self.stage is Stage.PROBING:
            return min((*self._asks, self._take_at))
        return self._announcements[0] if self.stage is Stage.SERVING and self._announcements else None

    def fail(self, sentence: str, code: int = EXIT_LOST) -> None:
        """Its unit was told to end with that sentence."""
        self.stage = Stage.OVER
        self._say(f"fail {code} {sentence}")

    # How

    def _place(self, link: Link, address: Address) -> None:
        self._link, self._address = link, address
        self._neighbours = Neighbours(link, address, self._sender)

    def _speak(self) -> Neighbours:
        assert self._neighbours is not None
        return self._neighbours

    def _take(self) -> None:
        """IPv6's own search for duplicates takes 1.4 s and was made here. With no time to be preferred, the machine
        chooses it as the source of no connection that does not ask for it; IPv4 does so anyway."""
        assert self._link is not None
        self.stage = Stage.TAKING
        if self._is_elsewhere:
            self._say("leave")
        if self.family == socket.AF_INET:
            _let_others_stay(self._link.name)
        flags = " nodad preferred_lft 0" if self.family == socket.AF_INET6 else ""
        self._say(f"take {self._address} dev {self._link.name}{flags}")

    def _announce_anew(self, now: float) -> None:
        self._announcements = [now + after for after in ANNOUNCE_TIMES_S]
        self._announce(now)
        self._defend(now)

    def _announce(self, now: float) -> None:
        self._announced_at = now
        self._speak().announce()

    def _defend(self, now: float) -> None:
        """While somebody else claims it, it is announced again and again (RFC 5227, 2.4), and he is asked for."""
        if not self._strangers or not self._settings.defend:
            return
        self._strangers = {mac: at for mac, at in self._strangers.items() if now < at + DEFEND_ENDS_S}
        if not self._strangers:
            self._tell("address-free", f"nobody else claims {self.text} any more.")
            return
        self._speak().ask()
        self._announce_by(now + DEFEND_S)

    def _announce_by(self, at: float) -> None:
        if not self._announcements or self._announcements[0] > at:
            self._announcements.insert(0, at)


def _place(address: Address) -> tuple[int, int]:
    return address.index, address.prefix


def _let_others_stay(interface: str) -> None:
    """The first address of a subnet takes the others of that subnet along when it is removed, unless this is set.

    Where /proc/sys cannot be written, the administrator's word counts.
    """
    try:
        with open(f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not lean
            file.write("1")
    except OSError:
        return
