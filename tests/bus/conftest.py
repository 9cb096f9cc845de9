"""Fixtures of the tests that need a message bus."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.private import REPOSITORY, PrivateBus
from standfast import journal


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
