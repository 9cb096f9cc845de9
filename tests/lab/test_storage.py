"""File systems as resources: what their death, or whoever uses them, costs (issue 7, line 4)."""

import contextlib
from collections.abc import Iterator

from standfast_lab import disks, observe, stuckfs

from lab.conftest import full_only
from lab.examples import known_owner
from lab.pushing import Result, push
from lab.trial import Trial
from lab.versions_seen import in_force, wait_for_one_version

TARGET = """[Unit]
Description=A test's files
[X-Standfast]
Resources=srv-{group}.mount writing-{group}.service
Domain=web
Recovery=relocate
StopTimeout=2s
"""
MOUNT = """[Mount]
What={what}
Where=/srv/{group}
Type={kind}
"""
# a folder of it that is shown elsewhere too
BOUND = """[Mount]
What=/srv/disk
Where=/srv/shown
Type=none
Options=bind
"""
# a process that writes, and a probe of the file system that it writes to
WRITER = """[Service]
ExecStart=/bin/sh -c 'while date >/srv/{group}/date; do sleep 0.2; done'
"""
PROBE = """[X-Probe]
Type=mount
Path=/srv/{group}
Write=yes
Interval=500ms
FailAfter=2
StartTimeout=4s
"""
# The server's end is no process of the mount's, as it is none of an NFS client's.
HELPER = """#!/bin/sh
mkdir -p "$1"
systemd-run --quiet --collect {program} "$1" "$2" {stuck}
until grep -q " $2 " /proc/self/mountinfo; do sleep 0.05; done
"""
DISK, SHARE = "disk", "share"
STARTED_WITHIN_S = 60.0


def files(group: str, what: str, kind: str, probe: str = "") -> dict[str, bytes]:
    texts = {
        f"units/{group}.target": TARGET,
        f"units/srv-{group}.mount": MOUNT + probe,
        f"units/writing-{group}.service": WRITER,
    }
    return {name: text.format(group=group, what=what, kind=kind).encode() for name, text in texts.items()}


@contextlib.contextmanager
def started(trial: Trial, group: str, units: dict[str, bytes]) -> Iterator[str]:
    """The group is in force, and started on the node that is given; at the end there is none."""
    lab = trial.lab
    before = in_force(lab, "node1")
    try:
        pushed = push(lab, "node1", before | units)
        assert pushed.result is Result.ACKNOWLEDGED, pushed.said
        yield wait_until_started(trial, group)
    finally:
        lab.sh("node1", "standfast", "group", "stop", group, check=False, timeout_s=60)
        pushed = push(lab, "node1", before)
        assert pushed.result is Result.ACKNOWLEDGED, pushed.said
        wait_for_one_version(trial)


def wait_until_started(trial: Trial, group: str, *but: str) -> str:
    """All agree that it is started, on none of the nodes `but`; where."""
    return known_owner(trial, group, *but, timeout_s=STARTED_WITHIN_S)


@contextlib.contextmanager
def disk(trial: Trial, *, probe: str = "", mmp: bool = False) -> Iterator[str]:
    """A group on the disk that all nodes share, which is shown at two places; on which node."""
    disks.add(trial.lab.place)
    made = disks.MKFS if mmp else disks.MKFS[:5]
    trial.lab.sh("node1", *made, disks.DEVICE)
    units = files(DISK, disks.DEVICE, "ext4", probe) | {"units/srv-shown.mount": BOUND.encode()}
    units[f"units/{DISK}.target"] = units[f"units/{DISK}.target"].replace(b".mount ", b".mount srv-shown.mount ")
    with started(trial, DISK, units) as owner:
        yield owner


@contextlib.contextmanager
def share(trial: Trial, more: str = "") -> Iterator[str]:
    """A group on a file system that hangs when it is told to, on each node; on which node. `more` of its [Mount]."""
    lab = trial.lab
    helper = HELPER.format(program=stuckfs.PROGRAM, stuck=stuckfs.STUCK)
    for node in lab.nodes():
        stuckfs.install(lab, node)
        program = lab.root(node) / "usr/sbin/mount.stuckfs"
        program.write_text(helper)
        program.chmod(0o755)
    try:
        with started(trial, SHARE, files(SHARE, "/srv/backing", "stuckfs", more + PROBE)) as owner:
            yield owner
    finally:
        for node in lab.nodes():
            stuckfs.release(lab, node)


def failures(trial: Trial, node: str, group: str, at: float) -> list[str]:
    told = trial.told(node, "group-failed", since=at)
    return [one.text for one in told if one.fields.get("GROUP") == group]


@contextlib.contextmanager
def gone(trial: Trial, node: str) -> Iterator[float]:
    """The node's disk fails, and is gone from the kernel's list of devices, which says so; since when.

    A loop device that is in use cannot be removed: the list is covered, and the event is a synthetic one.
    """
    place = trial.lab.place.find(node)
    trial.lab.sh(node, "mount", "-t", "tmpfs", "none", "/sys/dev/block")
    at = trial.fault(f"the disk of {node} goes away")
    try:
        disks.fail(place)
        disks.announce_removal(place)
        yield at
    finally:
        disks.mend(place)
        trial.lab.sh(node, "umount", "/sys/dev/block")


def test_a_device_that_goes_away_fails_its_group_at_once_and_costs_no_node(trial: Trial) -> None:
    with disk(trial) as first, gone(trial, first) as at:
        second = wait_until_started(trial, DISK, first)
        (told,) = failures(trial, first, DISK, at)
        assert "srv-disk.mount: its device /dev/vdb went away" in told
        assert trial.lab.sh(second, "cat", "/srv/shown/date").stdout
        entry = trial.told(first, "group-failed", since=at)[0]
        print(f"noticed after {entry.at - at:.2f} s; it serves on {second}")


def test_a_share_that_hangs_costs_one_node_and_blocks_on_the_next(trial: Trial) -> None:
    with share(trial) as first:
        at = trial.fault("the server of the share is dead, for every node")
        trial.to_be_fenced.add(first)
        for node in trial.lab.nodes():
            stuckfs.stick(trial.lab, node)

        def blocked() -> str | None:
            found = observe.agreed(trial.lab, trial.others(first))
            one = found.groups.get(SHARE) if found is not None else None
            return one.owner if one is not None and one.phase == "blocked" and one.owner != first else None

        took_s = trial.wait(blocked, 90, lambda: f"{SHARE} to be blocked; {observe.agreed(trial.lab)}")
        print(f"{first} is fenced and {SHARE} blocked on {blocked()} after {took_s:.1f} s")
        print(*failures(trial, first, SHARE, at), sep="\n")
        for node in trial.others(first):
            stuckfs.release(trial.lab, node)
        print(f"it is started again on {wait_until_started(trial, SHARE)}")
        trial.wait_until_normal()


@full_only
def test_a_share_that_hangs_and_is_unmounted_by_force_costs_no_node(trial: Trial) -> None:
    with share(trial, "ForceUnmount=yes\n") as first:
        at = trial.fault(f"the server of the share does not answer {first}")
        stuckfs.stick(trial.lab, first)
        second = wait_until_started(trial, SHARE, first)
        print(failures(trial, first, SHARE, at)[0], f"it is started on {second}", sep="\n")


@full_only
def test_who_keeps_a_file_system_busy_is_named_and_killed_when_the_stop_comes_to_that(trial: Trial) -> None:
    with disk(trial) as first:
        trial.lab.sh(
            first,
            "systemd-run",
            "--quiet",
            "--collect",
            "--working-directory=/srv/disk",
            "--unit=foreign",
            "sleep",
            "600",
        )
        at = trial.fault(f"a process in {first} uses the file system that is to go")
        place = trial.others(first)[0]
        trial.lab.sh("node1", "standfast", "group", "relocate", DISK, place, timeout_s=60)
        assert wait_until_started(trial, DISK, first) == place
        (busy,) = trial.told(first, "mount-busy", since=at)
        (freed,) = trial.told(first, "mount-freed", since=at)
        assert "sleep (pid " in busy.text and "foreign.service" in busy.text
        assert "killed sleep (pid " in freed.text
        print(busy.text, freed.text, f"{freed.at - at:.1f} s after the relocation was asked for", sep="\n")
