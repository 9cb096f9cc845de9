"""What fence agents say of themselves, for who checks a configuration where no fenced runs."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from standfast.configuration.agent_metadata import Metadata, parse_metadata
from standfast.configuration.device_checks import AgentMetadata
from standfast.configuration.programs import run_program

_LONGEST_S: Final = 10.0  # measured: 0.06 to 0.15 s


async def ask_agents(agents: Iterable[str], programs: Path) -> AgentMetadata:
    """By each agent's name what it says, or a sentence why nothing is known; one that is not there is left out."""
    names = [name for name in dict.fromkeys(agents) if (programs / name).is_file()]
    return dict(zip(names, await asyncio.gather(*(_ask(programs / name) for name in names)), strict=True))


async def _ask(program: Path) -> Metadata | str:
    try:
        exit_code, output, _ = await run_program((str(program), "-o", "metadata"), _LONGEST_S)
    except OSError as error:
        return f"{program.name} cannot be run: {error.strerror}"
    except TimeoutError:
        return f"{program.name} does not say within {_LONGEST_S:g} s what it can do"
    if exit_code:
        return f"{program.name} does not say what it can do: exit code {exit_code}"
    try:
        return parse_metadata(output)
    except ValueError as error:
        return f"{program.name}: {error}"
