"""Which files the running Corosync is told to read, and when, beside members that are played here."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from standfast.configuration.model import Cluster, Configuration, Node
from standfast.corosync.network import Network
from standfast.corosync.requests import Requests
from standfast.membershipd import reload
from standfast.membershipd.corosync_conf import DIGEST_KEY, KEY_KEY, digest_of, key_of, render
from standfast.membershipd.engine import Engine
from standfast.membershipd.reload import Reload
from standfast.membershipd.ring import Follower

OLD = b"o" * 1024
NEW = b"n" * 1024


def configuration(*addresses: tuple[str, ...]) -> Configuration:
    nodes = tuple(Node(name=f"n{i}", id=i, addresses=one) for i, one in enumerate(addresses, start=1))
    return Configuration(cluster=Cluster(name="c"), nodes=nodes, devices=(), domains=(), groups=(), digest="d")


BEFORE = configuration(("192.0.2.1", "198.51.100.1"), ("192.0.2.2", "198.51.100.2"))
MOVED = configuration(("203.0.113.1", "198.51.100.1"), ("203.0.113.2", "198.51.100.2"))


class Ring:
    """This node's Corosync and follower, and a second member that writes what this one writes, or nothing."""

    def __init__(self, folder: Path, *, lowest: bool = True, other_writes: bool = True) -> None:
        self.engine = Engine(folder / "corosync.conf", lambda: 0.0)
        self.running: dict[str, str] = {}
        self.taken: list[str] = []
        self.is_lowest = lowest
        self.other_writes = other_writes
        self.dead = asyncio.Event()
        self.due = False
        self._wrote = ""
        network, requests = cast(Network, self), cast(Requests, self)
        self.reloading = Reload(network, requests, self.engine, lambda node: f"n{node}", lambda: self.due)
        self.run(BEFORE, OLD)

    def run(self, of: Configuration, key: bytes) -> None:
        self.engine.write(render(of, self.engine.key_file, key), key)
        self._read_files()

    def _read_files(self) -> None:
        text = self.engine.key_file.with_name("corosync.conf").read_text()
        self.running = {DIGEST_KEY: digest_of(text), KEY_KEY: key_of(text)}
        node = -1
        for name, _, value in (line.strip().partition(": ") for line in text.splitlines()):
            node += name == "name"
            if name == "name" or name.endswith("_addr"):
                self.running[f"nodelist.node.{node}.{name}"] = value

    async def update(self, to: Configuration, key: bytes) -> bool:
        return await self.reloading.bring_up_to_date(cast(Follower, self), to, key)

    # as Network, Requests and Follower

    def read_string(self, key: str) -> str | None:
        return self.running.get(key)

    async def ask(self, question: object) -> object:
        return question()  # type: ignore[operator]  # a callable, as of Requests

    def wrote(self, file: str) -> None:
        self._wrote = file

    def lacking(self, files: frozenset[str]) -> tuple[int, ...]:
        return () if self.other_writes and self._wrote in files else (2,)

    async def told_about_files(self) -> None:
        await asyncio.Event().wait()

    async def reload(self) -> None:
        self.taken.append(self.engine.key_file.with_name("corosync.conf").read_text())
        self._read_files()


def test_a_link_with_other_addresses_is_dropped_first_and_then_made_anew(tmp_path: Path) -> None:
    async def main() -> None:
        ring = Ring(tmp_path)
        assert await ring.update(MOVED, OLD)
        dropped, made = ring.taken
        assert "ring0_addr" not in dropped
        assert dropped.count("ring1_addr: 198.51.100.") == made.count("ring1_addr: 198.51.100.") == 2
        assert made == render(MOVED, ring.engine.key_file, OLD)
        assert await ring.update(MOVED, OLD)
        assert len(ring.taken) == 2

    asyncio.run(main())


def test_where_no_link_would_be_left_the_whole_file_is_offered_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        ring = Ring(tmp_path)
        alone = replace(MOVED, nodes=tuple(replace(n, addresses=n.addresses[:1]) for n in MOVED.nodes))
        assert await ring.update(alone, OLD)
        assert len(ring.taken) == 1

    asyncio.run(main())


def test_a_new_key_waits_for_every_member_and_gives_way_to_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reload, "ALL_WROTE_S", 0.01)

    async def main() -> None:
        ring = Ring(tmp_path, other_writes=False)
        waiting = asyncio.ensure_future(ring.update(BEFORE, NEW))
        while "corosync-waits" not in capsys.readouterr().err:  # noqa: ASYNC110 - no event tells of the journal
            await asyncio.sleep(0.01)
        assert not ring.taken
        assert ring.engine.key_file.read_bytes() == NEW
        ring.due = True
        assert not await waiting
        ring.due = False
        assert await ring.update(BEFORE, OLD)
        assert ring.engine.key_file.read_bytes() == OLD
        assert not ring.taken
        ring.other_writes = True
        assert await ring.update(BEFORE, NEW)
        assert len(ring.taken) == 1

    asyncio.run(main())


def test_what_is_not_about_the_key_waits_for_a_silent_member_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "ALL_WROTE_S", 0.01)

    async def main() -> None:
        ring = Ring(tmp_path, other_writes=False)
        assert await ring.update(replace(BEFORE, cluster=Cluster(name="c", detect_within_ms=1100)), OLD)
        assert len(ring.taken) == 1

    asyncio.run(main())


def test_a_member_that_is_not_the_lowest_reloads_only_when_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "LOWEST_S", 0.05)

    async def main() -> None:
        ring = Ring(tmp_path, lowest=False)
        assert await ring.update(BEFORE, NEW)
        assert len(ring.taken) == 1

    asyncio.run(main())
