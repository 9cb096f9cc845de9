"""Units and guards in a folder that stands for /etc/systemd/system; systemd itself says what it makes of them."""

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.in_force import put_in_force
from standfast.configuration import install as module
from standfast.configuration.install import install, installed_digest, remove
from standfast.configuration.load import load
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.files import write_atomic

EXAMPLE = Path(__file__).parents[2] / "contrib/lab/example"
ADDRESS = "standfast-ip@192.0.2.100.service"
CLUSTER = "[Cluster]\nName=c\n[Node]\nName=node1\nId=1\nAddress=192.0.2.1\n[Domain]\nName=web\nNodes=node1\n"
GUARD = "zz-standfast.conf"


class Machine:
    """The folders of one node and the steps that a daemon takes with them."""

    def __init__(self, folder: Path) -> None:
        self.etc, self.var, self.in_force = folder / "etc", folder / "var", folder / "var/config"
        self.system, self.vendor, self.manifest = folder / "system", folder / "vendor", folder / "var/installed.json"
        shutil.copytree(EXAMPLE, self.etc)
        self.write("cluster.conf", CLUSTER)
        self.write("corosync.key", "k" * 1024)
        (self.etc / "corosync.key").chmod(0o600)
        self.system.mkdir()
        self.vendor.mkdir()
        service = "[Service]\nType=simple\nExecStart=/bin/sleep 9\nRestart=always\n"
        for name in ("apache2.service", "standfast-ip@.service", "standfast-drain.service"):
            (self.vendor / name).write_text(service)

    def write(self, name: str, text: str) -> None:
        (self.etc / name).parent.mkdir(parents=True, exist_ok=True)
        (self.etc / name).write_text(text)

    def save(self) -> Configuration:
        configuration = load(self.etc, system=None)
        put_in_force(self.etc, self.var)
        return configuration

    def install(self) -> bool:
        return install(self.save(), self.in_force, self.system, self.manifest)

    def remove(self) -> bool:
        return remove(self.in_force, self.system, self.manifest)

    def files(self) -> dict[str, str]:
        """Every file below `system` with its content, links with an arrow."""
        found = {}
        for path in sorted(self.system.rglob("*")):
            arrow = f"-> {path.readlink()}\n" if path.is_symlink() else ""
            if arrow or path.is_file():
                found[str(path.relative_to(self.system))] = arrow + (path.read_text() if path.exists() else "")
        return found

    def systemd(self, *units: str, debug: bool = False) -> str:
        """What `systemd-analyze verify` says of these units."""
        environment = {"SYSTEMD_UNIT_PATH": f"{self.system}:{self.vendor}:", "PATH": os.environ["PATH"]}
        if debug:
            environment["SYSTEMD_LOG_LEVEL"] = "debug"
        command = ["systemd-analyze", "verify", "--man=no", "--generators=no", *units]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return told.stdout + told.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


def test_a_group_is_linked_into_the_version_in_force_and_every_resource_is_guarded(machine: Machine) -> None:
    assert machine.install()
    assert set(machine.files()) == {
        "webserv.target",
        f"webserv.target.d/{GUARD}",
        f"{ADDRESS}.d/{GUARD}",
        "apache2.service.d/standfast.conf",
        f"apache2.service.d/{GUARD}",
    }
    assert (machine.system / "webserv.target").readlink() == machine.in_force / "units/webserv.target"
    assert (machine.system / f"apache2.service.d/{GUARD}").read_text().splitlines()[1:] == [
        "[Unit]",
        "AssertPathExists=/run/standfast/lease/webserv",
        "PartOf=webserv.target",
        "Before=webserv.target standfast-drain.service",
        "StartLimitIntervalSec=0",
        "IgnoreOnIsolate=yes",
        f"After={ADDRESS}",
        f"Requires={ADDRESS}",
        "[Service]",
        "Restart=no",
    ]
    guard = machine.system / f"apache2.service.d/{GUARD}"
    assert guard.is_file()
    assert not guard.is_symlink()  # it holds also when /var is not there yet
    assert installed_digest(machine.manifest) == load(machine.etc, system=None).digest


@needs_systemd
def test_systemd_loads_the_guard_the_order_and_the_targets_wants(machine: Machine) -> None:
    machine.install()
    assert machine.systemd("webserv.target", "apache2.service", ADDRESS) == ""
    apache = machine.systemd("apache2.service", debug=True)
    for told in (
        f"DropIn Path: {machine.system}/apache2.service.d/standfast.conf",
        "AssertPathExists: /run/standfast/lease/webserv",
        f"Requires: {ADDRESS} (origin-file)",
        f"After: {ADDRESS} (origin-file)",
        "PartOf: webserv.target (origin-file)",
        "Before: standfast-drain.service (origin-file)",
        "Restart: no",
    ):
        assert told in apache
    target = machine.systemd("webserv.target", debug=True)
    assert f"Linked unit file: {machine.system}/webserv.target" in target
    assert "Wants: apache2.service (origin-file)" in target
    assert f"Wants: {ADDRESS} (origin-file)" in target


def test_a_resource_after_one_that_is_not_critical_counts_on_the_one_before(machine: Machine) -> None:
    machine.write("units/b.mount", "[X-Standfast]\nCritical=no\n")
    machine.write("units/webserv.target", "[X-Standfast]\nResources=a.service b.mount c.service\n")
    machine.write("units/apache2.service.d/standfast.conf", "")
    machine.install()
    last = (machine.system / f"c.service.d/{GUARD}").read_text()
    assert "After=a.service b.mount\n" in last
    assert "Requires=a.service\n" in last
    assert "Requires=b.mount" not in last
    assert "[Service]" not in (machine.system / f"b.mount.d/{GUARD}").read_text()


def test_addresses_next_to_each_other_start_at_once_and_what_follows_needs_all_of_them(machine: Machine) -> None:
    ips = [f"standfast-ip@192.0.2.{number}.service" for number in (100, 101, 102)]
    machine.write("units/b.mount", "[Mount]\nWhat=nas:/b\nWhere=/b\n")
    machine.write(f"units/{ips[1]}.d/own.conf", "[X-Standfast]\nCritical=no\n")
    machine.write("units/webserv.target", f"[X-Standfast]\nResources=a.service {' '.join(ips)} b.mount\n")
    machine.write("units/apache2.service.d/standfast.conf", "")
    machine.install()
    for unit in ips:
        text = (machine.system / f"{unit}.d/{GUARD}").read_text()
        assert "After=a.service\nRequires=a.service\n" in text
        assert "ip@" not in text
    last = (machine.system / f"b.mount.d/{GUARD}").read_text()
    assert f"After={ips[0]} {ips[2]} {ips[1]}\nRequires={ips[0]}\nRequires={ips[2]}\n" in last


def test_of_many_addresses_twenty_start_at_once(machine: Machine) -> None:
    ips = [f"standfast-ip@192.0.2.{number}.service" for number in range(100, 150)]
    machine.write("units/webserv.target", f"[X-Standfast]\nResources={' '.join(ips)}\n")
    machine.write("units/apache2.service.d/standfast.conf", "")
    machine.install()
    after = {ip: (machine.system / f"{ip}.d/{GUARD}").read_text().partition("\nAfter=")[2].split("\n")[0] for ip in ips}
    assert {after[ip] for ip in ips[:20]} == {""}
    assert {after[ip] for ip in ips[20:40]} == {" ".join(ips[:20])}
    assert {after[ip] for ip in ips[40:]} == {" ".join(ips[20:40])}


def test_a_second_call_changes_nothing_and_asks_for_no_reload(machine: Machine) -> None:
    machine.install()
    before = {path: path.lstat().st_mtime_ns for path in machine.system.rglob("*")}
    assert not machine.install()
    assert {path: path.lstat().st_mtime_ns for path in machine.system.rglob("*")} == before


def test_a_change_that_systemd_does_not_see_asks_for_no_reload_but_counts_as_installed(machine: Machine) -> None:
    machine.install()
    machine.write("cluster.conf", CLUSTER + "Failback=yes\n")
    assert not machine.install()
    assert installed_digest(machine.manifest) == load(machine.etc, system=None).digest


def test_a_change_behind_a_link_asks_for_a_reload(machine: Machine) -> None:
    machine.install()
    machine.write("units/apache2.service.d/standfast.conf", "[Service]\nNice=5\n")
    assert machine.install()


def test_half_edited_files_change_nothing_that_systemd_would_load(machine: Machine) -> None:
    machine.install()
    before = machine.files()
    machine.write("units/webserv.target", "[X-Standfast\n")
    assert machine.files() == before


def test_what_left_the_configuration_is_removed_and_the_administrators_files_stay(machine: Machine) -> None:
    machine.install()
    own = machine.system / "apache2.service.d/10-own.conf"
    own.write_text("[Service]\nNice=1\n")
    (machine.etc / "units/webserv.target").unlink()
    shutil.rmtree(machine.etc / "units/apache2.service.d")
    assert machine.install()
    assert [str(path.relative_to(machine.system)) for path in machine.system.rglob("*")] == [
        "apache2.service.d",
        "apache2.service.d/10-own.conf",
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("webserv.target", "is in the way of units/webserv.target; move it into /etc/standfast/units, or remove it"),
        ("apache2.service.d/standfast.conf", "is in the way of units/apache2.service.d/standfast.conf"),
        (f"apache2.service.d/{GUARD}", "has the name of a drop-in of Standfast's"),
        ("apache2.service.d", "is no plain folder"),
    ],
)
def test_an_administrators_file_in_the_way_is_told_before_anything_changes(
    machine: Machine, name: str, told: str
) -> None:
    (machine.system / name).parent.mkdir(exist_ok=True)
    (machine.system / name).write_text("[Unit]\n")
    before = machine.files()
    with pytest.raises(ConfigurationError) as caught:
        machine.install()
    assert str(caught.value).startswith(f"{machine.system / name}: {told}")
    assert machine.files() == before
    assert not machine.manifest.exists()


def test_a_unit_that_the_administrator_masked_or_replaced_is_not_taken_back(machine: Machine) -> None:
    machine.install()
    for harm in ("mask", "replace"):
        (machine.system / "webserv.target").unlink()
        if harm == "mask":
            (machine.system / "webserv.target").symlink_to("/dev/null")
        else:
            (machine.system / "webserv.target").write_text("[Unit]\n")
        before = machine.files()
        with pytest.raises(ConfigurationError):
            machine.install()
        assert machine.files() == before


def test_what_systemctl_revert_took_away_is_put_back(machine: Machine) -> None:
    machine.install()
    before = machine.files()
    shutil.rmtree(machine.system / "apache2.service.d")
    (machine.system / "webserv.target").unlink()
    (machine.system / f"{ADDRESS}.d/{GUARD}").write_text("[Unit]\n")
    assert machine.install()
    assert machine.files() == before


@pytest.mark.parametrize("harm", ["", "{", "[]", '{"digest": 3, "pieces": {}}', '{"digest": "x", "pieces": []}'])
def test_a_lost_or_damaged_manifest_is_no_harm(machine: Machine, harm: str) -> None:
    machine.install()
    before = machine.files()
    (machine.manifest).write_text(harm)
    shutil.rmtree(machine.etc / "units/apache2.service.d")
    machine.write("units/webserv.target", f"[X-Standfast]\nResources={ADDRESS}\n")
    assert machine.install()
    assert set(before) - set(machine.files()) == {f"apache2.service.d/{GUARD}", "apache2.service.d/standfast.conf"}


def test_the_units_of_another_configuration_than_the_one_given_are_not_installed(machine: Machine) -> None:
    configuration = machine.save()
    machine.write("cluster.conf", CLUSTER + "Failback=yes\n")
    put_in_force(machine.etc, machine.var)
    with pytest.raises(ConfigurationError, match="holds another configuration"):
        install(configuration, machine.in_force, machine.system, machine.manifest)
    assert machine.files() == {}


def test_remove_leaves_nothing_but_what_is_the_administrators(machine: Machine) -> None:
    (machine.system / "apache2.service.d").mkdir()
    (machine.system / "apache2.service.d/10-own.conf").write_text("[Service]\n")
    (machine.system / "own.service").symlink_to("/opt/own.service")
    machine.install()
    (machine.system / "multi-user.target.wants").mkdir()
    (machine.system / "multi-user.target.wants/webserv.target").symlink_to(machine.system / "webserv.target")
    assert machine.remove()
    assert set(machine.files()) == {"apache2.service.d/10-own.conf", "own.service"}
    assert not machine.manifest.exists()
    assert not machine.remove()


def test_what_a_power_cut_left_half_written_is_swept_away(machine: Machine) -> None:
    machine.install()
    before = machine.files()
    (machine.system / f"apache2.service.d/.{GUARD}.new").write_text("[Un")
    (machine.system / ".webserv.target.standfast-new").symlink_to("nowhere")
    assert machine.install()
    assert machine.files() == before


class Crash(BaseException):
    """The power fails here."""


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int, before_each: Callable[[], None]) -> None:
    """The `step`-th change of the disk that install() makes does not come about."""
    steps = itertools.count()

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            before_each()
            if next(steps) == step:
                raise Crash
            return real(*arguments, **options)

        return call

    monkeypatch.setattr(module, "write_atomic", wrapped(write_atomic))
    for name in ("symlink_to", "replace", "unlink", "rmdir", "mkdir"):
        monkeypatch.setattr(Path, name, wrapped(getattr(Path, name)))


SECOND = f"[X-Standfast]\nResources=b.service {ADDRESS} apache2.service\nDomain=web\n"


@pytest.mark.parametrize("step", range(30))
def test_a_call_that_is_interrupted_anywhere_is_mended_by_the_next(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """From two groups to one, with a moved resource, a new one, a new unit and one that goes."""
    machine.write("units/old.target", "[X-Standfast]\nResources=moved.service gone.service\n")
    machine.write("units/gone.service", "[Service]\nExecStart=/bin/true\n")
    machine.install()
    (machine.etc / "units/gone.service").unlink()
    (machine.etc / "units/old.target").unlink()
    machine.write("units/webserv.target", SECOND.replace("b.service", "b.service moved.service"))
    machine.write("units/b.service", "[Service]\nExecStart=/bin/true\n")
    configuration = machine.save()

    def stays_guarded() -> None:
        for unit in ("apache2.service", ADDRESS, "moved.service"):
            text = (machine.system / f"{unit}.d/{GUARD}").read_text()
            assert "AssertPathExists=/run/standfast/lease/" in text

    with monkeypatch.context() as patched:
        crash_at(patched, step, stays_guarded)
        try:
            assert install(configuration, machine.in_force, machine.system, machine.manifest)
            interrupted = False
        except Crash:
            interrupted = True
    assert interrupted or step > 20  # so many changes there are, at least
    if interrupted:
        assert installed_digest(machine.manifest) != configuration.digest
    assert install(configuration, machine.in_force, machine.system, machine.manifest) is interrupted
    assert set(machine.files()) == {
        "webserv.target",
        "b.service",
        "apache2.service.d/standfast.conf",
        *(f"{unit}.d/{GUARD}" for unit in ("webserv.target", "apache2.service", ADDRESS, "b.service", "moved.service")),
    }
    assert json.loads(machine.manifest.read_text())["pieces"].keys() == machine.files().keys()
    assert list((tmp_path / "var").glob(".*")) == []
