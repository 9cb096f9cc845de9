"""What of a group starts, and stops, one after the other, and what at the same time (pure)."""

from typing import Final

from standfast.addresses.units import served_by
from standfast.configuration.model import Resource

ADDRESSES_AT_ONCE: Final = 20  # systemd does nothing else while it starts these: it fed no watchdog for a hundred


def steps(resources: tuple[Resource, ...]) -> list[list[Resource]]:
    """The resources in start order. Addresses next to each other need nothing of each other, and each takes 0.1 s to
    look for duplicates: so many start at once, and one that is restarted takes none of those along."""
    found: list[list[Resource]] = []
    for resource in resources:
        alike = bool(found) and all(served_by(one.unit) is not None for one in (resource, found[-1][-1]))
        if alike and len(found[-1]) < ADDRESSES_AT_ONCE:
            found[-1].append(resource)
        else:
            found.append([resource])
    return found


def step_of(resources: tuple[Resource, ...], unit: str) -> frozenset[str]:
    """The units of the step that `unit` is in, itself with them; one that is no resource any more is alone."""
    units = (frozenset(resource.unit for resource in step) for step in steps(resources))
    return next((step for step in units if unit in step), frozenset((unit,)))
