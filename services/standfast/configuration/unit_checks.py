"""What units say, as they would be installed here, that the cluster cannot do with."""

import re
from collections.abc import Iterable, Iterator

from standfast.configuration.as_installed import AsInstalled
from standfast.configuration.guards import DROPIN
from standfast.configuration.model import Group, Problem, Resource
from standfast.configuration.unitfile import Entry, effective, named
from standfast.configuration.values import parse_span, show_span
from standfast.manager import INIT_SCRIPTS

_OURS = re.compile(r"X-Standfast|X-Probe(\s.*)?")
_GENERATED = "/run/systemd/generator"  # nobody wrote what stands in these folders
_START, _STOP = ("StartTimeout", "start_timeout_ms"), ("StopTimeout", "stop_timeout_ms")
# what a unit's own key is compared with; systemd's TimeoutSec= of other units than services counts for both
_TIMEOUTS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "Service": {"TimeoutStartSec": (_START,), "TimeoutStopSec": (_STOP,), "TimeoutSec": (_START, _STOP)},
    "Mount": {"TimeoutSec": (_START, _STOP)},
    "Socket": {"TimeoutSec": (_START, _STOP)},
    "Swap": {"TimeoutSec": (_START, _STOP)},
}


def unit_problems(groups: Iterable[Group], units: AsInstalled) -> Iterator[Problem]:
    """Guards that a later drop-in takes away, timeouts that the group's are shorter than."""
    for group in groups:
        for resource in group.resources:
            yield from _of_later_dropins(group, resource, units)
            yield from _of_timeouts(group, resource, units)
            yield from _of_init_scripts(resource, units)


def sections_elsewhere(units: AsInstalled) -> Iterator[Problem]:
    """Sections of ours that this machine has outside /etc/standfast: a warning each, as they do nothing there."""
    for name, sections in units.foreign():
        *_, folder, file = name.split("/")
        target = f"{folder}/{file}" if file.endswith(".conf") else f"{file}.d/standfast.conf"
        if any(entry.key == "Resources" for entry in named(sections, "X-Standfast")) and not file.endswith(".conf"):
            target = file
        for section in sections:
            if _OURS.fullmatch(section.name):
                text = f"[{section.name}] does not count here, as other nodes need not have it"
                text += f"; to have it everywhere copy it into /etc/standfast/units/{target}"
                yield Problem(source=section.source, text=text, warning=True)


def _of_later_dropins(group: Group, resource: Resource, units: AsInstalled) -> Iterator[Problem]:
    """systemd.unit(5): an empty Assert…= takes back all assertions that were read before it, whatever they assert."""
    for name, sections in units.dropins(resource.unit):
        if name.rpartition("/")[2] < DROPIN:
            continue
        for entry in named(sections, "Unit"):
            if entry.key.startswith("Assert") and not entry.value:
                text = f"{entry.key}= takes the guard of group {group.name} away from {resource.unit}"
                yield Problem(source=entry.source, text=f"{text}, which could then run twice; remove it")
        for entry in named(sections, "Service"):
            if entry.key == "Restart" and entry.value not in ("", "no"):
                text = f"Restart={entry.value} would let systemd restart {resource.unit} beside the cluster"
                yield Problem(
                    source=entry.source, text=f"{text}; remove it: Recovery= of group {group.name} says what happens"
                )


def _of_timeouts(group: Group, resource: Resource, units: AsInstalled) -> Iterator[Problem]:
    """Warnings: a unit that is quicker than it may be comes to no harm, so no kill is certain.

    Only what is written is told: systemd's default, 90 s to stop, is longer than the group's of 30 s everywhere.
    """
    sections = units.sections(resource.unit)
    for section, keys in _TIMEOUTS.items():
        written = effective(named(sections, section))
        for key, ours in keys.items():
            for name, attribute in ours if key in written else ():
                entry, limit_ms = written[key][-1], getattr(group, attribute)
                if _longer(entry, limit_ms) and not entry.source.path.startswith(_GENERATED):
                    text = (
                        f"{key}={entry.value} of {resource.unit} is longer than {name}={show_span(limit_ms)} of group"
                    )
                    text += f" {group.name}, which kills it then; raise {name}= if it needs that long"
                    yield Problem(source=entry.source, text=text, warning=True)


def _of_init_scripts(resource: Resource, units: AsInstalled) -> Iterator[Problem]:
    """systemd.service(5): with RemainAfterExit=yes, as its generator writes it of a script without a “# pidfile:”, a
    unit is active for ever once it was started."""
    sections = units.sections(resource.unit)
    script = "".join(entry.value for entry in named(sections, "Unit") if entry.key == "SourcePath")
    service = effective(named(sections, "Service"))
    remains = [entry.value for entry in service.get("RemainAfterExit", ())][-1:] == ["yes"]
    if script.startswith(INIT_SCRIPTS) and remains and not resource.probes:
        text = f"nobody would notice that the daemon of {script} died; write an [X-Probe] in"
        text += f" units/{resource.unit}.d/NAME.conf, or [Service] RemainAfterExit=no if its process stays"
        yield Problem(source=resource.source, text=text, warning=True)


def _longer(entry: Entry, limit_ms: int) -> bool:
    """The span is longer; systemd takes 0 and "infinity" as no limit. What is no span systemd tells."""
    if entry.value == "infinity":
        return True
    try:
        span_ms = parse_span(entry.value)
    except ValueError:
        return False
    return span_ms == 0 or span_ms > limit_ms
