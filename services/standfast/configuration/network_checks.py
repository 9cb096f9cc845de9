"""Addresses of groups that this machine could not serve: no interface has their subnet, or the named one is missing."""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from standfast.addresses.netlink import Address, Link, Netlink
from standfast.addresses.place import CannotServeError, Settings, choose, read_address
from standfast.configuration.as_installed import AsInstalled
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Group, Problem, Resource
from standfast.configuration.unitfile import Entry, effective, named

_PREFIX, _SUFFIX = "standfast-ip@", ".service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The interfaces of this machine and their addresses."""

    links: tuple[Link, ...]
    addresses: tuple[Address, ...]

    def __str__(self) -> str:
        """ "eth0 192.0.2.11/24, eth1 without an address"."""
        shown = []
        for link in self.links:
            own = [str(address) for address in self.addresses if address.index == link.index]
            shown.append(f"{link.name} {' '.join(own) or 'without an address'}")
        return ", ".join(shown)


def read_network() -> Network:
    """As the kernel has it now. Raises OSError."""
    netlink = Netlink()
    try:
        return Network(links=tuple(netlink.links()), addresses=tuple(netlink.addresses()))
    finally:
        netlink.close()


def address_problems(groups: Iterable[Group], units: AsInstalled, network: Network) -> Iterator[Problem]:
    """`groups` are those that may run here."""
    for group in groups:
        for resource in group.resources:
            if resource.unit.startswith(_PREFIX) and resource.unit.endswith(_SUFFIX):
                settings = effective(named(units.sections(resource.unit), "X-Address"))
                yield from _of_address(resource, settings, network)


def _of_address(resource: Resource, written: dict[str, tuple[Entry, ...]], network: Network) -> Iterator[Problem]:
    text = resource.unit.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    try:
        family, packed = read_address(text)
    except CannotServeError:
        return  # the loader tells it
    interface = written["Interface"][-1] if "Interface" in written else None
    names = [link.name for link in network.links]
    if interface is not None and interface.value not in names:
        hint = did_you_mean(interface.value, names) or f"; there are {', '.join(names)}"
        yield Problem(source=interface.source, text=f"this node has no interface {interface.value}{hint}")
    elif interface is None:
        try:
            choose(family, packed, Settings(), list(network.links), list(network.addresses))
        except CannotServeError:
            told = f"no interface of this node has the subnet of {socket.inet_ntop(family, packed)} ({network})"
            yield Problem(
                source=resource.source, text=f"{told}; correct it, or write Interface= and Prefix= in [X-Address]"
            )
