"""Something is mounted at a path, and it works."""

from typing import Final

from standfast.configuration.model import Probe
from standfast.probes.file_system import look_at
from standfast.probes.verdict import BadAnswerError

BOUNDS_ITSELF: Final = True  # it knows what hangs


def subject(probe: Probe) -> str:
    """The mount point."""
    return f"mount {probe.path}"


async def look(probe: Probe, seen: bytearray) -> str:
    """It answers, takes a file, and has as much free as it must have. Raises as any checker does."""
    free = (await look_at(probe)).number
    told = "it answers" + (" and can be written" if probe.write else "")
    if probe.free_percent is None:
        return told
    if free < 0:
        raise BadAnswerError("nothing can be said of what is free: it has no size")
    if free < probe.free_percent:
        raise BadAnswerError(f"{free} % are free, fewer than {probe.free_percent} %")
    return f"{told}, {free} % are free"
