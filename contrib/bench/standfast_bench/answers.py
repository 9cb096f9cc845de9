"""Servers that answer what probes ask, in a process of their own: its work is not counted as ours."""

import asyncio
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import cast

PAGE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"state": "fine"}'
CERTIFICATE, KEY, SOCKET = "certificate.pem", "key.pem", "app.sock"


class _Page(asyncio.Protocol):
    """A page for each connection; what is sent on it is a request and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, _: bytes) -> None:
        self.transport.write(PAGE)
        self.transport.close()


class _Pong(_Page):
    def data_received(self, _: bytes) -> None:
        self.transport.write(b"+PONG\r\n")


class _Silent(asyncio.Protocol):
    """It accepts connections and never answers."""


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data, address)


def make_certificate(folder: Path) -> None:
    """A certificate of localhost and its key are in the folder."""
    files = ("-keyout", str(folder / KEY), "-out", str(folder / CERTIFICATE))
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30")
    command = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        *files,
        *name,
    )
    subprocess.run(command, check=True, capture_output=True)


def serve(folder: Path) -> None:
    """Prints the ports by their names, then serves until stdin ends."""
    asyncio.run(_serve(folder))


async def _serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    ports = {}
    for name, protocol, context in (
        ("http", _Page, None),
        ("https", _Page, tls),
        ("tcp", _Pong, None),
        ("tls", _Pong, tls),
        ("silent", _Silent, None),
    ):
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context, backlog=1024)
        ports[name] = server.sockets[0].getsockname()[1]
    await loop.create_unix_server(_Page, folder / SOCKET)
    transport, _ = await loop.create_datagram_endpoint(_Echo, ("127.0.0.1", 0))
    ports["udp"] = transport.get_extra_info("sockname")[1]
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
