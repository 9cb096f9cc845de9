"""What an administrator types on the owner, and what a package does there (issue 7, line 3)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from standfast_lab import normal, observe

from lab import gate
from lab.conftest import full_only
from lab.explained import commands, explained
from lab.gate import Gate
from lab.test_daemons import kill_daemon, wait_until_status_is_right
from lab.trial import APACHE, GROUP, Trial
from lab.unnoticed import nothing_noticed

BY_HAND = "held-by-administrator"
ACTED = ("group-failed", "group-starting", "order")
FOLDER = "/run/systemd/system"
SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n"
QUIET = ("daemon-reload", "daemon-reexec", "restart dbus.service", "isolate multi-user.target", f"reload {APACHE}")
# The package as it is installed, made from its own files: the lab has no network.
REPACK = """
set -e
cd "$(mktemp -d)"
chmod 0755 .
mkdir DEBIAN
dpkg-query --status apache2 | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/{/^Conffiles:/d; /^ /d}' >DEBIAN/control
for name in preinst postinst prerm postrm conffiles triggers; do
    [ ! -e /var/lib/dpkg/info/apache2.$name ] || cp -p /var/lib/dpkg/info/apache2.$name DEBIAN/$name
done
dpkg-query --listfiles apache2 | while read -r path; do
    if [ ! -d "$path" ] && [ -e "$path" ]; then cp -a --parents "$path" .; fi
done
dpkg-deb --root-owner-group -Znone --build . /tmp/apache2.deb >/dev/null
"""


def acted(trial: Trial, since: float) -> list[str]:
    """What was done with the group since then, as any node tells it."""
    return [one.text for node in trial.lab.nodes() for one in trial.told(node, *ACTED, since=since)]


def wait_until_held_by_hand(trial: Trial, owner: str) -> None:
    def held() -> bool:
        found = observe.agreed(trial.lab)
        group = found.groups[GROUP] if found is not None else None
        return group is not None and (group.owner, group.flags) == (owner, (BY_HAND,))

    trial.wait(held, 20, lambda: f"{GROUP} to be held by the administrator; {normal.what_is_wrong(trial.lab)}")


def status_words(trial: Trial, node: str) -> str:
    """As shown, without the line breaks of its table."""
    return " ".join(trial.lab.sh(node, "standfast", "status", check=False).stdout.split())


def test_a_stop_by_hand_is_shown_not_fought_and_handed_back_by_a_start(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"systemctl stop {APACHE} on {owner}")
    trial.lab.sh(owner, "systemctl", "stop", APACHE)
    wait_until_held_by_hand(trial, owner)
    kill_daemon(trial, owner, "resourced")  # the next one knows it
    wait_until_held_by_hand(trial, owner)
    trial.wait(
        lambda: f"systemctl start {APACHE}" in status_words(trial, owner), 10, "status to say what hands it back"
    )
    assert observe.unit_property(trial.lab, owner, APACHE, "ActiveState") == "inactive"
    assert trial.lab.holder() == owner
    found = explained(trial, trial.others(owner)[0])
    assert found["why"][0]["rule"] == "by-administrator", found["answer"]
    assert commands(found)[:2] == [f"standfast group start {GROUP}", f"systemctl start {APACHE}"]
    trial.lab.sh(owner, "systemctl", "start", APACHE)
    trial.wait_until_started_on(owner)
    assert acted(trial, at) == []
    assert trial.told(owner, "group-by-hand", since=at)
    assert trial.told(owner, "group-handed-back", since=at)


def test_a_stop_through_another_unit_is_a_failure_that_names_it(trial: Trial) -> None:
    owner = trial.owner()
    with units(trial, owner):
        for command, cause in (
            ("stop network-x.service", f"{APACHE} was stopped with network-x.service, which it is bound to"),
            (
                "start rival.service",
                f"{APACHE} was stopped because rival.service was started, which conflicts with it",
            ),
        ):
            at = trial.fault(f"systemctl {command} on {owner}")
            trial.lab.sh(owner, "systemctl", *command.split())
            trial.wait(lambda at=at: trial.told(owner, "group-failed", since=at), 20, f"{GROUP} to fail")  # type: ignore[misc]
            assert {one.fields["CAUSE"] for one in trial.told(owner, "group-failed", since=at)} == {cause}
            trial.wait_until_started_on(owner)


@contextmanager
def units(trial: Trial, node: str) -> Iterator[None]:
    """A unit that Apache is bound to, which runs, and one that conflicts with it, which does not."""

    def write(name: str, text: str) -> None:
        trial.lab.sh(node, "mkdir", "-p", f"{FOLDER}/{APACHE}.d")
        trial.lab.sh(node, "tee", f"{FOLDER}/{name}", text=text)

    write("network-x.service", SLEEP)
    write("rival.service", f"[Unit]\nConflicts={APACHE}\n{SLEEP}")
    trial.lab.sh(node, "systemctl", "daemon-reload")
    trial.lab.sh(node, "systemctl", "start", "network-x.service")
    write(f"{APACHE}.d/bound.conf", "[Unit]\nBindsTo=network-x.service\nAfter=network-x.service\n")
    trial.lab.sh(node, "systemctl", "daemon-reload")
    try:
        yield
    finally:
        trial.lab.sh(node, "rm", "-r", f"{FOLDER}/{APACHE}.d")
        trial.lab.sh(node, "systemctl", "daemon-reload")
        trial.lab.sh(node, "systemctl", "stop", "network-x.service", "rival.service")
        trial.lab.sh(node, "rm", f"{FOLDER}/network-x.service", f"{FOLDER}/rival.service")
        trial.lab.sh(node, "systemctl", "daemon-reload")


def test_what_is_typed_in_the_middle_of_a_run_goes_unnoticed(trial: Trial) -> None:
    owner = trial.owner()
    with nothing_noticed(trial):
        for command in QUIET:
            at = trial.fault(f"systemctl {command} on {owner}")
            trial.lab.sh(owner, "systemctl", *command.split())
            wait_until_status_is_right(trial, owner, owner)
        trial.wait_until_normal()
        assert acted(trial, at) == []


def test_a_package_that_restarts_its_unit_moves_nothing(trial: Trial) -> None:
    owner = trial.owner()
    trial.lab.sh(owner, "sh", "-c", REPACK)
    before = observe.unit_property(trial.lab, owner, APACHE, "InvocationID")
    at = trial.fault(f"apt-get install --reinstall apache2 on {owner}")
    install = (
        "apt-get",
        "install",
        "--reinstall",
        "--yes",
        "-o",
        "Dpkg::Options::=--force-confold",
        "/tmp/apache2.deb",
    )
    trial.lab.sh(owner, "env", "DEBIAN_FRONTEND=noninteractive", *install, timeout_s=120)
    trial.wait_until_started_on(owner)
    assert observe.unit_property(trial.lab, owner, APACHE, "InvocationID") != before, "the package restarted it"
    assert acted(trial, at) == []
    print(f"outage {trial.outage_s(at):.2f} s")


@full_only
def test_rescue_mode_is_a_clean_leave_and_its_end_a_return(trial: Trial) -> None:
    owner = trial.owner()
    at = trial.fault(f"systemctl isolate rescue.target on {owner}")
    trial.lab.sh(owner, "systemctl", "--no-block", "isolate", "rescue.target")
    others = trial.others(owner)

    def left() -> bool:
        found = observe.agreed(trial.lab, others)
        return found is not None and found.nodes[owner] == "left" and found.groups[GROUP].phase == "started"

    trial.wait(left, 30, f"{owner} to leave cleanly")
    assert not [one for node in others for one in trial.told(node, "node-lost", since=at)]
    trial.lab.sh(owner, "systemctl", "--no-block", "default")
    trial.wait_until_normal()


@full_only
@pytest.mark.parametrize("point", Gate, ids=lambda point: point.name.lower())
def test_what_is_typed_in_the_middle_of_a_start_or_stop_changes_nothing(trial: Trial, point: Gate) -> None:
    owner = trial.owner()
    gate.install(trial.lab)
    try:
        if point is Gate.START:
            trial.lab.sh(owner, "standfast", "group", "stop", GROUP, timeout_s=60)
        with gate.shut(trial.lab.place, point) as let_through:
            word = f"start {GROUP} {owner}" if point is Gate.START else f"stop {GROUP}"
            at = trial.fault(f"group {word}")
            trial.lab.sh(owner, "sh", "-c", f"standfast group {word} >/dev/null 2>&1 &")
            trial.wait(lambda: state(trial, owner) == point, 20, f"Apache to be {point}")
            for command in QUIET[:3]:
                trial.lab.sh(owner, "systemctl", *command.split())
            assert state(trial, owner) == point
            let_through()
        if point is Gate.STOP:
            trial.wait(lambda: state(trial, owner) == "inactive", 30, "Apache to stop")
            trial.lab.sh(owner, "standfast", "group", "start", GROUP, owner, timeout_s=60)
        trial.wait_until_started_on(owner)
        assert not [one.text for node in trial.lab.nodes() for one in trial.told(node, "group-failed", since=at)]
    finally:
        gate.remove(trial.lab)


def state(trial: Trial, node: str) -> str:
    return observe.unit_property(trial.lab, node, APACHE, "ActiveState")
