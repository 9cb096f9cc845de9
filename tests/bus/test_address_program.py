"""The address program on real interfaces: two network namespaces with a cable between them."""

import contextlib
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

REPOSITORY = Path(__file__).parents[2]
SERVICES = REPOSITORY / "services"
PROGRAM = REPOSITORY / "units/standfast-address"
TEMPLATE = REPOSITORY / "units/standfast-ip@.service"
V4, V6 = "192.0.2.100", "2001:db8::100"
BOTH = pytest.mark.parametrize("address", [V4, V6])
SERVER = """
import sys
from standfast.addresses import __main__ as program, place
program.read_settings = lambda unit: place.read_settings(unit, sys.argv[2])
program.main(sys.argv[1:2])
"""
CLAIM = """
import sys
from standfast.addresses.neighbours import Neighbours, open_sender
from standfast.addresses.netlink import Netlink
network = Netlink().network()
address = next(one for one in network.addresses if str(one) == sys.argv[1])
Neighbours(network.link(address.index), address, open_sender()).announce()
"""
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

    def run(self, *command: str, notify: str = "") -> subprocess.Popen[str]:
        """It is one of its processes; its children, which systemd would end with it, are in its group."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICES), "NOTIFY_SOCKET": notify},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def python(self, *arguments: str) -> subprocess.Popen[str]:
        return self.run("/usr/bin/python3", "-s", "-S", "-P", *arguments)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is not None and process.stdout and process.stdout.closed:
                continue  # it was read to its end
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@dataclass
class Unit:
    """One run of a unit's process, as systemd would see it."""

    process: subprocess.Popen[str]
    notifications: socket.socket

    def wait_ready(self) -> None:
        while "READY=1" not in self.notified():
            pass

    def notified(self) -> str:
        """What it tells systemd next, which answers by closing a descriptor (sd_notify_barrier(3))."""
        text = self.notifications.recv(4096).decode()
        _, descriptors, _, _ = socket.recv_fds(self.notifications, 4096, 1)
        for descriptor in descriptors:
            os.close(descriptor)
        return text

    def wait_end(self) -> tuple[int, str]:
        """Its exit code and what it told systemd at last."""
        told = self.notified()
        said, _ = self.process.communicate(timeout=5)
        assert said == ""
        return self.process.returncode, told.strip().removeprefix("STATUS=")

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.communicate(timeout=5)


class Bench:
    """`near` and `far`: two machines, one cable."""

    def __init__(self, near: Namespace, far: Namespace, folder: Path) -> None:
        self.near, self.far = near, far
        self._folder = folder
        self._count = 0
        self._requests: list[int] = []
        self.servers: dict[str, subprocess.Popen[str]] = {}
        for namespace in (near, far):
            (folder / namespace.name).mkdir()
            os.mkfifo(folder / namespace.name / "requests")
            # as systemd does for the socket unit
            self._requests.append(os.open(folder / namespace.name / "requests", os.O_RDWR))
            self.serve(namespace)

    def serve(self, namespace: Namespace) -> None:
        """The program runs there anew."""
        if namespace.name in self.servers:
            self.servers[namespace.name].kill()
            self.servers[namespace.name].wait()
        program = namespace.python("-c", SERVER, str(self._folder / namespace.name), str(self._folder / "units"))
        self.servers[namespace.name] = program

    def start(self, address: str, where: Namespace | None = None) -> Unit:
        self._count += 1
        name = str(self._folder / f"notify{self._count}")
        notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notifications.settimeout(5)
        notifications.bind(name)
        namespace = where or self.near
        script = PROGRAM.read_text().replace("/run/standfast/addresses", str(self._folder / namespace.name))
        return Unit(namespace.run("sh", "-c", script, "standfast-address", address, notify=name), notifications)

    def told(self) -> str:
        """The next line that the near program tells, with its level and its event: there is no journal here."""
        program = self.servers[self.near.name]
        assert program.stdout is not None
        return program.stdout.readline()

    def settings(self, address: str, text: str) -> None:
        """[X-Address] of the address' unit."""
        folder = self._folder / f"units/standfast-ip@{address}.service.d"
        folder.mkdir(parents=True)
        (folder / "own.conf").write_text(f"[X-Address]\n{text}\n")

    def claim(self, address: str, mac: str = "") -> None:
        """The far end has the address, too, and says so."""
        if mac:
            self.far.ip("link", "set", "cable", "address", mac)
        prefixed = f"{address}/{32 if '.' in address else 128}"
        self.far.ip("address", "replace", prefixed, "dev", "cable", *([] if "." in address else ["nodad"]))
        assert self.far.python("-c", CLAIM, prefixed).wait(5) == 0

    def close(self) -> None:
        for descriptor in self._requests:
            os.close(descriptor)

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
        bench = Bench(near, far, tmp_path)
        yield bench
        bench.close()
    finally:
        near.end()
        far.end()
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@BOTH
def test_the_address_is_there_when_ready(bench: Bench, address: str) -> None:
    bench.start(address).wait_ready()
    assert f"{address}/{24 if address == V4 else 64} " in bench.near.ip("-o", "address", "show")


@BOTH
def test_systemds_command_after_its_end_removes_it(bench: Bench, address: str) -> None:
    unit = bench.start(address)
    unit.wait_ready()
    unit.stop()
    found = re.search(r"^ExecStopPost=/bin/ip (.*)$", TEMPLATE.read_text(), re.MULTILINE)
    assert found
    for _ in range(2):  # the second time there is nothing left to remove
        bench.near.ip(*found[1].replace("%i", address).split())
        assert not bench.near.has(address)


def test_an_ipv6_address_answers_at_once_and_is_the_source_of_no_connection(bench: Bench) -> None:
    bench.start(V6).wait_ready()
    assert "tentative" not in bench.near.ip("address", "show", "to", V6)
    assert "src 2001:db8::1 " in bench.near.ip("-6", "route", "get", "2001:db8::2")


@BOTH
def test_a_duplicate_fails_the_start_and_names_the_mac(bench: Bench, address: str) -> None:
    bench.start(address, bench.far).wait_ready()
    code, said = bench.start(address).wait_end()
    assert code == 3
    assert f"{address} is in use by {bench.far.mac()} on cable" in said
    assert bench.told() == f"<4>{said} [address-failed]\n"
    assert not bench.near.has(address)


@BOTH
def test_a_defended_address_is_taken_and_announced_while_somebody_else_claims_it(bench: Bench, address: str) -> None:
    bench.claim(address)
    bench.settings(address, "Duplicate=defend")
    sniffer = bench.listen()
    unit = bench.start(address)
    unit.wait_ready()
    assert bench.told() == (
        f"<4>{address} is in use by {bench.far.mac()} on cable; it is taken from there (Duplicate=defend)."
        " [address-claimed]\n"
    )
    heard = frames(sniffer, 6.5)
    assert 4 <= len(announced(heard, bench.near.mac(), address)) <= 5  # after 0, 1 and 3 s, and every 2 s


@BOTH
def test_who_claims_a_served_address_is_named_once(bench: Bench, address: str) -> None:
    unit = bench.start(address)
    unit.wait_ready()
    first = bench.far.mac()
    for _ in range(2):
        bench.claim(address)
    bench.claim(address, "02:00:00:00:00:01")
    said = [bench.told(), bench.told()]
    assert [re.findall(r"in use by (\S+) on cable, too: end it there", line) for line in said] == [
        [first],
        ["02:00:00:00:00:01"],
    ]
    assert bench.near.has(address)


def test_many_addresses_are_served_at_once(bench: Bench) -> None:
    addresses = [f"192.0.2.{number}" for number in range(100, 140)]
    units = [bench.start(address) for address in addresses]
    for unit in units:
        unit.wait_ready()
    there = bench.near.ip("-o", "address", "show", "dev", "cable")
    assert all(f" {address}/24 " in there for address in addresses)


@BOTH
def test_after_sigkill_the_next_run_takes_the_address_over(bench: Bench, address: str) -> None:
    first = bench.start(address)
    first.wait_ready()
    os.killpg(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert bench.near.has(address)
    bench.start(address).wait_ready()
    assert bench.near.has(address)


@BOTH
def test_an_address_that_somebody_removes_ends_it_with_a_sentence(bench: Bench, address: str) -> None:
    unit = bench.start(address)
    unit.wait_ready()
    bench.near.ip("address", "delete", f"{address}/{24 if address == V4 else 64}", "dev", "cable")
    code, said = unit.wait_end()
    assert (code, f"Somebody removed {address}" in said) == (1, True)


def test_a_restart_of_the_program_ends_no_unit_and_misses_nothing(bench: Bench) -> None:
    stays, goes = bench.start("192.0.2.101"), bench.start(V4)
    for unit in (stays, goes):
        unit.wait_ready()
    bench.serve(bench.near)
    for unit in (stays, goes):
        unit.wait_ready()  # the new one knows it
    bench.servers[bench.near.name].kill()
    bench.near.ip("address", "delete", f"{V4}/24", "dev", "cable")
    bench.serve(bench.near)
    assert goes.wait_end() == (1, f"Somebody removed {V4}.")
    assert stays.process.poll() is None


def test_a_start_while_the_program_is_away_waits_for_it(bench: Bench) -> None:
    bench.servers[bench.near.name].kill()
    unit = bench.start(V4)
    time.sleep(0.2)
    assert not bench.near.has(V4)
    bench.serve(bench.near)
    unit.wait_ready()
    assert bench.near.has(V4)


def test_a_lost_carrier_ends_it_with_a_sentence(bench: Bench) -> None:
    unit = bench.start(V4)
    unit.wait_ready()
    bench.far.ip("link", "set", "cable", "down")
    code, said = unit.wait_end()
    assert (code, "cable lost its carrier" in said) == (1, True)


def test_an_interface_that_goes_away_ends_it_with_a_sentence(bench: Bench) -> None:
    unit = bench.start(V4)
    unit.wait_ready()
    bench.far.ip("link", "delete", "cable")
    assert unit.wait_end() == (1, "cable is gone, and 192.0.2.100/24 with it.")


def test_without_carrier_it_does_not_start(bench: Bench) -> None:
    bench.far.ip("link", "set", "cable", "down")
    code, said = bench.start(V4).wait_end()
    assert (code, "cable has no carrier" in said) == (1, True)
    assert not bench.near.has(V4)


def test_changes_elsewhere_do_not_end_it(bench: Bench) -> None:
    unit = bench.start(V4)
    unit.wait_ready()
    bench.near.ip("link", "add", "link", "cable", "name", "other", "type", "macvlan")
    bench.near.ip("address", "add", "192.0.2.77/24", "dev", "cable")
    bench.near.ip("address", "delete", "192.0.2.77/24", "dev", "cable")
    bench.near.ip("link", "delete", "other")
    time.sleep(0.2)
    assert unit.process.poll() is None


def test_an_interface_that_gets_another_mac_is_announced_anew(bench: Bench) -> None:
    bench.start(V4).wait_ready()
    bench.far.ip("neighbour", "replace", V4, "lladdr", "02:00:00:00:00:01", "dev", "cable", "nud", "stale")
    bench.near.ip("link", "set", "cable", "address", "02:00:00:00:00:02")
    wait_for_neighbour(bench, V4)


def test_an_interface_with_a_number_after_a_dot_is_found_by_its_name(bench: Bench) -> None:
    bench.near.ip("link", "add", "link", "cable", "name", "cable.100", "type", "macvlan", "mode", "bridge")
    bench.near.ip("link", "set", "cable.100", "up")
    bench.settings("198.51.100.7", "Interface=cable.100\nPrefix=24")
    bench.start("198.51.100.7").wait_ready()
    assert "198.51.100.7/24" in bench.near.ip("address", "show", "dev", "cable.100")


def test_a_second_interface_of_this_machine_on_the_same_link_is_no_duplicate(bench: Bench) -> None:
    """Linux answers ARP for its addresses on every interface: the leftover is found through the other one."""
    bench.near.ip("link", "add", "link", "cable", "name", "second", "type", "macvlan", "mode", "bridge")
    bench.near.ip("link", "set", "second", "up")
    bench.near.ip("address", "add", f"{V4}/24", "dev", "cable")
    bench.start(V4).wait_ready()


def test_what_an_earlier_run_left_on_another_interface_goes(bench: Bench) -> None:
    bench.near.ip("link", "add", "link", "cable", "name", "second", "type", "macvlan", "mode", "bridge")
    bench.near.ip("link", "set", "second", "up")
    bench.near.ip("address", "add", f"{V4}/32", "dev", "second")
    bench.settings(V4, "Interface=cable\nPrefix=24")
    bench.start(V4).wait_ready()
    assert [line.split()[1:4:2] for line in bench.near.ip("-o", "address", "show", "to", V4).splitlines()] == [
        ["cable", f"{V4}/24"]
    ]


def frames(sniffer: subprocess.Popen[str], seconds: float) -> list[tuple[float, str]]:
    """When each frame of the next `seconds` came, and its protocol and content."""
    time.sleep(seconds)
    sniffer.kill()
    lines = (line.split(" ", 1) for line in sniffer.communicate()[0].splitlines())
    return [(float(when), frame) for when, frame in lines]


def announced(heard: list[tuple[float, str]], mac: str, address: str) -> list[float]:
    """When all were told that the address is there: by the form of ARP that is a reply, by neighbour advertisement."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address).hex()
    mac = mac.replace(":", "")
    form = (
        rf"86dd .{{80}}8800.{{4}}20000000{packed}0201{mac}" if ":" in address else f"0806 0001080006040002{mac}{packed}"
    )
    return [when for when, frame in heard if re.match(form, frame)]


@BOTH
def test_it_is_announced_at_once_after_1_and_after_3_seconds(bench: Bench, address: str) -> None:
    sniffer = bench.listen()
    bench.start(address).wait_ready()
    heard = frames(sniffer, 6.0)
    at = announced(heard, bench.near.mac(), address)
    assert len(at) == 3, heard
    assert at[1] - at[0] > 0.6  # later on a machine that has no time for it
    assert at[2] - at[0] > 2.6
    if address == V4:
        mac = bench.near.mac().replace(":", "")
        packed = socket.inet_aton(V4).hex()
        requests = [frame for _, frame in heard if frame.startswith(f"0806 0001080006040001{mac}")]
        assert len([frame for frame in requests if frame[33:].startswith(packed)]) == 3  # the other form
        assert len([frame for frame in requests if frame[33:].startswith("0000")]) == 2  # the probes


def test_neighbours_that_knew_the_address_elsewhere_know_it_here_afterwards(bench: Bench) -> None:
    """Nobody asks again for what it believes to know: only the announcement can move it."""
    for address in (V4, V6):
        bench.far.ip("neighbour", "replace", address, "lladdr", "02:00:00:00:00:01", "dev", "cable", "nud", "stale")
        bench.start(address).wait_ready()
        wait_for_neighbour(bench, address)


def wait_for_neighbour(bench: Bench, address: str) -> None:
    """The far end knows the address at the near one."""
    deadline = time.monotonic() + 5
    while bench.near.mac() not in bench.far.ip("neighbour", "show", address):
        assert time.monotonic() < deadline, address
        time.sleep(0.05)


def test_no_address_and_no_subnet_are_one_sentence_each(bench: Bench) -> None:
    assert bench.start("webserv").wait_end() == (
        1,
        "“webserv” is no address: the unit's name must be standfast-ip@ADDRESS.service",
    )
    code, said = bench.start("198.51.100.7").wait_end()
    assert (code, "No interface has the subnet of 198.51.100.7" in said) == (1, True)


def test_it_stays_lean(bench: Bench) -> None:
    unit = bench.start(V4)
    unit.wait_ready()
    assert private_kib(unit.process) < 512
    assert private_kib(bench.servers[bench.near.name]) < 10 * 1024


def private_kib(process: subprocess.Popen[str]) -> int:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.MULTILINE))
