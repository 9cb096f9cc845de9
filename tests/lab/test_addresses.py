"""Addresses of both families in one group, taken away by hand, claimed by others, and a hundred of them."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from standfast_lab import observe

from lab.conftest import full_only
from lab.examples import example, known_owner, owner_of, taken_back, wait_until_fails
from lab.test_quiet_changes import PUSHED_WITHIN_S
from lab.trial import Trial

GROUP = "front"
FIRST, DEFENDED, SIXTH = "192.0.2.150", "192.0.2.151", "2001:db8::150"
SERVER = "standfast-addresses.service"
ANSWERS = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), 1)
except ConnectionRefusedError:
    sys.exit(0)
except OSError as error:
    sys.exit(str(error))
"""
MANY, COUNT = "many", 100
STARTED_WITHIN_S = 5.0  # issue 7, line 6
LEAST_KIB = 30 * 1024


def test_a_group_of_addresses_is_served_watched_and_defended(trial: Trial) -> None:
    with subnet(trial), example(trial, "addresses", trial.others(trial.owner())[0]):
        first = wait_until_serves(trial)
        before = [invocation(trial, first, address) for address in (FIRST, DEFENDED, SIXTH)]
        trial.lab.sh(first, "systemctl", "kill", "--signal=KILL", SERVER)
        at = trial.fault(f"{FIRST} is removed by hand on {first}")
        trial.lab.sh(first, "ip", "address", "delete", f"{FIRST}/24", "dev", "eth0")
        why = wait_until_fails(trial, GROUP, first, at)
        assert f"Somebody removed {FIRST}" in why
        wait_until_serves(trial)
        assert invocation(trial, first, SIXTH) != before[2]  # the whole group was started anew
        place = trial.others(first)[0]
        with claimed(trial, DEFENDED) as mac:
            trial.lab.sh(first, "standfast", "group", "relocate", GROUP, place, timeout_s=60)
            assert f"{DEFENDED} is in use by {mac} on eth0; it is taken from there" in said(trial, place, DEFENDED)
        wait_until_serves(trial)


@full_only
def test_an_address_that_somebody_else_has_is_started_nowhere_and_every_node_names_him(trial: Trial) -> None:
    with subnet(trial), example(trial, "addresses", trial.others(trial.owner())[0]):
        first = wait_until_serves(trial)
        trial.lab.sh(first, "standfast", "group", "stop", GROUP, timeout_s=60)
        with claimed(trial, FIRST) as mac:
            trial.lab.sh(first, "standfast", "group", "start", GROUP, timeout_s=60, check=False)
            for node in trial.lab.nodes():
                trial.wait(partial(names, trial, node, mac), 60, f"{node} to name {mac}")
        trial.lab.sh(first, "standfast", "group", "start", GROUP, timeout_s=60)
        wait_until_serves(trial)


@full_only
def test_a_hundred_addresses_in_one_group(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    addresses = [f"198.51.100.{100 + number}" for number in range(COUNT)]
    units = [f"standfast-ip@{address}.service" for address in addresses]
    target = f"[X-Standfast]\nResources={' '.join(units)}\nDomain=web\n"
    node = trial.others(trial.owner())[0]
    with taken_back(trial, node):
        (trial.lab.root(node) / f"etc/standfast/units/{MANY}.target").write_text(target)
        trial.lab.sh(node, "standfast", "config", "push", "--yes", "--why", "a hundred", timeout_s=PUSHED_WITHIN_S)
        trial.wait(lambda: owner_of(trial, MANY), 60, f"{MANY} to start")
        times = []
        for place in trial.others(owner_of(trial, MANY) or ""):
            trial.lab.sh(node, "standfast", "group", "stop", MANY, timeout_s=120)
            begin = time.monotonic()
            trial.lab.sh(node, "standfast", "group", "relocate", MANY, place, timeout_s=120)
            trial.wait(partial(runs_on, trial, place), 60, f"{MANY} to start on {place}")
            times.append(time.monotonic() - begin)
        used = memory_kib(trial, place)
        with capsys.disabled():
            print(f"\n{COUNT} addresses: started in {min(times):.2f} s at best, {used} KiB (PSS) in all")
        assert used < LEAST_KIB


@contextmanager
def subnet(trial: Trial) -> Iterator[None]:
    """The nodes and the client have addresses of their own in 2001:db8::/64."""
    places = {node: f"2001:db8::{10 + number}" for number, node in enumerate(trial.lab.nodes(), start=1)}
    try:
        for node, address in places.items():
            trial.lab.sh(node, "ip", "address", "replace", f"{address}/64", "dev", "eth0", "nodad")
        trial.lab.client("ip", "address", "replace", "2001:db8::1/64", "dev", "br0", "nodad")
        yield
    finally:
        trial.lab.client("ip", "address", "flush", "to", "2001:db8::/64")
        for node in places:
            trial.lab.sh(node, "ip", "address", "flush", "to", "2001:db8::/64")


@contextmanager
def claimed(trial: Trial, address: str) -> Iterator[str]:
    """The client's machine has the address, too; its hardware address."""
    trial.fault(f"{address} is the client's, too")
    trial.lab.client("ip", "address", "replace", f"{address}/32", "dev", "br0")
    try:
        found = re.search(r"link/ether (\S+)", trial.lab.client("ip", "link", "show", "dev", "br0").stdout)
        assert found
        yield found[1]
    finally:
        trial.lab.client("ip", "address", "flush", "to", address)


def wait_until_serves(trial: Trial) -> str:
    """The group is started, and the client reaches all its addresses; where it runs."""

    def serves() -> bool:
        each = (FIRST, DEFENDED, SIXTH)
        return owner_of(trial, GROUP) is not None and all(answers(trial, address) for address in each)

    trial.wait(serves, 40, lambda: f"the addresses of {GROUP} to answer; {observe.agreed(trial.lab)}")
    return known_owner(trial, GROUP)


def names(trial: Trial, node: str, mac: str) -> bool:
    return f"{FIRST} is in use by {mac} on eth0: end it there" in said(trial, node, FIRST)


def runs_on(trial: Trial, node: str) -> bool:
    return owner_of(trial, MANY) == node


def answers(trial: Trial, address: str) -> bool:
    return trial.lab.client("python3", "-c", ANSWERS, address).returncode == 0


def invocation(trial: Trial, node: str, address: str) -> str:
    return observe.unit_property(trial.lab, node, f"standfast-ip@{address}.service", "InvocationID")


def said(trial: Trial, node: str, address: str) -> str:
    """What was told of the unit in this test."""
    unit = f"STANDFAST_RESOURCE=standfast-ip@{address}.service"
    entries = trial.lab.journal(node, "_SYSTEMD_UNIT=standfast-addresses.service", unit, since=trial.begun_clock)
    return "\n".join(str(entry.get("MESSAGE", "")) for entry in entries)


def memory_kib(trial: Trial, node: str) -> int:
    """PSS of all processes of the units and of the program that looks after them."""
    groups = (
        rf"/sys/fs/cgroup/system.slice/{SERVER} /sys/fs/cgroup/system.slice/system-standfast\\x2dip.slice/*.service"
    )
    script = f"for pid in $(cat $(printf '%s/cgroup.procs ' {groups})); do cat /proc/$pid/smaps_rollup; done"
    told = trial.lab.sh(node, "sh", "-c", script).stdout
    return sum(int(size) for size in re.findall(r"^Pss:\s+(\d+) kB$", told, re.MULTILINE))
