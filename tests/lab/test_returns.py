"""`systemctl start standfast.target` before its stop has ended, and a restart: the node is a healthy member again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from standfast_lab import normal

from lab.conftest import by_default, full_only
from lab.test_operators import check_moved_before_it_went
from lab.trial import APACHE, DAEMONS, GROUP, Trial

SLOW = Path(f"/run/systemd/system/{APACHE}.d/slow.conf")
STARTS = tuple(range(0, 3_000, 100))  # ms after the stop
DRAINED = "as the drain ends"
UNITS = ("standfast.target", "standfast-drain", "corosync", *(f"standfast-{name}" for name in DAEMONS))


@contextmanager
def slow_apache(trial: Trial, node: str) -> Iterator[None]:
    """Its stop takes four seconds on that node."""
    text = "[Service]\nExecStopPost=/bin/sleep 4\n"
    script = f"mkdir -p {SLOW.parent} && printf '{text}' > {SLOW} && systemctl daemon-reload".replace("\n", "\\n")
    trial.lab.sh(node, "sh", "-c", script)
    try:
        yield
    finally:
        trial.lab.sh(node, "sh", "-c", f"rm {SLOW} && systemctl daemon-reload")


def start_while_its_group_stops(trial: Trial, owner: str) -> float:
    """Its resourced says that it stays; when it was stopped."""
    at = trial.fault(f"systemctl stop and start of standfast.target on {owner}")
    trial.lab.sh(owner, "systemctl", "stop", "--no-block", "standfast.target")
    trial.wait(lambda: trial.told(owner, "group-stopping", since=at), 30, f"{GROUP} to stop on {owner}")
    trial.lab.sh(owner, "systemctl", "start", "standfast.target", timeout_s=30)
    trial.wait(lambda: trial.told(owner, "node-stays", since=at), 30, f"{owner} to stay")
    return at


def check_takes_part(trial: Trial, node: str) -> None:
    """All units run, every node is online, and the group comes to it and is served there."""
    trial.wait(lambda: trial.lab.sh(node, "systemctl", "is-active", *UNITS, check=False).returncode == 0, 30, "units")
    trial.wait_until_normal()

    def has_it() -> bool:
        """What was begun before the start may come to its end still: asked again then."""
        asked = ("standfast", "group", "relocate", GROUP, node)
        return normal.owner(trial.lab) == node or not trial.lab.sh(node, *asked, check=False, timeout_s=60).returncode

    trial.wait(has_it, 60, f"{GROUP} to come to {node}")
    trial.wait_until_started_on(node)


def test_a_start_while_its_group_stops_takes_the_leave_back_and_keeps_corosync(trial: Trial) -> None:
    owner = trial.owner()
    corosync = trial.lab.sh(owner, "systemctl", "show", "-P", "InvocationID", "corosync").stdout
    with slow_apache(trial, owner):
        at = start_while_its_group_stops(trial, owner)
        check_takes_part(trial, owner)
    assert trial.lab.sh(owner, "systemctl", "show", "-P", "InvocationID", "corosync").stdout == corosync
    assert not trial.told(owner, "node-left", "node-lost", "drain-failed", since=at)


@full_only
def test_a_stop_after_a_start_while_its_group_still_stops_is_a_clean_leave(trial: Trial) -> None:
    owner = trial.owner()
    with slow_apache(trial, owner):
        at = start_while_its_group_stops(trial, owner)
        trial.lab.sh(owner, "systemctl", "stop", "standfast.target", timeout_s=60)
        check_moved_before_it_went(trial, owner, at)
        trial.lab.sh(owner, "systemctl", "start", "standfast.target", timeout_s=60)
        trial.wait_until_normal()


@pytest.mark.parametrize("starts", by_default((*STARTS, DRAINED), DRAINED))
def test_whatever_of_ours_was_stopped_by_then_a_start_ends_in_a_member_that_serves(
    trial: Trial, starts: int | str
) -> None:
    owner = trial.owner()
    trial.fault(f"systemctl stop and start of standfast.target on {owner}, {starts}")
    ended = r"while ! systemctl show -P ActiveState standfast-drain | grep -qx inactive; do :; done"
    waits = ended if starts == DRAINED else f"sleep {int(starts) / 1000}"
    script = f"systemctl stop --no-block standfast.target; {waits}; systemctl start standfast.target"
    trial.lab.sh(owner, "sh", "-c", script, timeout_s=60)
    check_takes_part(trial, owner)


def test_a_restart_of_the_target_is_a_clean_leave_and_a_return(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"systemctl restart standfast.target on {owner}")
    trial.lab.sh(owner, "systemctl", "restart", "standfast.target", timeout_s=120)
    check_moved_before_it_went(trial, owner, at)
    check_takes_part(trial, owner)
