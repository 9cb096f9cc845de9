"""membershipd on a private bus: its files, its systemd and its Corosync, which the test plays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from bus.private import until
from fakes.in_force import put_in_force
from fakes.network import FakeNetwork
from standfast.bus import Bus, Call, Server
from standfast.files import write_atomic
from standfast.membershipd import device
from standfast.membershipd.corosync_conf import DIGEST_KEY, KEY_KEY, digest_of, key_of
from standfast.membershipd.publication import NAME, ROOT
from standfast.membershipd.service import Machine, Membership

SYSTEMD = "org.freedesktop.systemd1"
SYSTEMD_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
ROOT_ALONE = '<annotation name="org.standfast.Access" value="root"/>'
SYSTEMD_XML = f"""<node>
  <interface name="{MANAGER}">
    <method name="ListJobs">{ROOT_ALONE}<arg type="a(usssoo)" direction="out"/></method>
    <method name="StartUnit">
      {ROOT_ALONE}
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/>
    </method>
    <method name="StopUnit">
      {ROOT_ALONE}
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/>
    </method>
    <method name="RestartUnit">
      {ROOT_ALONE}
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/>
    </method>
    <method name="LoadUnit">{ROOT_ALONE}<arg type="s" direction="in"/><arg type="o" direction="out"/></method>
    <method name="KillUnit">
      {ROOT_ALONE}
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="i" direction="in"/>
    </method>
  </interface>
  <interface name="{SYSTEMD}.Unit">
    <property name="LoadState" type="s" access="read"/>
    <property name="ActiveState" type="s" access="read"/>
  </interface>
</node>"""
DEVICE_PATH = f"{SYSTEMD_PATH}/unit/corosync_2dqdevice_2eservice"
CLUSTER = """[Cluster]
Name=webha
Unsafe=yes
[Node]
Name=node1
Id=1
Address=192.0.2.11
[Node]
Name=node2
Id=2
Address=192.0.2.12
"""
NODE_3 = """[Node]
Name=node3
Id=3
Address=192.0.2.13
"""


class Bench:
    """Node 1 of two: its files, its systemd, the network, and what the bus shows."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(
            hostname="node1.example.com",
            incarnation="boot/1",
            folder=folder / "state",
            corosync_conf=folder / "run" / "corosync.conf",
            withdrawn=folder / "lib" / "withdrawn",
        )
        self.folder = folder
        self.looks = 0  # at links
        self.write_files(CLUSTER)
        self.network = FakeNetwork({1: 1, 2: 1, 3: 1})
        self.corosync = self.network.nodes[1]
        self.corosync.on_reload = lambda: self.corosync.strings.update(self.strings())
        self.started: list[tuple[Any, ...]] = []
        self.jobs: list[tuple[Any, ...]] = []
        self.starts_corosync = True
        self.killed: list[tuple[Any, ...]] = []
        self.device = {"LoadState": "loaded", "ActiveState": "inactive"}  # corosync-qdevice.service
        self.device_lasts = True
        self.device_asked: list[str] = []
        self.device_looks = 0
        self.served = 0

    def write_files(self, cluster: str, key: bytes = bytes(1024)) -> None:
        """Files that say this are in force."""
        root = self.folder / "etc"
        root.mkdir(exist_ok=True)
        (root / "cluster.conf").write_text(cluster)
        write_atomic(root / "corosync.key", key)
        put_in_force(root, self.machine.folder)

    def strings(self) -> dict[str, str]:
        text = self.machine.corosync_conf.read_text()
        return {DIGEST_KEY: digest_of(text), KEY_KEY: key_of(text)}

    def on_served(self) -> None:
        self.served += 1

    def on_look(self) -> None:
        self.looks += 1

    async def more_looks(self, number: int) -> None:
        looks = self.looks
        await until(lambda: self.looks > looks + number)

    async def systemd(self, bus: Bus, folder: Path) -> None:
        (folder / "systemd.xml").write_text(SYSTEMD_XML)
        server = Server(folder / "systemd.xml")
        server.publish(SYSTEMD_PATH, MANAGER, {})

        async def list_jobs(call: Call) -> tuple[Any, ...]:
            return (self.jobs,)

        async def job_of_device(call: Call) -> tuple[Any, ...]:
            self.device_asked.append(call.member)
            runs = call.member != "StopUnit" and self.device_lasts
            self.device["ActiveState"] = "active" if runs else "inactive"
            server.publish(DEVICE_PATH, f"{SYSTEMD}.Unit", self.device)
            return ("/org/freedesktop/systemd1/job/2",)

        async def load_unit(call: Call) -> tuple[Any, ...]:
            self.device_looks += 1
            server.publish(DEVICE_PATH, f"{SYSTEMD}.Unit", self.device)
            return (DEVICE_PATH,)

        async def start_unit(call: Call) -> tuple[Any, ...]:
            if call.arguments[0] == device.UNIT:
                return await job_of_device(call)
            self.started.append(call.arguments)
            if self.starts_corosync and not self.corosync.running:
                self.network.start(1, self.strings())
            return ("/org/freedesktop/systemd1/job/1",)

        async def kill_unit(call: Call) -> tuple[Any, ...]:
            self.killed.append(call.arguments)
            if self.corosync.running:
                self.network.stop(1)
            return ()

        server.handle(MANAGER, "StopUnit", job_of_device)
        server.handle(MANAGER, "KillUnit", kill_unit)
        server.handle(MANAGER, "RestartUnit", job_of_device)
        server.handle(MANAGER, "LoadUnit", load_unit)
        server.handle(MANAGER, "ListJobs", list_jobs)
        server.handle(MANAGER, "StartUnit", start_unit)
        await server.attach(bus, SYSTEMD)


class View:
    """What a client of the bus sees."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.membership: dict[str, Any] = {}
        self.nodes: dict[str, dict[str, Any]] = {}

    async def read(self) -> None:
        self.membership = await self.bus.get_all(NAME, ROOT, "org.standfast.Membership1")
        objects = await self.bus.managed_objects(NAME)
        self.nodes = {values["Name"]: values for item in objects.values() for values in item.values()}

    async def until(self, condition: Callable[["View"], Any], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while True:
                await self.read()
                if condition(self):
                    return
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Membership]:
    """The daemon, until the block ends."""
    before = bench.served
    service = Membership(bench.machine, bench.corosync, bench.on_served, bench.on_look)
    task = asyncio.ensure_future(service.run())
    try:
        await until(lambda: bench.served > before or task.done())
        yield service
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def play(bench: Bench, scenario: Callable[[View], Coroutine[Any, Any, None]], *, systemd: bool = True) -> None:
    async def main() -> None:
        async with await Bus.connect() as systemd_bus, await Bus.connect() as bus:
            if systemd:
                await bench.systemd(systemd_bus, bench.folder)
            await scenario(View(bus))

    asyncio.run(main())
