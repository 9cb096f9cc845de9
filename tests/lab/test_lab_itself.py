"""The lab keeps what the other lab tests build on: power is power, a cut is a cut, the witness sees every address."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from standfast_lab import power
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

VIRTUAL = "192.0.2.100"
PROGRAM = Path(__file__).resolve().parents[2] / "contrib/lab/lab"
BASE = os.environ.get("STANDFAST_LAB_NAME", "check")


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    """Two nodes without Standfast."""
    lab = Lab(f"{BASE}-itself")
    lab.up(2, bare=True, with_package=False)
    yield lab
    lab.down()


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    """The two nodes, both on, not cut and with BMCs that behave, before each test."""
    running.heal()
    for node in running.nodes():
        running.bmc(node, Mode.OK)
        running.boot(node)
        running.sh(node, "ip", "address", "del", f"{VIRTUAL}/24", "dev", "eth0", check=False)
    yield running


def command(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs contrib/lab/lab for this lab."""
    environment = os.environ | {"STANDFAST_LAB_NAME": lab.place.name}
    return subprocess.run(
        [PROGRAM, *arguments], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def hears(lab: Lab, listener: str, speaker: str, link: int = 0) -> bool:
    """A datagram that the speaker broadcasts on the link reaches the listener; no answer is needed, nor ARP."""
    network = ("192.0.2", "198.51.100")[link]
    listen = (
        "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.7); s.bind(('', 9999))\n"
        "print('ready', flush=True)\n"
        "try:\n print(s.recv(9).decode())\n"
        "except TimeoutError:\n print('silence')"
    )
    speak = (
        "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.sendto(b'hello', ('{network}.255', 9999))"
    )
    nsenter = ["nsenter", f"--target={lab.leader_pid(listener)}", "--all", "--", "python3", "-c", listen]
    with subprocess.Popen(nsenter, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        lab.sh(speaker, "python3", "-c", speak)
        return process.stdout.read().strip() == "hello"


def reaches(lab: Lab, node: str, address: str) -> bool:
    """The address answers the node's ping."""
    return lab.sh(node, "ping", "-c1", "-W1", address, check=False).returncode == 0


def fence(lab: Lab, action: str, victim: int, **options: str) -> int:
    """Debian's fence_redfish, run in the other node; its exit status."""
    node = lab.place.node(victim)
    given = {
        "action": action,
        "ip": node.bmc_address,
        "ipport": "443",
        "systems_uri": f"/redfish/v1/Systems/{victim}",
        "ssl_insecure": "1",
        "username": "fence",
        "password": (lab.place.folder / "bmc.password").read_text(),
    }
    lines = "".join(f"{name}={value}\n" for name, value in (given | options).items())
    command = ("timeout", "4", "fence_redfish")
    return lab.sh(f"node{3 - victim}", *command, check=False, text=lines).returncode


def test_sh_gives_the_commands_exit_status_and_output_exactly(lab: Lab) -> None:
    result = command(lab, "sh", "node1", "sh", "-c", "printf 'a b\\n'; echo oops >&2; exit 7")
    assert (result.returncode, result.stdout, result.stderr) == (7, "a b\n", "oops\n")
    assert command(lab, "sh", "node2", "hostname").stdout == "node2\n"
    assert command(lab, "sh", "node1", "printf", "%s|", "a b", "--nodes", "-x").stdout == "a b|--nodes|-x|"
    assert command(lab, "sh", "node7", "true").returncode == 255


def test_nodes_boot_clean_with_what_the_cluster_starts_left_alone(lab: Lab) -> None:
    for node in lab.nodes():
        assert lab.sh(node, "systemctl", "is-system-running").stdout == "running\n"
        for unit in ("apache2.service", "corosync.service"):
            assert lab.sh(node, "systemctl", "is-enabled", unit, check=False).stdout == "disabled\n"
            assert lab.sh(node, "systemctl", "is-active", unit, check=False).stdout == "inactive\n"
        assert lab.sh(node, "sysctl", "-n", "net.unix.max_dgram_qlen").stdout == "512\n"  # as systemd sets it at a boot
    machines = {lab.sh(node, "cat", "/etc/machine-id").stdout for node in lab.nodes()}
    assert len(machines) == 2
    lab.sh("node1", "sh", "-c", "echo shared >/srv/shared/note")
    assert lab.sh("node2", "cat", "/srv/shared/note").stdout == "shared\n"


def test_up_on_a_running_lab_changes_nothing(lab: Lab) -> None:
    before = [(lab.leader_pid(node), lab.boots(node)) for node in lab.nodes()]
    lab.up(bare=True)
    lab.up(2, bare=True)
    assert [(lab.leader_pid(node), lab.boots(node)) for node in lab.nodes()] == before
    with pytest.raises(LabError, match="runs with 2 nodes"):
        lab.up(3, bare=True)
    with pytest.raises(LabError, match="without servers"):
        lab.up(bare=True, servers=True)


def test_power_cut_takes_pid_1_links_and_addresses_and_boot_brings_the_own_ones_back(lab: Lab) -> None:
    lab.sh("node1", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
    assert lab.client("ping", "-c1", "-W1", VIRTUAL).returncode == 0
    boots = lab.boots("node1")
    lab.kill("node1")
    assert not lab.is_on("node1")
    assert lab.client("ping", "-c1", "-W1", VIRTUAL).returncode != 0
    assert lab.client("ping", "-c1", "-W1", "192.0.2.11").returncode != 0
    result = command(lab, "sh", "node1", "true")
    assert (result.returncode, result.stdout) == (255, "")
    time.sleep(0.5)
    assert not lab.is_on("node1"), "a power cut waits for boot"
    lab.boot("node1")
    assert lab.boots("node1") == boots + 1
    assert lab.client("ping", "-c1", "-W1", "192.0.2.11").returncode == 0
    assert lab.client("ping", "-c1", "-W1", VIRTUAL).returncode != 0


def test_power_cut_wins_over_a_power_on_or_a_reboot_before_it(lab: Lab) -> None:
    node = lab.place.find("node1")
    for after_s in (0.005, 0.015, 0.03, 0.06):
        lab.kill("node1")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(power.ask, node, "on")
            time.sleep(after_s)
            assert not power.ask(node, "off").on
        time.sleep(0.2)
        assert not lab.is_on("node1")
    lab.boot("node1")
    lab.sh("node1", "systemctl", "reboot", check=False)
    lab.kill("node1")
    time.sleep(0.5)
    assert not lab.is_on("node1")


def test_reboot_boots_again_without_the_virtual_address_and_keeps_the_journal(lab: Lab) -> None:
    lab.sh("node2", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
    lab.sh("node2", "logger", "--tag", "standfast-lab-test", "before the reboot")
    identity, boots = lab.sh("node2", "cat", "/etc/machine-id").stdout, lab.boots("node2")
    lab.sh("node2", "systemctl", "reboot", check=False)
    lab.wait(lambda: lab.boots("node2") > boots and lab.is_booted("node2"), 30, "node2 to boot again by itself")
    assert lab.boots("node2") == boots + 1
    assert lab.sh("node2", "cat", "/etc/machine-id").stdout == identity
    assert lab.client("ping", "-c1", "-W1", VIRTUAL).returncode != 0
    assert lab.client("ping", "-c1", "-W1", "192.0.2.12").returncode == 0
    lab.kill("node2")
    told = [entry["MESSAGE"] for entry in lab.journal("node2", "SYSLOG_IDENTIFIER=standfast-lab-test")]
    assert told == ["before the reboot"]


def test_poweroff_stays_off(lab: Lab) -> None:
    lab.sh("node2", "systemctl", "poweroff", check=False)
    lab.wait(lambda: not lab.is_on("node2"), 30, "node2 to power off")
    time.sleep(0.5)
    assert not lab.is_on("node2")
    assert lab.client("ping", "-c1", "-W1", "192.0.2.12").returncode != 0


def test_fence_redfish_cuts_power_and_gives_it_back(lab: Lab) -> None:
    begun = time.monotonic()
    assert fence(lab, "status", 1) == 0
    assert fence(lab, "off", 1) == 0
    assert not lab.is_on("node1")
    assert fence(lab, "status", 1) == 2
    assert fence(lab, "on", 1) == 0
    assert fence(lab, "status", 1) == 0
    lab.wait(lambda: lab.is_booted("node1"), 30, "node1 to boot")
    asked = [(entry["body"], entry["status"]) for entry in lab.bmc_requests("node1", begun) if entry["body"]]
    assert asked == [('{"ResetType": "ForceOff"}', 204), ('{"ResetType": "On"}', 204)]
    assert fence(lab, "status", 1, password="wrong") == 1


def test_bmc_can_be_slow_lying_stuck_broken_and_dead(lab: Lab) -> None:
    leader = lab.leader_pid("node1")
    lab.bmc("node1", Mode.SLOW, 0.3)
    begun = time.monotonic()
    assert fence(lab, "status", 1) == 0
    assert time.monotonic() - begun > 0.3
    lab.bmc("node1", Mode.LYING)
    assert fence(lab, "off", 1) == 0
    assert fence(lab, "status", 1) == 2
    assert lab.leader_pid("node1") == leader
    lab.bmc("node1", Mode.STUCK)
    assert fence(lab, "off", 1, power_timeout="1") == 1
    assert lab.leader_pid("node1") == leader
    lab.bmc("node1", Mode.BROKEN)
    assert fence(lab, "off", 1) == 1
    assert lab.leader_pid("node1") == leader
    lab.bmc("node1", Mode.DEAD)
    assert fence(lab, "status", 1) == 124  # killed by timeout(1)
    assert fence(lab, "status", 2) == 0
    lab.bmc("node1", Mode.OK)
    assert fence(lab, "status", 1) == 0


def test_cut_and_heal_between_nodes_only(lab: Lab) -> None:
    assert reaches(lab, "node1", "node2")
    lab.cut("node1")
    assert not reaches(lab, "node1", "node2")
    assert not reaches(lab, "node1", "node2-1")
    assert not hears(lab, "node1", "node2")
    assert not hears(lab, "node2", "node1")
    assert lab.client("ping", "-c1", "-W1", "192.0.2.11").returncode == 0
    assert fence(lab, "status", 1) == 0
    lab.heal()
    assert lab.cuts() == ()
    lab.wait(lambda: reaches(lab, "node1", "node2"), 5, "node1 to reach node2 again")  # ARP has its own pace
    lab.wait(lambda: reaches(lab, "node1", "node2-1"), 5, "node1 to reach node2 again on the second link")


def test_cut_one_way_and_on_one_link(lab: Lab) -> None:
    lab.cut("node1", "node2", one_way=True, link=0)
    assert lab.cuts() == (("node1-0", "node2-0"),)
    assert not hears(lab, "node2", "node1", link=0)
    assert hears(lab, "node1", "node2", link=0)
    assert hears(lab, "node2", "node1", link=1)
    assert reaches(lab, "node1", "node2-1")
    with pytest.raises(LabError, match="itself"):
        lab.cut("node1", "node1")


def test_witness_sees_an_address_added_moved_held_twice_and_lost_with_the_power(lab: Lab) -> None:
    begun = time.monotonic()
    lab.sh("node1", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
    lab.wait(lambda: lab.holder() == "node1", 5, "the witness to see it")
    lab.sh("node1", "ip", "address", "del", f"{VIRTUAL}/24", "dev", "eth0")
    lab.sh("node2", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
    lab.wait(lambda: lab.holder() == "node2", 5, "the witness to see it moved")
    assert lab.overlap_ms(since=begun) == 0
    lab.sh("node1", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth1")
    time.sleep(0.2)
    lab.kill("node2")
    lab.wait(lambda: lab.holder() == "node1", 5, "the witness to see the power cut")
    assert 200 <= lab.overlap_ms(since=begun) < 2000
    lab.boot("node2")
    lab.sh("node2", "ip", "address", "add", "203.0.113.9/32", "dev", "lo")
    lab.wait(lambda: lab.holder("203.0.113.9") == "node2", 5, "the witness after a boot")


def test_client_measures_an_outage(lab: Lab) -> None:
    lab.sh("node1", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
    lab.sh("node1", "systemctl", "start", "apache2.service")
    lab.client_start()
    begun = time.monotonic()
    time.sleep(1)
    assert lab.outage_s(since=begun) < 0.3
    assert {request.text for request in lab.client_requests() if request.t_start > begun} == {"node1"}
    lab.sh("node1", "systemctl", "stop", "apache2.service")
    time.sleep(0.5)
    lab.sh("node1", "systemctl", "start", "apache2.service")
    lab.wait(lambda: lab.client_requests()[-1].ok, 10, "a good answer")
    requests = lab.client_stop()
    assert 0.5 <= lab.outage_s(since=begun) < 3
    assert len(requests) > 50
    assert any(not request.ok for request in requests)
    assert lab.client("curl", "-s", f"http://{VIRTUAL}/healthz").stdout == "ok\n"


def test_two_labs_at_once_share_nothing_but_the_image(lab: Lab) -> None:
    other = Lab(f"{BASE}-other")
    try:
        other.up(1, bare=True, with_package=False)
        lab.sh("node1", "ip", "address", "add", f"{VIRTUAL}/24", "dev", "eth0")
        assert other.client("ping", "-c1", "-W1", VIRTUAL).returncode != 0
        assert other.client("ping", "-c1", "-W1", "192.0.2.11").returncode == 0
        assert other.client("ping", "-c1", "-W1", "192.0.2.12").returncode != 0
        assert other.holder() is None
        other.sh("node1", "touch", "/etc/only-here")
        assert lab.sh("node1", "test", "-e", "/etc/only-here", check=False).returncode == 1
        other.kill("node1")
        assert lab.is_booted("node1")
    finally:
        other.down()
    assert lab.is_booted("node1")
    assert lab.is_booted("node2")


def test_an_up_that_was_killed_is_begun_anew_and_down_of_none_succeeds() -> None:
    lab = Lab(f"{BASE}-killed")
    code = "import sys; from standfast_lab.lab import Lab; Lab(sys.argv[1]).up(1, bare=True, with_package=False)"
    environment = os.environ | {"PYTHONPATH": str(PROGRAM.parent)}
    try:
        for after_s in (0.1, 0.4, 0.7):
            process = subprocess.Popen([sys.executable, "-c", code, lab.place.name], env=environment)
            time.sleep(after_s)
            process.send_signal(signal.SIGKILL)
            process.wait()
        lab.up(1, bare=True, with_package=False)
        assert lab.is_booted("node1")
    finally:
        lab.down()
    assert command(lab, "down").returncode == 0
    assert command(lab, "down").returncode == 0
    assert command(lab, "status").returncode == 1
    left = [path.name for path in Path("/run/netns").glob("*") if path.name.startswith(lab.place.name)]
    assert left == []
    assert not lab.place.folder.exists()
    assert list(Path("/sys/fs/cgroup").glob(f"*/standfast-lab/{lab.place.name}")) == []
