"""The address program on real interfaces: two network namespaces with a cable between them."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
V4, V6 = "192.0.2.100", "2001:db8::100"
BOTH = pytest.mark.parametrize("address", [V4, V6])
SNIFFER = """
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind(("cable", 3))
print("ready", flush=True)
while True:
    data, (_, protocol, *_) = s.recvfrom(2048)
    print(f"{time.monotonic()} {protocol:04x} {data.hex()}", flush=True)
"""


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@dataclass
class Namespace:
    name: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def ip(self, *arguments: str) -> str:
        return ip("-n", self.name, *arguments)

    def has(self, address: str) -> bool:
        return f" {address}/" in self.ip("-o", "address", "show", "dev", "cable")

    def mac(self) -> str:
        found = re.search(r"link/ether (\S+)", self.ip("link", "show", "dev", "cable"))
        assert found
        return found[1]

    def python(self, *arguments: str, notify: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, "/usr/bin/python3", "-s", "-S", "-P", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES), "NOTIFY_SOCKET": notify},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


@dataclass
class Service:
    """One run of the program, as systemd would see it."""

    namespace: Namespace
    address: str
    process: subprocess.Popen[str]
    notifications: socket.socket

    def wait_ready(self) -> float:
        """Seconds until READY=1."""
        begin = time.monotonic()
        while "READY=1" not in self.notified():
            pass
        return time.monotonic() - begin

    def notified(self) -> str:
        return self.notifications.recv(4096).decode()

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.wait_end()

    def wait_end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=5)
        return self.process.returncode, errors


class Bench:
    """`near` and `far`: two machines, one cable."""

    def __init__(self, near: Namespace, far: Namespace, folder: Path) -> None:
        self.near, self.far = near, far
        self._folder = folder
        self._count = 0

    def start(self, address: str, where: Namespace | None = None) -> Service:
        self._count += 1
        name = str(self._folder / f"notify{self._count}")
        notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notifications.settimeout(5)
        notifications.bind(name)
        namespace = where or self.near
        process = namespace.python("-m", "standfast.addresses", address, notify=name)
        return Service(namespace, address, process, notifications)

    def listen(self) -> subprocess.Popen[str]:
        """What arrives at the far end, a line for each frame."""
        sniffer = self.far.python("-c", SNIFFER)
        assert sniffer.stdout is not None
        assert sniffer.stdout.readline() == "ready\n"
        return sniffer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    names = [f"sf-addr-{os.getpid()}-{side}" for side in ("near", "far")]
    near, far = (Namespace(name) for name in names)
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "cable", "netns", near.name, "type", "veth", "peer", "name", "cable", "netns", far.name)
        for number, namespace in enumerate((near, far), start=1):
            namespace.ip("address", "add", f"192.0.2.{number}/24", "dev", "cable")
            namespace.ip("address", "add", f"2001:db8::{number}/64", "dev", "cable", "nodad")
            namespace.ip("link", "set", "cable", "up")
        yield Bench(near, far, tmp_path)
    finally:
        near.end()
        far.end()
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@BOTH
def test_the_address_is_there_when_ready_and_gone_after_sigterm(bench: Bench, address: str) -> None:
    service = bench.start(address)
    service.wait_ready()
    assert bench.near.has(address)
    assert service.end(signal.SIGTERM) == (0, "")
    assert not bench.near.has(address)


def test_an_ipv6_address_answers_at_once_without_the_kernels_own_search(bench: Bench) -> None:
    bench.start(V6).wait_ready()
    assert "tentative" not in bench.near.ip("address", "show", "to", V6)


@BOTH
def test_it_takes_the_prefix_of_the_interfaces_subnet(bench: Bench, address: str) -> None:
    bench.start(address).wait_ready()
    assert f"{address}/{24 if address == V4 else 64} " in bench.near.ip("-o", "address", "show")


@BOTH
def test_a_duplicate_fails_the_start_and_names_the_mac(bench: Bench, address: str) -> None:
    bench.start(address, bench.far).wait_ready()
    code, errors = bench.start(address).wait_end()
    assert code == 3
    assert f"{address} is in use by {bench.far.mac()} on cable" in errors
    assert not bench.near.has(address)


@BOTH
def test_after_sigkill_the_next_run_takes_the_address_over(bench: Bench, address: str) -> None:
    first = bench.start(address)
    first.wait_ready()
    first.end(signal.SIGKILL)
    assert bench.near.has(address)
    second = bench.start(address)
    second.wait_ready()
    assert bench.near.has(address)
    assert second.end(signal.SIGTERM)[0] == 0
    assert not bench.near.has(address)


@BOTH
def test_after_sigkill_execstoppost_removes_the_address(bench: Bench, address: str) -> None:
    service = bench.start(address)
    service.wait_ready()
    service.end(signal.SIGKILL)
    for _ in range(2):  # the second time there is nothing left to remove
        assert bench.near.python("-m", "standfast.addresses", "--remove", address).wait(5) == 0
        assert not bench.near.has(address)


@BOTH
def test_an_address_that_somebody_removes_ends_it_with_a_sentence(bench: Bench, address: str) -> None:
    service = bench.start(address)
    service.wait_ready()
    bench.near.ip("address", "delete", f"{address}/{24 if address == V4 else 64}", "dev", "cable")
    code, errors = service.wait_end()
    assert code == 1
    assert f"Somebody removed {address}" in errors
    assert f"STATUS=Somebody removed {address}" in service.notified()


def test_a_lost_carrier_ends_it_with_a_sentence(bench: Bench) -> None:
    service = bench.start(V4)
    service.wait_ready()
    bench.far.ip("link", "set", "cable", "down")
    code, errors = service.wait_end()
    assert code == 1
    assert "cable lost its carrier" in errors


def test_an_interface_that_goes_away_ends_it_with_a_sentence(bench: Bench) -> None:
    service = bench.start(V4)
    service.wait_ready()
    bench.far.ip("link", "delete", "cable")
    assert service.wait_end() == (1, "<3>cable is gone, and 192.0.2.100/24 with it.\n")


def test_without_carrier_it_does_not_start(bench: Bench) -> None:
    bench.far.ip("link", "set", "cable", "down")
    code, errors = bench.start(V4).wait_end()
    assert (code, "cable has no carrier" in errors) == (1, True)
    assert not bench.near.has(V4)


def test_changes_elsewhere_do_not_end_it(bench: Bench) -> None:
    service = bench.start(V4)
    service.wait_ready()
    bench.near.ip("link", "add", "link", "cable", "name", "other", "type", "macvlan")
    bench.near.ip("address", "add", "192.0.2.77/24", "dev", "cable")
    bench.near.ip("address", "delete", "192.0.2.77/24", "dev", "cable")
    bench.near.ip("link", "delete", "other")
    time.sleep(0.2)
    assert service.process.poll() is None


def test_a_second_interface_of_this_machine_on_the_same_link_is_no_duplicate(bench: Bench) -> None:
    """Linux answers ARP for its addresses on every interface: the leftover is found through the other one."""
    bench.near.ip("link", "add", "link", "cable", "name", "second", "type", "macvlan", "mode", "bridge")
    bench.near.ip("link", "set", "second", "up")
    bench.near.ip("address", "add", f"{V4}/24", "dev", "cable")
    bench.start(V4).wait_ready()


def frames(sniffer: subprocess.Popen[str], seconds: float) -> list[tuple[float, str]]:
    """When each frame of the next `seconds` came, and its protocol and content."""
    time.sleep(seconds)
    sniffer.kill()
    lines = (line.split(" ", 1) for line in sniffer.communicate()[0].splitlines())
    return [(float(when), frame) for when, frame in lines]


def test_both_arp_forms_are_announced_at_once_after_1_and_after_3_seconds(bench: Bench) -> None:
    sniffer = bench.listen()
    bench.start(V4).wait_ready()
    packed = socket.inet_aton(V4).hex()
    mac = bench.near.mac().replace(":", "")
    heard = [(when, frame) for when, frame in frames(sniffer, 3.8) if frame.startswith("0806")]
    forms = {f"0806 000108000604000{form}{mac}{packed}" for form in (1, 2)}
    times = {form: [when for when, frame in heard if frame.startswith(form)] for form in forms}
    for at in times.values():
        assert len(at) == 3, heard
        assert at[1] - at[0] == pytest.approx(1, abs=0.4)
        assert at[2] - at[0] == pytest.approx(3, abs=0.4)
    probes = [frame for _, frame in heard if frame.startswith(f"0806 0001080006040001{mac}00000000")]
    assert len(probes) == 2


def test_neighbours_that_knew_the_address_elsewhere_know_it_here_afterwards(bench: Bench) -> None:
    """Nobody asks again for what it believes to know: only the announcement can move it."""
    for address in (V4, V6):
        bench.far.ip("neighbour", "replace", address, "lladdr", "02:00:00:00:00:01", "dev", "cable", "nud", "stale")
        bench.start(address).wait_ready()
        deadline = time.monotonic() + 5
        while bench.near.mac() not in bench.far.ip("neighbour", "show", address):
            assert time.monotonic() < deadline, address
            time.sleep(0.05)


def test_no_address_and_no_subnet_are_one_sentence_each(bench: Bench) -> None:
    assert bench.start("webserv").wait_end() == (
        1,
        "<3>“webserv” is no address: the unit's name must be standfast-ip@ADDRESS.service\n",
    )
    code, errors = bench.start("198.51.100.7").wait_end()
    assert (code, "No interface has the subnet of 198.51.100.7" in errors) == (1, True)


def test_it_stays_lean(bench: Bench) -> None:
    service = bench.start(V4)
    service.wait_ready()
    rollup = Path(f"/proc/{service.process.pid}/smaps_rollup").read_text()
    private = sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.MULTILINE))
    assert private < 10 * 1024
