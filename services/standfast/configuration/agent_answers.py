"""What agents say of themselves, for who checks a configuration: fence agents where no fenced runs, and OCF agents."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from standfast.configuration.agent_metadata import Metadata, parse_metadata
from standfast.configuration.device_checks import AgentMetadata
from standfast.configuration.programs import run_program

Found = TypeVar("Found")

_LONGEST_S: Final = 10.0  # measured: 0.06 to 0.15 s


async def ask_agents(agents: Iterable[str], programs: Path) -> AgentMetadata:
    """By each agent's name what it says, or a sentence why nothing is known; one that is not there is left out."""
    names = [name for name in dict.fromkeys(agents) if (programs / name).is_file()]
    asked = (ask_agent(name, (str(programs / name), "-o", "metadata")) for name in names)
    return dict(zip(names, await asyncio.gather(*asked), strict=True))


async def ask_agent(
    name: str, command: Sequence[str], environment: Mapping[str, str] | None = None, longest_s: float = _LONGEST_S
) -> Metadata | str:
    """What the agent says of itself, or a sentence why nothing is known; for people it is called `name`."""
    return await ask_for(parse_metadata, name, command, environment, longest_s)


async def ask_for(
    parse: Callable[[str], Found],
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    longest_s: float = _LONGEST_S,
) -> Found | str:
    """The same for who takes something else out of the document; `parse` raises ValueError."""
    try:
        exit_code, output, _ = await run_program(command, longest_s, environment)
    except TimeoutError:  # one of OSError's
        return f"{name} does not say within {longest_s:g} s what it can do"
    except OSError as error:
        return f"{name} cannot be run: {error.strerror}"
    if exit_code:
        return f"{name} does not say what it can do: exit code {exit_code}"
    try:
        return parse(output)
    except ValueError as error:
        return f"{name}: {error}"
