"""What `standfast config check` does: reads a folder, asks this machine, and tells errors from warnings."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from standfast.bus import Bus, BusError
from standfast.configuration.agent_answers import ask_agents
from standfast.configuration.device_checks import device_problems, device_warnings
from standfast.configuration.load import examine, in_reading_order
from standfast.configuration.machine_checks import Machine, inspect
from standfast.configuration.model import Configuration, Problem, Source
from standfast.configuration.tree import Tree, read_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found, in reading order."""

    digest: str
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


async def check_folder(root: Path, machine: Machine | None = None) -> Checked:
    """Everything against the files below `root`; systemd is left out where there is no message bus."""
    return await check_tree(await asyncio.to_thread(read_tree, root), machine)


async def check_tree(tree: Tree, machine: Machine | None = None) -> Checked:
    """Everything against these files, wherever they are from."""
    machine = machine or Machine()
    examined = await asyncio.to_thread(examine, tree, machine.system)
    found = list(examined.problems)
    found += await _of_agents(examined.configuration, machine.system.programs)
    look = partial(inspect, examined.groups, tree, configuration=examined.configuration, machine=machine)
    try:
        async with await Bus.connect() as bus:
            found += await look(bus=bus)
    except BusError as error:
        found += await look(bus=None)
        text = f"nobody knows here which units run or are enabled: {error.text.removesuffix('.')}"
        found.append(Problem(source=Source(path="units", line=0), text=text, warning=True))
    found = sorted(dict.fromkeys(found), key=in_reading_order)
    return Checked(
        digest=tree.digest,
        errors=tuple(problem for problem in found if not problem.warning),
        warnings=tuple(problem for problem in found if problem.warning),
    )


async def _of_agents(configuration: Configuration | None, programs: Path) -> list[Problem]:
    """What the fence agents say of their devices; with Unsafe=yes it keeps nothing from coming into force."""
    if configuration is None:
        return []
    answers = await ask_agents((device.agent for device in configuration.devices), programs)
    unsafe = configuration.cluster.unsafe
    wrong = [
        Problem(source=one.source, text=one.text, warning=unsafe) for one in device_problems(configuration, answers)
    ]
    told = [Problem(source=one.source, text=one.text, warning=True) for one in device_warnings(configuration, answers)]
    return wrong + told
