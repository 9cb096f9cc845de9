"""The system bus's policy: who may be a service, what reaches it. With the limits of a real system bus."""

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.hostile import forged_signal
from bus.private import REPOSITORY, PrivateBus, as_nobody
from fakes.daemons import NO_FENCING
from standfast.bus import Bus, BusError, Call, ErrorName, Server, interface_file

POLICY = REPOSITORY / "dbus/org.standfast.conf"
SERVICES = ("Membership", "Quorum", "Fencing", "Groups", "Console")
NAMES = tuple(f"org.standfast.{name}" for name in SERVICES)

# as /usr/share/dbus-1/system.conf has it, with our policy included
SYSTEM = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""


@pytest.fixture
def system_bus(private_bus: PrivateBus) -> Iterator[PrivateBus]:
    private_bus.kill()
    policy = private_bus.socket.with_name("policy.conf")
    policy.write_text(POLICY.read_text())
    configuration = private_bus.socket.with_name("bus.conf")
    configuration.write_text(SYSTEM.format(socket=private_bus.socket, policy=policy))
    private_bus.start()
    yield private_bus


def test_only_root_may_own_the_names_of_the_services(system_bus: PrivateBus) -> None:
    async def stranger() -> list[str]:
        bus = await Bus.connect()
        errors = []
        for name in NAMES:
            try:
                await bus.claim(name)
            except BusError as error:
                errors.append(error.name)
        return errors

    async def main() -> None:
        assert await as_nobody(stranger) == ["org.freedesktop.DBus.Error.AccessDenied"] * len(NAMES)
        bus = await Bus.connect()
        for name in NAMES:
            await bus.claim(name)
        with pytest.raises(BusError):
            await bus.claim("org.standfast.Other")

    asyncio.run(main())


def test_everybody_reads_and_the_service_itself_refuses_changes(system_bus: PrivateBus) -> None:
    async def stranger() -> list[Any]:
        bus = await Bus.connect()
        name, path, interface = "org.standfast.Fencing", "/org/standfast", "org.standfast.Fencing1"
        answers: list[Any] = [await bus.get(name, path, interface, "Attempts"), await bus.managed_objects(name)]
        (xml,) = await bus.call(name, path, "org.freedesktop.DBus.Introspectable", "Introspect")
        answers.append("org.standfast.Fencing1" in xml)
        for service in ("org.standfast.Fencing", "org.standfast.Quorum"):
            try:
                await bus.call(service, path, interface, "Begin", "ssss", "8.1", "node1", "i", "off")
            except BusError as error:
                answers.append(error.name)
        return answers

    async def main() -> None:
        server = Server(interface_file("org.standfast.Fencing"))
        server.publish("/org/standfast", "org.standfast.Fencing1", NO_FENCING)
        orders: list[Call] = []

        async def begin(call: Call) -> tuple[Any, ...]:
            orders.append(call)
            return ()

        server.handle("org.standfast.Fencing1", "Begin", begin)
        bus = await Bus.connect()
        await server.attach(bus, "org.standfast.Fencing")
        other = await Bus.connect()
        await other.claim("org.standfast.Quorum")
        answers = await as_nobody(stranger)
        assert answers == [[], {}, True, ErrorName.ACCESS_DENIED, "org.freedesktop.DBus.Error.AccessDenied"]
        assert orders == []

    asyncio.run(main())


def test_every_interface_of_the_xml_is_in_the_policy() -> None:
    allowed = {
        (element.get("send_destination"), element.get("send_interface"))
        for element in ET.parse(POLICY).iter("allow")
        if element.get("send_interface", "").startswith("org.standfast.")
    }
    written = {
        (path.stem, element.attrib["name"])
        for path in Path(REPOSITORY / "dbus").glob("*.xml")
        for element in ET.parse(path).iter("interface")
    }
    assert allowed == written


def test_only_root_s_signals_reach_a_service(system_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's is stopped by the bus, whether it goes straight to the service or to all."""
    monkeypatch.setattr(Bus, "hears", lambda self, sender, path: True)  # as if the service itself were not careful
    rule = "type='signal',member='JobRemoved'"
    driver = "org.freedesktop.DBus"

    async def send(destination: str) -> None:
        async with await Bus.connect() as bus:
            for to in (destination, "org.standfast.Groups", ""):
                manager = "org.freedesktop.systemd1.Manager"
                bus.send(forged_signal(to, "/org/freedesktop/systemd1", manager, "JobRemoved", "u", 1))
                await bus.call(driver, "/", driver, "GetId")

    async def main() -> None:
        service = await Bus.connect()
        await service.claim("org.standfast.Groups")
        await service.call(driver, "/org/freedesktop/DBus", driver, "AddMatch", "s", rule)
        heard: list[str] = []
        monkeypatch.setattr(service, "_on_signal", lambda message: heard.append(message.member))
        await as_nobody(lambda: send(service.unique_name))
        await service.call(driver, "/", driver, "GetId")
        assert "JobRemoved" not in heard
        await send(service.unique_name)
        await service.call(driver, "/", driver, "GetId")
        assert heard.count("JobRemoved") == 3

    asyncio.run(main())
