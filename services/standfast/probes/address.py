"""An IP address is on an interface of this machine."""

import socket

from standfast.addresses.netlink import Netlink
from standfast.configuration.model import Probe
from standfast.probes.verdict import BadAnswerError


def subject(probe: Probe) -> str:
    """The address."""
    return f"address {probe.address}"


async def look(probe: Probe, seen: bytearray) -> str:
    """Some interface has it; the kernel answers at once. Raises as any checker does."""
    assert probe.address is not None
    family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
    packed = socket.inet_pton(family, probe.address)
    netlink = Netlink()
    try:
        found = next((one for one in netlink.addresses() if one.packed == packed), None)
        names = {link.index: link.name for link in netlink.links()}
    finally:
        netlink.close()
    if found is None:
        raise BadAnswerError("no interface has it")
    return f"it is on {names.get(found.index, 'an interface that just went')}"
