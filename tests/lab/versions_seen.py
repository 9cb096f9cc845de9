"""Which version of the configuration each node has, in each of the places where it has one."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from standfast_lab import observe
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab.trial import Trial
from standfast.configuration import install, versions
from standfast.configuration.tree import File, Tree, read_tree

Files = Mapping[str, bytes]  # content by the name below /etc/standfast
STATE = Path("var/lib/standfast")
WORKING_COPY = Path("etc/standfast")
SYSTEM = Path("etc/systemd/system")
UNITS = Path("/", STATE, versions.IN_FORCE.name, "units")
EVERYWHERE_WITHIN_S = 120.0  # after a boot of all, on a machine that others load too


@dataclass(frozen=True, slots=True, kw_only=True)
class AtNode:
    """Digests of one node; a place that has no whole version has words about it instead."""

    record: str
    in_force: str
    installed: str
    working_copy: str


def digest(files: Files) -> str:
    return Tree(files={name: File(content=files[name], mode=0) for name in sorted(files)}, problems=()).digest


def read_files(root: Path) -> dict[str, bytes]:
    return {name: file.content for name, file in read_tree(root).files.items()}


def in_force(lab: Lab, node: str) -> dict[str, bytes]:
    """The files that are in force on the node, as its disk has them."""
    return read_files(lab.root(node) / STATE / versions.IN_FORCE.name)


def write_working_copy(lab: Lab, node: str, files: Files) -> None:
    """The node's /etc/standfast has these files and no others, as if somebody had edited it."""
    root = lab.root(node) / WORKING_COPY
    before = read_files(root)
    for name in before.keys() - files.keys():
        (root / name).unlink(missing_ok=True)  # the node may bring its files along just now
    for name in (name for name in files if before.get(name) != files[name]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(files[name])


def at_node(lab: Lab, node: str) -> AtNode:
    """What the node has. Raises LabError when it does not answer."""
    root = lab.root(node)
    record, known = observe.properties(lab, node, "org.standfast.Groups1", "Configuration", "Versions")
    linked = versions.in_force(root / STATE)
    return AtNode(
        record=str(record),
        in_force=linked if versions.read(linked, root / STATE) else f"{linked or 'no version'}, damaged",
        installed=_installed(root, linked, str(known[node][0]) if node in known else ""),
        working_copy=read_tree(root / WORKING_COPY).digest,
    )


def _installed(root: Path, linked: str, said: str) -> str:
    """The digest, when the manifest, resourced and the links that systemd reads are of one version."""
    manifest = install.installed_digest(root / STATE / install.MANIFEST.name)
    if manifest != said:
        return f"the manifest has {manifest}, resourced says {said}"
    system = root / SYSTEM
    links = [path for path in (*system.glob("*"), *system.glob("*.d/*")) if path.is_symlink()]
    ours = {path.relative_to(system) for path in links if path.readlink().is_relative_to(UNITS)}
    wanted = {
        Path(name).relative_to("units")
        for name in read_tree(root / STATE / "versions" / linked).files
        if name.startswith("units/")
    }
    return said if ours == wanted else f"systemd reads {sorted(ours)} in place of {sorted(wanted)}"


def wait_for_one_version(trial: Trial) -> str:
    """Every node is online, and has one version in its record, in force and installed; its digest."""
    found: dict[str, AtNode] = {}

    def everywhere() -> bool:
        nodes = trial.lab.nodes()
        try:
            found.update(observe.each(nodes, lambda node: at_node(trial.lab, node)))
        except (LabError, subprocess.TimeoutExpired):
            return False
        seen = observe.agreed(trial.lab)
        same = {text for at in found.values() for text in (at.record, at.in_force, at.installed)}
        return len(same) == 1 and seen is not None and set(seen.nodes.values()) == {"online"}

    trial.wait(everywhere, EVERYWHERE_WITHIN_S, lambda: f"one version on all nodes that are online; {found}")
    unread = [node for node in trial.lab.nodes() if _needs_reload(trial.lab, node)]
    assert not unread, f"systemd has not read what is installed on {unread}"
    return found[trial.lab.nodes()[0]].record


def _needs_reload(lab: Lab, node: str) -> bool:
    units = ("webserv.target", "apache2.service")
    return any(observe.unit_property(lab, node, unit, "NeedDaemonReload") != "no" for unit in units)


def working_copies(lab: Lab) -> dict[str, str]:
    """The digest of each node's /etc/standfast."""
    return {node: read_tree(lab.root(node) / WORKING_COPY).digest for node in lab.nodes()}
