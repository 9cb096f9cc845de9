"""Puts units/ of the version in force and all guards where systemd finds them, also at a boot without us.

The manifest names everything of ours before it is there and until it is gone, so an interrupted call is mended by
the next one. A lost manifest is no harm either: our links lead into the version in force and our drop-ins say
that they are ours. A guard is replaced in one step and removed only when its unit is no resource any more.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standfast.configuration.guards import DROPIN, MARK, dropins
from standfast.configuration.model import Configuration, ConfigurationError, Group, Problem, Source
from standfast.configuration.tree import Tree, read_tree
from standfast.configuration.versions import IN_FORCE
from standfast.files import make_folders, sync_folder, write_atomic

SYSTEM = Path("/etc/systemd/system")
MANIFEST = Path("/var/lib/standfast/installed.json")
_NEW_LINK = ".standfast-new"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One file of ours below `system`: a link to `target`, or a drop-in that holds `content`."""

    target: Path | None
    content: bytes  # of a link: what it leads to

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.target}\n".encode() + self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    digest: str | None = None  # of the configuration that is installed; None while that is under way
    pieces: Mapping[str, str] = field(default_factory=dict)  # fingerprint by path below `system`


def install(
    configuration: Configuration, root: Path = IN_FORCE, system: Path = SYSTEM, manifest: Path = MANIFEST
) -> bool:
    """The units below `root` and the guards are in place; True: something changed, a daemon-reload is due.

    `root` holds `configuration` (it is in force here): links lead there. Raises ConfigurationError before
    anything changes when an administrator's file is in the way, OSError when the disk refuses; then the next call
    does the rest and says True. Whoever dies between this call and the daemon-reload must reload when it is back.
    """
    root = root.absolute()
    wanted = _wanted(configuration, root)
    before = _read_manifest(manifest)
    if problems := _foreign(wanted, before, root, system):
        raise ConfigurationError(tuple(problems))
    stale = sorted(set(_present(before.pieces, root, system)) - set(wanted))
    wrong = [name for name in wanted if not _is_right(system / name, wanted[name])]
    after = {name: piece.fingerprint for name, piece in wanted.items()}
    if before == _Manifest(digest=configuration.digest, pieces=after) and not stale and not wrong:
        return False
    changed = bool(stale or wrong or before.digest is None or before.pieces != after)
    if changed:
        _write_manifest(manifest, _Manifest(pieces={**before.pieces, **after}))
        for name in sorted(wrong, key=lambda name: (wanted[name].target is not None, name)):  # the guards first
            _place(system / name, wanted[name])
        _remove_all(system, stale)
    _write_manifest(manifest, _Manifest(digest=configuration.digest, pieces=after))
    return changed


def installed_digest(manifest: Path = MANIFEST) -> str | None:
    """The digest of the configuration whose units are in place whole; None: none, or a call was interrupted."""
    return _read_manifest(manifest).digest


def in_the_way(
    groups: Iterable[Group], tree: Tree, root: Path = IN_FORCE, system: Path = SYSTEM, manifest: Path = MANIFEST
) -> tuple[Problem, ...]:
    """What of an administrator below `system` keeps `tree` from being installed there; it is never overwritten."""
    root = root.absolute()
    return tuple(_foreign(_pieces(groups, tree, root), _read_manifest(manifest), root, system))


def unguarded(groups: Iterable[Group], system: Path = SYSTEM) -> tuple[str, ...]:
    """Units that would become resources: no guard of ours is in place for them."""
    units = dict.fromkeys(resource.unit for group in groups for resource in group.resources)
    return tuple(unit for unit in units if not (system / f"{unit}.d" / DROPIN).exists())


def remove(root: Path = IN_FORCE, system: Path = SYSTEM, manifest: Path = MANIFEST) -> bool:
    """Nothing of ours is below `system` any more; True: something was, a daemon-reload is due."""
    pieces = _read_manifest(manifest).pieces
    present = sorted(_present(pieces, root.absolute(), system))
    _remove_all(system, present)
    for link in (*system.glob("*.wants/*"), *system.glob("*.requires/*")):
        if link.name in present and link.is_symlink() and not link.exists():  # `systemctl enable` made it
            link.unlink()
    manifest.unlink(missing_ok=True)
    return bool(present)


def _wanted(configuration: Configuration, root: Path) -> dict[str, _Piece]:
    tree = read_tree(root)
    if tree.digest != configuration.digest:
        text = "holds another configuration than the one to install; put that in force here first"
        raise ConfigurationError((Problem(source=Source(path=str(root), line=0), text=text),))
    return _pieces(configuration.groups, tree, root)


def _pieces(groups: Iterable[Group], tree: Tree, root: Path) -> dict[str, _Piece]:
    units = {name.removeprefix("units/"): file for name, file in tree.files.items() if name.startswith("units/")}
    pieces = {name: _Piece(target=root / "units" / name, content=file.content) for name, file in sorted(units.items())}
    for group in groups:
        for name, text in dropins(group).items():
            pieces[name] = _Piece(target=None, content=text.encode())
    return pieces


def _foreign(wanted: Mapping[str, _Piece], before: _Manifest, root: Path, system: Path) -> list[Problem]:
    problems = []
    folders = {(system / name).parent for name in wanted} - {system}
    for folder in sorted(folders):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            text = "is no plain folder; Standfast must add a drop-in to it: replace it by a folder"
            problems.append(Problem(source=Source(path=str(folder), line=0), text=text))
    for name in sorted(wanted):
        path = system / name
        if (path.is_symlink() or path.exists()) and not _is_ours(path, name in before.pieces, root):
            text = f"is in the way of units/{name}; move it into /etc/standfast/units, or remove it"
            if wanted[name].target is None:
                text = "has the name of a drop-in of Standfast's; call it otherwise"
            problems.append(Problem(source=Source(path=str(path), line=0), text=text))
    return problems


def _is_ours(path: Path, in_manifest: bool, root: Path) -> bool:
    """A link that leads into the version in force, or a drop-in of our name that we wrote."""
    if path.is_symlink():
        return path.readlink().is_relative_to(root / "units")
    if path.name != DROPIN or path.parent.suffix != ".d" or not path.is_file():
        return False
    return in_manifest or path.read_bytes().startswith(MARK.encode())


def _present(pieces: Iterable[str], root: Path, system: Path) -> Iterator[str]:
    """What is ours below `system`, whether the manifest knows it or not; also what an interrupted call left."""
    for path in (*system.glob("*"), *system.glob("*.d/*")):
        name = str(path.relative_to(system))
        left = path.name.endswith(_NEW_LINK) or path.name == f".{DROPIN}.new"
        if left or _is_ours(path, name in pieces, root):
            yield name


def _is_right(path: Path, piece: _Piece) -> bool:
    if piece.target is not None:
        return path.is_symlink() and path.readlink() == piece.target
    return path.is_file() and not path.is_symlink() and path.read_bytes() == piece.content


def _place(path: Path, piece: _Piece) -> None:
    make_folders(path.parent)
    if piece.target is None:
        write_atomic(path, piece.content, 0o644)
        return
    temporary = path.with_name(f".{path.name}{_NEW_LINK}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(piece.target)
    temporary.replace(path)
    sync_folder(path.parent)


def _remove_all(system: Path, names: Iterable[str]) -> None:
    folders = set()
    for name in names:
        (system / name).unlink(missing_ok=True)
        folders.add((system / name).parent)
    for folder in folders - {system}:
        with contextlib.suppress(OSError):  # an administrator's files are in it
            folder.rmdir()
    if folders:
        sync_folder(system)


def _read_manifest(manifest: Path) -> _Manifest:
    try:
        content = json.loads(manifest.read_bytes())
        digest, pieces = content["digest"], content["pieces"]
        if not isinstance(pieces, dict) or not isinstance(digest, str | None):
            return _Manifest()
        return _Manifest(digest=digest, pieces={str(name): str(fingerprint) for name, fingerprint in pieces.items()})
    except (OSError, ValueError, KeyError, TypeError):
        return _Manifest()  # none yet, or damaged: what is ours says so itself


def _write_manifest(manifest: Path, content: _Manifest) -> None:
    manifest.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    text = json.dumps({"digest": content.digest, "pieces": content.pieces}, indent=1, sort_keys=True)
    write_atomic(manifest, f"{text}\n".encode(), 0o644)
