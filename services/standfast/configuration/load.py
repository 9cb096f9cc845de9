"""Reads and checks configurations: the administrator's files in /etc/standfast, and the version in force here.

Everything wrong is told at once. What can be wrong on this machine only (a unit that is not installed, a fence agent
that is missing) keeps the administrator's files from being good; of the version in force it is only told: what runs
must go on when a package is removed.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from standfast.configuration.cluster import ClusterPart, read_cluster
from standfast.configuration.groups import Units, read_groups
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Configuration, ConfigurationError, Problem, Source
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
    problems = list(tree.problems)
    cluster = _read_cluster_files(tree, problems)
    groups = read_groups(Units(files=_unit_files(tree, problems)), cluster, system, problems)
    _check_secrets(tree, cluster, problems)
    _check_agents(cluster, system, problems)
    if problems or cluster.cluster is None:
        raise ConfigurationError(tuple(sorted(problems, key=_in_reading_order)))
    return Configuration(
        cluster=cluster.cluster,
        nodes=cluster.nodes,
        devices=cluster.devices,
        domains=cluster.domains,
        groups=groups,
        digest=tree.digest,
        heuristics=cluster.heuristics,
        key=hashlib.sha256(tree.files["corosync.key"].content).hexdigest(),
    )


def _in_reading_order(problem: Problem) -> tuple[str, bool, int]:
    return problem.source.path, problem.source.line == 0, problem.source.line


def _read_cluster_files(tree: Tree, problems: list[Problem]) -> ClusterPart:
    if "cluster.conf" not in tree.files:
        problems.append(Problem(source=Source(path="cluster.conf", line=0), text="is missing"))
        nothing: frozenset[str] = frozenset()
        return ClusterPart(
            cluster=None, nodes=(), devices=(), domains=(), heuristics=(), node_names=nothing, domain_names=nothing
        )
    folder = "cluster.conf.d"
    dropins = [f"{folder}/{name}" for name in tree.folder(folder) if name.endswith(".conf")]
    files = [_sections(tree, name, problems) for name in ("cluster.conf", *dropins)]
    return read_cluster(merge(files[0], files[1:]), problems)


def _unit_files(tree: Tree, problems: list[Problem]) -> dict[str, tuple[Section, ...]]:
    """The sections of what systemd would read in units/; anything else there is a slip of the pen."""
    found = {}
    for path in tree.files:
        name = path.removeprefix("units/")
        if name == path:
            continue
        if refusal := _unit_file_refusal(name):
            problems.append(Problem(source=Source(path=path, line=0), text=refusal))
        else:
            found[name] = _sections(tree, path, problems)
    return found


def _unit_file_refusal(name: str) -> str | None:
    folder, slash, file = name.partition("/")
    if not slash:
        return None if is_unit_file_name(name) else "is no unit's name, so systemd would not read it"
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
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(source=Source(path=path, line=line), text="is no UTF-8"))
        return ()
    sections, wrong = scan(text, path)
    problems += wrong
    return sections


def _check_secrets(tree: Tree, cluster: ClusterPart, problems: list[Problem]) -> None:
    key = tree.files.get("corosync.key")
    source = Source(path="corosync.key", line=0)
    if key is None:
        text = "is missing; corosync-keygen -l -k /etc/standfast/corosync.key on one node, then copy it to all"
        problems.append(Problem(source=source, text=text))
    elif len(key.content) not in _KEY_BYTES:
        problems.append(Problem(source=source, text=f"has {len(key.content)} bytes; a key has 128 to 4096"))
    for device in cluster.devices:
        if device.password_file and device.password_file not in tree.files:
            names = (name for name in tree.files if "/" not in name)
            text = f"there is no file {device.password_file}{did_you_mean(device.password_file, names)}"
            problems.append(Problem(source=device.sources["PasswordFile"], text=text))
    secrets = {"corosync.key", *(device.password_file for device in cluster.devices if device.password_file)}
    for name in sorted(secrets & set(tree.files)):
        if tree.files[name].mode & 0o077:
            text = f"can be read by others (mode {tree.files[name].mode:04o}); chmod 0600 it"
            problems.append(Problem(source=Source(path=name, line=0), text=text))


def _check_agents(cluster: ClusterPart, system: System | None, problems: list[Problem]) -> None:
    for device in cluster.devices:
        if system and not (system.programs / device.agent).is_file():
            text = f"no fence agent {device.agent} in {system.programs}; install it (Debian: fence-agents)"
            problems.append(Problem(source=device.sources["Agent"], text=text))
