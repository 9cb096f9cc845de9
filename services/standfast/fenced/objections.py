"""What speaks against an operator who says that a node is dead (DESIGN section 6, `fence confirm`)."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

from standfast.configuration.model import Node, Plug
from standfast.fenced.judgement import Power
from standfast.fenced.ring import Ring

DEVICES_WITHIN_S: Final = 15.0  # a device that says nothing until then does not say "on"


class Objection(StrEnum):
    """Its kind: the word by which an operator overrides it."""

    LINK = "link"
    ADDRESS = "address"
    DEVICE = "device"


Answers = Callable[[str], Awaitable[bool]]  # somebody answers at this address
Says = Callable[[Plug], Awaitable[Power]]  # what a plug says now

Objections = list[tuple[str, str]]  # kind and a sentence


async def find_objections(node: Node, ring: Ring | None, answers: Answers, says: Says) -> Objections:
    """Everything that speaks against it, in the order of the kinds; answers within DEVICES_WITHIN_S."""
    addresses, devices = await asyncio.gather(_addresses(node, answers), _devices(node, says))
    return _links(node, ring) + addresses + devices


def _links(node: Node, ring: Ring | None) -> Objections:
    if ring is None:
        text = f"standfast-membershipd does not answer here, so nobody knows whether a link to {node.name} is up."
        return [(Objection.LINK.value, text)]
    found = [f"Link {link} to {node.name} is up: its Corosync runs." for link in ring.links_up.get(node.name, ())]
    if not found and node.name in ring.members:
        found = [f"{node.name} is in the ring."]
    return [(Objection.LINK.value, text) for text in found]


async def _addresses(node: Node, answers: Answers) -> Objections:
    found = await asyncio.gather(*(answers(address) for address in node.addresses))
    return [
        (Objection.ADDRESS.value, f"{node.name} or somebody else answers at its address {address}.")
        for address, answered in zip(node.addresses, found, strict=True)
        if answered
    ]


async def _devices(node: Node, says: Says) -> Objections:
    plugs = tuple(dict.fromkeys(plug for level in node.fence for plug in level))
    found = await asyncio.gather(*(_says(plug, says) for plug in plugs))
    return [
        (Objection.DEVICE.value, f"Fence device {plug} says that {node.name} is on.")
        for plug, power in zip(plugs, found, strict=True)
        if power is Power.ON
    ]


async def _says(plug: Plug, says: Says) -> Power:
    try:
        async with asyncio.timeout(DEVICES_WITHIN_S):
            return await says(plug)
    except TimeoutError:
        return Power.SILENT
