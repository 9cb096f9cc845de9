"""No fence device that answers, only watchdogs (issue 4, line 4): served again, never twice."""

import re
import time
from collections.abc import Iterator

import pytest
from standfast_lab.behaviour import Mode
from standfast_lab.lab import Lab

from lab.own import own_lab, trial_in
from lab.pushing import Result, push
from lab.trial import DAEMONS, Trial
from lab.versions_seen import in_force

PROVEN_AFTER_S = 25.0  # TickMax, the timeout of the lab's watchdogs, the margin
SERVED_WITHIN_S = 60.0
TOLD_WITHIN_S = 30.0
FED_FOR_S = 8.0  # longer than one word to quorumd is good for (TickMax)
FED = ("busctl", "get-property", "org.standfast.Quorum", "/org/standfast", "org.standfast.Quorum1", "WatchdogFed")


@pytest.fixture(scope="module")
def watched() -> Iterator[Lab]:
    with own_lab("watched", 3, watchdogs=True) as lab:
        yield lab


@pytest.fixture
def trial(watched: Lab) -> Iterator[Trial]:
    with trial_in(watched) as trial:
        for node in watched.nodes():
            watched.bmc(node, Mode.BROKEN)
        yield trial
        for node in watched.nodes():
            watched.bmc(node, Mode.OK)
            if not watched.is_on(node):
                watched.boot(node)


def moved(trial: Trial, owner: str, at: float) -> None:
    rest = trial.others(owner)
    told = [one for node in rest for one in trial.told(node, "node-proven", since=at)]
    assert told, "nobody has proven anything"
    assert all("watchdog" in one.text for one in told)
    assert trial.lab.overlap_ms() == 0


def test_a_power_cut_is_proven_by_the_watchdog_that_must_have_reset_the_node_by_now(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.cut_power(owner)
    print(f"served again after {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.1f} s")
    moved(trial, owner, at)


def test_an_owner_that_is_cut_off_stops_the_group_and_is_not_reset(trial: Trial) -> None:
    owner = trial.owner()
    boots = trial.lab.boots(owner)
    at = trial.fault(f"{owner} hears nobody")
    trial.lab.cut(owner)
    print(f"served again after {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.1f} s")
    moved(trial, owner, at)
    trial.lab.heal()
    trial.wait_until_normal()
    assert trial.lab.boots(owner) == boots


def test_a_corosync_that_hangs_on_the_owner_costs_it_its_power(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"Corosync on {owner} hangs")
    trial.powered_off.append((owner, at))
    trial.lab.sh(owner, "pkill", "-STOP", "-x", "corosync")
    print(f"served again after {trial.wait_for_good_answer(at, SERVED_WITHIN_S):.1f} s")
    moved(trial, owner, at)


def test_daemons_that_hang_are_restarted_in_time_and_nothing_moves(trial: Trial) -> None:
    owner = trial.owner()
    boots = trial.lab.boots(owner)
    at = trial.fault(f"all daemons of {owner} hang")
    units = " ".join(f"standfast-{daemon}" for daemon in DAEMONS)
    trial.lab.sh(owner, "sh", "-c", f"kill -STOP $(systemctl show -p MainPID --value {units})")
    trial.wait_until_normal()
    print(f"the longest time without an answer was {trial.outage_s(at):.1f} s")
    assert trial.owner() == owner
    assert trial.lab.boots(owner) == boots


def test_a_watchdog_that_a_version_brings_is_armed_and_fed_where_a_group_runs(trial: Trial) -> None:
    """A quorumd without a watchdog is not told of each tick; one that shall have one hears at once that it may feed."""
    lab, owner = trial.lab, trial.owner()
    heir = trial.others(owner)[0]
    files = in_force(lab, owner)
    without = {**files, "cluster.conf": re.sub(rb"(?m)^Watchdog.*\n", b"", files["cluster.conf"])}
    assert push(lab, owner, without).result is Result.ACKNOWLEDGED
    lab.sh(owner, "standfast", "group", "relocate", "webserv", heir)
    trial.wait_until_started_on(heir)
    trial.wait(lambda: trial.told(owner, "watchdog-disarmed"), TOLD_WITHIN_S, f"{owner} to disarm")
    boots = lab.boots(heir)
    assert push(lab, heir, files).result is Result.ACKNOWLEDGED
    trial.wait(lambda: trial.told(heir, "watchdog-armed"), TOLD_WITHIN_S, f"{heir} to arm")
    trial.wait(lambda: _is_fed(lab, heir), TOLD_WITHIN_S, f"{heir} to feed")
    until = time.monotonic() + FED_FOR_S
    while time.monotonic() < until:
        assert _is_fed(lab, heir)
    assert lab.boots(heir) == boots


def _is_fed(lab: Lab, node: str) -> bool:
    return lab.sh(node, *FED).stdout.strip() == "b true"
