"""The thread that feeds: what it says on its socket, what it does to the device, and how it ends."""

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from standfast.files import boottime_ms
from standfast.journal import Event, Level
from standfast.quorumd import feeder as module
from standfast.quorumd.descriptors import Store
from standfast.quorumd.feeder import Feeder, Shown, Surroundings
from standfast.quorumd.watchdog import WatchdogError
from standfast.watchdog.messages import Arm, Armed, Message, Tell, decode, encode
from standfast.watchdog.times import Wanted

WITHIN_S = 10.0
WANTED = Wanted(device="/dev/dog", trust=True, timeout_ms=2_000, shortest_ms=1_000, tick_max_ms=600_000)


class FakeDevice:
    """What the real one is to the thread; every call is told on `calls`."""

    calls: "queue.SimpleQueue[tuple[str, int]]" = queue.SimpleQueue()
    refusal = ""
    rounds_to_ms = 0
    settable = True

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(os.devnull, os.O_WRONLY)
        self._given_ms = 60_000

    @classmethod
    def arm(cls, path: str) -> "FakeDevice":
        if cls.refusal:
            raise WatchdogError(cls.refusal)
        cls.calls.put(("armed", 0))
        return cls(path)

    @classmethod
    def adopt(cls, descriptor: int) -> "FakeDevice":
        cls.calls.put(("adopted", descriptor))
        device = cls("/dev/dog")
        device._given_ms = 2_000
        return device

    def timeout_ms(self) -> int:
        return self._given_ms

    def set_timeout(self, timeout_ms: int) -> int:
        self._given_ms = max(timeout_ms, self.rounds_to_ms)
        self.calls.put(("timeout", timeout_ms))
        return self._given_ms

    def feed(self) -> None:
        self.calls.put(("fed", 0))

    def hurry(self) -> None:
        self.calls.put(("hurried", 0))

    def disarm(self) -> None:
        os.close(self.descriptor)
        self.calls.put(("disarmed", 0))


class FakeStore(Store):
    """systemd's store, with what is in it."""

    def __init__(self, descriptor: int | None = None) -> None:
        super().__init__({})
        self.has = descriptor
        self.reads = threading.Event()
        self.reads.set()

    def taken_back(self) -> int | None:
        return self.has

    def keep(self, descriptor: int) -> bool:
        if self.reads.is_set():
            self.has = descriptor
        return self.reads.is_set()

    def forget(self) -> bool:
        self.has = None
        return True


class Running:
    """A feeder that runs, and a resourced that the test plays."""

    def __init__(self, folder: Path, store: FakeStore) -> None:
        self.calls = FakeDevice.calls
        self.entries: queue.SimpleQueue[tuple[Event, str]] = queue.SimpleQueue()
        self.shown: queue.SimpleQueue[Shown] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.store = store
        self.held = folder / "held"
        self.held.mkdir(exist_ok=True)
        self.path = folder / "watchdog"
        self.lateness_ms = 0
        self.serial = 0
        surroundings = Surroundings(
            socket=self.path,
            held=self.held,
            owner=os.getuid(),
            store=store,
            known=lambda: (),
            clock=lambda: boottime_ms() + self.lateness_ms,
            lock_memory=lambda: None,
        )
        self.feeder = Feeder(surroundings, on_shown=self.shown.put, on_entry=self._entry, on_end=self.ended.put)
        self.client: socket.socket | None = None

    def _entry(self, event: Event, level: Level, text: str) -> None:
        self.entries.put((event, text))

    def connect(self) -> None:
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.settimeout(WITHIN_S)
        self.client.connect(str(self.path))

    def say(self, *messages: Message) -> None:
        assert self.client is not None
        for message in messages:
            known = replace(message, serial=self.serial) if isinstance(message, Tell) else message
            self.client.send(encode(known))

    def answer(self, **wanted: Any) -> Armed:
        """The next answer that has these values, but for its serial number."""
        assert self.client is not None
        while True:
            message = decode(self.client.recv(4096))
            assert isinstance(message, Armed)
            self.serial = message.serial
            if all(getattr(message, name) == value for name, value in wanted.items()):
                return replace(message, serial=0)

    def until(self, what: str, value: int | None = None) -> list[tuple[str, int]]:
        """The device got this call; the calls before it."""
        before: list[tuple[str, int]] = []
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            call = self.calls.get(timeout=WITHIN_S)
            if call == (what, call[1] if value is None else value):
                return before
            before.append(call)
        raise AssertionError(f"the device did not get {what!r}, but {before[:20]}")

    def told(self, event: Event) -> str:
        while (entry := self.entries.get(timeout=WITHIN_S))[0] is not event:
            pass
        return entry[1]

    def shows(self, **wanted: Any) -> Shown:
        while True:
            shown = self.shown.get(timeout=WITHIN_S)
            if all(getattr(shown, name) == value for name, value in wanted.items()):
                return shown


def echoed(seconds: float = 500.0, **fields: Any) -> Tell:
    return Tell(
        **{"holding": True, "echoed_until_ms": boottime_ms() + int(seconds * 1000), "stored_ms": 2_000} | fields
    )


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    """Starts a feeder; whatever still runs is stopped at the end."""
    monkeypatch.setattr(module, "Device", FakeDevice)
    monkeypatch.setattr(FakeDevice, "calls", queue.SimpleQueue())
    started: list[Running] = []

    def begin(
        wanted: Wanted | None = WANTED,
        *,
        stored: int | None = None,
        held: tuple[str, ...] = (),
        configured: bool = True,
    ) -> Running:
        running = Running(tmp_path, FakeStore(stored))
        for group in held:
            (running.held / group).touch()
        running.feeder.start()
        if configured:
            running.feeder.configure(wanted, "")
        started.append(running)
        return running

    yield begin
    for running in started:
        running.feeder.stop()
        if running.client:
            running.client.close()
        assert running.ended.get(timeout=WITHIN_S) is None


def test_nothing_is_armed_before_somebody_is_about_to_hold_something(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    assert running.answer() == Armed(number=0, timeout_ms=0, wanted_ms=2_000)
    running.say(Tell(holding=False, echoed_until_ms=None), Arm(number=5))
    assert running.answer(number=5) == Armed(number=5, timeout_ms=2_000, wanted_ms=2_000)
    assert running.until("timeout", 2_000) == [("armed", 0)]
    assert running.store.has is not None, "the answer came before systemd had a copy"
    assert "resets this machine 2 s after" in running.told(Event.WATCHDOG_ARMED)


def test_an_arm_is_answered_only_when_a_crash_would_not_close_the_device(begin: Callable[..., Running]) -> None:
    running = begin()
    running.store.reads.clear()
    running.connect()
    running.answer(number=0)
    running.say(Arm(number=1))
    running.until("armed")
    assert running.client is not None
    running.client.settimeout(0.6)  # more than two tries
    with pytest.raises(TimeoutError):
        running.client.recv(4096)
    running.client.settimeout(WITHIN_S)
    running.store.reads.set()
    assert running.answer(number=1).timeout_ms == 2_000


def test_held_and_echoed_it_is_fed_held_and_not_echoed_it_is_not_and_with_nothing_held_it_is(
    begin: Callable[..., Running],
) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.shows(holding=True, timeout_ms=2_000, fed=False)
    running.say(echoed())
    running.shows(fed=True)
    running.until("fed")
    running.until("fed")
    running.say(Tell(holding=True, echoed_until_ms=None, stored_ms=2_000))
    running.shows(fed=False)
    assert "its tick is not echoed by a quorum; this machine is reset within 2 s" in running.told(
        Event.WATCHDOG_STARVED
    )
    _drain(running.calls)
    running.say(Tell(holding=True, echoed_until_ms=1, stored_ms=2_000), Arm(number=2))
    running.answer(number=2)
    assert _drain(running.calls) == []
    running.say(Tell(holding=False, echoed_until_ms=None, stored_ms=2_000))
    running.shows(fed=True, holding=False)
    running.told(Event.WATCHDOG_FED)


def test_a_resourced_that_is_away_while_something_is_held_feeds_nothing(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1), echoed())
    running.shows(fed=True)
    (running.held / "webserv").touch()
    assert running.client is not None
    running.client.close()
    running.shows(fed=False)
    assert "its resourced is away" in running.told(Event.WATCHDOG_STARVED)
    running.connect()
    running.say(echoed())
    running.shows(fed=True)


def test_a_resourced_that_went_without_having_held_anything_starves_nobody(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.shows(holding=True, fed=False)
    assert running.client is not None
    running.client.close()
    running.shows(holding=False, fed=True)


def test_with_nothing_held_a_stop_disarms_and_takes_the_copy_back(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.answer(number=1)
    running.say(Tell(holding=False, echoed_until_ms=None))
    running.shows(holding=False)
    running.feeder.stop()
    running.until("disarmed")
    assert running.store.has is None


@pytest.mark.parametrize("by_file", [True, False])
def test_while_something_is_held_a_stop_leaves_it_armed_with_systemd(
    begin: Callable[..., Running], by_file: bool
) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.answer(number=1)
    if by_file:
        (running.held / "webserv").touch()
        running.say(Tell(holding=False, echoed_until_ms=None))
    running.feeder.stop()
    assert running.store.has is not None
    assert "disarmed" not in [name for name, _ in _drain(running.calls)]


def test_the_next_process_takes_it_back_and_feeds_it_before_it_has_read_anything(begin: Callable[..., Running]) -> None:
    running = begin(stored=40, configured=False)
    assert running.until("fed") == [("adopted", 40)]
    running.shows(fed=True, timeout_ms=2_000)
    running.feeder.configure(WANTED, None)
    running.connect()
    assert running.answer(timeout_ms=2_000).wanted_ms == 2_000


def test_taken_back_while_something_is_held_it_waits_for_the_echo(begin: Callable[..., Running]) -> None:
    running = begin(stored=40, held=("webserv",))
    running.shows(fed=False, timeout_ms=2_000, holding=True)
    running.connect()
    running.say(echoed())
    running.shows(fed=True)
    assert running.until("fed") == [("adopted", 40)]


def test_with_something_held_and_nothing_in_the_store_it_is_armed_again_and_never_disarmed(
    begin: Callable[..., Running],
) -> None:
    running = begin(held=("webserv",))
    running.connect()
    running.say(Tell(holding=True, echoed_until_ms=None), Arm(number=1))
    assert running.answer(number=1).timeout_ms == 0
    assert _drain(running.calls) == [], "opened it would be fed, and it may run"
    running.say(echoed())
    running.until("armed")
    running.shows(holding=True, timeout_ms=2_000, fed=True)
    running.feeder.stop()
    assert "disarmed" not in [name for name, _ in _drain(running.calls)]


def test_a_device_that_refuses_is_told_once_and_to_whoever_asks(
    begin: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDevice, "refusal", "/dev/dog is open elsewhere")
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    assert running.answer(number=1, refusal="/dev/dog is open elsewhere").timeout_ms == 0
    assert running.told(Event.WATCHDOG_REFUSED) == "The watchdog is not armed: /dev/dog is open elsewhere"
    running.say(Arm(number=2))
    running.answer(number=2)
    assert running.entries.empty()
    monkeypatch.setattr(FakeDevice, "refusal", "")
    running.say(Arm(number=3))
    assert running.answer(number=3).timeout_ms == 2_000


def test_a_timeout_that_is_too_short_disarms_and_refuses(
    begin: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDevice, "settable", False)
    running = begin(Wanted(device="/dev/dog", trust=True, timeout_ms=90_000, shortest_ms=90_000, tick_max_ms=3_000))
    running.connect()
    running.say(Arm(number=1))
    assert running.answer(number=1).refusal.startswith("/dev/dog has a timeout of 60 s, and 90 s is the shortest")
    assert running.until("disarmed") == [("armed", 0)]


def test_another_timeout_than_was_asked_for_is_told_and_counts(
    begin: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDevice, "rounds_to_ms", 4_000)
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    assert running.answer(number=1) == Armed(number=1, timeout_ms=4_000, wanted_ms=2_000)
    assert "gave back a timeout of 4 s instead of 2 s" in running.told(Event.WATCHDOG_TIMEOUT)


def test_a_longer_timeout_waits_for_the_record_and_a_shorter_one_does_not(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1), echoed())
    running.answer(number=1, timeout_ms=2_000)
    running.feeder.configure(_wanting(8_000), "")
    assert running.answer(wanted_ms=8_000).timeout_ms == 2_000
    running.say(echoed(stored_ms=8_000))
    assert running.answer(timeout_ms=8_000)
    running.feeder.configure(_wanting(3_000), "")
    assert running.answer(wanted_ms=3_000).timeout_ms == 3_000


def test_a_timeout_that_gets_longer_than_the_record_names_is_taken_back(
    begin: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.answer(number=1, timeout_ms=2_000)
    monkeypatch.setattr(FakeDevice, "rounds_to_ms", 10_000)
    running.feeder.configure(_wanting(8_000), "")
    running.answer(wanted_ms=8_000)
    running.say(echoed(stored_ms=8_000))
    running.until("timeout", 8_000)
    running.until("timeout", 2_000)
    assert "8 s were asked for" in running.told(Event.WATCHDOG_TIMEOUT)


def test_without_a_watchdog_in_the_configuration_an_arm_is_answered_with_none(begin: Callable[..., Running]) -> None:
    running = begin(None)
    running.connect()
    running.say(Arm(number=1))
    assert running.answer(number=1) == Armed(number=1, timeout_ms=0, wanted_ms=0)


def test_taken_out_of_the_configuration_it_is_disarmed_when_nothing_is_held(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1), echoed())
    running.shows(fed=True)
    running.feeder.configure(None, "")
    running.until("fed")
    running.until("fed")
    running.say(Tell(holding=False, echoed_until_ms=None))
    running.until("disarmed")
    assert running.answer(wanted_ms=0, timeout_ms=0)


def test_fed_too_late_it_hurries_and_is_never_fed_again(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1))
    running.answer(number=1)
    _drain(running.calls)
    feed = FakeDevice.feed

    def stand_still(device: FakeDevice) -> None:
        running.lateness_ms += 900_000
        feed(device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeDevice, "feed", stand_still)
        running.say(echoed())
        running.until("hurried")
    running.say(echoed(5_000.0), Arm(number=2))
    running.answer(number=2)
    running.say(Tell(holding=False, echoed_until_ms=None))
    running.shows(holding=False)
    running.feeder.stop()
    assert _drain(running.calls) == []
    assert "fed too late" in running.told(Event.WATCHDOG_STARVED)


def test_armed_first_while_the_last_echo_is_old_it_is_in_no_hurry(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Tell(holding=False, echoed_until_ms=1), Arm(number=1))
    assert running.answer(number=1).timeout_ms == 2_000
    assert [name for name, _ in _drain(running.calls)] == ["armed", "timeout"]


def test_who_is_not_resourced_or_speaks_nonsense_is_turned_away(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.answer()
    assert running.client is not None
    running.client.send(b"hello")
    assert running.client.recv(10) == b""
    assert "no message about the watchdog" in running.told(Event.WATCHDOG_CALLER)
    running.connect()
    running.say(Armed(number=1, timeout_ms=1, wanted_ms=1))
    running.answer()
    assert running.client.recv(10) == b"", "quorumd's own word is none for it"


def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    entries: queue.SimpleQueue[str] = queue.SimpleQueue()
    surroundings = Surroundings(
        socket=tmp_path / "watchdog", owner=os.getuid() + 1, store=FakeStore(), lock_memory=lambda: None
    )
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    feeder = Feeder(
        surroundings, on_shown=lambda _: None, on_entry=lambda _, __, text: entries.put(text), on_end=ended.put
    )
    feeder.start()
    assert (tmp_path / "watchdog").stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.settimeout(WITHIN_S)
        stranger.connect(str(tmp_path / "watchdog"))
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(10) == b""
    assert "was turned away" in entries.get(timeout=WITHIN_S)
    feeder.stop()
    assert ended.get(timeout=WITHIN_S) is None


def test_the_newest_resourced_counts(begin: Callable[..., Running]) -> None:
    running = begin()
    running.connect()
    running.say(Arm(number=1), echoed())
    running.shows(fed=True)
    old = running.client
    running.connect()
    running.shows(holding=False)
    assert old is not None
    while old.recv(4096):
        pass
    old.close()
    running.say(Arm(number=1))
    running.shows(holding=True, fed=False)


def _wanting(timeout_ms: int) -> Wanted:
    return Wanted(device="/dev/dog", trust=True, timeout_ms=timeout_ms, shortest_ms=1_000, tick_max_ms=600_000)


def _drain(calls: "queue.SimpleQueue[tuple[str, int]]") -> list[tuple[str, int]]:
    found = []
    while not calls.empty():
        found.append(calls.get())
    return found
