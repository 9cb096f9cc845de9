"""`systemd-analyze verify` of the units as they would be installed, in a folder of their own."""

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.configuration.guards import DROPIN, dropins
from standfast.configuration.load import unit_file_refusal
from standfast.configuration.model import Group, Problem, Source
from standfast.configuration.programs import run_program
from standfast.configuration.system import System, template
from standfast.configuration.tree import Tree

LONGEST_S: Final = 30.0  # measured: 0.5 s for ten units, 7 s for a thousand
_PLACE: Final = re.compile(r"(?P<path>/\S+?):(?P<line>\d+): (?P<text>.+)")
_REPEATED: Final = re.compile(
    r"Cannot add dependency job|Where= setting doesn't match|Failed to create .*: Transaction order is cyclic"
    r"|Found ordering cycle on|Found dependency on|Job \S+ deleted to break|Unable to break cycle"
    r"|Failed to create .*: Unit (?P<unit>\S+) not found"
)
_CIRCLE: Final = re.compile(
    r"^\S+: Found ordering cycle on (\S+)/[a-z-]+\n((?:\S+: Found dependency on \S+/[a-z-]+\n)*)", re.MULTILINE
)
_UNITS: Final = "units/"
_BOOT_MOUNTS: Final = frozenset({"local-fs.target", "remote-fs.target"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    folder: Path
    names: frozenset[str]  # of files below units/
    resources: frozenset[str]

    def file_of(self, unit: str) -> str | None:
        """The file in units/ that says what `unit` is: its own, its template's, or the first of its drop-ins."""
        for name in (unit, template(unit)):
            if name in self.names:
                return name
            if below := sorted(other for other in self.names if name and other.startswith(f"{name}.d/")):
                return below[0]
        return None

    def is_repeated(self, text: str) -> bool:
        """It follows from what is said of another unit, or the loader says it with its line."""
        found = _REPEATED.match(text)
        return found is not None and (found["unit"] is None or found["unit"] in self.resources)


async def verify(groups: Iterable[Group], tree: Tree, system: System, program: str) -> tuple[Problem, ...]:
    """What systemd says against the files in units/; nothing where the machine has no such program.

    An error is what keeps a unit from being loaded; what systemd only ignores is a warning. Raises OSError (disk).
    """
    groups = tuple(groups)
    with tempfile.TemporaryDirectory(prefix="standfast-check-", ignore_cleanup_errors=True) as name:
        ours = await asyncio.to_thread(_write, groups, tree, Path(name))
        # an empty file is a mask, which systemd-analyze takes for an error
        whole = (name for name in sorted(ours.names) if "/" not in name and tree.files[_UNITS + name].content)
        units = [str(ours.folder / name) for name in whole]
        search = {"SYSTEMD_UNIT_PATH": ":".join(map(str, (ours.folder, *system.unit_paths)))}
        if not units:
            return ()
        try:
            _, _, said = await run_program((program, "verify", "--man=no", *units), LONGEST_S, search)
        except FileNotFoundError:
            return ()
        except TimeoutError:
            text = f"systemd-analyze did not say within {LONGEST_S:g} s what it thinks of these; try again"
            return (Problem(source=Source(path="units", line=0), text=text, warning=True),)
    return tuple(dict.fromkeys((*_circles(said, ours), *_problems(said, ours))))


def _write(groups: tuple[Group, ...], tree: Tree, folder: Path) -> _Ours:
    folder = folder.resolve()
    below = {name.removeprefix(_UNITS): file.content for name, file in tree.files.items() if name.startswith(_UNITS)}
    files = {name: content for name, content in below.items() if unit_file_refusal(name) is None}
    guards = {name: text.encode() for group in groups for name, text in dropins(group).items()}
    for name, content in (files | guards).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    resources = frozenset(resource.unit for group in groups for resource in group.resources)
    return _Ours(folder=folder, names=frozenset(files), resources=resources)


def _circles(said: str, ours: _Ours) -> Iterator[Problem]:
    """Each circle of After= and Before= once, wherever systemd came upon it, and by whatever way through the boot."""
    told = set()
    for first, rest in _CIRCLE.findall(said):
        units = [first, *re.findall(r"dependency on (\S+)/", rest)]
        files = [file for unit in units if (file := ours.file_of(unit))]
        own = frozenset(unit for unit in units if ours.file_of(unit) or unit in ours.resources)
        if own in told or not own:
            continue
        told.add(own)
        text = f"none of these could start before the others: {_way(units, own)}; {_way_out(units)}"
        yield Problem(source=Source(path=_UNITS + files[0] if files else "units", line=0), text=text)


def _way(units: list[str], own: frozenset[str]) -> str:
    """The boot's own units only where they tell the cause."""
    known = own | _BOOT_MOUNTS if _BOOT_MOUNTS & set(units) else set(units)
    return ", ".join(dict.fromkeys(unit for unit in units if unit in known))


def _way_out(units: list[str]) -> str:
    """Who wrote nothing of it himself has to know what systemd adds to a mount (systemd.mount(5))."""
    mount = next((unit for unit in units if unit.endswith(".mount")), "")
    if not mount or not _BOOT_MOUNTS & set(units):
        return "take one After= or Before= away"
    return (
        f"{mount} is part of the boot unless its [Unit] has DefaultDependencies=no, Before= and Conflicts=umount.target"
    )


def _problems(said: str, ours: _Ours) -> Iterator[Problem]:
    for line in said.splitlines():
        if (found := _PLACE.fullmatch(line)) and Path(found["path"]).is_relative_to(ours.folder):
            name = str(Path(found["path"]).relative_to(ours.folder))
            if not name.endswith(DROPIN):
                yield _problem(Source(path=_UNITS + name, line=int(found["line"])), found["text"])
            continue
        unit, colon, text = line.partition(": ")
        file = ours.file_of(unit) if colon else None
        if file is not None and not ours.is_repeated(text):
            yield _problem(Source(path=_UNITS + file, line=0), text)


def _problem(source: Source, text: str) -> Problem:
    ignored = bool(re.search("[Ii]gnoring|obsolete|deprecated|updating", text))
    return Problem(source=source, text=f"systemd says: {text.removesuffix('.')}", warning=ignored)
