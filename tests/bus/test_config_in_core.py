"""`standfast config push` and what follows, against the real core and publication of a cluster of one node."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.desk import machine
from bus.private import PrivateBus
from fakes.daemons import ALL, Cluster
from fakes.resourced import no_objections
from standfast.bus import Bus, Call
from standfast.configuration import versions
from standfast.configuration.bundle import unpack
from standfast.configuration.load import check
from standfast.configuration.model import Configuration
from standfast.configuration.tree import Tree, read_tree
from standfast.ctl.__main__ import main
from standfast.operations import config_checking, config_versions
from standfast.resourced.core import Core
from standfast.resourced.events import (
    Action,
    Answer,
    ConfigurationRead,
    Event,
    FetchConfiguration,
    InstallConfiguration,
)
from standfast.resourced.initial import first_record
from standfast.resourced.publication import Publication
from unit.test_core import Alone

CLUSTER = "[Cluster]\nName=webha\n[Node]\nName=n1\nId=1\nAddress=192.0.2.11\n"
TARGET = "[X-Standfast]\nResources=site.service\n"
SITE = "[Service]\nExecStart=/bin/true\n"


class Node(Alone):
    """A node that prepares and installs versions from its disk; nothing of systemd is there."""

    def __init__(self, etc: Path, disk: Path) -> None:
        tree = read_tree(etc)
        versions.store(tree, disk)
        versions.point(tree.digest, disk)
        self.versions, self.used = disk, check(tree, system=None)
        super().__init__(record=first_record(self.used))

    def begin(self, known: Configuration) -> Core:
        core = super().begin(self.used)
        core.installation.installed = self.used.digest
        return core

    def offer(self, digest: str) -> list[Action]:
        tree = versions.read(digest, self.versions)
        assert tree is not None
        offered = check(tree, system=None)
        return self.give(ConfigurationRead(configuration=self.used, installed=self.used.digest, offered=offered))

    def give(self, *events: Event) -> list[Action]:
        done = super().give(*events)
        for action in tuple(done):
            match action:
                case FetchConfiguration(digest=digest):
                    done += self.offer(digest)
                case InstallConfiguration(digest=digest):
                    versions.point(digest, self.versions)
                    assert self.core.installation.offered is not None
                    self.used = self.core.installation.offered
                    done += self.offer(digest)
        return done


class Desk:
    """What is typed there reaches the core; its time runs."""

    def __init__(self, folder: Path) -> None:
        self.etc, self.disk = folder / "etc", folder / "disk"
        self.write("cluster.conf", CLUSTER)
        self.write("corosync.key", "k" * 256, 0o600)
        self.write("units/webserv.target", TARGET)
        self.write("units/site.service", SITE)
        self.node = Node(self.etc, self.disk)
        self.node.join().passes(500)
        self.publication = Publication(self.node.core, self.push, no_objections)

    def write(self, name: str, text: str, mode: int = 0o644) -> Tree:
        (self.etc / name).parent.mkdir(parents=True, exist_ok=True)
        (self.etc / name).write_text(text)
        (self.etc / name).chmod(mode)
        return read_tree(self.etc)

    def push(self, event: Event) -> None:
        self.tell(self.node.give(event))

    def tell(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Answer):
                self.publication.answered(action)
        self.publication.update()

    async def _share(self, call: Call) -> tuple[Any, ...]:
        tree = unpack(call.arguments[0])
        versions.store(tree, self.disk)
        self.tell(self.node.offer(tree.digest))
        return (tree.digest,)

    async def _time(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            self.tell(self.node.passes(250))

    def type(self, *words: str) -> Result:
        async def play() -> Result:
            cluster, served = Cluster(), asyncio.Event()
            cluster.servers[ALL[0]].handle("org.standfast.Membership1", "Share", self._share)

            async def on_bus(_: Bus) -> None:
                served.set()

            async with cluster.running(ALL[:1]):
                tasks = [asyncio.create_task(one) for one in (self.publication.serve(on_bus), self._time())]
                await asyncio.wait_for(served.wait(), 10)
                try:
                    runner = CliRunner(mix_stderr=False)
                    return await asyncio.to_thread(runner.invoke, main, ["config", *words], env={"COLUMNS": "80"})
                finally:
                    for task in tasks:
                        task.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await task

        return asyncio.run(play())


@pytest.fixture
def desk(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    found = Desk(tmp_path)
    monkeypatch.setattr(config_versions, "FOLDER", found.etc)
    monkeypatch.setattr(config_versions, "DISK", found.disk)
    monkeypatch.setattr(config_checking, "Machine", lambda: machine(tmp_path))
    return found


def test_a_version_comes_into_force_and_goes_back(desk: Desk) -> None:
    before = versions.in_force(desk.disk)
    after = desk.write("units/webserv.target", TARGET + "Priority=5\n").digest
    result = desk.type("push", "--yes", "--why", "more important")
    assert result.exit_code == 0, result.stderr
    assert versions.in_force(desk.disk) == desk.node.record.configuration == after
    made = json.loads(desk.type("history", "--json").stdout)["versions"]
    assert (made[0]["digest"], made[0]["base"], made[0]["why"]) == (after, before, "more important")
    result = desk.type("rollback", "--yes")
    assert result.exit_code == 0, result.stderr
    assert versions.in_force(desk.disk) == before


def test_what_is_too_long_for_a_message_is_refused_where_it_is_asked(desk: Desk) -> None:
    desk.write("units/webserv.target", TARGET + "Priority=5\n")
    names = [word for _ in range(20) for word in ("--without", "n" * 1_000)]
    result = desk.type("push", "--yes", *names)
    assert "is too long to be a name" in result.stderr
    assert desk.node.record.version == 1


def test_what_nobody_confirms_goes_back_by_itself(desk: Desk) -> None:
    before = versions.in_force(desk.disk)
    desk.write("units/webserv.target", TARGET + "Priority=5\n")
    result = desk.type("push", "--yes", "--confirm-within", "5min")
    assert result.exit_code == 0, result.stderr
    assert "Within 5min type `standfast config confirm`, or version 1 comes back." in result.stdout
    desk.node.passes(310_000)
    assert versions.in_force(desk.disk) == before


def test_what_is_taken_back_goes_back_at_once(desk: Desk) -> None:
    before = versions.in_force(desk.disk)
    assert desk.type("take-back").exit_code == 1
    desk.write("units/webserv.target", TARGET + "Priority=5\n")
    assert desk.type("push", "--yes", "--confirm-within", "5min").exit_code == 0
    assert versions.in_force(desk.disk) != before
    result = desk.type("take-back")
    assert (result.exit_code, result.stdout) == (0, "The version before comes back: standfast config history\n")
    desk.node.passes(1_000)
    assert versions.in_force(desk.disk) == before
    newest = json.loads(desk.type("history", "--json").stdout)["versions"][0]
    assert (newest["by"], newest["why"]) == ("an operator", "version 2 was taken back")


def test_what_is_confirmed_stays_and_is_confirmed_once(desk: Desk) -> None:
    after = desk.write("units/webserv.target", TARGET + "Priority=5\n").digest
    assert desk.type("push", "--yes", "--confirm-within", "5min").exit_code == 0
    assert desk.type("confirm").exit_code == 0
    result = desk.type("confirm")
    assert (result.exit_code, result.stderr) == (
        1,
        "standfast: Nothing waits to be confirmed: standfast config history.\n",
    )
    desk.node.passes(310_000)
    assert versions.in_force(desk.disk) == after
