"""What this machine has and sees: units, fence agents, devices and probes that are not pushed yet."""

import asyncio
import contextlib
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

from standfast.agents.running import Agents
from standfast.agents.words import Action, Answer
from standfast.bus import Bus, BusError
from standfast.configuration.agent_answers import ask_for
from standfast.configuration.agent_forms import describe
from standfast.configuration.groups import carries_the_system
from standfast.configuration.load import examine, load_in_force, read_cluster_files
from standfast.configuration.machine_checks import Machine
from standfast.configuration.model import Configuration, Probe
from standfast.configuration.system import System
from standfast.configuration.tree import Tree, read_tree
from standfast.configuration.unitfile import effective, named, scan
from standfast.console.texts import Texts, tree_of
from standfast.manager import CALL_TIMEOUT_S, MANAGER, MANAGER_PATH, SYSTEMD
from standfast.operations import config_versions, newcomer
from standfast.operations.names import unknown
from standfast.operations.probing import ask_node, find_probes, make_here
from standfast.operations.problems import CommandError, Exit
from standfast.operations.telling import say
from standfast.probes import secrets

_TYPES: Final = (".service", ".mount", ".timer", ".socket", ".path", ".target")
_ABSENT: Final = ("masked", "masked-runtime", "alias", "bad", "linked", "linked-runtime", "transient")
_KERNELS: Final = re.compile(r"(-|boot.*|dev-.*|proc-.*|run-.*|sys-.*|tmp)\.mount")
_NO_AGENTS: Final = ("fence_ack_manual", "fence_kdump_send", "fence_node", "fence_tool", "fence_virtd")
_AGENT: Final = re.compile(r"fence_[A-Za-z0-9_]+")


async def units() -> tuple[Any, ...]:
    """Name, description and state of what could be a resource."""
    manager = (SYSTEMD, MANAGER_PATH, MANAGER)
    try:
        async with await Bus.connect() as bus:
            (files,) = await bus.call(*manager, "ListUnitFiles", timeout_s=CALL_TIMEOUT_S)
            (loaded,) = await bus.call(*manager, "ListUnits", timeout_s=CALL_TIMEOUT_S)
    except BusError as error:
        raise CommandError(Exit.REFUSED, f"systemd does not tell which units there are: {error.text}") from error
    known = {row[0]: (row[1], row[3]) for row in loaded if row[2] == "loaded"}
    paths = {path.rpartition("/")[2]: path for path, state in files if state not in _ABSENT}
    names = sorted(name for name in {*known, *paths} if _may_be_resource(name))
    told = await asyncio.to_thread(lambda: {name: _description(paths[name]) for name in names if name not in known})
    return ([(name, *known.get(name, (told.get(name, ""), "inactive"))) for name in names],)


def _may_be_resource(name: str) -> bool:
    return name.endswith(_TYPES) and not _KERNELS.fullmatch(name) and not carries_the_system(name)


def _description(path: str) -> str:
    try:
        text = Path(path).read_text(errors="replace")
    except OSError:
        return ""
    said = effective(named(scan(text, path)[0], "Unit")).get("Description")
    return said[-1].value if said else ""


async def agents() -> tuple[Any, ...]:
    """The names of the fence agents."""
    return (await asyncio.to_thread(_agents, Machine().system),)


def _agents(system: System) -> list[str]:
    """Programs of that name that this machine could run."""
    try:
        found = [path for path in system.programs.iterdir() if _AGENT.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(path.name for path in found if path.name not in _NO_AGENTS and os.access(path, os.X_OK))


async def agent(name: str) -> tuple[Any, ...]:
    """What a fence agent says of itself."""
    system = Machine().system
    known = await asyncio.to_thread(_agents, system)
    if name not in known:
        raise unknown("fence agent", name, known)
    async with _ASKED:
        said = await ask_for(describe, name, (str(system.programs / name), "-o", "metadata"))
    if isinstance(said, str):
        raise CommandError(Exit.REFUSED, f"{said}.")
    return (json.dumps({"name": name, **said}),)


_ASKED: Final = asyncio.Semaphore(2)  # agents at once: each is a program that somebody without rights may ask for


async def test_device(given: Texts, device: str) -> tuple[Any, ...]:
    """Whether it answers for each plug, and what."""
    tree = await _tree(given)
    part = read_cluster_files(tree, [])
    known = {one.name: one for one in part.devices}
    if device not in known:
        raise unknown("fence device that is written whole", device, sorted(known))
    uses = {
        (node.name, plug.plug) for node in part.nodes for level in node.fence for plug in level if plug.device == device
    }
    answers, good = [], True
    async with _with_secrets(tree, (known[device].password_file,)) as folder:
        running = Agents(programs=Machine().system.programs, secrets=folder)
        for node, plug in sorted(uses, key=str) or [("", None)]:
            about = ", ".join(part for part in (node, f"plug {plug}" if plug else "") if part)
            say(f"{known[device].agent} is asked{f' for {about}' if about else ''}")
            said = await running.run(known[device], plug, Action.STATUS)
            good = good and said.answer is not Answer.FAILED
            word = {Answer.DONE: "on", Answer.IS_OFF: "off"}.get(said.answer, said.text)
            answers.append(f"{about}: {word}" if about else word)
    return good, "; ".join(answers)


async def try_probe(given: Texts, unit: str, probe: str, node: str) -> tuple[Any, ...]:
    """What the probes see, here or on another node."""
    tree = await _tree(given)
    configuration, _ = await asyncio.to_thread(lambda: load_in_force(config_versions.DISK, system=None))
    examined = await asyncio.to_thread(examine, tree, None)
    probes = find_probes(examined.groups, unit, probe)
    own = newcomer.node_of(configuration, newcomer.Place().hostname) if configuration is not None else None
    if node and (own is None or node != own.name):
        if configuration is None or not _are_in_force(configuration, unit, probe, probes):
            text = (
                f"{node} makes only probes that are in force; these of {unit} are not pushed yet: try them here first."
            )
            raise CommandError(Exit.REFUSED, text)
        return (json.dumps(await ask_node(unit, probe, node)),)
    async with _with_secrets(tree, (one.password_file for one in probes)) as folder:
        secrets.folder.set(folder)
        return (json.dumps(await make_here(probes)),)


def _are_in_force(configuration: Configuration, unit: str, name: str, probes: tuple[Probe, ...]) -> bool:
    try:
        return find_probes(configuration.groups, unit, name) == probes
    except CommandError:
        return False


async def _tree(given: Texts) -> Tree:
    return tree_of(given, await asyncio.to_thread(read_tree, config_versions.FOLDER))


@contextlib.asynccontextmanager
async def _with_secrets(tree: Tree, names: Iterable[str | None]) -> AsyncIterator[Path]:
    """A folder that only root may look into has these files for as long as they are needed."""
    with tempfile.TemporaryDirectory(prefix="secrets-", dir=os.environ.get("RUNTIME_DIRECTORY")) as folder:
        for name in filter(None, names):
            if name in tree.files and "/" not in name:
                path = Path(folder) / name
                path.touch(mode=0o600)
                path.write_bytes(tree.files[name].content)
        yield Path(folder)
