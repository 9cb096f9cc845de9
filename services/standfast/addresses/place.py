"""Where an address belongs: its interface and the length of its prefix (pure, but for reading the drop-ins)."""

import socket
from collections.abc import Sequence

from standfast.addresses.netlink import Address, Link
from standfast.dropins import UNITS, DropInError, read_dropins

_SECTION = "X-Address"


class CannotServeError(Exception):
    """The address cannot be served here; one sentence that says what to do."""


class Settings:
    """[X-Address] of the unit's drop-ins."""

    __slots__ = ("defend", "interface", "prefix")

    def __init__(self, *, prefix: int | None = None, interface: str | None = None, defend: bool = False) -> None:
        self.prefix = prefix
        self.interface = interface
        self.defend = defend  # Duplicate=defend: take the address although somebody else answers for it


def read_address(text: str) -> tuple[int, bytes]:
    """Family and bytes of an address as it stands in the unit's name. Raises CannotServeError."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return family, socket.inet_pton(family, text)
        except OSError:
            continue
    raise CannotServeError(f"“{text}” is no address: the unit's name must be standfast-ip@ADDRESS.service")


def read_settings(unit: str, units: str = UNITS) -> Settings:
    """What the unit's drop-ins say. Raises CannotServeError."""
    try:
        sections = read_dropins(unit, _SECTION, units)
    except DropInError as error:
        raise CannotServeError(str(error)) from error
    if not sections:
        return Settings()
    from standfast.configuration import unitfile

    found = unitfile.effective(unitfile.named(sections, _SECTION))
    values = {key: entries[-1].value for key, entries in found.items()}
    prefix = values.get("Prefix")
    if prefix is not None and not prefix.isdecimal():
        raise CannotServeError(
            f"{found['Prefix'][-1].source}: Prefix={prefix} is no length of a prefix; write Prefix=24"
        )
    return Settings(
        prefix=int(prefix) if prefix else None,
        interface=values.get("Interface"),
        defend=values.get("Duplicate") == "defend",
    )


def choose(
    family: int, packed: bytes, settings: Settings, links: Sequence[Link], addresses: Sequence[Address]
) -> tuple[Link, Address]:
    """The interface and the address with its prefix: as the settings say, else where its subnet is.

    Of several subnets the longest prefix counts, then an interface with its carrier, then the lowest index.
    Raises CannotServeError.
    """
    text = socket.inet_ntop(family, packed)
    allowed = [link for link in links if settings.interface in (None, link.name)]
    if settings.interface is not None and not allowed:
        raise CannotServeError(f"There is no interface {settings.interface} for {text}: see Interface= in [X-Address].")
    found = subnets(family, packed, allowed, addresses)
    if found:
        link, prefix = found[0]
    elif settings.interface is not None:
        link, prefix = allowed[0], len(packed) * 8
    else:
        raise CannotServeError(
            f"No interface has the subnet of {text}: add one, or write Interface= and Prefix= in [X-Address]."
        )
    prefix = prefix if settings.prefix is None else settings.prefix
    if prefix > len(packed) * 8:
        raise CannotServeError(f"Prefix={prefix} is too long for {text}.")
    return link, Address(link.index, family, packed, prefix)


def subnets(family: int, packed: bytes, links: Sequence[Link], addresses: Sequence[Address]) -> list[tuple[Link, int]]:
    """The interfaces that have the subnet of an address, and its prefix there; the best one first."""
    found = []
    for link in links:
        prefix = _subnet(family, packed, link.index, addresses)
        if prefix is not None:
            found.append((-prefix, not link.carries, link.index, link))
    return [(link, -prefix) for prefix, _, _, link in sorted(found, key=lambda one: one[:3])]


def _subnet(family: int, packed: bytes, index: int, addresses: Sequence[Address]) -> int | None:
    """The longest prefix of a subnet on the interface that has the address.

    A subnet is told by another address; the address itself, left by one of us that was killed, tells it too.
    """
    prefixes = [
        address.prefix
        for address in addresses
        if (address.index, address.family) == (index, family)
        and (address.packed == packed or address.prefix < len(packed) * 8)
        and _network(address.packed, address.prefix) == _network(packed, address.prefix)
    ]
    return max(prefixes, default=None)


def _network(packed: bytes, prefix: int) -> int:
    return int.from_bytes(packed, "big") >> (len(packed) * 8 - prefix)
