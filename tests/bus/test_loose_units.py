"""Units that run, are enabled or have lost their guard speak against a version: systemd is asked for them."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from bus.private import PrivateBus
from fakes.systemd import FakeSystemd
from standfast.bus import Bus
from standfast.configuration import machine_checks
from standfast.configuration.load import load
from standfast.configuration.machine_checks import objections
from standfast.configuration.tree import read_tree
from unit.site import Site

LEASE = "/run/standfast/lease/webserv"


@pytest.fixture
def site(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path, monkeypatch)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus.address)
    monkeypatch.setattr(machine_checks, "Machine", lambda: site.machine)
    return site


def asked(site: Site, systemd: FakeSystemd) -> Iterable[str]:
    async def main() -> tuple[str, ...]:
        await systemd.serve()
        async with asyncio.timeout(20), await Bus.connect() as bus:
            configuration = load(site.root, system=site.machine.system)
            return await objections(configuration, read_tree(site.root), bus)

    return asyncio.run(main())


def test_what_starts_without_the_cluster_speaks_against_a_version(site: Site) -> None:
    systemd = FakeSystemd()
    systemd.add("apache2.service", active="active")
    systemd.add("srv-www.mount", file_state="enabled")
    systemd.add("standfast-ip@192.0.2.100.service")
    assert list(asked(site, systemd)) == [
        "units/webserv.target:4: srv-www.mount is enabled: systemctl disable srv-www.mount; "
        "what belongs to a group must not start without it",
        "units/webserv.target:4: apache2.service runs: systemctl stop apache2.service; "
        "what belongs to a group must not start without it",
    ]


def test_a_resource_may_run_and_its_guard_must_be_in_effect(site: Site) -> None:
    systemd = FakeSystemd()
    for unit in ("apache2.service", "srv-www.mount", "standfast-ip@192.0.2.100.service"):
        site.write(
            f"../system/{unit}.d/zz-standfast.conf", f"# Written by Standfast\n[Unit]\nAssertPathExists={LEASE}\n"
        )
        systemd.add(unit, active="active", guard=Path(LEASE))
    assert list(asked(site, systemd)) == []


def test_a_guard_that_is_not_in_effect_is_named_with_its_file(site: Site) -> None:
    systemd = FakeSystemd()
    guard = site.system / "apache2.service.d/zz-standfast.conf"
    site.write(
        "../system/apache2.service.d/zz-standfast.conf", f"# Written by Standfast\n[Unit]\nAssertPathExists={LEASE}\n"
    )
    systemd.add("apache2.service", active="active", guard=Path(LEASE), guards_in_effect=False)
    for unit in ("srv-www.mount", "standfast-ip@192.0.2.100.service"):
        systemd.add(unit)
    assert list(asked(site, systemd)) == [
        f"{guard}: is not in effect: systemd has apache2.service loaded without it; systemctl daemon-reload"
    ]
