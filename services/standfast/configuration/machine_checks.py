"""What only a machine can say against a configuration: run where it is written, and on every node before it counts.

load() says what the files say, and which units and agents are missing here. This asks systemd, the kernel and the
machine's own files. Errors speak against the configuration, warnings are told and are in nobody's way.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from standfast.addresses.netlink import Network
from standfast.bus import Bus
from standfast.configuration.as_installed import AsInstalled
from standfast.configuration.copies import as_written
from standfast.configuration.guards import DROPIN
from standfast.configuration.install import MANIFEST, SYSTEM, in_the_way, unguarded
from standfast.configuration.load import in_reading_order
from standfast.configuration.model import Configuration, Group, Problem, Source
from standfast.configuration.mounts import fstab_problems
from standfast.configuration.network_checks import address_problems, read_network
from standfast.configuration.ocf_checks import OcfAgents
from standfast.configuration.probe_checks import probe_problems
from standfast.configuration.storage_checks import Look, look, storage_problems
from standfast.configuration.system import System
from standfast.configuration.tree import Tree
from standfast.configuration.unit_checks import sections_elsewhere, unit_problems
from standfast.configuration.verify import verify
from standfast.configuration.versions import IN_FORCE
from standfast.manager import enabled_or_running, has_assertion

_ASSERTION = "AssertPathExists="
_AGENTS = OcfAgents()  # what they say is kept while this process lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """This machine, as far as it is looked at; tests have their own."""

    system: System = field(default_factory=System)
    host: str = field(default_factory=socket.gethostname)
    fstab: Path = Path("/etc/fstab")
    analyze: str = "systemd-analyze"
    network: Callable[[], Network] = read_network
    root: Path = IN_FORCE
    units: Path = SYSTEM
    manifest: Path = MANIFEST
    agents: OcfAgents = _AGENTS
    disks: Look = look


async def objections(configuration: Configuration, tree: Tree, bus: Bus) -> tuple[str, ...]:
    """What speaks against bringing `configuration`, read from `tree`, into force here: FILE:LINE and a sentence.

    Raises BusError when systemd does not answer, OSError when this machine cannot be looked at.
    """
    found = await inspect(as_written(configuration.groups), tree, bus, configuration=configuration)
    return tuple(str(problem) for problem in found if not problem.warning)


async def inspect(
    groups: tuple[Group, ...],
    tree: Tree,
    bus: Bus | None,
    *,
    configuration: Configuration | None = None,
    machine: Machine | None = None,
) -> tuple[Problem, ...]:
    """Errors and warnings in reading order, for groups that could be read however much else is wrong with `tree`.

    `configuration` None: every group may run here. `bus` None: systemd is not asked. Raises BusError and OSError.
    """
    machine = machine or Machine()
    here = tuple(group for group in groups if _may_run(group, configuration, machine.host))
    units = AsInstalled(tree, machine.system)
    found = await asyncio.to_thread(_look, groups, here, tree, units, machine)
    found += await machine.agents.problems(here)
    found += await storage_problems(here, units, machine.disks)
    heuristics = configuration.heuristics if configuration else ()
    found += await asyncio.to_thread(lambda: [*probe_problems(here, heuristics)])
    found += await verify(groups, tree, machine.system, machine.analyze)
    if bus is not None:
        found += await _ask_systemd(groups, machine, bus)
    return tuple(sorted(dict.fromkeys(found), key=in_reading_order))


def _may_run(group: Group, configuration: Configuration | None, host: str) -> bool:
    """Some group may never run on this node; on a machine that is no node everything is looked at."""
    names = {host, host.partition(".")[0]}
    if configuration is None or not names & {node.name for node in configuration.nodes}:
        return True
    return bool(names & set(configuration.allowed(group)))


def _look(
    groups: tuple[Group, ...], here: tuple[Group, ...], tree: Tree, units: AsInstalled, machine: Machine
) -> list[Problem]:
    found = list(in_the_way(groups, tree, machine.root, machine.units, machine.manifest))
    found += unit_problems(groups, units)
    found += sections_elsewhere(units)
    found += address_problems(here, units, machine.network())
    try:
        fstab = machine.fstab.read_text(errors="replace")
    except FileNotFoundError:
        fstab = ""
    found += fstab_problems(groups, fstab, str(machine.fstab))
    return found


async def _ask_systemd(groups: tuple[Group, ...], machine: Machine, bus: Bus) -> list[Problem]:
    """Units that do not wait for the cluster: enabled or running without a guard, or with one that is not in effect."""
    places = {resource.unit: resource.source for group in groups for resource in group.resources}
    loose = await enabled_or_running(bus, await asyncio.to_thread(unguarded, groups, machine.units))
    found = [
        Problem(source=places[unit], text=f"{text}; what belongs to a group must not start without it")
        for unit, text in loose.items()
    ]
    for unit, path, lease in await asyncio.to_thread(_guards, tuple(places), machine.units):
        if not await has_assertion(bus, unit, lease):
            text = f"is not in effect: systemd has {unit} loaded without it; systemctl daemon-reload"
            found.append(Problem(source=Source(path=str(path), line=0), text=text))
    return found


def _guards(units: tuple[str, ...], folder: Path) -> list[tuple[str, Path, str]]:
    """Of each unit that is a resource here already: its guard's file, and the lease without which it must not start."""
    found = []
    for unit in units:
        path = folder / f"{unit}.d" / DROPIN
        for line in path.read_text().splitlines() if path.is_file() else ():
            if line.startswith(_ASSERTION):
                found.append((unit, path, line.removeprefix(_ASSERTION)))
    return found
