"""A good /etc/standfast and a machine for it, in a temporary folder, checked by the command line itself."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from standfast.addresses.netlink import IFF_LOOPBACK, IFF_LOWER_UP, IFF_UP, Address, Link, Network
from standfast.configuration.machine_checks import Machine
from standfast.configuration.ocf_checks import OcfAgents
from standfast.configuration.system import System
from standfast.ctl.__main__ import main
from standfast.operations import config_checking

CLUSTER = """\
[Cluster]
Name=webha
[Node]
Name=node1
Id=1
Address=192.0.2.11
Fence=bmc:1
[Node]
Name=node2
Id=2
Address=192.0.2.12
Fence=bmc:2
[FenceDevice]
Name=bmc
Agent=fence_pdu
Option=ip=192.0.2.202
PasswordFile=bmc.secret
[Domain]
Name=web
Nodes=node1 node2
"""
TARGET = """\
[Unit]
Description=A site
[X-Standfast]
Resources=standfast-ip@192.0.2.100.service srv-www.mount apache2.service
Domain=web
"""
AGENT = """\
#!/bin/sh
cat <<'END'
<resource-agent name="fence_pdu"><parameters>
<parameter name="action" required="1"><content type="string" default="off"/></parameter>
<parameter name="ip" required="1"><content type="string"/></parameter>
<parameter name="plug" required="1"><content type="string"/></parameter>
<parameter name="password"><content type="string"/></parameter>
</parameters><actions>
<action name="on"/><action name="off"/><action name="status"/>
</actions></resource-agent>
END
"""
SERVICE = "[Service]\nExecStart=/bin/true\n"
BASE = (
    "sysinit",
    "basic",
    "shutdown",
    "local-fs",
    "local-fs-pre",
    "umount",
    "network",
    "system",
)  # every unit's ground


class Site:
    """`check` runs the command; it must change nothing."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.root = folder, folder / "etc"
        self.vendor, self.system, self.programs = folder / "vendor", folder / "system", folder / "sbin"
        self.fstab = folder / "fstab"
        self.interfaces = {"lo": "127.0.0.1/8", "eth0": "192.0.2.11/24"}  # each with its subnet
        for path in (self.vendor, self.system, self.programs):
            path.mkdir()
        for name in ("apache2", "standfast-ip@", "standfast-drain", "mariadb", "worker@"):
            (self.vendor / f"{name}.service").write_text(SERVICE)
        for name in BASE:
            (self.vendor / f"{name}.target").write_text("[Unit]\nDescription=The ground of other units\n")
        (self.programs / "fence_pdu").write_text(AGENT)
        (self.programs / "fence_pdu").chmod(0o755)
        (self.programs / "mount.nfs").touch()
        self.write("cluster.conf", CLUSTER)
        self.write("corosync.key", "k" * 1024, mode=0o600)
        self.write("bmc.secret", "hidden", mode=0o600)
        self.write("units/webserv.target", TARGET)
        self.write("units/srv-www.mount", "[Mount]\nWhat=nas:/www\nWhere=/srv/www\nType=nfs\n")
        self.write("units/apache2.service.d/page.conf", "[X-Probe]\nURL=http://127.0.0.1/\n")
        self.machine = Machine(
            system=System(
                unit_paths=(self.system, self.vendor),
                vendor_paths=(self.vendor,),
                init_scripts=folder / "init.d",
                programs=self.programs,
                in_force=folder / "config",
            ),
            host="node1",
            fstab=self.fstab,
            analyze="no-such-program",
            network=self._network,
            root=folder / "config",
            units=self.system,
            manifest=folder / "installed.json",
            agents=OcfAgents(folder / "ocf"),
        )
        monkeypatch.setattr(config_checking, "Machine", lambda: self.machine)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={folder}/no-bus")

    def write(self, name: str, text: str | bytes, mode: int = 0o644) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new, 1))

    def link(self, name: str, target: str | Path) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def check(self, *arguments: str) -> Result:
        before = self._everything()
        result = CliRunner(mix_stderr=False).invoke(main, ["config", "check", str(self.root), *arguments])
        assert self._everything() == before
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def lines(self) -> list[str]:
        """What the command says against the files, without the closing line of a good configuration."""
        return [
            line
            for line in self.check().stdout.splitlines()
            if " has no error" not in line and "nobody knows" not in line
        ]

    def errors(self) -> list[str]:
        return [line for line in self.lines() if ": warning: " not in line]

    def warnings(self) -> list[str]:
        return [line for line in self.lines() if ": warning: " in line]

    def _everything(self) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.folder.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and status.st_size < 1 << 20 else b""
            changed = 0 if path.is_dir() else status.st_mtime_ns
            found[str(path)] = status.st_mode, changed, status.st_ino, content
        return found

    def _network(self) -> Network:
        up = IFF_UP | IFF_LOWER_UP
        kinds = {"lo": (up | IFF_LOOPBACK, 772, b"", b"")}
        links, addresses = [], []
        for index, (name, subnet) in enumerate(self.interfaces.items(), start=1):
            text, _, prefix = subnet.partition("/")
            links.append(Link(index, name, *kinds.get(name, (up, 1, b"\2" * 6, b"\xff" * 6))))
            addresses.append(Address(index, socket.AF_INET, socket.inet_aton(text), int(prefix)))
        return Network(links=links, addresses=addresses)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)
