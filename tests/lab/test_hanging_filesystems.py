"""A file system that stops answering makes its probes bad, and hangs nothing else (issue 6, line 5)."""

import os
import time
from collections.abc import Iterator

import pytest
from standfast_lab import observe, stuckfs
from standfast_lab.lab import Lab
from standfast_lab.observe import Told

from lab.conftest import FULL
from lab.own import own_lab
from lab.pushing import Result, push
from lab.trial import DAEMONS
from lab.versions_seen import in_force
from standfast.configuration.model import Probe
from standfast.probes.transient import unit_of

NODE = "node1"
UNIT = "stuckfs.service"
SERVICES = {"membershipd": "Membership", "quorumd": "Quorum", "fenced": "Fencing", "resourced": "Groups"}
INTERVAL_S = 2.0
TRIES = 300 if os.environ.get(FULL) else 12
FOUND_WITHIN_S = 30.0  # three tries of a second each, two seconds apart, take 7 s; and this machine has other work
ANSWERS_WITHIN_S = 20.0
HANGING = ("file", "mount", "program")  # probes that ask the file system
UNITS = {
    "units/files.target": "[Unit]\nDescription=Files\n[X-Standfast]\nResources=stuckfs.service\n",
    f"units/{UNIT}": f"""[Service]
ExecStartPre=/bin/mkdir -p /srv/backing /srv/stuck
ExecStartPre=/bin/rm -f {stuckfs.STUCK}
ExecStart={stuckfs.PROGRAM} /srv/backing /srv/stuck {stuckfs.STUCK}
ExecStartPost=/bin/sh -c 'until mountpoint -q /srv/stuck; do sleep 0.1; done; echo alive >/srv/backing/alive'
ExecStopPost=-/bin/umount --lazy /srv/stuck

[X-Probe mount]
Type=mount
Path=/srv/stuck
Write=yes
Level=LEVEL

[X-Probe file]
Type=file
Path=/srv/stuck/alive
Expect=^alive$
Level=degraded

[X-Probe program]
Type=exec
Exec=/bin/cat /srv/stuck/alive
Level=degraded

[X-Probe other]
Type=exec
Exec=/bin/true
Timeout=5s
Level=degraded
""",
}


@pytest.fixture(scope="module")
def files() -> Iterator[Lab]:
    with own_lab("stuck", 1) as lab:
        stuckfs.install(lab, NODE)
        use(lab, "degraded")
        yield lab
        stuckfs.release(lab, NODE)


def use(lab: Lab, level: str) -> None:
    """The group runs with this level of its mount's probe, and all of its probes are good."""
    at = time.monotonic()
    units = {name: text.replace("LEVEL", level).encode() for name, text in UNITS.items()}
    outcome = push(lab, NODE, {**in_force(lab, NODE), **units})
    assert outcome.result is Result.ACKNOWLEDGED, outcome.said
    for name in (*HANGING, "other"):
        wait_for(lab, name, "good", at)


def changes(lab: Lab, name: str, since: float) -> list[Told]:
    told = observe.told(lab, NODE, "probe-changed", since=time.time() - 600)
    return [one for one in told if one.at >= since and one.text.startswith(f"probe {name} of {UNIT} is ")]


def wait_for(lab: Lab, name: str, state: str, since: float, within_s: float = FOUND_WITHIN_S) -> float:
    """The last thing that the journal says of the probe is this; how long after `since` it was said."""

    def said() -> bool:
        told = changes(lab, name, since)
        return bool(told) and told[-1].text.startswith(f"probe {name} of {UNIT} is {state}")

    lab.wait(said, within_s, lambda: f"probe {name} to be {state}: {[one.text for one in changes(lab, name, since)]}")
    return changes(lab, name, since)[-1].at - since


def counts(lab: Lab) -> tuple[int, int]:
    """The descriptors and the threads of resourced."""
    pid = observe.unit_property(lab, NODE, "standfast-resourced.service", "MainPID")
    listing = lab.sh(NODE, "sh", "-c", f"ls /proc/{pid}/fd | wc -l; ls /proc/{pid}/task | wc -l").stdout.split()
    return int(listing[0]), int(listing[1])


def processes(lab: Lab) -> dict[str, list[str]]:
    """The processes of each probe, as the kernel has them."""
    folder = "/sys/fs/cgroup/standfast.slice/standfast-probes.slice"
    text = f"cd {folder} && for one in *.service; do echo $one $(cat $one/cgroup.procs); done"
    lines = [line.split() for line in lab.sh(NODE, "sh", "-c", text, check=False).stdout.splitlines()]
    return {line[0]: line[1:] for line in lines if line[1:]}


def hanging(lab: Lab) -> dict[str, list[str]]:
    """Those of the probes that ask the file system."""
    types = {"program": "exec"}
    names = {unit_of(Probe(name=name, unit=UNIT, type=types.get(name, name))) for name in HANGING}
    return {name: pids for name, pids in processes(lab).items() if name in names}


def everything_answers(lab: Lab) -> None:
    begin = time.monotonic()
    assert observe.status(lab, NODE) is not None
    for daemon in DAEMONS:
        name = SERVICES[daemon]
        assert observe.objects(lab, NODE, f"org.standfast.{name}") is not None
    assert time.monotonic() - begin < ANSWERS_WITHIN_S


def test_a_file_system_that_hangs_is_found_and_nothing_else_hangs_or_piles_up(files: Lab) -> None:
    lab = files
    calm = counts(lab)
    at = time.monotonic()
    stuckfs.stick(lab, NODE)
    for name in ("file", "mount"):
        print(f"{name} is bad after {wait_for(lab, name, 'bad', at):.1f} s")
    wait_for(lab, "program", "unknown", at)
    assert "the file system does not answer" in changes(lab, "mount", at)[-1].text

    until = time.monotonic() + TRIES * INTERVAL_S
    most = calm
    while time.monotonic() < until:
        everything_answers(lab)
        found = processes(lab)
        assert len(found) <= len(HANGING) + 1, found
        assert {len(pids) for pids in found.values()} == {1}, found
        most = max(most[0], counts(lab)[0]), max(most[1], counts(lab)[1])
    print(f"descriptors and threads of resourced: {calm} before, at most {most} in {TRIES} tries")
    assert most[0] <= calm[0] + 2 * (len(HANGING) + 1) + 2  # a pipe for each look, and what one of status needs
    assert most[1] < calm[1] + len(HANGING)  # none for each that hangs; asyncio makes one where none of its own is idle
    assert not changes(lab, "other", at)  # a program that asks something else goes on being good

    again = time.monotonic()
    stuck = hanging(lab)
    assert len(stuck) == len(HANGING)
    lab.sh(NODE, "systemctl", "restart", "standfast-resourced.service", timeout_s=30)
    lab.wait(lambda: observe.status(lab, NODE) is not None, 30, "resourced to answer again")
    wait_for(lab, "program", "unknown", again, 60)
    wait_for(lab, "other", "good", again, 60)
    assert hanging(lab) == stuck  # the same processes

    end = time.monotonic()
    stuckfs.release(lab, NODE)
    for name in HANGING:
        print(f"{name} is good {wait_for(lab, name, 'good', end, 60):.1f} s after it answers again")
    pids = [pid for pids in stuck.values() for pid in pids]
    lab.wait(lambda: lab.sh(NODE, "ps", "-p", ",".join(pids), check=False).returncode, 30, "the processes to be gone")
    assert not observe.told(lab, NODE, "group-failed", since=time.time() - (time.monotonic() - at))


def test_a_resource_whose_file_system_hangs_is_recovered_where_it_is_and_nobody_is_fenced(files: Lab) -> None:
    lab = files
    use(lab, "live")
    at = time.monotonic()
    stuckfs.stick(lab, NODE)
    wait_for(lab, "mount", "bad", at)
    lab.wait(lambda: observe.told(lab, NODE, "group-failed", since=time.time() - 600), 30, "the group's failure")
    wait_for(lab, "mount", "good", at, 90)
    print(f"good again {changes(lab, 'mount', at)[-1].at - at:.1f} s after it hung")
    assert not [entry for entry in lab.bmc_requests(since=at) if entry["method"] == "POST"]
