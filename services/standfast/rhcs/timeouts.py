"""<action> of a resource: how long a start and a stop may take."""

from dataclasses import dataclass, replace
from typing import Final

from standfast.configuration.values import parse_span
from standfast.rhcs.document import Element
from standfast.rhcs.reading import every
from standfast.rhcs.resource import Resource
from standfast.rhcs.unit_text import Section, section
from standfast.rhcs.units import Unit

_START_S: Final = 90  # StartTimeout= and StopTimeout= of a group that says nothing
_STOP_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """What was written, in seconds; 0: nothing."""

    start_s: int = 0
    stop_s: int = 0

    def and_then(self, other: "Timeouts") -> "Timeouts":
        return Timeouts(start_s=self.start_s + other.start_s, stop_s=self.stop_s + other.stop_s)

    def of_group(self) -> tuple[tuple[str, str], ...]:
        """One resource after the other may take its time, the rest what all have otherwise."""
        start = f"{self.start_s + _START_S}s" if self.start_s else ""
        stop = f"{self.stop_s + _STOP_S}s" if self.stop_s else ""
        return (("StartTimeout", start), ("StopTimeout", stop))


def read_timeouts(resource: Resource) -> Timeouts:
    """The timeouts of start and stop; what a status action says is told."""
    ledger = resource.ledger
    found = {"start": 0, "stop": 0}
    for element in dict.fromkeys((resource.element, resource.place)):
        for action in every(element, "action", ledger):
            name = ledger.text(action, "name")
            timeout = ledger.seconds(action, "timeout")
            if name in found:
                found[name] = timeout or found[name]
            elif name in ("status", "monitor"):
                _tell_status(resource, action)
            else:
                ledger.left(action, f"Standfast has no action “{name}”")
            if name in found and timeout:
                ledger.became(action, f"the unit's timeout and the group's: {timeout}s more")
            for attribute in ("interval", "depth"):
                ledger.text(action, attribute)
    return Timeouts(start_s=found["start"], stop_s=found["stop"])


def of_unit(unit: Unit, own: Timeouts) -> Timeouts:
    """What the resource says, else what was written to its unit: a group that is stopped sooner would kill it."""
    written = (value for one in unit.sections for key, value in one.lines if key == "TimeoutStopSec")
    stop_s = own.stop_s or parse_span(next(written, "0")) // 1000
    return replace(own, stop_s=stop_s)


def _tell_status(resource: Resource, action: Element) -> None:
    interval = resource.ledger.text(action, "interval")
    every_s = f" with Interval={interval}" if interval else ""
    text = f"that the unit is active is seen at once; to see more write an [X-Probe]{every_s} to the unit"
    resource.ledger.differs(action, text, "interval" if interval else "name")


def with_timeouts(unit: Unit, own: Timeouts) -> tuple[Section, ...]:
    """The unit's sections with the timeouts in them."""
    start = f"{own.start_s}s" if own.start_s else ""
    stop = f"{own.stop_s}s" if own.stop_s else ""
    if unit.name.endswith(".mount"):
        longest = max(own.start_s, own.stop_s)
        lines = section("Mount", ("TimeoutSec", f"{longest}s" if longest else ""))
    else:
        lines = section("Service", ("TimeoutStartSec", start), ("TimeoutStopSec", stop))
    return (*unit.sections, lines) if lines.lines else unit.sections
