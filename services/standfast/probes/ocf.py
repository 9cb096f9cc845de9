"""What the monitor of a resource agent answers (standfast-ocf@NAME.service); the program behind the unit asks it."""

from pathlib import Path
from typing import Final

from standfast.bus import Variant
from standfast.configuration.model import Probe
from standfast.configuration.ocf import instance_of
from standfast.ocf.agent import MEANT, RUNNING, Code, words
from standfast.probes.output import Output
from standfast.probes.place import LARGEST_SEEN
from standfast.probes.transient import SUCCESS, End, HungError, run
from standfast.probes.verdict import BadAnswerError, CannotCheckError, excerpt

BOUNDS_ITSELF: Final = True  # it knows what hangs
_PYTHON: Final = ("/usr/bin/python3", "-s", "-S", "-P", "-m", "standfast.ocf", "monitor")
_PACKAGES: Final = str(Path(__file__).parents[2])
_EXITED: Final = "exit-code"


def subject(probe: Probe) -> str:
    """The agent's resource, and how deep it looks."""
    return f"monitor of {probe.unit}" + (f" at depth {probe.depth}" if probe.depth else "")


async def look(probe: Probe, seen: bytearray) -> str:
    """It says that the resource runs. Raises as any checker does."""
    instance = instance_of(probe.unit)
    assert instance is not None
    command = (*_PYTHON, instance, *map(str, (probe.depth, probe.interval_ms, probe.timeout_ms)))
    properties = {
        "AddRef": Variant("b", True),  # its exit code is read when it has ended
        "Environment": Variant("as", [f"PYTHONPATH={_PACKAGES}"]),
    }
    with Output(LARGEST_SEEN) as output:
        try:
            end = await run(probe, command, properties, output)
        except HungError as error:
            text = "it still runs since an earlier try" if error.earlier is not None else _late(probe)
            raise CannotCheckError(text) from error
        finally:
            output.drain()
            seen += output.data
    assert end is not None
    return _judge(probe, end, bytes(output.data))


def _judge(probe: Probe, end: End, output: bytes) -> str:
    code = Code.SUCCESS if end.result == SUCCESS else end.status
    said = output.strip().rpartition(b"\n")[2]  # the program's own line comes last
    if end.result not in (SUCCESS, _EXITED) or code not in MEANT:
        raise CannotCheckError(f"it did not end as an agent does ({end.result} {end.status}): {excerpt(said)}")
    if code == Code.TIMED_OUT:
        raise CannotCheckError(_late(probe))
    text = said.decode(errors="replace") or words(code)
    if code not in RUNNING:
        raise BadAnswerError(text)
    return text


def _late(probe: Probe) -> str:
    return f"no answer within {probe.timeout_ms / 1000:g} s"
