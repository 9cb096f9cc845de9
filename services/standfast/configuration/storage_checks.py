"""Block devices and folders that the groups' mounts need, and that this machine has not, or not for them alone."""

import contextlib
import os
import posixpath
import stat
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from standfast.configuration.as_installed import AsInstalled
from standfast.configuration.model import Group, Problem, Resource
from standfast.configuration.mounts import clean_path, mount_point
from standfast.configuration.programs import run_program
from standfast.configuration.unitfile import Entry, effective, named
from standfast.storage import superblock
from standfast.storage.mountinfo import Mounted, read_mounts

READ_WITHIN_S: Final = 3.0
_BY: Final = {"LABEL": "label", "UUID": "uuid", "PARTLABEL": "partlabel", "PARTUUID": "partuuid"}
_CLUSTERED: Final = ("gfs2", "ocfs2", "ceph")  # made to be mounted on many nodes
_GUARDED: Final = "ext4 mmp"
_YES: Final = ("1", "yes", "y", "true", "t", "on")  # systemd.syntax(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What this machine knows of the path of a device."""

    device: str = ""  # MAJOR:MINOR; "": there is something else
    user: str = ""  # what of the kernel's has it: dm-0, swap …
    content: str = ""  # the file system on it, where it is known, and mmp


Look = Callable[[tuple[str, ...]], Awaitable[Mapping[str, Disk]]]  # without what is not there


async def look(paths: tuple[str, ...]) -> Mapping[str, Disk]:
    """The devices as they are now; what one that hangs has on it stays unknown."""
    found = _see(paths)
    devices = tuple(path for path, disk in found.items() if disk.device)
    contents = zip(devices, await _contents(devices), strict=False)
    return found | {path: replace(found[path], content=content) for path, content in contents}


def _see(paths: Iterable[str]) -> dict[str, Disk]:
    """By name and number: no device is opened."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = Path(path).stat()
            number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if stat.S_ISBLK(status.st_mode) else ""
            found[path] = Disk(device=number, user=_user(number) if number else "")
    return found


async def _contents(devices: tuple[str, ...]) -> list[str]:
    if not devices:
        return []
    command = ("/usr/bin/python3", "-I", "-S", superblock.__file__, *devices)
    try:
        return (await run_program(command, READ_WITHIN_S))[1].splitlines()
    except (OSError, TimeoutError):
        return []


def _user(device: str) -> str:
    """What the kernel has made of the device."""
    place = Path("/sys/dev/block", device)
    holders = sorted(path.name for path in (place / "holders").glob("*"))
    swaps = [line.split()[0] for line in Path("/proc/swaps").read_text().splitlines()[1:]]
    if any(Path(swap).name == place.resolve().name for swap in swaps):
        return "the swap space"
    return holders[0] if holders else ""


async def storage_problems(
    groups: Iterable[Group], units: AsInstalled, look: Look, mounts: Callable[[], tuple[Mounted, ...]] = read_mounts
) -> list[Problem]:
    """`groups` are those that may run here. Raises OSError."""
    groups = tuple(groups)
    own = {mount_point(resource.unit) for group in groups for resource in group.resources}
    wanted = [one for group in groups for one in _mounts(group, units)]
    disks = await look(tuple(dict.fromkeys(one.path for one in wanted if not one.bound)))
    mounted = mounts() if wanted else ()
    return [problem for one in wanted for problem in _problems(one, disks, mounted, own)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    """A mount of a group."""

    resource: Resource
    what: Entry
    path: str  # of the device, or of the folder that is shown elsewhere too
    kind: str  # Type=
    bound: bool
    before: tuple[str, ...]  # the units that start before it
    lazy: Entry | None  # LazyUnmount=, where it is on


def _mounts(group: Group, units: AsInstalled) -> Iterator[_Mount]:
    """Those of a device or a folder; what is on another machine is looked at when it is mounted."""
    for position, resource in enumerate(group.resources):
        settings = effective(named(units.sections(resource.unit), "Mount")) if resource.unit.endswith(".mount") else {}
        if "What" not in settings:
            continue
        what = settings["What"][-1]
        kind = settings["Type"][-1].value if "Type" in settings else ""
        options = settings["Options"][-1].value.split(",") if "Options" in settings else []
        bound = kind == "bind" or bool({"bind", "rbind"} & set(options))
        path = what.value if bound else _device(what.value)
        if path and "%" not in path:
            before = tuple(one.unit for one in group.resources[:position])
            lazy = settings["LazyUnmount"][-1] if "LazyUnmount" in settings else None
            yield _Mount(
                resource=resource,
                what=what,
                path=path,
                kind=kind,
                bound=bound,
                before=before,
                lazy=lazy if lazy is not None and lazy.value.lower() in _YES else None,
            )


def _device(what: str) -> str:
    """The path of the device that mount(8) takes it for, "" for anything else."""
    tag, equals, value = what.partition("=")
    if equals and tag in _BY:
        return f"/dev/disk/by-{_BY[tag]}/{value.strip(chr(34))}"
    return what if what.startswith("/dev/") else ""


def _problems(
    mount: _Mount, disks: Mapping[str, Disk], mounted: tuple[Mounted, ...], own: Container[str | None]
) -> Iterator[Problem]:
    """`own`: where the groups mount something."""

    def problem(text: str, *, warning: bool = False) -> Problem:
        return Problem(source=mount.what.source, text=text, warning=warning)

    if mount.bound:
        if text := _folder_refusal(mount, mounted):
            yield problem(text)
        return
    if mount.lazy is not None and mount.kind not in _CLUSTERED:
        text = "with LazyUnmount= whoever uses it goes on using it while another node mounts it; remove the line"
        yield Problem(source=mount.lazy.source, text=text)
    disk = disks.get(mount.path)
    if disk is None:
        if not any(unit.endswith(".service") and not unit.startswith("standfast-ip@") for unit in mount.before):
            yield problem(f"there is no {mount.path} here; connect it, or name another domain for the group")
    elif not disk.device:
        yield problem(f"{mount.path} is no block device; a folder is shown elsewhere with Options=bind")
    else:
        other = next((one.point for one in mounted if one.device == disk.device and one.point not in own), "")
        if disk.user:
            yield problem(f"{mount.path} is in use here by {disk.user}; write What= of what lies on it, or free it")
        elif other:
            yield problem(f"{mount.path} is mounted at {other} here, beside the cluster: umount {other}")
        if mount.kind not in _CLUSTERED and disk.content not in ("", _GUARDED):
            yield problem(_unguarded(mount.path, disk.content), warning=True)


def _unguarded(path: str, content: str) -> str:
    text = f"{path} is {'an' if content[0] in 'aeiou' else 'a'} {content} that two nodes can mount at once"
    text += ", and only the cluster keeps them from it"
    if content == "ext4":
        return f"{text}; with a second guard of its own: tune2fs -O mmp {path}, while it is not mounted"
    return f"{text}; an ext4 with mmp has a guard of its own"


def _folder_refusal(mount: _Mount, mounted: tuple[Mounted, ...]) -> str:
    """Of a folder that no mount of the group brings; one on a file system that may hang is not looked at."""
    path = mount.path
    if not path.startswith("/"):
        return f"What={path} of a bind mount is no absolute path"
    path = clean_path(path)
    points = [point for point in map(mount_point, mount.before) if point]
    if any(_is_in(path, point) for point in points):
        return ""
    below = max((one for one in mounted if _is_in(path, one.point)), key=lambda one: len(one.point), default=None)
    if below is not None and (below.kind.startswith(("nfs", "fuse", "cifs", "smb", "autofs"))):
        return ""
    return "" if Path(path).exists() else f"there is no {path} here to bind; make it, or correct What="


def _is_in(path: str, folder: str) -> bool:
    return posixpath.commonpath((path, folder)) == folder
