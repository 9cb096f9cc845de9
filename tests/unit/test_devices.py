"""A mounted block device that goes away is its mount's failure, by what sysfs has."""

from pathlib import Path

import pytest

from standfast.resourced.devices import Devices
from standfast.vocabulary import UnitState

UNIT = "srv-db.mount"
TABLE = """\
20 1 0:40 / /srv/www rw - nfs nas:/www rw
21 1 0:41 / /srv/db rw - tmpfs none rw
22 1 8:17 / /srv/db rw - ext4 /dev/sdb1 rw
"""


class Kernel:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.link = folder / "8:17"
        self.link.symlink_to("sdb1")
        (folder / "mountinfo").write_text(TABLE)
        self.lost: list[str] = []
        self.events = 0
        self.devices = Devices(self.lost.append, folder, folder / "mountinfo")
        monkeypatch.setattr(self.devices, "_listen", lambda: self)

    def poll(self, timeout: float) -> object:
        self.events -= 1
        return None if self.events < 0 else "event"

    def tell(self) -> None:
        self.events = 2
        self.devices._heard()


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(tmp_path, monkeypatch)


def mount(unit: str = UNIT, active: str = "active") -> UnitState:
    return UnitState(unit=unit, load="loaded", active=active, job="", processes=False, cause=None)


def test_a_device_that_goes_away_is_told_once_and_is_the_cause(kernel: Kernel) -> None:
    assert kernel.devices.cause(mount()) is None
    kernel.tell()
    assert kernel.lost == []  # an event is no proof: the device is there
    kernel.link.unlink()
    kernel.tell()
    kernel.tell()
    assert kernel.lost == [UNIT]
    cause = kernel.devices.cause(mount())
    assert cause is not None
    assert (cause.kind, cause.text) == ("device", "srv-db.mount: its device /dev/sdb1 went away")


def test_a_device_that_is_gone_when_the_mount_is_first_seen_is_the_cause(kernel: Kernel) -> None:
    kernel.link.unlink()
    assert kernel.devices.cause(mount()) is not None


def test_what_is_mounted_anew_is_looked_at_anew(kernel: Kernel) -> None:
    kernel.link.unlink()
    assert kernel.devices.cause(mount()) is not None
    assert kernel.devices.cause(mount(active="failed")) is None
    kernel.link.symlink_to("sdb1")
    assert kernel.devices.cause(mount()) is None


def test_nobody_listens_for_a_mount_that_is_on_no_device(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.devices, "_listen", lambda: pytest.fail("it listens"))
    assert kernel.devices.cause(mount("srv-www.mount")) is None
    assert kernel.devices.cause(mount("dbd.service")) is None
