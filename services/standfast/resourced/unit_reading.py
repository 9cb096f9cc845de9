"""What is left of a unit on this machine, and why it is not active: pure, but for the files it is told to read.

systemd forgets a unit's control group when it is stopped, also when processes stay in it (KillMode=process): what a
unit left behind is looked for where systemd had put it, not where systemd says now.
"""

import errno
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from standfast.addresses.netlink import Netlink
from standfast.addresses.place import CannotServeError, read_address
from standfast.configuration.mounts import mount_point
from standfast.manager import Listed
from standfast.vocabulary import Cause

WITH_CONTROL_GROUP: Final = ("service", "mount", "socket", "swap", "scope", "slice")
WITH_RESULT: Final = ("service", "mount", "socket", "swap", "scope", "automount", "timer", "path")
_EXITED: Final = 1  # CLD_EXITED of sigaction(2), as ExecMainCode has it
_ADDRESS_UNIT: Final = re.compile(r"standfast-ip@(.+)\.service")
_OWN_UNIT: Final = re.compile(r"standfast-[a-z]+@.+\.service")
_CONTROLLER: Final = re.compile(r"(cgroup|cpu|cpuset|io|memory|devices|pids|hugetlb|rdma|misc|irq|bpf-[a-z-]+)\.")

# systemd's service-result and its like (systemd's src/core/service.h, mount.h …)
_RESULTS: Final = {
    "oom-kill": "was killed because memory ran out",
    "watchdog": "did not feed its watchdog in time",
    "timeout": "did not start or stop within its time limit",
    "start-limit-hit": "was started too often in a short time",
    "resources": "could not be run: systemd could not get something that it needs (see its journal)",
    "protocol": "did not start as its Type= promises",
}
_JOB_RESULTS: Final = {
    "assert": "was refused by systemd: an assertion failed (the lease of its group is not here)",
    "dependency": "was not started: a unit that it needs failed",
    "timeout": "had a job that did not end within its time limit",
    "canceled": "had its start canceled",
    "unsupported": "is of a type that this machine does not support",
}
_LOADS: Final = {
    "not-found": "has no unit file here",
    "masked": "is masked here",
    "bad-setting": "has a setting that systemd refuses",
    "error": "has a unit file that systemd cannot read",
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


def read_cause(listed: Listed, ending: Ending, past: Past) -> Cause | None:
    """Why a unit is not active; None: it is, or on its way, or we ended it, or it never ran."""
    unit = listed.unit
    if not listed.down or listed.job:
        return None
    if listed.load != "loaded":
        text = _LOADS.get(listed.load, f"cannot be loaded ({listed.load})")
        return Cause(kind=listed.load, text=f"{unit} {text}")
    if past.ended_by_us:
        return None
    if listed.active == "failed" and ending.result == "success":
        return None  # it was started since it was listed: it is read again
    if listed.active == "failed":
        return Cause(kind=ending.result, text=f"{unit} {_ending_text(unit, ending)}")
    if past.job_result in _JOB_RESULTS:
        return Cause(kind=past.job_result, text=f"{unit} {_JOB_RESULTS[past.job_result]}")
    if past.was_active:
        text = "was stopped by a job that is not Standfast's" if past.foreign_job else "ended by itself, without error"
        return Cause(kind="gone", text=f"{unit} {text}")
    return None


def _ending_text(unit: str, ending: Ending) -> str:
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


def control_group_in(slice_unit: str, unit: str, root: str = "") -> str:
    """The control group that systemd gives `unit` in `slice_unit`; `root`: the manager's own.

    a-b.slice lies in a.slice, -.slice is the root (systemd.slice(5)); names that could be a kernel's file get a "_".
    """
    stem = slice_unit.removesuffix(".slice").strip("-")
    parts = stem.split("-") if stem else []
    slices = ["-".join(parts[: index + 1]) + ".slice" for index in range(len(parts))]
    return "/".join([root.rstrip("/"), *map(_escape, slices), _escape(unit)])


def _escape(name: str) -> str:
    """systemd's cg_escape()."""
    reserved = name in ("notify_on_release", "release_agent", "tasks") or bool(_CONTROLLER.match(name))
    return f"_{name}" if reserved or name.startswith(("_", ".")) else name


def address_of(unit: str) -> bytes | None:
    """The address that a unit of ours serves, packed; None for another unit."""
    found = _ADDRESS_UNIT.fullmatch(unit)
    if found is None:
        return None
    try:
        return read_address(found[1])[1]
    except CannotServeError:
        return None  # it cannot have started


class Machine:
    """What is there at one moment; each list is read once, when it is first asked for."""

    def __init__(self, control_groups: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
        self._control_groups = control_groups
        self._mountinfo = mountinfo

    def has_processes(self, control_groups: Iterable[str]) -> bool:
        """One of these control groups, or one below, holds a process. A list that cannot be read counts as one."""
        return any(_populated(self._control_groups / group.lstrip("/")) for group in control_groups if group.strip("/"))

    def has_traces(self, unit: str) -> bool:
        """What the unit mounts is mounted, or an interface has the address that it serves."""
        where = mount_point(unit)
        if where is not None:
            return where in self._mounts
        address = address_of(unit)
        return address is not None and address in self._addresses

    @cached_property
    def _mounts(self) -> frozenset[str]:
        """proc(5): the mount point is the fifth field, with octal escapes."""
        lines = self._mountinfo.read_bytes().splitlines()
        fields = (re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), line.split()[4]) for line in lines)
        return frozenset(field.decode(errors="surrogateescape") for field in fields)

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
