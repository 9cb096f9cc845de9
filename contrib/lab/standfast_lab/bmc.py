"""Each node's BMC: a Redfish server on its address, whose ForceOff is a power cut and whose On boots the node.

Spoken with by Debian's unmodified fence_redfish. Source: DMTF DSP0266, as far as that agent goes. One process for all
nodes, in the bridge's namespace. behaviour.py has what a test can make it do.
"""

import asyncio
import base64
import hmac
import json
import ssl
import sys
import time
from dataclasses import dataclass
from typing import Any

from . import behaviour, power
from .behaviour import Mode, mode_of
from .place import LabError, NodePlace, Place
from .processes import run

ROOT = "/redfish/v1"
USER = "fence"
RESETS = ("On", "ForceOff", "ForceRestart", "GracefulShutdown")
BODY_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    authorization: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `body` None is an empty one."""

    status: int
    body: dict[str, Any] | None = None


def write_secrets(lab: Place, password: str) -> None:
    """The lab has a certificate of its own and the BMCs' password."""
    (lab.folder / "bmc.password").write_text(password)
    (lab.folder / "bmc.password").chmod(0o600)
    request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650")
    files = ("-keyout", str(lab.folder / "bmc.key"), "-out", str(lab.folder / "bmc.crt"))
    run("openssl", *request, *files, "-subj", f"/CN={lab.name}-bmc")


class Bmc:
    """The BMC of one node."""

    def __init__(self, node: NodePlace, password: str) -> None:
        self._node = node
        self._system = f"{ROOT}/Systems/{node.index}"
        self._authorization = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()
        self._claims_off = False  # the lie it told last

    async def answer(self, request: Request) -> Answer:
        """The answer to one request, after the delay and the deed."""
        mode, delay_s = mode_of(self._node)
        await asyncio.sleep(delay_s)
        path = request.path.rstrip("/")
        if (request.method, path) == ("GET", ROOT):
            return Answer(200, {"@odata.id": ROOT, "Systems": {"@odata.id": f"{ROOT}/Systems"}})
        if mode is Mode.REFUSING or not hmac.compare_digest(request.authorization, self._authorization):
            return Answer(401, {"error": {"code": "Base.1.0.NoValidSession", "message": "unauthorised"}})
        match request.method, path.removeprefix(ROOT):
            case "GET", "/Systems":
                return Answer(200, {"Members": [{"@odata.id": self._system}]})
            case "GET", _ if path == self._system:
                return Answer(200, await self._describe(mode))
            case "POST", _ if path == f"{self._system}/Actions/ComputerSystem.Reset":
                return await self._reset(request.body, mode)
        return Answer(404, {})

    async def _describe(self, mode: Mode) -> dict[str, Any]:
        on = (await asyncio.to_thread(power.ask, self._node, "status")).on
        if mode is Mode.LYING and self._claims_off:
            on = False
        reset = {"target": f"{self._system}/Actions/ComputerSystem.Reset"}
        reset_types = {"ResetType@Redfish.AllowableValues": list(RESETS)}
        return {
            "@odata.id": self._system,
            "Id": str(self._node.index),
            "PowerState": "On" if on else "Off",
            "Actions": {"#ComputerSystem.Reset": reset | reset_types},
        }

    async def _reset(self, body: bytes, mode: Mode) -> Answer:
        try:
            kind = json.loads(body)["ResetType"]
        except (ValueError, KeyError, TypeError):
            kind = None
        if kind not in RESETS:
            return Answer(400, {})
        self._claims_off = mode is Mode.LYING and kind != "On"
        if mode in (Mode.LYING, Mode.STUCK):
            return Answer(204)
        if kind != "On":
            await asyncio.to_thread(power.ask, self._node, "off")
        if kind in ("On", "ForceRestart"):
            await asyncio.to_thread(power.ask, self._node, "on")
        return Answer(204)


class Server:
    """HTTP/1.1 over TLS for one BMC; each request is one line in the lab's bmc.log."""

    def __init__(self, node: NodePlace, password: str) -> None:
        self._node = node
        self._bmc = Bmc(node, password)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection's requests until its other end closes it or breaks HTTP."""
        try:
            while request := await _read(reader):
                if mode_of(self._node)[0] is Mode.BROKEN:
                    break
                begun = time.monotonic()
                try:
                    answer = await self._bmc.answer(request)
                except LabError as error:
                    answer = Answer(500, {"error": {"code": "Base.1.0.InternalError", "message": str(error)}})
                self._note(begun, request, answer)
                writer.write(_encode(answer))
                await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            print(f"{time.monotonic():.3f} {self._node.name}: connection ended: {error!r}", flush=True)
        finally:
            writer.close()

    def _note(self, begun: float, request: Request, answer: Answer) -> None:
        entry = {
            "begun": begun,
            "ended": time.monotonic(),
            "node": self._node.name,
            "mode": mode_of(self._node)[0],
            "method": request.method,
            "path": request.path,
            "body": request.body.decode(errors="replace"),
            "status": answer.status,
            "power": (answer.body or {}).get("PowerState"),
        }
        behaviour.note(self._node.lab, entry)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None at the end of the connection. ValueError when it is none."""
    line = (await reader.readline()).decode("latin-1")
    if not line:
        return None
    method, path, _ = line.split()
    headers = {}
    while header := (await reader.readline()).decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_MAX:
        raise ValueError(f"a body of {length} bytes")
    body = await reader.readexactly(length)
    return Request(method, path, headers.get("authorization", ""), body)


def _encode(answer: Answer) -> bytes:
    body = b"" if answer.body is None else json.dumps(answer.body).encode()
    words = {200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
    head = f"HTTP/1.1 {answer.status} {words.get(answer.status, 'Error')}\r\nContent-Type: application/json\r\n"
    if answer.status != 204:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def _serve_all(lab: Place) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.folder / "bmc.crt", lab.folder / "bmc.key")
    password = (lab.folder / "bmc.password").read_text()
    for node in lab.nodes():
        await asyncio.start_server(Server(node, password).serve, node.bmc_address, 443, ssl=context)
    (lab.folder / "bmc.ready").touch()
    await asyncio.Event().wait()


def main() -> None:
    """bmc LAB"""
    asyncio.run(_serve_all(Place(sys.argv[1])))


if __name__ == "__main__":
    main()
