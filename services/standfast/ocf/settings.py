"""What standfast-ocf@NAME.service is to run: its drop-ins, and what was kept of them when it started.

A stop needs only what was kept. The file stands for the resource itself: it is there from before the agent's first
act until the agent, asked again, said that nothing runs. While it is there resourced counts the unit as not stopped.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.configuration.unitfile import Section, effective, named
from standfast.configuration.values import parse_span
from standfast.dropins import UNITS, DropInError, read_dropins
from standfast.files import write_atomic
from standfast.ocf.agent import Agent, parse_agent, parse_parameter

KEPT: Final = Path("/run/standfast/ocf")
SECTION: Final = "X-Ocf"
START_S: Final = 60.0  # as the template has them
STOP_S: Final = 20.0
_LONGEST_S: Final = 3600.0


class NotConfiguredError(Exception):
    """What is written cannot be run: one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    agent: Agent
    start_s: float = START_S  # systemd kills the program then
    stop_s: float = STOP_S


def read_settings(instance: str, units: str = UNITS) -> Settings:
    """What the drop-ins say. Raises NotConfiguredError."""
    unit = f"standfast-ocf@{instance}.service"
    try:
        sections = read_dropins(unit, SECTION, units)
    except (DropInError, OSError) as error:
        raise NotConfiguredError(str(error)) from error
    written = effective(named(sections, SECTION))
    if "Agent" not in written:
        raise NotConfiguredError(f"no drop-in of {unit} says in [{SECTION}] which Agent= it is")
    try:
        provider, kind = parse_agent(written["Agent"][-1].value)
        parameters = dict(parse_parameter(entry.value) for entry in written.get("Parameter", ()))
    except ValueError as error:
        raise NotConfiguredError(f"{unit}: {error}") from error
    agent = Agent(instance=instance, provider=provider, type=kind, parameters=parameters)
    start_s, stop_s = (_limit(sections, f"Timeout{when}Sec", usual) for when, usual in _LIMITS)
    return Settings(agent=agent, start_s=start_s, stop_s=stop_s)


_LIMITS: Final = (("Start", START_S), ("Stop", STOP_S))


def _limit(sections: tuple[Section, ...], key: str, usual_s: float) -> float:
    """The unit's own time limit as a later drop-in changes it; systemd takes 0 and “infinity” as none."""
    written = [entry.value for entry in named(sections, "Service") if entry.key in (key, "TimeoutSec") and entry.value]
    if not written:
        return usual_s
    try:
        return min(parse_span(written[-1]) / 1000 or _LONGEST_S, _LONGEST_S)
    except ValueError:
        return _LONGEST_S if written[-1] == "infinity" else usual_s


def keep(agent: Agent, folder: Path = KEPT) -> None:
    """From now on something of the agent may run. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {"provider": agent.provider, "type": agent.type, "parameters": dict(agent.parameters)}
    write_atomic(folder / agent.instance, json.dumps(content).encode())


def kept(instance: str, folder: Path = KEPT) -> Agent | None:
    """The agent as it was started; None: nothing of it runs. Raises NotConfiguredError."""
    try:
        content = json.loads((folder / instance).read_bytes())
        return Agent(
            instance=instance,
            provider=str(content["provider"]),
            type=str(content["type"]),
            parameters={str(name): str(value) for name, value in content["parameters"].items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotConfiguredError(f"{folder / instance} cannot be read: {error}") from error


def drop(instance: str, folder: Path = KEPT) -> None:
    """Nothing of the agent runs."""
    (folder / instance).unlink(missing_ok=True)


def is_kept(instance: str, folder: Path = KEPT) -> bool:
    return os.path.lexists(folder / instance)
