"""ccs_tool: the configuration's nodes and fence devices, and its way to all nodes."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration, ConfigurationError
from standfast_rhcs.cluster import EndedError, run, seen

FOLDER: Final = Path("/etc/standfast")
USAGE: Final = """usage: ccs_tool <update|lsnode|lsfence|addnode|delnode> [options]
  update FILE              /etc/standfast comes into force on every node; FILE is in it
  lsnode [-v]              the nodes
  lsfence                  the fence devices
  addnode NODE [OPTIONS]   standfast node add NODE [OPTIONS]
  delnode NODE             standfast node remove NODE"""
_FAILED: Final = "Failed to update config file."
_FOREIGN: Final = (
    "{}: that is not in /etc/standfast. A cluster.conf of RHCS becomes a configuration by `standfast import {}`; then "
    "ccs_tool update /etc/standfast/cluster.conf"
)


def main(words: Sequence[str]) -> int:
    """The exit code."""
    verb, *rest = words or ("",)
    if verb not in _VERBS:
        raise EndedError(1, USAGE if not verb else f"there is no verb {verb!r}\n{USAGE}")
    return _VERBS[verb](rest)


def _update(words: Sequence[str]) -> int:
    if len(words) != 1:
        raise EndedError(1, USAGE)
    path = Path(words[0]).resolve()
    if not path.exists():
        raise EndedError(1, f"{words[0]}: there is no such file\n{_FAILED}")
    if not path.is_relative_to(FOLDER.resolve()):
        raise EndedError(1, f"{_FOREIGN.format(words[0], words[0])}\n{_FAILED}")
    before = run(seen())
    if not before.quorate:
        raise EndedError(1, "Unable to honor update request. Cluster is not quorate.\n" + _FAILED)
    pushed = subprocess.run(["standfast", "config", "push", "--yes"], check=False, stdout=subprocess.DEVNULL)
    if pushed.returncode:
        print(_FAILED, file=sys.stderr)
        return 1
    after = run(seen())
    print(f"Config file updated from version {before.config_version} to {after.config_version}\n\nUpdate complete.")
    return 0


def _in_force() -> Configuration:
    try:
        configuration, _ = load_in_force()
    except ConfigurationError as error:
        raise EndedError(1, str(error)) from error
    except OSError as error:
        raise EndedError(
            1, f"the configuration in force cannot be read: {error.strerror}; try again as root"
        ) from error
    if configuration is None:
        raise EndedError(1, "no configuration is in force here: standfast status")
    return configuration


def _lsnode(words: Sequence[str]) -> int:
    configuration = _in_force()
    print("\n".join(lsnode(configuration, run(seen()).config_version, verbose="-v" in words)))
    return 0


def lsnode(configuration: Configuration, version: int, *, verbose: bool) -> list[str]:
    """The lines of `ccs_tool lsnode`."""
    lines = ["", f"Cluster name: {configuration.cluster.name}, config_version: {version}", ""]
    lines.append("Nodename                        Votes Nodeid Fencetype")
    for node in configuration.nodes:
        devices = [plug.device for level in node.fence for plug in level]
        lines.append(f"{node.name:<32}{node.votes:4d} {node.id:4d}    {' '.join(devices)}".rstrip())
        if verbose:
            lines.append(f"  Addresses: {' '.join(node.addresses)}")
    return lines


def _lsfence(_: Sequence[str]) -> int:
    print("\n".join(lsfence(_in_force())))
    return 0


def lsfence(configuration: Configuration) -> list[str]:
    """The lines of `ccs_tool lsfence`."""
    return ["", "Name             Agent", *(f"{one.name:<16} {one.agent}" for one in configuration.devices)]


def _addnode(words: Sequence[str]) -> int:
    return subprocess.run(["standfast", "node", "add", *words], check=False).returncode


def _delnode(words: Sequence[str]) -> int:
    return subprocess.run(["standfast", "node", "remove", *words], check=False).returncode


_VERBS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "update": _update,
    "lsnode": _lsnode,
    "lsfence": _lsfence,
    "addnode": _addnode,
    "delnode": _delnode,
}
