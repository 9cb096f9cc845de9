"""A lab brought up with watchdogs: unfed, one cuts its node's power, and the next life begins with a new one."""

import os
from collections.abc import Iterator

import pytest
from standfast_lab import power, progress
from standfast_lab.lab import Lab

BASE = os.environ.get("STANDFAST_LAB_NAME", "check")
WITHIN_S = 60.0
# Armed for one second, and then not fed (SETTIMEOUT of linux/watchdog.h).
ARM = (
    "import fcntl, os, struct, time\n"
    "device = os.open('/srv/watchdog/watchdog', os.O_WRONLY)\n"
    "fcntl.ioctl(device, 0xC0045706, bytearray(struct.pack('i', 1)), True)\n"
    "time.sleep(600)\n"
)
TAME = "import os; device = os.open('/srv/watchdog/watchdog', os.O_WRONLY); os.write(device, b'V'); os.close(device)"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One node with a watchdog, without Standfast."""
    lab = Lab(f"{BASE}-watchdog")
    lab.up(1, bare=True, with_package=False, watchdogs=True)
    yield lab
    lab.down()


def told(lab: Lab, word: str) -> int:
    """How often the node's supervisor said this of its watchdog."""
    log = lab.place.find("node1").folder / "supervisor.out"
    return log.read_text().count(f"node1: watchdog: {word}\n")


def test_one_that_nobody_feeds_cuts_the_power_and_the_next_life_has_a_new_one(lab: Lab) -> None:
    lab.boot("node1")
    boots = lab.boots("node1")
    lab.sh("node1", "python3", "-c", ARM, check=False, timeout_s=WITHIN_S)
    node, what = lab.place.find("node1"), "the watchdog to cut node1's power"
    progress.wait(lambda: not power.ask(node, "status").on, WITHIN_S, what, interval_s=0.001)
    assert power.ask(node, "on").on, "also while the last life is still being tidied up"
    lab.boot("node1")
    assert told(lab, "timeout") == 1
    assert lab.boots("node1") == boots + 1, "it waits for boot, as after any power cut"
    lab.sh("node1", "python3", "-c", TAME)
    lab.wait(lambda: told(lab, "disarmed") == 1, WITHIN_S, "the magic close to disarm the new one")
    assert lab.is_on("node1")
