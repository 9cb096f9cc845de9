"""`python3 -m standfast.addresses [FOLDER]` looks after the addresses of all standfast-ip@ADDRESS.service.

systemd runs it as standfast-addresses.service, with the daemons or when a unit writes to FOLDER/requests, a FIFO. A
unit says "serve ADDRESS" before it has its address and "watch ADDRESS" when it has, and reads the answers (`serving`)
from the FIFO FOLDER/ADDRESS. When this program begins, it says "again" to every unit that is there, and knows all that
the one before knew: a restart of it ends no unit.
"""

import os
import select
import sys
import time

from standfast.addresses.neighbours import Ears, open_sender
from standfast.addresses.netlink import Netlink, Network, Watch
from standfast.addresses.place import CannotServeError, read_settings
from standfast.addresses.serving import Serving
from standfast.addresses.telling import tell
from standfast.addresses.units import unit_for

FOLDER = "/run/standfast/addresses"
REQUESTS = "requests"
_FOR_EVER = -1.0
_RETRY_S = 0.05  # after the kernel did not say what it has


def main(arguments: list[str]) -> None:
    Server(arguments[0] if arguments else FOLDER).run()


class Unit:
    """A unit's end of a conversation."""

    __slots__ = ("answers", "serving", "text")

    def __init__(self, text: str, answers: int) -> None:
        self.text = text  # the address in its name
        self.answers = answers  # the FIFO that it reads
        self.serving: Serving | None = None  # None: it has no address that can be served

    def tell(self, event: str, text: str) -> None:
        tell(event, text, unit_for(self.text))

    def say(self, line: str) -> None:
        """A unit that is gone hears nothing; that is noticed elsewhere. The journal has its end, with the reason."""
        word, _, rest = line.partition(" ")
        if word == "fail":
            self.tell("address-failed", rest.partition(" ")[2])
        try:
            os.write(self.answers, f"{line.replace(chr(10), ' ')}\n".encode())
        except OSError:
            return


class Server:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._requests = os.open(f"{folder}/{REQUESTS}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._unread = b""
        self._netlink, self._watch = Netlink(), Watch()
        self._ears, self._sender = Ears(), open_sender()
        self._units: dict[str, Unit] = {}
        self._network = Network([], [])
        self._stale = True  # the network may have changed since it was read
        self._asked: dict[str, str] = {}  # addresses that are waiting for it, and what is asked of each
        self._poll = select.poll()
        self._poll.register(self._requests, select.POLLIN)
        self._poll.register(self._watch, select.POLLIN)

    def run(self) -> None:
        """Until it is killed."""
        self._ask_all()
        while True:
            ready = dict(self._poll.poll(self._wait_s() * 1000))
            self._forget(
                {descriptor for descriptor, event in ready.items() if event & (select.POLLERR | select.POLLHUP)}
            )
            if self._watch.fileno() in ready:
                self._watch.drain()
                self._stale = True
            if self._requests in ready:
                self._read_requests()
            self._act(time.monotonic())

    def _act(self, now: float) -> None:
        if self._stale or self._asked:
            self._catch_up(now)
        self._listen()
        for claim in self._ears.heard():
            for unit in self._units.values():
                if unit.serving and unit.serving.packed == claim.packed and claim.mac not in self._network.macs:
                    unit.serving.hear(claim.interface, claim.mac, now)
        for unit in self._units.values():
            if unit.serving:
                unit.serving.advance(now)

    def _wait_s(self) -> float:
        """Until something is due; a unit that waits for nothing is no reason to wake."""
        if self._stale:
            return _RETRY_S
        due = [unit.serving.due for unit in self._units.values() if unit.serving]
        times = [at for at in due if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else _FOR_EVER

    # What units say

    def _ask_all(self) -> None:
        """Units that spoke with the program before this one say again what they want."""
        for name in os.listdir(self._folder):  # noqa: PTH208 - pathlib is not lean
            answers = self._open(name) if name != REQUESTS else None
            if answers is not None:
                Unit(name, answers).say("again")
                os.close(answers)

    def _read_requests(self) -> None:
        *lines, self._unread = (self._unread + os.read(self._requests, 65536)).split(b"\n")
        for line in lines:
            what, _, text = line.decode(errors="replace").partition(" ")
            if what in ("serve", "watch") and "/" not in text and self._meet(text, what):
                self._asked[text] = what

    def _meet(self, text: str, what: str) -> bool:
        """The unit is known by the FIFO that it made. False: it is gone, or asks again for what is on its way."""
        answers = self._open(text)
        if answers is None:
            return False
        known = self._units.get(text)
        if known is not None and os.path.sameopenfile(known.answers, answers):
            os.close(answers)
            return what == "watch"
        if known is not None:
            self._part(text)
        self._units[text] = Unit(text, answers)
        self._poll.register(answers, 0)  # that its reader is gone is told in any case
        return True

    def _open(self, text: str) -> int | None:
        try:
            return os.open(f"{self._folder}/{text}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # nobody reads it
            return None

    def _forget(self, gone: set[int]) -> None:
        for text in [text for text, unit in self._units.items() if unit.answers in gone]:
            self._part(text)

    def _part(self, text: str) -> None:
        unit = self._units.pop(text)
        self._asked.pop(text, None)
        self._poll.unregister(unit.answers)
        os.close(unit.answers)

    # What the kernel says

    def _catch_up(self, now: float) -> None:
        """The network is known as it is now; every unit was told what that means for it."""
        try:
            self._network = self._netlink.network()
        except OSError:
            self._stale = True
            return
        self._stale = False
        asked, self._asked = self._asked, {}
        for text, unit in self._units.items():
            try:
                if text in asked:
                    self._answer(text, unit, asked[text], now)
                elif unit.serving:
                    unit.serving.check(self._network, now)
            except CannotServeError as error:
                self._fail(unit, str(error))
            except OSError as error:
                self._fail(unit, f"{text}: {error.filename or 'the kernel'}: {error.strerror}")

    def _answer(self, text: str, unit: Unit, what: str, now: float) -> None:
        unit.serving = unit.serving or Serving(text, self._sender, unit.say, unit.tell)
        settings = read_settings(unit_for(text))
        if what == "serve":
            unit.serving.serve(settings, self._network, now)
        else:
            unit.serving.watch(settings, self._network, now)

    def _fail(self, unit: Unit, sentence: str) -> None:
        if unit.serving:
            unit.serving.fail(sentence)
        else:
            unit.say(f"fail 1 {sentence}")

    def _listen(self) -> None:
        before = self._ears.sockets
        self._ears.listen(frozenset(unit.serving.packed for unit in self._units.values() if unit.serving))
        for receiver in self._ears.sockets:
            if receiver not in before:
                self._poll.register(receiver, select.POLLIN)


if __name__ == "__main__":
    main(sys.argv[1:])
