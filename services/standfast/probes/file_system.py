"""What Type=file and mount share: their look is a small program of its own (file_system_look.py), for it may hang."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast.bus import Variant
from standfast.configuration.model import Probe
from standfast.probes.file_system_look import BEGUN, NAME
from standfast.probes.output import Output
from standfast.probes.transient import HungError, name_of_process, run, unit_of
from standfast.probes.verdict import BadAnswerError, CannotCheckError

_PYTHON: Final = ("/usr/bin/python3", "-I", "-S", str(Path(__file__).with_name("file_system_look.py")))
_LONGEST_ANSWER: Final = 70_000  # bytes: LARGEST_FILE and what stands before it
_ANSWER: Final = re.compile(rb"begun\n(good|bad) (-?[0-9]+) ([0-9]+)\n")
_MEMORY: Final = 67_108_864
_RIGHTS: Final = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)): root's files or not
_TASKS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look found that came to its end well."""

    number: int  # of a file its age in milliseconds, of a mount how many percent are free; -1: that cannot be told
    content: bytes


async def look_at(probe: Probe, wanted: int = 0) -> Seen:
    """What is at the probe's path, with the first `wanted` bytes of a file. Raises as any checker does."""
    assert probe.path is not None
    command = (*_PYTHON, probe.type, probe.path, str(wanted), _written(probe) if probe.write else "")
    with Output(_LONGEST_ANSWER, lambda data: _read(data) is not None) as output:
        try:
            end = await run(probe, command, _properties(), output)
        except HungError as error:
            output.drain()
            if _read(bytes(output.data)) is None:
                raise _hung(probe, error, bytes(output.data)) from error
            end = None
    answer = _read(bytes(output.data))
    if answer is None:
        raise CannotCheckError(f"the look itself failed ({end.result if end is not None else 'no answer'})")
    if isinstance(answer, str):
        raise BadAnswerError(answer)
    return answer


def _hung(probe: Probe, error: HungError, output: bytes) -> TimeoutError | CannotCheckError:
    """Whoever got as far as the file system hangs there; the process may as well wait for its start."""
    if error.earlier is not None:
        if name_of_process(error.earlier) == NAME:
            return TimeoutError("the file system does not answer: an earlier look still hangs in it")
        return CannotCheckError("the process of an earlier look has not ended yet")
    if output.startswith(BEGUN):
        return TimeoutError(f"the file system does not answer within {probe.timeout_ms / 1000:g} s")
    return CannotCheckError(f"the look was not started within {probe.timeout_ms / 1000:g} s")


def _read(output: bytes) -> Seen | str | None:
    """The answer, a sentence if it is a bad one; None while it is not there whole."""
    found = _ANSWER.match(output)
    if found is None or len(output) - found.end() < int(found[3]):
        return None
    rest = output[found.end() : found.end() + int(found[3])]
    return Seen(number=int(found[2]), content=rest) if found[1] == b"good" else rest.decode(errors="replace")


def _written(probe: Probe) -> str:
    """The file's name: this node's and this probe's, for others may look at the same file system."""
    return f".{os.uname().nodename}-{unit_of(probe).removesuffix('.service')}"


def _properties() -> dict[str, Variant]:
    """No option that makes a mount namespace: its copy of the mount table would keep the file system busy."""
    return {
        "MemoryMax": Variant("t", _MEMORY),
        "TasksMax": Variant("t", _TASKS),
        "CapabilityBoundingSet": Variant("t", _RIGHTS),
    }
