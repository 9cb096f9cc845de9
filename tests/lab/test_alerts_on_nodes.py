"""Alerts on real nodes: what hangs delays nothing, each event comes once, `journalctl -x` explains it."""

import time

from standfast_lab import observe

from house.commands import PROGRAMS
from lab.pushing import Result, push
from lab.trial import APACHE, GROUP, Trial
from lab.versions_seen import in_force
from standfast.journal import Event, message_id

SERVICE = "standfast-alerts.service"
LIMIT_S = 4
SETTLE_S, IDLE_S = 1.0, 10.0
NOTED = "/var/tmp/standfast-alert-noted"
HEAD = f"#!/bin/sh\n# Alert-Level: none\n# Alert-Events: group-failed\n# Alert-Timeout: {LIMIT_S}s\n"
HANGS = f"{HEAD}trap '' TERM\nsleep 1000 &\nwait; wait\n"
NOTE = f'#!/bin/sh\nprintf "%s %s %s\\n" "$STANDFAST_EVENT" "$STANDFAST_GROUP" "$(id -un)" >>{NOTED}\n'
LEFT = "cat /sys/fs/cgroup/*.slice/standfast-alerts.slice/*/cgroup.procs 2>/dev/null; true"


def states(trial: Trial) -> set[str]:
    return {observe.unit_property(trial.lab, node, SERVICE, "ActiveState") for node in trial.lab.nodes()}


def noted(trial: Trial) -> list[str]:
    """What the executable wrote, on whichever node."""
    found = [trial.lab.sh(node, "cat", NOTED, check=False).stdout for node in trial.lab.nodes()]
    return "".join(found).splitlines()


def test_an_alert_that_hangs_for_ever_delays_nothing(trial: Trial) -> None:
    lab, node = trial.lab, trial.lab.nodes()[0]
    before = in_force(lab, node)
    assert states(trial) == {"inactive"}, "it runs although there is nothing to run"
    scripts = {"alerts.d/hangs": HANGS.encode(), "alerts.d/note": NOTE.encode()}
    assert push(lab, node, {**before, **scripts}).result is Result.ACKNOWLEDGED
    trial.wait(lambda: states(trial) == {"active"}, 20, "the path unit to start the alerts on every node")
    owner = trial.owner()
    at = trial.fault(f"kill -9 of {APACHE} on {owner}")
    observe.signal_all(lab, owner, APACHE, "KILL")
    trial.wait_for_good_answer(at)
    trial.wait(lambda: len(noted(trial)) >= 2, 20, "the other alert to be run for the failure and the end of it")

    def killed() -> bool:
        return any(one.event == "alert-failed" for other in lab.nodes() for one in trial.told(other, since=at))

    trial.wait(killed, LIMIT_S + 15, "the alert that hangs to be killed")
    (place,) = [other for other in lab.nodes() if trial.told(other, "alert-failed", since=at)]
    (failed,) = trial.told(place, "alert-failed", since=at)
    (started,) = trial.told(place, "group-started", since=at)
    assert started.at < failed.at, "the group was started only when the alert was killed"
    assert failed.text == f"Alert hangs was not sent for group-failed: it did not end within {LIMIT_S} s and was killed"
    trial.wait(lambda: not lab.sh(place, "sh", "-c", LEFT).stdout, 5, "all that it started to be gone")
    assert noted(trial) == [f"group-failed {GROUP} standfast-alerts", f"group-started {GROUP} standfast-alerts"]
    assert push(lab, node, before).result is Result.ACKNOWLEDGED
    for other in lab.nodes():
        lab.sh(other, "rm", "-f", NOTED)
        lab.sh(other, "systemctl", "stop", SERVICE)  # it would end by itself within a minute
    explain(trial, place, failed.text)


def explain(trial: Trial, node: str, sentence: str) -> None:
    """`journalctl -x` says what an entry means and what to do next, and the programs that it names are there."""
    match = f"MESSAGE_ID={message_id(Event.ALERT_FAILED)}"
    shown = trial.lab.sh(node, "journalctl", "-x", "--no-pager", match).stdout
    assert sentence in shown
    assert "Subject: An alert was not sent" in shown and "Next: `journalctl -u standfast-alerts.service" in shown
    listed = trial.lab.sh(node, "journalctl", "--no-pager", "--list-catalog").stdout
    assert not [event for event in Event if message_id(event) not in listed]
    there = [program for program, package in PROGRAMS.items() if package in ("", "iproute2", "corosync")]
    trial.lab.sh(node, "sh", "-c", f"for name in {' '.join(there)}; do command -v $name >/dev/null || exit 1; done")


def test_while_all_is_well_nothing_is_written_and_nothing_is_started(trial: Trial) -> None:
    """What is ours tells changes, and there are none."""
    time.sleep(SETTLE_S + IDLE_S)
    since = trial.begun + SETTLE_S  # the test before may have left something to tell
    told = [(one.node, one.event, one.text) for node in trial.lab.nodes() for one in trial.told(node, since=since)]
    assert not told, told
    for node in trial.lab.nodes():
        entries = trial.lab.journal(node, "_PID=1", since=trial.begun_clock + SETTLE_S)
        started = [one["MESSAGE"] for one in entries if one.get("JOB_TYPE") in ("start", "restart")]
        assert not [text for text in started if "Standfast" in text], node
