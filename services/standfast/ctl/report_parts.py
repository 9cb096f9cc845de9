"""What a report on this node is made of: each part by itself, so that one that cannot be had takes no other with it."""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from standfast import files as machine
from standfast.archive import CONFIGURATION, FLIGHT
from standfast.configuration import versions
from standfast.configuration.load import examine
from standfast.configuration.redaction import Redaction
from standfast.configuration.tree import Tree, read_tree

LARGEST_BYTES: Final = 16 << 20  # of one file that is taken along; of a larger one the end
_NAMED: Final = re.compile(rb'"(?:configuration|offered)":"([0-9a-f]{64})"')  # versions, in a recording
_PACKAGES: Final = re.compile(
    r"standfast|corosync.*|libcorosync.*|libknet.*|python3|systemd|dbus.*|fence-agents.*|polkitd?"
)


@dataclass(slots=True, kw_only=True)
class Part:
    """Files by their names below the node's folder, and a sentence for each thing that is not there."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where this node has what; tests have another root."""

    root: Path = Path("/")

    @property
    def state(self) -> Path:
        return self.root / "var/lib/standfast"

    @property
    def run(self) -> Path:
        return self.root / "run/standfast"

    @property
    def etc(self) -> Path:
        return self.root / "etc/standfast"


def recordings(places: Places) -> Part:
    """The flight recorder's files, in whole lines."""
    part = Part()
    for path in _files_in(places.run / FLIGHT, part):
        _add_file(part, f"{FLIGHT}/{path.name}", path)
    part.files = {name: data[: data.rfind(b"\n") + 1] for name, data in part.files.items()}
    return part


def configurations(places: Places, recorded: Mapping[str, bytes], redaction: Redaction) -> Part:
    """The version in force, those that the recording needs, and what was edited in /etc/standfast; no secrets."""
    part = Part()
    in_force = versions.in_force(places.state)
    named = {found.decode() for data in recorded.values() for found in _NAMED.findall(data)}
    for digest in sorted({in_force, *named} - {""}):
        tree = versions.read_in_force(places.state) if digest == in_force else versions.read(digest, places.state)
        if tree is None:
            part.left_out.append(f"version {digest[:12]} of the configuration: it is not stored here")
            continue
        _add_tree(part, f"{CONFIGURATION}/{digest}", redaction.tree(tree), tree)
    part.files[f"{CONFIGURATION}/in-force"] = f"{in_force or 'none'}\n".encode()
    _add_edited(part, places, in_force, redaction)
    return part


def _add_edited(part: Part, places: Places, in_force: str, redaction: Redaction) -> None:
    """The working copy, as far as it is not as in force."""
    tree, known = read_tree(places.etc), versions.read(in_force, places.state)
    shown = redaction.tree(tree)  # all of it: its secrets are to be found elsewhere neither
    same = known.files if known is not None else {}
    edited = {
        name: file
        for name, file in shown.files.items()
        if tree.files[name].content != getattr(same.get(name), "content", None)
    }
    _add_tree(part, f"{CONFIGURATION}/edited", Tree(files=edited, problems=()), tree)
    for name in sorted(same.keys() - tree.files.keys()):
        part.files[f"{CONFIGURATION}/removed"] = part.files.get(f"{CONFIGURATION}/removed", b"") + f"{name}\n".encode()


def _add_tree(part: Part, folder: str, shown: Tree, tree: Tree) -> None:
    part.files |= {f"{folder}/{name}": file.content for name, file in shown.files.items()}
    part.left_out += [f"of {folder}: {problem}" for problem in tree.problems]


def resources(places: Places) -> tuple[str, ...]:
    """The units of all groups in force, targets first; as far as they can be read."""
    tree = versions.read_in_force(places.state)
    groups = examine(tree, None).groups if tree is not None else ()
    units = [resource.unit for group in groups for resource in group.resources]
    return tuple(dict.fromkeys([*(group.target for group in groups), *units]))


def state(places: Places) -> Part:
    """What our daemons keep of themselves; of what is held only the names."""
    part = Part()
    for path in _files_in(places.state, part):
        _add_file(part, f"state/{path.name}", path)
    for name in ("corosync.conf", "crashes"):
        if (places.run / name).is_file():
            _add_file(part, f"state/run/{name}", places.run / name)
    names = sorted(str(path.relative_to(places.run)) for path in places.run.rglob("*")) if places.run.is_dir() else []
    part.files["state/run/names"] = "".join(f"{name}\n" for name in names).encode()
    return part


def about(places: Places) -> Part:
    """This machine and what is installed on it."""
    from standfast.operations.newcomer import release

    name = os.uname()
    made = {
        "standfast": release(),
        "at": machine.now_text(),
        "node": name.nodename,
        "kernel": f"{name.sysname} {name.release} {name.version} {name.machine}",
        "python": sys.version,
        "system": _assignments(places.root / "etc/os-release"),
        "packages": dict(_packages(places.root / "var/lib/dpkg/status")),
        "incarnation": machine.incarnation(),
        "boottime_ms": machine.boottime_ms(),
        "up_s": round(time.clock_gettime(time.CLOCK_BOOTTIME)),
        "load": list(os.getloadavg()),
        "processors": os.cpu_count(),
        "memory": dict(_memory()),
        "free_bytes": {str(path): shutil.disk_usage(path).free for path in (places.state, places.run) if path.is_dir()},
        "user": os.geteuid(),
    }
    return Part(files={"about.json": dumped(made)})


def dumped(made: Any) -> bytes:
    """As JSON for people and programs."""
    return json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"


def _files_in(folder: Path, part: Part) -> list[Path]:
    """Plain files directly in it. A folder that is not there is told, one that is closed raises PermissionError."""
    if not folder.is_dir():
        part.left_out.append(f"{folder}: it is not there")
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _add_file(part: Part, name: str, path: Path) -> None:
    """Its content, or why it is not there: one that is closed takes no other with it."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_BYTES:
                part.left_out.append(f"the beginning of {path}, which has {size >> 20} MiB")
                file.seek(size - LARGEST_BYTES)
            part.files[name] = file.read(LARGEST_BYTES)
    except FileNotFoundError:
        return  # it was there a moment ago
    except PermissionError:
        part.left_out.append(f"{path}: only root may read it")


def _assignments(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return dict(line.partition("=")[::2] for line in lines if "=" in line)


def _packages(path: Path) -> Iterator[tuple[str, str]]:
    """dpkg's status: what of ours and of what we stand on is installed."""
    for block in path.read_text(errors="replace").split("\n\n") if path.is_file() else ():
        fields = dict(line.partition(": ")[::2] for line in block.splitlines() if ": " in line)
        if _PACKAGES.fullmatch(fields.get("Package", "")) and " installed" in fields.get("Status", ""):
            yield fields["Package"], fields.get("Version", "")


def _memory() -> Iterator[tuple[str, str]]:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree"):
            yield name, value.strip()
