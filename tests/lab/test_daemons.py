"""Our daemons may be killed, restarted and upgraded: nothing that is served notices (issue 2, lines 7 and 9)."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standfast_lab import observe, package

from lab.conftest import full_only
from lab.trial import APACHE, DAEMONS, GROUP, Trial
from lab.typed_pages import steps
from lab.typist import type_in
from lab.unnoticed import check_requests, nothing_noticed

OPEN_FOR_S = 10.0
RIGHT_WITHIN_S = 5.0
SLOW_S = 8
SLOW_START = f"[Service]\nExecStartPost=/bin/sleep {SLOW_S}\n"  # it serves long before systemd calls it started


def wait_until_status_is_right(trial: Trial, node: str, owner: str, phase: str = "started") -> float:
    """`standfast status` on the node says what was true all the time; the seconds from now on."""

    def right() -> bool:
        status = observe.status(trial.lab, node)
        if status is None or not (status["quorate"] and status["nodes"] and status["groups"]):
            return False  # a part that cannot be told is null
        (group,) = status["groups"]
        states = {(one["state"], one["healthy"]) for one in status["nodes"]}
        nodes_right = states == {("online", True)} and not status["fencing"]["pending"]
        return nodes_right and (group["phase"], group["owner"]) == (phase, owner)

    return trial.wait(right, RIGHT_WITHIN_S, f"`standfast status` on {node} to be right again")


def is_another(trial: Trial, node: str, unit: str, pid: int) -> bool:
    return observe.unit_property(trial.lab, node, unit, "MainPID") not in ("0", str(pid))


def kill_daemon(trial: Trial, node: str, daemon: str) -> None:
    """The daemon had SIGKILL, and systemd has started it again."""
    unit = f"standfast-{daemon}.service"
    trial.fault(f"kill -9 of {daemon} on {node}")
    (old,) = observe.signal_all(trial.lab, node, unit, "KILL")

    trial.wait(lambda: is_another(trial, node, unit, old), RIGHT_WITHIN_S, f"{daemon} to be started again")


def wait_for_open_term(trial: Trial, node: str) -> None:
    trial.wait(lambda: trial.term_age_s(node) >= OPEN_FOR_S, 30, f"a term that has been open for {OPEN_FOR_S:g} s")


@pytest.mark.rounds(10)
@pytest.mark.usefixtures("round_number")
def test_each_daemon_killed_in_an_open_term_is_back_and_no_request_fails(trial: Trial) -> None:
    owner = trial.owner()
    with nothing_noticed(trial):
        for daemon in DAEMONS:
            wait_for_open_term(trial, owner)
            kill_daemon(trial, owner, daemon)
            took_s = wait_until_status_is_right(trial, owner, owner)
            print(f"{daemon} killed, status right again {took_s:.1f} s after its restart")
            assert trial.owner() == owner


@pytest.mark.rounds(10)
@pytest.mark.usefixtures("round_number")
def test_resourced_killed_during_a_slow_start_goes_on_with_it_and_no_request_fails(trial: Trial) -> None:
    owner = trial.owner()
    place = trial.others(owner)[0]
    wait_for_open_term(trial, place)
    with slow_start(trial, place):
        trial.fault(f"relocation to {place}, where Apache starts slowly")
        trial.lab.sh(owner, "sh", "-c", f"standfast group relocate {GROUP} {place} >/dev/null 2>&1 &")
        trial.wait(lambda: served_by(trial, place), 20, f"{place} to serve")
        assert observe.unit_property(trial.lab, place, APACHE, "ActiveState") == "activating"
        since = time.monotonic()
        kill_daemon(trial, place, "resourced")
        wait_until_status_is_right(trial, place, place, phase="starting")
        trial.wait_until_started_on(place)
        check_requests(trial, since)


def served_by(trial: Trial, node: str) -> bool:
    requests = trial.lab.client_requests()
    return bool(requests) and requests[-1].ok and requests[-1].text == node


@contextmanager
def slow_start(trial: Trial, node: str) -> Iterator[None]:
    """Apache's start takes some seconds longer on the node."""
    folder = "/run/systemd/system/apache2.service.d"
    trial.lab.sh(node, "mkdir", "-p", folder)
    trial.lab.sh(node, "tee", f"{folder}/slow.conf", text=SLOW_START)
    trial.lab.sh(node, "systemctl", "daemon-reload")
    try:
        yield
    finally:
        trial.lab.sh(node, "rm", f"{folder}/slow.conf")
        trial.lab.sh(node, "systemctl", "daemon-reload")


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_that_hangs_is_killed_by_systemd_and_nothing_moves(trial: Trial, daemon: str) -> None:
    owner, unit = trial.owner(), f"standfast-{daemon}.service"
    with nothing_noticed(trial):
        trial.fault(f"{daemon} of {owner} hangs")
        pid = int(observe.unit_property(trial.lab, owner, unit, "MainPID"))
        observe.signal_all(trial.lab, owner, unit, "STOP")
        trial.wait(lambda: is_another(trial, owner, unit, pid), 20, f"systemd to start another {daemon}")
        trial.wait_until_normal()
        assert trial.owner() == owner


def test_restart_of_each_daemon_moves_and_stops_nothing(trial: Trial) -> None:
    owner = trial.owner()
    with nothing_noticed(trial):
        for daemon in DAEMONS:
            trial.fault(f"restart of {daemon} on {owner}")
            trial.lab.sh(owner, "systemctl", "restart", f"standfast-{daemon}.service")
            wait_until_status_is_right(trial, owner, owner)
        trial.wait_until_normal()
        assert trial.owner() == owner


@pytest.fixture
def newer_package(trial: Trial, tmp_path: Path) -> Path:
    """This tree as a package of a higher version than the nodes have."""
    version = f"{installed_version(trial, 'node1')}+later"
    command = [str(package.CONTRIB / "package"), str(tmp_path), version]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    return Path(result.stdout.splitlines()[-1])


def installed_version(trial: Trial, node: str) -> str:
    return trial.lab.sh(node, "dpkg-query", "--show", "--showformat=${Version}", "standfast").stdout


@full_only
def test_package_upgrade_restarts_the_daemons_and_moves_and_stops_nothing(trial: Trial, newer_package: Path) -> None:
    owner = trial.owner()
    version = newer_package.name.split("_")[1]
    upgrade, *_ = steps("upgrade")
    with nothing_noticed(trial):
        for place in trial.lab.place.nodes():
            before = [observe.processes(trial.lab, place.name, f"standfast-{daemon}.service") for daemon in DAEMONS]
            trial.fault(f"upgrade of {place.name}")
            shutil.copy(newer_package, place.root / "root")
            type_in(trial.lab, upgrade, place.name)
            (place.root / "root" / newer_package.name).unlink()
            wait_until_status_is_right(trial, place.name, owner)
            after = [observe.processes(trial.lab, place.name, f"standfast-{daemon}.service") for daemon in DAEMONS]
            assert not {pid for pids in before for pid in pids} & {pid for pids in after for pid in pids}
            assert installed_version(trial, place.name) == version
        trial.wait_until_normal()
        assert trial.owner() == owner


def test_an_upgrade_of_all_nodes_at_once_shoots_nobody_and_stops_nothing(trial: Trial, newer_package: Path) -> None:
    owner = trial.owner()
    with nothing_noticed(trial):
        trial.fault("upgrade of all nodes at once")
        package.install(trial.lab.place.nodes(), newer_package)
        trial.wait_until_normal(60)
        assert trial.owner() == owner
