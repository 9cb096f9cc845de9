"""Addresses of groups that this machine could not serve: no interface has their subnet, or the named one is missing."""

from collections.abc import Iterable, Iterator

from standfast.addresses.netlink import Netlink, Network
from standfast.addresses.place import CannotServeError, read_address, subnets
from standfast.addresses.units import served_by
from standfast.configuration.as_installed import AsInstalled
from standfast.configuration.keys import did_you_mean
from standfast.configuration.model import Group, Problem, Resource
from standfast.configuration.unitfile import Entry, effective, named


def read_network() -> Network:
    """As the kernel has it now. Raises OSError."""
    netlink = Netlink()
    try:
        return netlink.network()
    finally:
        netlink.close()


def address_problems(groups: Iterable[Group], units: AsInstalled, network: Network) -> Iterator[Problem]:
    """`groups` are those that may run here."""
    for group in groups:
        for resource in group.resources:
            text = served_by(resource.unit)
            if text is not None:
                settings = effective(named(units.sections(resource.unit), "X-Address"))
                yield from _of_address(text, resource, settings, network)


def _of_address(
    text: str, resource: Resource, written: dict[str, tuple[Entry, ...]], network: Network
) -> Iterator[Problem]:
    try:
        family, packed = read_address(text)
    except CannotServeError:
        return  # the loader tells it
    if "Interface" in written:
        yield from _on_interface(text, written["Interface"][-1], network, subnet_is_told="Prefix" in written)
        return
    found = subnets(family, packed, network.links, network.addresses)
    if not found:
        told = f"no interface of this node has the subnet of {text} ({network})"
        yield Problem(
            source=resource.source, text=f"{told}; correct it, or write Interface= and Prefix= in [X-Address]"
        )
    alike = [link.name for link, prefix in found if prefix == found[0][1]]
    if len(alike) > 1:
        told = f"the subnet of {text} is on {' and '.join(alike)} of this node, and {alike[0]} would have it"
        yield Problem(source=resource.source, text=f"{told}; write Interface= in [X-Address]", warning=True)


def _on_interface(text: str, interface: Entry, network: Network, *, subnet_is_told: bool) -> Iterator[Problem]:
    names = [link.name for link in network.links]
    if interface.value not in names:
        hint = did_you_mean(interface.value, names) or f"; there are {', '.join(names)}"
        yield Problem(source=interface.source, text=f"this node has no interface {interface.value}{hint}")
        return
    link = network.links[names.index(interface.value)]
    if not subnet_is_told and not subnets(*read_address(text), [link], network.addresses):
        told = f"{interface.value} of this node has no subnet of {text}, so it would be there as /{_whole(text)}"
        yield Problem(source=interface.source, text=f"{told}; write Prefix= in [X-Address]", warning=True)


def _whole(text: str) -> int:
    return 128 if ":" in text else 32
