"""Calls whose answer is an open descriptor, each on a connection of its own: only that one takes descriptors."""

from typing import Any

from standfast.bus.client import CALL_TIMEOUT_S, Bus


async def call_for_descriptor(
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    *arguments: Any,
    address: str | None = None,
    timeout_s: float = CALL_TIMEOUT_S,
) -> int:
    """The descriptor that the reply (signature "h") hands over; the caller closes it. Raises BusError."""
    async with await Bus.connect(address, timeout_s=timeout_s, takes_descriptors=True) as bus:
        (index,) = await bus.call(destination, path, interface, member, signature, *arguments, timeout_s=timeout_s)
        return bus.take_descriptor(index)
