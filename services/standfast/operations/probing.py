"""What the probes of a unit see now, on this node or another."""

import json
from typing import Final

from standfast.bus import Bus
from standfast.configuration.copies import as_written
from standfast.configuration.model import Group, Probe
from standfast.operations.names import closest
from standfast.operations.problems import CommandError, Exit
from standfast.operations.rights import call_with_rights
from standfast.operations.telling import waiting_for
from standfast.operations.wishes import check_node, find_resourced
from standfast.probes.making import NoProbeError, Report, find, make
from standfast.probes.system_bus import close_system_bus
from standfast.published import GROUPS, ROOT

_ANSWER_S: Final = 620.0  # resourced answers long before, unless a probe has the longest Timeout= that there is


def find_probes(groups: tuple[Group, ...], unit: str, name: str) -> tuple[Probe, ...]:
    """The probes of that name ("" = all) that the unit has. Raises CommandError."""
    try:
        return find(groups, unit, name)
    except NoProbeError as error:
        resources = [one for group in as_written(groups) for one in group.resources]
        known = {one.unit: [probe.name for probe in one.probes] for one in resources}
        like = closest(name, known[unit]) if unit in known and name else "" if unit in known else closest(unit, known)
        raise CommandError(Exit.REFUSED, f"{error} Did you mean {like}?" if like else str(error)) from error


async def make_here(probes: tuple[Probe, ...]) -> list[Report]:
    """What they see on this node, each made once."""
    try:
        return await make(probes)
    finally:
        await close_system_bus()


async def ask_node(unit: str, name: str, node: str) -> list[Report]:
    """What that node's resourced saw."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await check_node(bus, node)
        async with waiting_for(f"{node} makes the probes of {unit}"):
            (text,) = await call_with_rights(
                bus, GROUPS, ROOT, "org.standfast.Groups1", "Probe", "sss", unit, name, node, timeout_s=_ANSWER_S
            )
    made: list[Report] = json.loads(text)
    return made
