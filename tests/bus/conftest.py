"""Fixtures of the tests that need a message bus."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.desk import Desk, machine
from bus.fence_bench import Bench
from bus.private import REPOSITORY, PrivateBus
from fakes.pushing import PASSWORD
from standfast import journal
from standfast.ctl import config_edit
from standfast.fenced import levels
from standfast.operations import config_checking, config_versions


@pytest.fixture
def private_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    """A running bus; it is the system bus for code that asks for that, and dbus/ has the interfaces."""
    folder = Path(tempfile.mkdtemp(prefix="standfast-bus-"))
    folder.chmod(0o755)  # for tests that come as another user
    monkeypatch.setattr(journal, "SOCKET", folder / "no-journal")
    bus = PrivateBus(folder)
    bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    monkeypatch.setenv("STANDFAST_INTERFACES", str(REPOSITORY / "dbus"))
    yield bus
    bus.kill()
    shutil.rmtree(folder)


@pytest.fixture
def bench(tmp_path: Path, private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The world of a fenced; a failed round is repeated soon."""
    monkeypatch.setattr(levels, "BACKOFF_FIRST_MS", 100)
    return Bench(tmp_path)


@pytest.fixture
def desk(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Version 1 is in force. No secret was shown in the end, whatever was typed."""
    found = Desk(tmp_path)
    monkeypatch.setattr(config_versions, "FOLDER", found.etc)
    monkeypatch.setattr(config_versions, "DISK", found.disk)
    for module in (config_checking, config_edit):
        monkeypatch.setattr(module, "Machine", lambda: machine(found.machine))
    yield found
    assert PASSWORD not in found.told
    assert "nobody may see" not in found.told
