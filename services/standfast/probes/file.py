"""A file can be read, is as young as it must be, and has in it what it must have."""

from typing import Final

from standfast.configuration.model import Probe
from standfast.configuration.values import show_span
from standfast.probes.expressions import found
from standfast.probes.file_system import look_at
from standfast.probes.place import LARGEST_SEEN
from standfast.probes.verdict import BadAnswerError

BOUNDS_ITSELF: Final = True  # it knows what hangs
_LARGEST_FILE: Final = 65_536  # bytes that are read and searched


def subject(probe: Probe) -> str:
    """The file."""
    return f"file {probe.path}"


async def look(probe: Probe, seen: bytearray) -> str:
    """Its first bytes match, and it was changed in time. Raises as any checker does.

    What is in it is told to nobody but in `seen`: its owner need not have meant it for all.
    """
    file = await look_at(probe, _LARGEST_FILE)
    seen += file.content[:LARGEST_SEEN]
    if probe.max_age_ms is not None and file.number > probe.max_age_ms:
        age, most = file.number // 1000, show_span(probe.max_age_ms)
        raise BadAnswerError(f"it was changed {age} s ago, longer than {most}")
    if probe.expect is not None and not found(probe.expect, file.content):
        raise BadAnswerError(f"what is in it does not match {probe.expect}")
    told = "it can be read and written" if probe.write else "it can be read"
    return told if probe.expect is None else f"{told}, and matches {probe.expect}"
