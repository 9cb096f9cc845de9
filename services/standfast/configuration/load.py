"""Reads and checks configurations: the administrator's files in /etc/standfast, and the version in force here.

Everything wrong is told at once. What can be wrong on this machine only (a unit that is not installed, a fence agent
that is missing) keeps the administrator's files from being good; of the version in force it is only told: what runs
must go on when a package is removed.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.configuration.cluster import ClusterPart, read_cluster
from standfast.configuration.copies import with_copies
from standfast.configuration.groups import Units, read_groups
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import (
    Configuration,
    ConfigurationError,
    FenceDevice,
    Group,
    Probe,
    Problem,
    Source,
)
from standfast.configuration.system import System, is_unit_file_name
from standfast.configuration.tree import Tree, read_tree, replace_files
from standfast.configuration.unitfile import Section, merge, scan
from standfast.configuration.versions import FOLDER, in_force, read_in_force
from standfast.configuration.versions import IN_FORCE as IN_FORCE

ROOT = Path("/etc/standfast")
NOTHING_IN_FORCE: Final = (
    "there is no configuration in force on this node: standfast init NAME makes a new cluster, "
    "standfast join takes this node into an existing one"
)
_HERE = System()
_KEY_BYTES = range(128, 4097)  # what corosync.conf(5) takes as a key file
_UNIT_TYPES = re.compile(r"(service|socket|mount|automount|swap|timer|path|target|slice|scope|device)\.d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What files say, and everything that is wrong with them."""

    configuration: Configuration | None  # None: there are problems
    groups: tuple[Group, ...]  # those that could be read whole
    problems: tuple[Problem, ...]


def load(root: Path = ROOT, *, system: System | None = _HERE) -> Configuration:
    """The configuration below `root`; ConfigurationError with everything that is wrong.

    `system` None: nothing is asked of this machine (for the version in force, and for another machine's files).
    """
    return check(read_tree(root), system=system)


def load_with(root: Path, replacements: Mapping[str, str | bytes], *, system: System | None = _HERE) -> Configuration:
    """What load() would say of `root` if these files (content by name below `root`) were written there; none is.

    ConfigurationError names a replacement as it would name the file: by its name below `root`, and the line.
    """
    return check(replace_files(read_tree(root), replacements), system=system)


def load_in_force(
    folder: Path = FOLDER, *, system: System | None = _HERE
) -> tuple[Configuration | None, tuple[Problem, ...]]:
    """The configuration in force here and what is wrong with it on this machine; None: there is none to work with."""
    tree = read_in_force(folder)
    if tree is None:
        return None, (Problem(source=Source(path=str(folder / IN_FORCE.name), line=0), text=NOTHING_IN_FORCE),)
    problems: tuple[Problem, ...] = ()
    if tree.digest != in_force(folder):
        text = "was changed by hand or by a broken disk; put the right version in force again: standfast config push"
        problems = (Problem(source=Source(path=str(folder / IN_FORCE.name), line=0), text=text),)
    for asked in (system, None):
        try:
            return check(tree, system=asked), problems
        except ConfigurationError as error:
            problems += tuple(problem for problem in error.problems if problem not in problems)
    return None, problems


def digest(root: Path = ROOT) -> str:
    """SHA-256 in hex over names and content of every file below `root`; whether they are good does not matter."""
    return read_tree(root).digest


def check(tree: Tree, *, system: System | None = _HERE) -> Configuration:
    """What these files say; ConfigurationError with everything that is wrong. `system` as for load()."""
    examined = examine(tree, system)
    if examined.configuration is None:
        raise ConfigurationError(examined.problems)
    return examined.configuration


def examine(tree: Tree, system: System | None = _HERE) -> Examined:
    """The same for who wants everything: what is good of these files, however much is not."""
    problems = list(tree.problems)
    cluster = read_cluster_files(tree, problems)
    groups = read_groups(Units(files=_unit_files(tree, problems), masked=_masked(tree)), cluster, system, problems)
    _check_secrets(tree, cluster, groups, problems)
    _check_agents(cluster, system, problems)
    _check_alerts(tree, problems)
    configuration = None if problems else _configuration(tree, cluster, groups)
    return Examined(configuration=configuration, groups=groups, problems=tuple(sorted(problems, key=in_reading_order)))


def in_reading_order(problem: Problem) -> tuple[str, bool, int]:
    """A key to sort by: as somebody would read the files from the top down."""
    return problem.source.path, problem.source.line == 0, problem.source.line


def _configuration(tree: Tree, cluster: ClusterPart, groups: tuple[Group, ...]) -> Configuration:
    assert cluster.cluster is not None, "without it there is a problem"
    written = Configuration(
        cluster=cluster.cluster,
        nodes=cluster.nodes,
        devices=cluster.devices,
        domains=cluster.domains,
        groups=groups,
        digest=tree.digest,
        heuristics=cluster.heuristics,
        key=hashlib.sha256(tree.files["corosync.key"].content).hexdigest(),
    )
    return with_copies(written)


def read_cluster_files(tree: Tree, problems: list[Problem]) -> ClusterPart:
    """What cluster.conf and its drop-ins say, as far as it is whole; what is wrong is appended to `problems`."""
    if "cluster.conf" not in tree.files:
        if tree.lacks("cluster.conf"):
            text = "is missing; write it, or copy it from another node"
            problems.append(Problem(source=Source(path="cluster.conf", line=0), text=text))
        nothing: frozenset[str] = frozenset()
        return ClusterPart(
            cluster=None, nodes=(), devices=(), domains=(), heuristics=(), node_names=nothing, domain_names=nothing
        )
    folder = "cluster.conf.d/"
    below = [name for name in tree.files if name.startswith(folder)]
    dropins = [name for name in below if re.fullmatch(r"[^/]+\.conf", name.removeprefix(folder))]
    for name in sorted(set(below) - set(dropins)):
        text = "is no drop-in of cluster.conf, so it would not be read; call it cluster.conf.d/NAME.conf"
        problems.append(Problem(source=Source(path=name, line=0), text=text))
    files = [_sections(tree, name, problems) for name in ("cluster.conf", *dropins)]
    return read_cluster(merge(files[0], files[1:]), problems)


def _unit_files(tree: Tree, problems: list[Problem]) -> dict[str, tuple[Section, ...]]:
    """The sections of what systemd would read in units/; anything else there is a slip of the pen."""
    unread = (problem.source.path.removeprefix("units/") for problem in tree.problems)
    found: dict[str, tuple[Section, ...]] = {name: () for name in unread if is_unit_file_name(name)}
    for path in tree.files:
        name = path.removeprefix("units/")
        if name == path:
            continue
        if refusal := unit_file_refusal(name):
            problems.append(Problem(source=Source(path=path, line=0), text=refusal))
        else:
            found[name] = _sections(tree, path, problems)
    return found


def _masked(tree: Tree) -> frozenset[str]:
    """Units whose file in units/ is empty: for systemd the same as a link to /dev/null."""
    return frozenset(name for name in tree.folder("units") if not tree.files[f"units/{name}"].content)


def unit_file_refusal(name: str) -> str | None:
    """Why a file of this name below units/ would not be read as a unit or a drop-in, or None."""
    folder, slash, file = name.partition("/")
    if not slash:
        return None if is_unit_file_name(name) else "is no unit's name, so systemd would not read it"
    unit, _, kind = folder.rpartition(".")
    if kind in ("wants", "requires", "upholds") and is_unit_file_name(unit):
        return (
            f"{folder} is no folder of drop-ins but starts units beside the cluster; "
            f"write {kind.capitalize()}= in a drop-in of {unit}, or name the unit in a group's Resources="
        )
    unit = folder.removesuffix(".d")
    if unit == folder or not (is_unit_file_name(unit) or _UNIT_TYPES.fullmatch(folder)):
        return f"{folder} is no folder of drop-ins; call it UNIT.d"
    if "/" in file or not file.endswith(".conf"):
        return "is no drop-in, so systemd would not read it; call it NAME.conf"
    return "is a name that Standfast uses itself; call it otherwise" if file == "zz-standfast.conf" else None


def _sections(tree: Tree, path: str, problems: list[Problem]) -> tuple[Section, ...]:
    content = tree.files[path].content
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        problems.append(_at(path, content, error.start, "is no UTF-8"))
        text = content.decode(errors="replace")  # the rest is read all the same: everything wrong is told at once
    if "\0" in text:
        problems.append(
            _at(path, content, content.index(b"\0"), "has a NUL byte, where systemd ends the line; remove it")
        )
        text = text.replace("\0", "")
    sections, wrong = scan(text, path)
    problems += wrong
    return sections


def _at(path: str, content: bytes, offset: int, text: str) -> Problem:
    return Problem(source=Source(path=path, line=content.count(b"\n", 0, offset) + 1), text=text)


def _check_alerts(tree: Tree, problems: list[Problem]) -> None:
    if any(name.startswith("alerts.d/") for name in tree.files):
        from standfast.configuration.alerts import read_alerts  # most have none, and memory is short

        problems += read_alerts(tree)[1]


def _check_secrets(tree: Tree, cluster: ClusterPart, groups: tuple[Group, ...], problems: list[Problem]) -> None:
    key = tree.files.get("corosync.key")
    source = Source(path="corosync.key", line=0)
    if tree.lacks("corosync.key"):
        text = "is missing; corosync-keygen -l -k /etc/standfast/corosync.key on one node, then copy it to all"
        problems.append(Problem(source=source, text=text))
    elif key is not None and len(key.content) not in _KEY_BYTES:
        problems.append(Problem(source=source, text=f"has {len(key.content)} bytes; a key has 128 to 4096"))
    probes = (probe for group in groups for resource in group.resources for probe in resource.probes)
    owners: tuple[FenceDevice | Probe, ...] = (*cluster.devices, *probes)
    named = [(one.password_file, one.sources) for one in owners if one.password_file]
    for name, sources in named:
        if tree.lacks(name):
            names = (name for name in tree.files if "/" not in name)
            text = f"there is no file {name}{did_you_mean(name, names)}"
            problems.append(Problem(source=sources["PasswordFile"], text=text))
    secrets = {"corosync.key", *(name for name, _ in named)}
    for name in sorted(secrets & set(tree.files)):
        if tree.files[name].mode & 0o077:
            text = f"can be read by others (mode {tree.files[name].mode:04o}); chmod 0600 it"
            problems.append(Problem(source=Source(path=name, line=0), text=text))


def _check_agents(cluster: ClusterPart, system: System | None, problems: list[Problem]) -> None:
    for device in cluster.devices:
        if system and not (system.programs / device.agent).is_file():
            text = f"no fence agent {device.agent} in {system.programs}; install it (Debian: fence-agents)"
            problems.append(Problem(source=device.sources["Agent"], text=text))
