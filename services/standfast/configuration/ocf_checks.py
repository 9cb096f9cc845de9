"""What speaks against standfast-ocf@ units on this machine: their agents are run to say what they know."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from standfast.configuration.agent_answers import ask_agent
from standfast.configuration.agent_metadata import Metadata
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Group, Ocf, Problem, Resource, Source
from standfast.ocf.agent import ROOT, base_environment

_NEEDED: Final = ("start", "stop", "monitor")
_AT_ONCE: Final = 4

Answers = dict[tuple[Path, tuple[int, ...]], Metadata]


class OcfAgents:
    """Asks each agent once for each version of its program."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._answers: Answers = {}

    async def problems(self, groups: Iterable[Group]) -> tuple[Problem, ...]:
        """Agents that are missing or do not say what they are, parameters that they do not know or need."""
        resources = [one for group in groups for one in group.resources if one.ocf is not None]
        agents = sorted({one.ocf.agent for one in resources if one.ocf is not None})
        limit = asyncio.Semaphore(_AT_ONCE)
        found = await asyncio.gather(*(self._ask(agent, limit) for agent in agents))
        known = dict(zip(agents, found, strict=True))
        return tuple(problem for one in resources for problem in _judge(one, known))

    async def _ask(self, agent: tuple[str, str], limit: asyncio.Semaphore) -> Metadata | str:
        name, program = f"ocf:{':'.join(agent)}", self._root.joinpath("resource.d", *agent)
        if not program.is_file():
            return self._missing(name, program)
        if not os.access(program, os.X_OK):
            return f"{program} is no program; chmod 0755 it"
        status = program.stat()
        key = program, (status.st_mtime_ns, status.st_size, status.st_ino)
        if key not in self._answers:
            environment = base_environment(self._root) | {
                "OCF_RESOURCE_INSTANCE": "check",
                "OCF_RESOURCE_TYPE": agent[1],
                "OCF_RESOURCE_PROVIDER": agent[0],
            }
            async with limit:
                answer = await ask_agent(name, (str(program), "meta-data"), environment)
            if isinstance(answer, str):
                return answer
            self._answers[key] = answer
        return self._answers[key]

    def _missing(self, name: str, program: Path) -> str:
        folder = program.parent
        there = [one.name for one in folder.iterdir() if os.access(one, os.X_OK)] if folder.is_dir() else []
        hint = did_you_mean(program.name, there, f"ocf:{folder.name}:{{}}")
        return f"there is no {program} for {name}{hint or '; install it (Debian: resource-agents)'}"


def _judge(resource: Resource, known: dict[tuple[str, str], Metadata | str]) -> Iterator[Problem]:
    ocf = resource.ocf
    assert ocf is not None
    agent = known[ocf.agent]
    at = ocf.sources.get("Agent", resource.source)
    if isinstance(agent, str):
        yield Problem(source=at, text=agent)
        return
    if {"promote", "demote"} & agent.actions:
        text = f"{ocf.name} is made to be promoted and demoted, which needs Pacemaker"
        yield Problem(source=at, text=f"{text}; make the server's own unit the resource, with an [X-Probe]")
        return
    for action in _NEEDED:
        if action not in agent.actions:
            yield Problem(source=at, text=f"{ocf.name} cannot “{action}”, which every resource must; use another agent")
    yield from _of_parameters(ocf, agent, at)


def _of_parameters(ocf: Ocf, agent: Metadata, at: Source) -> Iterator[Problem]:
    for name in ocf.parameters:
        if name not in agent.parameters:
            text = f"{ocf.name} knows no parameter {name}{did_you_mean(name, agent.parameters)}"
            yield Problem(source=ocf.sources.get(f"Parameter={name}", at), text=text)
    for name in agent.missing(ocf.parameters):
        yield Problem(source=at, text=f"{ocf.name} needs Parameter={name}=; add it to [X-Ocf]")
