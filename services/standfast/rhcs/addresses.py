"""ip becomes standfast-ip@ADDRESS.service."""

import ipaddress
import re
from typing import Final

from standfast.addresses.units import unit_for
from standfast.rhcs.resource import Resource
from standfast.rhcs.unit_text import section
from standfast.rhcs.units import Place, Unit, UntranslatableError

_INTERFACE: Final = re.compile(r"[^\s/:%]{1,15}")


def address(resource: Resource, _place: Place) -> tuple[Unit, ...]:
    written, _, prefix = resource.name.partition("/")
    resource.text("address")
    try:
        found = ipaddress.ip_address(written)
    except ValueError:
        raise UntranslatableError(f"“{written}” is no IP address") from None
    if prefix and not (prefix.isascii() and prefix.isdigit() and int(prefix) <= found.max_prefixlen):
        resource.ledger.left(resource.element, f"“{prefix}” is no prefix length; the interface's own is used")
        prefix = ""
    interface = resource.text("prefer_interface")
    if interface and not _INTERFACE.fullmatch(interface):
        resource.ledger.left(resource.element, "is no name of a network interface", "prefer_interface")
        interface = ""
    lines = section("X-Address", ("Prefix", prefix.lstrip("0") or prefix[:1]), ("Interface", interface))
    return (
        Unit(
            name=unit_for(str(found)),
            sections=(lines,) if lines.lines else (),
            what="an address, its link watched",
        ),
    )
