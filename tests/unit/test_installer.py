"""What resourced does with versions on its node: prepared, fetched, installed, tried again, and what it says."""

import asyncio
import errno
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fakes.in_force import put_in_force
from standfast.bus import BusError, ErrorName
from standfast.configuration import install, versions
from standfast.configuration.load import check, load, load_in_force
from standfast.configuration.model import Configuration
from standfast.configuration.tree import File, Tree, read_tree
from standfast.resourced import store
from standfast.resourced.events import ConfigurationRead
from standfast.resourced.installer import Installer
from standfast.resourced.record import VersionInForce, initial
from unit.crashes import Crash, crashing

CLUSTER = "[Cluster]\nName=c\nUnsafe=yes\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n"
GROUP = "[X-Standfast]\nResources=web.service\n"
WEB = "[Service]\nExecStart=/bin/true\n"


class Machine:
    """One node's folders, systemd and fenced, as its installer has them."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder, self.system = folder / "etc", folder / "var", folder / "system"
        self.system.mkdir()
        self.write("cluster.conf", CLUSTER)
        self.write("corosync.key", "k" * 256).chmod(0o600)
        self.objections: tuple[str, ...] = ()  # of this machine and its agents
        self.away: BusError | None = None  # they cannot be asked
        self.loose: dict[str, str] = {}  # units that run beside their group
        self.refusal: BusError | None = None  # of systemd
        self.adopted, self.holds = True, False
        self.in_force = ""  # the record's
        self.history: tuple[VersionInForce, ...] = ()
        self.done: list[str] = []
        self.wanted: list[str] = []
        self.told: list[ConfigurationRead] = []
        put_in_force(self.root, self.folder)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def with_a_group(self) -> str:
        """A version with one group is stored; its digest."""
        self.write("units/webserv.target", GROUP)
        self.write("units/web.service", WEB)
        tree = read_tree(self.root)
        versions.store(tree)
        return tree.digest

    def installer(self) -> Installer:
        configuration, _ = load_in_force(system=None)
        assert configuration is not None
        return Installer(
            node="n1",
            configuration=configuration,
            acts=self,  # type: ignore[arg-type] # what it uses of Acts is below
            push=self.told.append,
            judge=self._judge,
            want=self._want,
            record=lambda: replace(initial(self.in_force, {}, ()), history=self.history),
        )

    async def install(self, installer: Installer, digest: str) -> None:
        """It came into force, and the core asks for it."""
        self.in_force = digest
        await installer.install(digest)

    @property
    def last(self) -> ConfigurationRead:
        return self.told[-1]

    async def _judge(self, configuration: Configuration, tree: Tree) -> tuple[str, ...]:
        if self.away is not None:
            raise self.away
        return self.objections

    async def _want(self, digest: str) -> None:
        self.wanted.append(digest)

    async def enabled_or_running(self, units: tuple[str, ...]) -> dict[str, str]:
        return {unit: text for unit, text in self.loose.items() if unit in units}

    async def reload(self, groups: tuple[Any, ...]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.done.append("daemon-reload")

    def look_at_guards(self, groups: tuple[Any, ...]) -> None:
        self.done.append("look at guards")

    async def reload_daemon(self, name: str) -> None:
        self.done.append(name)

    async def adopt(self, groups: tuple[Any, ...]) -> None:
        self.done.append("adopt")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    var, system, manifest = tmp_path / "var", tmp_path / "system", tmp_path / "var/installed.json"
    for function in (
        versions.store,
        versions.read,
        versions.point,
        versions.begin,
        versions.begun,
        versions.in_force,
        versions.read_in_force,
        versions.prune,
        load_in_force,
    ):
        monkeypatch.setattr(function, "__defaults__", (var,))
    monkeypatch.setattr(install.install, "__defaults__", (var / "config", system, manifest))
    monkeypatch.setattr(install.in_the_way, "__defaults__", (var / "config", system, manifest))
    monkeypatch.setattr(install.unguarded, "__defaults__", (system,))
    monkeypatch.setattr(install.installed_digest, "__defaults__", (manifest,))
    monkeypatch.setattr(store.take_read, "__defaults__", (tmp_path / "read",))
    monkeypatch.setattr(store.note_read, "__defaults__", (tmp_path / "read",))
    monkeypatch.setattr(store, "ROOT", tmp_path / "etc")
    monkeypatch.setattr(store, "check", lambda tree, *, system=None: check(tree, system=None))
    return Machine(tmp_path)


def play(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_a_stored_version_is_prepared_when_nothing_speaks_against_it(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        before = installer.configuration
        await installer.stored(digest)
        assert machine.last.offered is not None
        assert (machine.last.offered.digest, machine.last.objections) == (digest, ())
        assert machine.last.configuration is before, "it is used when it is in force"
        machine.objections = ("cluster.conf:9: no agent fence_x",)
        await installer.stored(digest)
        assert machine.last.offered is None
        assert machine.last.objections == machine.objections
        machine.told.clear()
        await installer.stored(digest)
        assert [one.objections for one in machine.told] == [(), machine.objections], "the old ones are taken back first"

    play(main)


def test_what_is_broken_or_cannot_be_asked_is_an_objection(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        installer = machine.installer()
        machine.write("cluster.conf", CLUSTER + "Vodes=2\n")
        tree = read_tree(machine.root)
        versions.store(tree)
        await installer.stored(tree.digest)
        assert machine.last.offered is None
        assert machine.last.objections[0].startswith("cluster.conf:8: ")
        await installer.stored("f" * 64)
        assert machine.last.objections == ("it is not whole on this node's disk: push it again",)

    play(main)
    assert "cannot come into force: cluster.conf:8: " in capsys.readouterr().err


def test_fenced_that_is_away_keeps_a_version_from_being_prepared(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        machine.away = BusError(ErrorName.SERVICE_UNKNOWN, "fenced does not run.")
        await installer.stored(digest)
        assert machine.last.objections == ("it cannot be checked now: fenced does not run.",)

    play(main)


def test_what_is_in_force_is_fetched_installed_and_used(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        await machine.install(installer, digest)
        assert installer.configuration.digest == installer.installed == versions.in_force() == digest
        assert (machine.system / "web.service").resolve().read_text() == WEB
        assert (machine.system / "web.service.d/zz-standfast.conf").is_file()
        assert machine.done == ["daemon-reload", "membershipd", "quorumd", "fenced", "adopt"]
        assert machine.last.installed == digest

    play(main)


def test_a_version_that_is_not_here_is_wanted_and_fetched_when_it_came(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        versions.prune(())
        await installer.fetch(digest)
        assert machine.wanted == [digest]
        assert machine.told == []
        versions.store(read_tree(machine.root))
        machine.objections = ("it is in force: nobody asks",)
        await installer.stored(digest)
        assert machine.last.offered is not None
        assert machine.last.offered.digest == digest

    play(main)


def test_what_cannot_be_installed_is_told_once_and_tried_again(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        foreign = machine.system / "web.service"
        foreign.write_text(WEB)
        await installer.fetch(digest)
        for _ in range(2):
            await machine.install(installer, digest)
            await installer.look()
        assert versions.in_force() != digest
        foreign.unlink()
        await installer.look()
        assert installer.installed == digest

    play(main)
    assert capsys.readouterr().err.count("web.service: is in the way of units/web.service") == 1


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.000_1, 5), (0.001_5, 15), (0.1, 30)])
def test_files_are_looked_at_as_often_as_the_time_that_it_takes_allows(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, took_s: float, pause_s: float
) -> None:
    """What could not be installed is tried again as often as ever."""

    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.look()
        assert installer.next_look_s == pytest.approx(pause_s)
        (machine.system / "web.service").write_text(WEB)
        await installer.fetch(digest)
        await machine.install(installer, digest)
        await installer.look()
        assert installer.next_look_s == 5

    monkeypatch.setattr("time.thread_time", count(0, took_s).__next__)
    play(main)


def test_what_is_in_force_no_more_is_not_installed_late(machine: Machine) -> None:
    async def main() -> None:
        before = versions.in_force()
        digest, installer = machine.with_a_group(), machine.installer()
        foreign = machine.system / "web.service"
        foreign.write_text(WEB)
        await installer.fetch(digest)
        await machine.install(installer, digest)
        foreign.unlink()
        machine.in_force = before
        await installer.look()
        assert versions.in_force() == before
        machine.in_force = digest
        await installer.look()
        assert versions.in_force() == before, "the core has to ask again"

    play(main)


def test_at_its_start_it_installs_what_its_record_names_unless_something_is_held(machine: Machine) -> None:
    async def main() -> None:
        before = versions.in_force()
        digest = machine.with_a_group()
        machine.in_force, machine.holds = digest, True
        await machine.installer().settle()
        assert versions.in_force() == before
        machine.holds = False
        await machine.installer().settle()
        assert versions.in_force() == digest == machine.last.installed
        machine.done.clear()
        machine.in_force = "f" * 64
        await machine.installer().settle()
        assert machine.done == [], "that one is not here"

    play(main)


def test_a_daemon_that_starts_again_has_systemd_read_only_what_it_did_not(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        await machine.install(installer, digest)
        machine.done.clear()
        await machine.installer().settle()
        assert machine.done == ["look at guards", "adopt"], "a start waits for no daemon-reload that changes nothing"
        assert machine.last.installed == digest
        machine.done.clear()
        (machine.folder.parent / "read").unlink()  # a boot
        await machine.installer().settle()
        assert machine.done == ["daemon-reload", "membershipd", "quorumd", "fenced", "adopt"]
        machine.done.clear()
        next(machine.system.glob("web.service.d/*")).unlink()  # somebody took the guard away
        await machine.installer().settle()
        assert machine.done[0] == "daemon-reload"

    play(main)


def test_a_guard_that_is_missing_is_read_again_though_its_file_is_there(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        await machine.install(installer, digest)
        machine.done.clear()
        await installer.guards((("webserv", "web.service"),))
        assert machine.done[0] == "daemon-reload"

    play(main)


def test_whoever_dies_before_systemd_has_read_all_reads_it_when_back(machine: Machine) -> None:
    async def main() -> None:
        digest = machine.with_a_group()
        machine.in_force = digest
        for step in range(100):
            await machine.installer().settle()  # it is read
            next(machine.system.glob("web.service.d/*")).unlink()
            machine.done.clear()
            try:
                with crashing(step, Crash()):
                    await machine.installer().settle()
            except Crash:
                died_unread = "daemon-reload" not in machine.done
                machine.done.clear()
                await machine.installer().settle()
                assert not died_unread or machine.done[0] == "daemon-reload", f"it died at change {step}"
            else:
                assert step > 2
                return

    play(main)


def test_what_is_installed_is_not_installed_again(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        await machine.install(installer, digest)
        machine.done.clear()
        await machine.install(installer, digest)
        assert machine.done == []
        assert machine.last.installed == digest

    play(main)


def test_a_unit_that_runs_beside_its_group_keeps_the_version_out(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        machine.loose = {"web.service": "web.service runs: systemctl stop web.service"}
        await installer.fetch(digest)
        await machine.install(installer, digest)
        assert installer.installed != digest
        machine.loose = {}
        await installer.look()
        assert installer.installed == digest

    play(main)


def test_units_that_systemd_did_not_read_are_not_installed(machine: Machine) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        machine.refusal = BusError(ErrorName.FAILED, "There is no space.")
        await machine.install(installer, digest)
        assert installer.installed == ""
        machine.refusal = None
        await installer.look()
        assert installer.installed == digest

    play(main)


def test_the_working_copy_follows_but_for_what_somebody_edited(machine: Machine) -> None:
    async def main() -> None:
        mine = machine.write("notes", "old")
        put_in_force(machine.root, machine.folder)
        installer = machine.installer()
        machine.write("cluster.conf", "[Cluster]\nName=edited\n")
        tree = read_tree(machine.root)
        cluster = File(content=CLUSTER.encode() + b"# 2\n", mode=0o644)
        new = Tree(
            files={**tree.files, "cluster.conf": cluster, "notes": File(content=b"new", mode=0o644)}, problems=()
        )
        versions.store(new)
        await installer.fetch(new.digest)
        await machine.install(installer, new.digest)
        assert mine.read_text() == "new"
        assert "edited" in (machine.root / "cluster.conf").read_text()
        assert machine.last.drifted == ("cluster.conf",)
        machine.write("cluster.conf", CLUSTER + "# 2\n")
        await installer.look()
        assert not machine.last.drifted

    play(main)


def test_a_link_to_itself_in_the_working_copy_is_an_edit_and_no_end_of_the_daemon(machine: Machine) -> None:
    async def main() -> None:
        installer = machine.installer()
        (machine.root / "units").mkdir()
        (machine.root / "units/web.service").symlink_to("web.service")
        await installer.look()
        assert machine.last.drifted == ("units/web.service",)

    play(main)


def test_a_disk_that_breaks_after_the_installation_keeps_nothing_from_being_adopted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        monkeypatch.setattr(store, "prune", broken)
        monkeypatch.setattr(store, "_touched", broken)
        await installer.fetch(digest)
        await machine.install(installer, digest)
        await installer.look()
        assert machine.last.installed == digest
        assert machine.done[-1] == "adopt"

    play(main)


def test_a_guard_that_is_gone_is_written_again_and_until_then_nothing_is_installed(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        digest, installer = machine.with_a_group(), machine.installer()
        await installer.fetch(digest)
        await machine.install(installer, digest)
        guard = machine.system / "web.service.d/zz-standfast.conf"
        guard.unlink()
        await installer.guards((("webserv", "web.service"),))
        assert guard.is_file()
        assert machine.last.installed == "", "systemd has not said yet that it is in effect"
        await installer.guards(())
        assert machine.last.installed == digest
        assert load(machine.root, system=None).digest == digest

    play(main)
    assert "web.service has lost its guard" in capsys.readouterr().err


def passed(number: int, digest: str) -> VersionInForce:
    return VersionInForce(version=number, digest=digest, base="", at="", by="", why="")


def three_versions(machine: Machine) -> tuple[str, str, Configuration]:
    """In force here; another one that is in /etc/standfast, and stored as after a push; the newest one, stored."""
    before = versions.in_force()
    machine.write("cluster.conf", CLUSTER + "Votes=2\n")
    newest = read_tree(machine.root)
    machine.write("cluster.conf", CLUSTER + "Votes=3\n")
    machine.write("units/web.service", WEB)
    edited = read_tree(machine.root)
    for tree in (newest, edited):
        versions.store(tree)
    return before, edited.digest, check(newest, system=None)


@pytest.mark.parametrize("when", ["while it was away", "never", "before"])
def test_an_edit_that_came_into_force_and_went_while_this_node_was_away_follows(machine: Machine, when: str) -> None:
    """Pushed from here, which cost this node its power; then another pushed something else."""

    async def main() -> None:
        before, edited, newest = three_versions(machine)
        middle, old = {"while it was away": ([edited], []), "never": ([], []), "before": ([], [edited])}[when]
        machine.history = tuple(passed(1, digest) for digest in (newest.digest, *middle, before, *old))
        installer = machine.installer()
        await installer.fetch(newest.digest)
        await machine.install(installer, newest.digest)
        assert versions.in_force() == newest.digest
        assert read_tree(machine.root).digest == (newest.digest if middle else edited)

    play(main)


def test_wherever_that_is_interrupted_the_same_call_ends_it(machine: Machine) -> None:
    before, edited, newest = three_versions(machine)
    tree, old = versions.read(edited), versions.read(before)
    assert tree is not None and old is not None
    for step in range(100):
        store.put_in_place(check(old, system=None))
        for name, file in tree.files.items():
            machine.write(name, file.content.decode())
        past = (newest.digest, edited, before)
        try:
            with crashing(step, Crash()):
                store.put_in_place(newest, past)
            ended = True
        except Crash:
            ended = False
        store.put_in_place(newest, past)
        assert read_tree(machine.root).digest == versions.in_force() == newest.digest, step
        if ended:
            assert step > 10
            return
    raise AssertionError("it never came to its end")


def test_what_an_interrupted_installation_wrote_is_no_edit_when_another_version_comes_instead(machine: Machine) -> None:
    def version(name: str, text: str) -> Configuration:
        machine.write("cluster.conf", text)
        machine.write(f"units/{name}.target", GROUP)
        machine.write("units/web.service", f"{WEB}# {name}\n")
        tree = read_tree(machine.root)
        (machine.root / f"units/{name}.target").unlink()
        versions.store(tree)
        return check(tree, system=None)

    interrupted = version("one", CLUSTER + "Votes=2\n")
    instead, old = version("two", CLUSTER + "Votes=3\n"), version("old", CLUSTER)
    machine.write("units/old.target", GROUP)
    store.put_in_place(old)
    for step in range(100):
        try:
            with crashing(step, Crash()):
                store.put_in_place(interrupted)
            ended = True
        except Crash:
            ended = False
        for then in (instead, old):
            store.put_in_place(then)
            assert read_tree(machine.root).digest == versions.in_force() == store.installed() == then.digest
        if ended:
            assert step > 15
            return
    raise AssertionError("it never came to its end")
