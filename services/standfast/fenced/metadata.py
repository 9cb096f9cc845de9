"""What the configured agents say of themselves, asked once for each program, and what that says of the devices."""

from collections.abc import Iterable
from typing import Final

from standfast import journal
from standfast.agents.running import AgentError, Agents
from standfast.configuration.agent_metadata import Metadata, parse_metadata
from standfast.configuration.device_checks import AgentMetadata, device_problems, device_warnings
from standfast.configuration.model import Configuration

_ASKED_AGAIN: Final = ()  # the stamp of an agent that gave no answer: the next reading asks it again


class AgentLibrary:
    """`read` asks; `problems` is what the last `check` found, for people, FILE:LINE first."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._known: dict[str, tuple[tuple[int, ...], Metadata | str]] = {}
        self.problems: tuple[str, ...] = ()

    def metadata(self, agent: str) -> Metadata | None:
        """What the agent said; None: it was not asked, or gave no answer."""
        _, known = self._known.get(agent, (_ASKED_AGAIN, None))
        return known if isinstance(known, Metadata) else None

    async def cuts_off_only(self, name: str) -> bool:
        """The agent cuts a node off from storage or network and leaves it running; it may undo that itself, booted."""
        known = await self._read(name)
        return isinstance(known, Metadata) and (known.unfences or known.on_target)

    async def read(self, names: Iterable[str]) -> AgentMetadata:
        """What these agents say; a sentence for one that says nothing. Only a program that is new is asked."""
        return {name: await self._read(name) for name in dict.fromkeys(names)}

    async def check(self, configuration: Configuration) -> None:
        """`problems` is what is wrong with the devices of `configuration`; the journal has each one once."""
        metadata = await self.read(device.agent for device in configuration.devices)
        found = {str(problem): journal.Level.ERROR for problem in device_problems(configuration, metadata)}
        for problem in device_warnings(configuration, metadata):
            found.setdefault(f"{problem.source}: warning: {problem.text}", journal.Level.WARNING)
        for text, level in found.items():
            if text not in self.problems:
                journal.write(journal.Event.FENCE_DEVICE_PROBLEM, level, f"Fence devices: {text}.", cause=text)
        self.problems = tuple(found)

    async def refusals(self, configuration: Configuration) -> tuple[str, ...]:
        """What keeps `configuration` from coming into force, FILE:LINE first; with Unsafe=yes it is only told."""
        if configuration.cluster.unsafe:
            return ()
        metadata = await self.read(device.agent for device in configuration.devices)
        return tuple(dict.fromkeys(str(problem) for problem in device_problems(configuration, metadata)))

    async def _read(self, name: str) -> Metadata | str:
        stamp = self._agents.stamp(name)
        before, known = self._known.get(name, (_ASKED_AGAIN, ""))
        if stamp and stamp == before:
            return known
        try:
            answer: Metadata | str = parse_metadata(await self._agents.metadata(name))
        except AgentError as error:
            answer = str(error)
        except ValueError as error:
            answer = f"{name}: {error}"
        self._known[name] = (stamp if isinstance(answer, Metadata) else _ASKED_AGAIN, answer)
        return answer
