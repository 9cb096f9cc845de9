"""What is left of a unit on this machine, and why it is not active: pure, but for the files it is told to read.

systemd forgets a unit's control group when it is stopped, also when processes stay in it (KillMode=process): what a
unit left behind is looked for where systemd had put it, not where systemd says now.
"""

import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from standfast.addresses.netlink import Netlink
from standfast.addresses.place import CannotServeError, read_address
from standfast.addresses.units import served_by
from standfast.configuration.mounts import mount_point
from standfast.configuration.ocf import instance_of
from standfast.manager import Listed
from standfast.ocf.settings import KEPT, is_kept
from standfast.resourced.unstarted import AUTO_RESTART
from standfast.storage.mountinfo import OWN, read_mounts
from standfast.vocabulary import Cause

WITH_CONTROL_GROUP: Final = ("service", "mount", "socket", "swap", "scope", "slice")
WITH_RESULT: Final = ("service", "mount", "socket", "swap", "scope", "automount", "timer", "path")
_EXITED: Final = 1  # CLD_EXITED of sigaction(2), as ExecMainCode has it
_OWN_UNIT: Final = re.compile(r"standfast-[a-z]+@.+\.service")
_CONTROLLER: Final = re.compile(r"(cgroup|cpu|cpuset|io|memory|devices|pids|hugetlb|rdma|misc|irq|bpf-[a-z-]+)\.")

# systemd's service-result and its like (systemd's src/core/service.h, mount.h …)
_RESULTS: Final = {
    "oom-kill": "was killed because memory ran out",
    "watchdog": "did not feed its watchdog in time",
    "timeout": "did not start or stop within its time limit",
    "start-limit-hit": "was started too often in a short time: a later drop-in has StartLimitIntervalSec=",
    "resources": "could not be run: systemd could not get something that it needs (see its journal)",
    "protocol": "did not start as its Type= promises: look at Type= and PIDFile= of its unit file",
}
_JOB_RESULTS: Final = {
    "assert": "was refused by systemd: an assertion failed (the lease of its group is not here)",
    "dependency": "was not started: a unit that it needs failed",
    "timeout": "had a job that did not end within its time limit",
    "canceled": "had its start canceled",
    "unsupported": "is of a type that this machine does not support",
}
_LOADS: Final = {
    "not-found": "has no unit file here: install it, or put one into /etc/standfast/units",
    "masked": "is masked here: systemctl unmask",
    "bad-setting": "has a setting that systemd refuses: systemd-analyze verify",
    "error": "has a unit file that systemd cannot read: systemctl status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How its last run ended, as systemd keeps it."""

    result: str = "success"
    main_code: int = 0  # CLD_*
    main_status: int = 0  # an exit status, or a signal
    status_text: str = ""  # the last STATUS= that it sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What this process saw of the unit before."""

    was_active: bool = False
    ended_by_us: bool = False
    job_result: str = ""  # of its last job, "" = it was done
    foreign_job: bool = False  # one that is not ours ended since it was last active
    foreign_done_at: int = 0  # when one was done, µs of CLOCK_MONOTONIC


def read_cause(listed: Listed, ending: Ending, past: Past) -> Cause | None:
    """Why a unit is not active; None: it is, or on its way, or we ended it, or it never ran."""
    unit = listed.unit
    if not listed.down or listed.job:
        return None
    if listed.load != "loaded":
        text = _LOADS.get(listed.load, f"cannot be loaded ({listed.load}): systemctl status")
        command = f" {unit}" if text.rpartition(": ")[2].startswith("system") else ""
        return Cause(kind=listed.load, text=f"{unit} {text}{command}")
    if past.ended_by_us:
        return None
    if listed.active == "failed" and ending.result == "success":
        return None  # it was started since it was listed: it is read again
    if listed.active == "failed":
        again = (
            "; systemd is about to start it again: a later drop-in has Restart=" if listed.sub == AUTO_RESTART else ""
        )
        return Cause(kind=ending.result, text=f"{unit} {_ending_text(unit, ending, past)}{again}")
    if past.job_result in _JOB_RESULTS:
        return Cause(kind=past.job_result, text=f"{unit} {_JOB_RESULTS[past.job_result]}")
    if past.was_active:
        return Cause(kind="gone", text=f"{unit} ended by itself, without error")
    return None


def _ending_text(unit: str, ending: Ending, past: Past) -> str:
    match ending.result:
        case "signal":
            return f"was killed by signal {_signal_text(ending)}"
        case "core-dump":
            return f"was killed by signal {_signal_text(ending)} and dumped core"
        case "exit-code" if ending.main_code == _EXITED and ending.main_status:
            said = f": {ending.status_text}" if ending.status_text and _OWN_UNIT.fullmatch(unit) else ""
            return f"exited with status {ending.main_status}{said}"
        case "exit-code" if unit.endswith(".mount"):
            return "could not be mounted or unmounted (see its journal)"
        case "exit-code" if past.was_active and not past.foreign_job:
            return "ended by itself, and a command of its stop ended with an error"
        case "exit-code":
            return "failed: a command of its start or stop ended with an error"
    return _RESULTS.get(ending.result, f"failed ({ending.result})")


def _signal_text(ending: Ending) -> str:
    """Number and name; the number is 0 where a command of its start or stop was killed, not its main process."""
    if ending.main_code in (0, _EXITED):
        return "(a command of its start or stop)"
    try:
        return f"{ending.main_status} ({signal.Signals(ending.main_status).name})"
    except ValueError:
        return str(ending.main_status)


def kind_of(unit: str) -> str:
    """A unit's type: service, mount …"""
    return unit.rpartition(".")[2]


def type_interface(unit: str) -> str:
    """The D-Bus interface of the unit's type."""
    return f"org.freedesktop.systemd1.{kind_of(unit).capitalize()}"


def _escape(name: str) -> str:
    """systemd's cg_escape()."""
    reserved = name in ("notify_on_release", "release_agent", "tasks") or bool(_CONTROLLER.match(name))
    return f"_{name}" if reserved or name.startswith(("_", ".")) else name


def address_of(unit: str) -> bytes | None:
    """The address that a unit of ours serves, packed; None for another unit."""
    text = served_by(unit)
    if text is None:
        return None
    try:
        return read_address(text)[1]
    except CannotServeError:
        return None  # it cannot have started


class Machine:
    """What is there at one moment; each list is read once, when it is first asked for."""

    def __init__(self, control_groups: Path, mountinfo: Path = OWN, agents: Path = KEPT) -> None:
        """`control_groups`: systemd's own; `agents`: where standfast-ocf@ keeps what it has started."""
        self._root = control_groups
        self._mountinfo = mountinfo
        self._agents = agents

    def has_processes(self, names: Iterable[str]) -> bool:
        """A control group of the unit with these names holds a process, or one below does. What cannot be read counts
        as one."""
        try:
            return any(map(_populated, self.control_groups(names)))
        except OSError:
            return True

    def control_groups(self, names: Iterable[str]) -> list[Path]:
        """Where systemd has put the unit with these names, or had it before it stopped, and told nobody any more.
        Raises OSError."""
        return [Path(folder) for name in names for folder in self._control_groups.get(_escape(name), ())]

    def has_traces(self, unit: str) -> bool:
        """What the unit mounts is mounted, an interface has the address that it serves, or what its resource agent
        started was not seen to be stopped."""
        instance = instance_of(unit)
        if instance is not None:
            return is_kept(instance, self._agents)
        where = mount_point(unit)
        if where is not None:
            return where in self._mounts
        address = address_of(unit)
        return address is not None and address in self._addresses

    @cached_property
    def _control_groups(self) -> dict[str, list[str]]:
        """By name what lies in a slice, whichever: what a unit or a container has in its own is not systemd's."""
        self._root.stat()  # a slice may go meanwhile; where the root is not there, all processes are somewhere else
        found, slices = dict[str, list[str]](), [str(self._root)]
        while slices:
            with contextlib.suppress(FileNotFoundError), os.scandir(slices.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    if entry.name.endswith(".slice"):
                        slices.append(entry.path)
                    else:
                        found.setdefault(entry.name, []).append(entry.path)
        return found

    @cached_property
    def _mounts(self) -> frozenset[str]:
        return frozenset(mounted.point for mounted in read_mounts(self._mountinfo))

    @cached_property
    def _addresses(self) -> frozenset[bytes]:
        """Asked from the kernel, not read from fib_trie: that forgets an address while its interface is down."""
        netlink = Netlink()
        try:
            return frozenset(address.packed for address in netlink.addresses())
        finally:
            netlink.close()


def find_control_groups(mounts: Path = Path("/sys/fs/cgroup")) -> Path:
    """Where systemd's own hierarchy is mounted: unified, hybrid or legacy."""
    for folder in (mounts, mounts / "unified", mounts / "systemd"):
        if (folder / "cgroup.procs").exists():
            return folder
    return mounts


def _populated(folder: Path) -> bool:
    """A process is in this control group or below; one that goes away meanwhile held none."""
    try:
        if (folder / "cgroup.procs").read_bytes().strip():
            return True
        below = [entry for entry in folder.iterdir() if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        return error.errno not in (errno.ENODEV, errno.EOPNOTSUPP)  # removed; or threaded: its parent lists them
    return any(_populated(entry) for entry in below)
