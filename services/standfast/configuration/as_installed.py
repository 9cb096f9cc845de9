"""The files of each unit as systemd will read them here once a tree is installed: the tree's and this machine's own."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from standfast.configuration.guards import DROPIN
from standfast.configuration.system import System, template
from standfast.configuration.tree import Tree
from standfast.configuration.unitfile import Section, dropin_folders, dropin_order, scan

_LARGEST_BYTES = 1 << 20

UnitFile = tuple[str, tuple[Section, ...]]  # its name (below the tree, or absolute), and what it says


class AsInstalled:
    """Read once, each file when it is first asked for; what cannot be read says nothing."""

    def __init__(self, tree: Tree, system: System) -> None:
        self._tree, self._system = tree, system
        self._read: dict[str, tuple[Section, ...]] = {}

    def files(self, unit: str) -> tuple[UnitFile, ...]:
        """The unit's file (or its template's), if there is one, then its drop-ins in systemd's order."""
        return (*self._fragment(unit), *self.dropins(unit))

    def sections(self, unit: str) -> tuple[Section, ...]:
        """What all of them say."""
        return tuple(section for _, sections in self.files(unit) for section in sections)

    def dropins(self, unit: str) -> tuple[UnitFile, ...]:
        """Its drop-ins in systemd's order, the guards left out."""
        folders = [
            (place, names)
            for folder in dropin_folders(unit)
            for place, names in (
                (f"units/{folder}", self._tree.folder(f"units/{folder}")),
                *((str(path), names) for path, names in self._folders.get(folder, ())),
            )
        ]
        return tuple(self._file(f"{place}/{name}") for place, name in dropin_order(folders) if name != DROPIN)

    def foreign(self) -> Iterator[UnitFile]:
        """Every unit's file and drop-in of this machine that is not ours."""
        for path in _once(self._system.unit_paths):
            for file in sorted(path.iterdir()) if path.is_dir() else ():
                if not self._system.is_ours(file) and file.is_file():
                    yield self._file(str(file))
        for places in self._folders.values():
            for path, names in places:
                yield from (self._file(f"{path}/{name}") for name in names if name != DROPIN)

    def _fragment(self, unit: str) -> Iterator[UnitFile]:
        ours = next((name for name in (unit, template(unit)) if f"units/{name}" in self._tree.files), None)
        if ours is not None:
            yield self._file(f"units/{ours}")
        elif (path := self._system.find(unit)) is not None:
            yield self._file(str(path))

    def _file(self, name: str) -> UnitFile:
        if name not in self._read:
            self._read[name] = scan(self._content(name).decode(errors="replace"), name)[0]
        return name, self._read[name]

    def _content(self, name: str) -> bytes:
        if not name.startswith("/"):
            return self._tree.files[name].content
        try:
            with Path(name).open("rb") as file:
                return file.read(_LARGEST_BYTES)
        except OSError:
            return b""

    @cached_property
    def _folders(self) -> dict[str, list[tuple[Path, tuple[str, ...]]]]:
        """By the name of a folder of drop-ins: where this machine has one, the strongest first, and what is in it."""
        found: dict[str, list[tuple[Path, tuple[str, ...]]]] = {}
        for path in _once(self._system.unit_paths):
            for folder in sorted(path.glob("*.d")):
                files = (file for file in folder.glob("*.conf") if not self._system.is_ours(file) and file.is_file())
                found.setdefault(folder.name, []).append((folder, tuple(sorted(file.name for file in files))))
        return found


def _once(paths: tuple[Path, ...]) -> list[Path]:
    """Each folder by its first name: /lib and /usr/lib are one on most machines."""
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]
