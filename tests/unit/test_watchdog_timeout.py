"""The device never has a longer timeout than the record names: both real ends, with words that come late."""

import contextlib
import os
import socket
from collections import deque
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from standfast.quorumd.ear import Ear
from standfast.quorumd.feeding import Dog, decide
from standfast.watchdog.messages import Armed, Tell, decode, encode
from standfast.watchdog.times import Wanted

NOW = 1_000_000
FIRST = 30_000
TIMEOUTS = (20_000, FIRST, 40_000)
WANTED = Wanted(device="/dev/watchdog0", trust=False, timeout_ms=FIRST, shortest_ms=20_000, tick_max_ms=3_000)
STEPS = ("quorumd hears", "quorumd turns", "resourced hears", "resourced tells", "record")


class Pair:
    """quorumd's rule with its real ear, and a resourced that keeps the contract of resourced.feeder."""

    def __init__(self, folder: Path) -> None:
        self.ear = Ear(folder / "socket", os.getuid(), lambda: NOW, lambda _: None)
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.setblocking(False)
        self.client.connect(str(folder / "socket"))
        self.ear.on_ready(set(self.ear.sources()))
        self.wanted, self.dog = WANTED, Dog(asked_ms=FIRST, given_ms=FIRST)
        self.record, self.updates = FIRST, deque[int]()
        self.serial = 0

    def step(self, name: int | str) -> None:
        match name:
            case int(timeout_ms):
                self.wanted = replace(self.wanted, timeout_ms=timeout_ms)
            case "quorumd hears":
                self.ear.on_ready(set(self.ear.sources()))
            case "quorumd turns":
                self._turn()
            case "resourced hears":
                self._hear()
            case "resourced tells":
                stored = min((self.record, *self.updates))
                tell = Tell(holding=True, echoed_until_ms=NOW + 1_000, stored_ms=stored, serial=self.serial)
                with contextlib.suppress(
                    BlockingIOError
                ):  # quorumd reads nothing: as resourced.feeder, the next one comes
                    self.client.send(encode(tell))
            case "record" if self.updates:
                self.record = self.updates.popleft()

    def _turn(self) -> None:
        decision = decide(now_ms=NOW, wanted=self.wanted, dog=self.dog, heard=self.ear.heard, held=True)
        if decision.timeout_ms is not None:
            self.dog = Dog(asked_ms=decision.timeout_ms, given_ms=decision.timeout_ms)
        self.ear.answer(self.dog.given_ms, self.wanted.timeout_ms, "")

    def _hear(self) -> None:
        try:
            armed = decode(self.client.recv(4096))
        except BlockingIOError:
            return
        assert isinstance(armed, Armed)
        self.serial = armed.serial
        self.updates.append(max(armed.timeout_ms, armed.wanted_ms))

    def close(self) -> None:
        self.client.close()
        self.ear.close()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from((*TIMEOUTS, *STEPS)), max_size=40))
def test_it_is_so_whatever_comes_late(steps: list[int | str]) -> None:
    with TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        for step in steps:
            pair.step(step)
            assert pair.dog.given_ms <= pair.record
        pair.close()


def test_a_longer_one_is_set_in_the_end() -> None:
    with TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        pair.step(40_000)
        for _ in range(3):
            for step in ("quorumd hears", "quorumd turns", "resourced hears", "record", "resourced tells"):
                pair.step(step)
        assert (pair.dog.given_ms, pair.record) == (40_000, 40_000)
        pair.close()


def test_a_word_from_before_the_last_one_of_quorumd_lengthens_nothing() -> None:
    """40 s were wanted, given up and wanted again while resourced's "40 s are stored" was on its way."""
    with TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        pair.step("quorumd turns")
        for step in (40_000, "quorumd turns", "resourced hears", "resourced hears", "record", "record"):
            pair.step(step)
        for step in ("resourced tells", FIRST, "quorumd turns", "resourced hears", "record", 40_000):
            pair.step(step)
        assert pair.record == FIRST
        pair.step("quorumd hears")
        pair.step("quorumd turns")
        assert pair.dog.given_ms == FIRST
        pair.close()


def test_what_was_stored_once_lengthens_nothing_when_it_was_given_up_since() -> None:
    """resourced says nothing between the shorter one and the longer one."""
    with TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        pair.step(40_000)
        for _ in range(3):
            for name in ("quorumd hears", "quorumd turns", "resourced hears", "record", "resourced tells"):
                pair.step(name)
        pair.step("quorumd hears")
        assert pair.dog.given_ms == 40_000
        for step in (FIRST, "quorumd turns", "resourced hears", "resourced hears", "record", "record", 40_000):
            pair.step(step)
        assert pair.record == FIRST
        pair.step("quorumd turns")
        assert pair.dog.given_ms == FIRST
        pair.close()
