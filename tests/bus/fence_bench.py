"""A fenced on a private bus, with power switches that are files and an agent that is a shell script."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from fakes.values import NO_RECORD
from standfast.agents.running import Agents
from standfast.bus import Bus, Server, interface_file
from standfast.configuration.model import Cluster, Configuration, FenceDevice, Node, Plug
from standfast.fenced.service import INTERFACE, NAME, ROOT, TEST_EVERY_S, Service, Settings

AGENT = """#!/bin/sh
# A power switch: PLUG.power says on or off; BEHAVIOUR says how it fails.
cd {folder}
[ "$1" = -o ] && {{ echo asked >> metadata.asked; exec cat metadata.xml; }}
while IFS='=' read -r name value; do eval "$name=\\$value"; done
echo "$ip:$plug $action" >> calls
[ -e "$ip.slow" ] && sleep 30
case "$(cat $ip.behaviour 2>/dev/null)" in
    dead) echo "Failed: no connection"; exit 1 ;;
    telling) echo "Failed: login with $password"; exit 1 ;;
    lying) [ $action = off ] && exit 0 ;;
esac
case $action in
    off|on) echo $action > $plug.power; echo "Success: $action"; exit 0 ;;
    status) [ "$(cat $plug.power)" = off ] && {{ echo "Status: OFF"; exit 2; }}; echo "Status: ON"; exit 0 ;;
esac
exit 1
"""


METADATA = """<?xml version="1.0" ?>
<resource-agent name="fence_file">
<parameters>
<parameter name="ip" required="1"/>
<parameter name="plug" required="1"/>
<parameter name="ssl_insecure" required="0"/>
<parameter name="password" required="0"/>
</parameters>
<actions><action name="on" {on}/><action name="off"/><action name="status"/></actions>
</resource-agent>
"""


class Bench:
    """A configuration of two nodes, two levels each, and the world that its devices are in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        agent = folder / "fence_file"
        agent.write_text(AGENT.format(folder=folder))
        agent.chmod(0o755)
        self.metadata()
        for plug in ("1", "2"):
            self.power(plug, "on")
        self.alive: set[str] = set()  # addresses at which somebody answers
        self.configuration: Configuration | None = self.configure()
        self.loads = 0  # how often it was read
        self.versions: dict[str, Configuration] = {}  # that are stored, by digest

    def configure(
        self,
        *,
        timeout_ms: int = 5000,
        fence_delay_ms: int = 0,
        delays_ms: tuple[int, int] = (0, 0),
        password_file: str | None = None,
    ) -> Configuration:
        devices = tuple(
            FenceDevice(
                name=name,
                agent="fence_file",
                options={"ip": name},
                timeout_ms=timeout_ms,
                delay_ms=delay_ms,
                password_file=password_file,
            )
            for name, delay_ms in zip(("bmc", "pdu"), delays_ms, strict=True)
        )
        nodes = tuple(
            Node(
                name=f"node{number}",
                id=number,
                addresses=(f"192.0.2.{10 + number}",),
                fence_delay_ms=fence_delay_ms,
                fence=tuple((Plug(device=device, plug=str(number)),) for device in ("bmc", "pdu")),
            )
            for number in (1, 2)
        )
        return Configuration(
            cluster=Cluster(name="test"), nodes=nodes, devices=devices, domains=(), groups=(), digest="0"
        )

    async def answers(self, address: str) -> bool:
        return address in self.alive

    def load(self) -> Configuration | None:
        self.loads += 1
        return self.configuration

    def metadata(self, on: str = "") -> None:
        """The agent says this of itself; `on`: what it says of the action that switches on."""
        (self.folder / "metadata.xml").write_text(METADATA.format(on=on))

    def power(self, plug: str, state: str) -> None:
        (self.folder / f"{plug}.power").write_text(state)

    def asked_for_metadata(self) -> int:
        return len((self.folder / "metadata.asked").read_text().splitlines())

    def is_off(self, plug: str) -> bool:
        return (self.folder / f"{plug}.power").read_text().strip() == "off"

    def behave(self, device: str, how: str) -> None:
        (self.folder / f"{device}.behaviour").write_text(how)

    def calls(self) -> list[str]:
        """What the agents were asked, but for the statuses of tests."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def history(self) -> list[dict[str, Any]]:
        path = self.folder / "history"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Client:
    """resourced's side."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def begin(self, loss: str = "8.1", node: str = "node1", action: str = "off") -> None:
        await self.bus.call(NAME, ROOT, INTERFACE, "Begin", "ssss", loss, node, f"incarnation of {node}", action)

    async def property(self, name: str) -> Any:
        return await self.bus.get(NAME, ROOT, INTERFACE, name)

    async def becomes(self, name: str, value: Any) -> None:
        """The property has this value within ten seconds."""
        async with asyncio.timeout(10):
            while await self.property(name) != value:  # noqa: ASYNC110 - another process's word
                await asyncio.sleep(0.02)

    async def ask(self, method: str, signature: str, *arguments: Any) -> list[list[Any]]:
        """The rows that a method answers with."""
        (rows,) = await self.bus.call(NAME, ROOT, INTERFACE, method, signature, *arguments, timeout_s=20)
        return [list(row) for row in rows]

    async def attempts(self) -> list[list[str]]:
        return list(await self.bus.get(NAME, ROOT, INTERFACE, "Attempts"))

    async def ended(self, loss: str = "8.1", action: str = "off", timeout_s: float = 10.0) -> list[str]:
        """The attempt's row once it does not run any more."""
        async with asyncio.timeout(timeout_s):
            while True:
                for row in await self.attempts():
                    if (row[0], row[3]) == (loss, action) and row[4] != "running":
                        return row
                await asyncio.sleep(0.02)

    async def device(self, name: str) -> dict[str, Any]:
        return await self.bus.get_all(NAME, f"{ROOT}/device/{name}", "org.standfast.FenceDevice1")


@contextlib.asynccontextmanager
async def fenced(
    bench: Bench, *, tested: bool = True, test_every_s: float = TEST_EVERY_S
) -> AsyncIterator[tuple[Client, Service]]:
    """A running fenced whose first tests are over (or not)."""
    settings = Settings(
        load=bench.load,
        version=lambda digest: bench.versions.get(digest),
        agents=Agents(programs=bench.folder, secrets=bench.folder),
        history=bench.folder / "history",
        unfenced=bench.folder / "run/unfenced",
        answers=bench.answers,
        test_every_s=test_every_s,
    )
    ready = asyncio.Event()

    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            service = Service(settings, tasks)
            services.append(service)
            await service.run(ready.set)

    services: list[Service] = []
    serving = asyncio.ensure_future(serve())
    async with asyncio.timeout(10):
        await ready.wait()
        client = Client(await Bus.connect())
        for name in ("bmc", "pdu") if tested else ():
            while not (await client.device(name))["LastTest"]:  # noqa: ASYNC110 - another process's word
                await asyncio.sleep(0.02)
    if tested:
        (bench.folder / "calls").unlink(missing_ok=True)
    try:
        yield client, services[0]
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def open_term(number: int, without: Sequence[str] = ()) -> Server:
    """A resourced that says which term is open, or without whom an operator has one opened."""
    server = Server(interface_file("org.standfast.Groups"))
    publish_record(server, Term=number, Without=list(without))
    await server.attach(await Bus.connect(), "org.standfast.Groups")
    return server


def publish_record(resourced: Server, **values: Any) -> None:
    """It says this of its record, and nothing else."""
    resourced.publish(ROOT, "org.standfast.Groups1", {**NO_RECORD, **values})


async def membership(own: str, links: dict[str, list[tuple[int, bool]]], *, online: set[str]) -> Server:
    """A membershipd on node `own` that has these nodes in the ring and finds a loss at once."""
    server = Server(interface_file("org.standfast.Membership"))
    root = {"Cluster": "test", "Node": own, "View": "1.4", "Members": sorted(online), "Configuration": "0"}
    server.publish(
        ROOT, "org.standfast.Membership1", root | {"DetectWithinMilliseconds": 50, "Problems": [], "Withdrawn": ""}
    )
    for number, name in enumerate(sorted(links), 1):
        values = {"Name": name, "Id": number, "Votes": 1, "Addresses": [], "InRing": name in online, "Incarnation": ""}
        server.publish(
            f"{ROOT}/node/{name}",
            "org.standfast.Node1",
            values | {"Links": [(link, up, "") for link, up in links[name]]},
        )
    await server.attach(await Bus.connect(), "org.standfast.Membership")
    return server


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())
