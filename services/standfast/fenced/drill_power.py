"""A fire drill's power cut: the node's first fence level is told `off`, and nobody else is told anything.

The cluster has to find, decide, fence and prove the loss as it would a real one; that fencing owes the node its `on`.
"""

from collections.abc import Awaitable, Callable, Mapping

from standfast.agents.running import Result
from standfast.agents.words import Action, Answer
from standfast.configuration.device_checks import unsafe_nodes
from standfast.configuration.model import Configuration, Node, Plug
from standfast.fenced.devices import Devices
from standfast.fenced.levels import Step

CutsOffOnly = Callable[[str], Awaitable[bool]]  # see AgentLibrary


async def find_doubts(
    configuration: Configuration, node: Node | None, devices: Devices, cuts_off_only: CutsOffOnly
) -> list[str]:
    """What speaks against a drill now, a sentence each; with a `node`, against one that has it fenced."""
    doubts = list(unsafe_nodes(configuration, devices.answered()))
    agents = {device.name: device.agent for device in configuration.devices}
    if node is not None and not node.fence:
        doubts.append(f"{node.name} has no fence device to cut its power with.")
    for plug in node.fence[0] if node is not None and node.fence else ():
        if doubt := devices.doubt(plug):
            doubts.append(f"{doubt[0].upper()}{doubt[1:]}: standfast fence test {plug.device}")
        elif await cuts_off_only(agents.get(plug.device, "")):
            doubts.append(f"Fence device {plug.device} switches no power, so it cannot cut that of {plug}.")
    return doubts


async def cut(node: Node, act: Callable[[Step], Awaitable[Result | None]]) -> Mapping[Plug, str]:
    """Every plug of the node's first level was told `off`; of those that did not obey, what they said."""
    failed = {}
    for index, plug in enumerate(node.fence[0] if node.fence else ()):
        result = await act(Step(level=0, index=index, plug=plug, action=Action.OFF))
        if result is None or result.answer is not Answer.DONE:
            failed[plug] = result.text if result is not None else "it was not asked"
    return failed
