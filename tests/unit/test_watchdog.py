"""Which watchdog is used, how systemd keeps it, and the device itself where this machine has FUSE."""

import asyncio
import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from standfast_lab import watchdog as lab

from fakes.watchdog import WITHIN_S, Systemd, fusedog, needs_fuse
from standfast.quorumd.descriptors import Store
from standfast.quorumd.feeder import Feeder, Shown, Surroundings
from standfast.quorumd.watchdog import (
    Candidate,
    Device,
    WatchdogError,
    candidates,
    choose,
    held_files,
    set_wanted,
    stays_armed,
)
from standfast.watchdog.messages import Arm, Tell, encode
from standfast.watchdog.times import Wanted

SERVICES = Path(__file__).parents[2] / "services"
SOFT = Candidate(path="/dev/watchdog0", identity="Software Watchdog", driver="")
BOARD = Candidate(path="/dev/watchdog1", identity="iTCO_wdt", driver="iTCO_wdt")


def wanting(device: str, *, trust: bool = False, timeout_ms: int = 20_000, shortest_ms: int = 1_000) -> Wanted:
    return Wanted(device=device, trust=trust, timeout_ms=timeout_ms, shortest_ms=shortest_ms, tick_max_ms=3_000)


@pytest.mark.parametrize(
    ("device", "trust", "known", "virtual", "path"),
    [
        ("auto", False, (BOARD,), "", "/dev/watchdog1"),
        ("auto", False, (SOFT, BOARD), "", "/dev/watchdog1"),
        ("auto", True, (SOFT, BOARD), "kvm", "/dev/watchdog1"),
        ("auto", True, (SOFT,), "", "/dev/watchdog0"),
        ("/dev/watchdog1", False, (SOFT, BOARD), "", "/dev/watchdog1"),
        ("/dev/watchdog0", True, (SOFT,), "kvm", "/dev/watchdog0"),
        ("/srv/dog", True, (), None, "/srv/dog"),
    ],
)
def test_the_first_device_that_proves_something_is_used(
    device: str, trust: bool, known: tuple[Candidate, ...], virtual: str | None, path: str
) -> None:
    assert choose(wanting(device, trust=trust), known, virtual) == path


@pytest.mark.parametrize(
    ("device", "known", "virtual", "sentence"),
    [
        ("auto", (), "", "this machine has no watchdog device; load its driver"),
        ("auto", (SOFT,), "", "/dev/watchdog0 (Software Watchdog) is softdog, which resets nothing when the kernel"),
        ("auto", (BOARD,), "kvm", "/dev/watchdog1 (iTCO_wdt) is in a virtual machine or container (kvm), which can be"),
        ("auto", (BOARD,), None, "/dev/watchdog1 (iTCO_wdt) is not used while systemd does not say whether this is"),
        ("/dev/watchdog0", (SOFT, BOARD), "", "/dev/watchdog0 is softdog"),
        ("/dev/watchdog", (SOFT, BOARD), "", "/dev/watchdog is softdog"),
        ("/dev/watchdog1", (BOARD,), "vmware", "/dev/watchdog1 is in a virtual machine or container (vmware)"),
        ("/srv/dog", (BOARD,), "", "/srv/dog is no watchdog that the kernel shows"),
    ],
)
def test_one_that_proves_nothing_is_refused_with_what_to_do(
    device: str, known: tuple[Candidate, ...], virtual: str | None, sentence: str
) -> None:
    with pytest.raises(WatchdogError) as caught:
        choose(wanting(device), known, virtual)
    assert str(caught.value).startswith(sentence)
    assert "WatchdogTrust=yes" in str(caught.value) or "remove Watchdog=auto" in str(caught.value)


def test_the_kernels_own_list_can_be_read() -> None:
    assert all(one.path.startswith("/dev/") for one in candidates())


def test_what_is_no_watchdog_is_refused_and_nothing_is_written_to_it(tmp_path: Path) -> None:
    with pytest.raises(WatchdogError, match=f"{tmp_path}/none does not exist; load its driver, or correct Watchdog="):
        Device.arm(str(tmp_path / "none"))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(WatchdogError, match="is no watchdog"):
        Device.arm(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_held_files_say_that_something_is_held_also_when_they_cannot_be_read(tmp_path: Path) -> None:
    assert not held_files(tmp_path / "none")
    assert not held_files(tmp_path)
    (tmp_path / "webserv").touch()
    assert held_files(tmp_path)
    assert held_files(tmp_path / "webserv"), "what is no folder cannot be read"


def test_a_device_that_only_a_reset_disarms_is_known(tmp_path: Path) -> None:
    for name, word in (("watchdog0", "1\n"), ("watchdog1", "0\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "nowayout").write_text(word)
    assert stays_armed("/dev/watchdog", tmp_path)
    assert stays_armed("/dev/watchdog0", tmp_path)
    assert not stays_armed("/dev/watchdog1", tmp_path)
    assert not stays_armed("/srv/dog", tmp_path)


# systemd's store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Systemd, Store]]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd, Store({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    systemd.socket.close()


def test_systemd_has_a_copy_that_outlives_ours(store: tuple[Systemd, Store], tmp_path: Path) -> None:
    systemd, ours = store
    with (tmp_path / "device").open("wb") as device:
        assert ours.keep(device.fileno())
    assert systemd.heard == ["FDSTORE=1\nFDNAME=watchdog\nFDPOLL=0", "BARRIER=1"]
    (copy,) = systemd.kept
    assert os.write(copy, b"x") == 1
    systemd.read.clear()
    assert ours.forget()
    assert systemd.read.wait(WITHIN_S)
    assert not systemd.kept
    assert systemd.heard[-1] == "FDSTOREREMOVE=1\nFDNAME=watchdog"


def test_a_systemd_that_does_not_get_to_it_has_no_copy_yet(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path / "notify", closes=False)
    with Path(os.devnull).open("wb") as device:
        assert not Store({"NOTIFY_SOCKET": str(tmp_path / "notify")}).keep(device.fileno())
        assert not Store({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).keep(device.fileno())
        assert Store({}).keep(device.fileno()), "started by hand: there is no systemd to ask"
    systemd.socket.close()


def test_the_next_process_gets_the_descriptor_back_and_only_that(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from standfast.quorumd.descriptors import Store\n"
        "store = Store()\n"
        "found = store.taken_back()\n"
        "os.write(found, b'fed')\n"
        "assert not os.get_inheritable(found)\n"
        "assert not [name for name in os.environ if name.startswith('LISTEN_')]\n"
        "assert store.taken_back() is None\n"
        "try: os.fstat(3)\n"
        "except OSError: print(found)\n"
    )
    script = f'exec 3>{tmp_path}/other 4>{tmp_path}/dog; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=x:watchdog exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-c", program]
    result = subprocess.run(command, env={"PYTHONPATH": str(SERVICES)}, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "4\n"), result.stderr
    assert (tmp_path / "dog").read_text() == "fed"


def test_descriptors_for_another_process_are_left_alone() -> None:
    assert Store({"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "watchdog"}).taken_back() is None


# The device, on the FUSE file that takes the kernel's ioctls


@needs_fuse
def test_a_device_is_armed_by_open_takes_a_timeout_and_is_disarmed_by_the_magic_close(tmp_path: Path) -> None:
    async def main() -> None:
        async with fusedog(tmp_path) as dog:
            device = Device.arm(dog.path)
            await dog.says(f"armed {lab.TIMEOUT_S}")
            assert device.settable
            assert device.support()[1] == "Standfast lab"
            assert set_wanted(device, wanting(dog.path)) == (20_000, "")
            await dog.says("armed 20")
            assert device.timeout_ms() == 20_000
            device.feed()
            with pytest.raises(WatchdogError, match="is open elsewhere; set RuntimeWatchdogSec=off"):
                Device.arm(dog.path)
            with pytest.raises(WatchdogError, match="does not take a timeout of 9999 s"):
                device.set_timeout(9_999_000)
            with pytest.raises(WatchdogError, match="has a timeout of 20 s, and 25 s is the shortest"):
                set_wanted(device, wanting(dog.path, shortest_ms=25_000))
            copy = Device.adopt(os.dup(device.descriptor))
            assert copy.path == dog.path
            device.disarm()
            copy.feed()  # systemd's copy is closed later: a feed in between takes nothing back
            os.close(copy.descriptor)
            await dog.says("disarmed")
            assert not dog.over.is_set()

    asyncio.run(main())


@needs_fuse
def test_a_device_that_every_close_disarms_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "support", lambda _: (0x8080, "SETTIMEOUT and KEEPALIVEPING, no MAGICCLOSE"))

    async def main() -> None:
        async with fusedog(tmp_path) as dog:
            with pytest.raises(WatchdogError, match="is disarmed by whatever closes it, also by a crash"):
                Device.arm(dog.path)
            await dog.says("disarmed")

    asyncio.run(main())


@needs_fuse
def test_a_killed_process_leaves_it_armed_and_it_bites(tmp_path: Path) -> None:
    program = "import sys, time; from standfast.quorumd.watchdog import Device; "
    program += "Device.arm(sys.argv[1]).set_timeout(1000); time.sleep(600)"

    async def main() -> None:
        async with fusedog(tmp_path) as dog:
            environment = {"PYTHONPATH": str(SERVICES)}
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, dog.path, env=environment)
            await dog.says("armed 1")
            process.send_signal(signal.SIGKILL)
            await process.wait()
            await dog.says("timeout")
            assert dog.over.is_set()

    asyncio.run(main())


@needs_fuse
def test_in_a_hurry_it_bites_as_soon_as_it_can(tmp_path: Path) -> None:
    async def main() -> None:
        async with fusedog(tmp_path) as dog:
            device = Device.arm(dog.path)
            device.hurry()
            await dog.says("armed 1")
            await dog.says("timeout")
            os.close(device.descriptor)

    asyncio.run(main())


@needs_fuse
def test_a_node_whose_tick_is_not_echoed_any_more_loses_its_power(tmp_path: Path) -> None:
    entries: list[str] = []
    shown: queue.SimpleQueue[Shown] = queue.SimpleQueue()
    surroundings = Surroundings(
        socket=tmp_path / "socket",
        held=tmp_path / "held",
        owner=os.getuid(),
        store=Store({}),
        lock_memory=lambda: None,
        clock=lambda: 1_000,
    )

    async def main() -> None:
        async with fusedog(tmp_path) as dog:
            feeder = Feeder(
                surroundings,
                on_shown=shown.put,
                on_entry=lambda _, __, text: entries.append(text),
                on_end=lambda error: entries.append(f"ended: {error}"),
            )
            feeder.start()
            feeder.configure(wanting(dog.path, trust=True, timeout_ms=2_000), "")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as resourced:
                resourced.connect(str(tmp_path / "socket"))
                resourced.send(encode(Arm(number=1)))
                resourced.send(encode(Tell(holding=True, echoed_until_ms=1_000)))
                await dog.says("armed 2")
                while not (await asyncio.to_thread(shown.get, timeout=WITHIN_S)).fed:
                    pass
                resourced.send(encode(Tell(holding=True, echoed_until_ms=999)))
                await dog.says("timeout")
                await asyncio.to_thread(feeder.stop)
            assert dog.over.is_set()

    asyncio.run(main())
    assert any("its tick is not echoed by a quorum" in text for text in entries)
    assert entries[-1] == "ended: None"
