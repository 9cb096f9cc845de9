"""The [X-Probe NAME] sections of a unit."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from standfast.configuration.keys import KEYS, Scope, Values, read
from standfast.configuration.model import Probe, Problem, Source
from standfast.configuration.system import name_refusal
from standfast.configuration.unitfile import Entry, Section
from standfast.configuration.values import parse_name, show_span

PROBE_SECTION: Final = re.compile(r"X-Probe(?:\s+(?P<name>.*))?")
_TYPES: Final = {key.name: key.types for key in KEYS if key.scope is Scope.PROBE and key.types}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("URL",),
    "tcp": ("Connect",),
    "udp": ("Connect", "Send", "Expect"),
    "unit": (),
    "icmp": ("Host",),
    "link": ("Interface",),
    "address": ("Address",),
}  # by type: without these it cannot look


def read_probes(unit: str, sections: Iterable[Section], problems: list[Problem]) -> tuple[Probe, ...]:
    """The unit's probes by the order of their names in the files; what is wrong is appended to `problems`."""
    entries: dict[str, list[Entry]] = {}
    begins: dict[str, Source] = {}
    for section in sections:
        if matched := PROBE_SECTION.fullmatch(section.name):
            name = matched["name"] or ""
            entries.setdefault(name, []).extend(section.entries)
            begins.setdefault(name, section.source)
    probes = []
    for name, lines in entries.items():
        values = read(Scope.PROBE, lines, begins[name], problems)
        try:
            known = parse_name(name) if name else ""
        except ValueError as error:
            problems.append(Problem(source=begins[name], text=f"the probe's name: {error}"))
            continue
        if probe := _make(known, unit, values, begins[name], problems):
            probes.append(probe)
    return tuple(probes)


def _make(name: str, unit: str, values: Values, begins: Source, problems: list[Problem]) -> Probe | None:
    """None: its type or what it looks at is not known, so nothing more can be said of it."""
    if "Type" in values.wrong:
        return None
    kind = values.by_field.get("type", "http")
    strange = [key for key in values.entries if kind not in _TYPES.get(key, (kind,))]
    for key in strange:
        others = " and ".join(_TYPES[key])
        text = f"{key}= means nothing for Type={kind}, only for {others}; remove it, or correct Type="
        problems.append(Problem(source=values.sources[key], text=text))
    missing = [key for key in _NEEDED[kind] if key not in values.entries]
    for key in missing:
        if key not in values.wrong:
            text = f"[X-Probe{f' {name}' if name else ''}] needs {key}=; add it"
            problems.append(Problem(source=begins, text=text))
    if missing:
        return None
    fields: dict[str, Any] = dict(values.by_field)
    probe = Probe(name=name, unit=unit, sources=values.sources, **fields)
    problems += _contradictions(probe)
    return probe


def _contradictions(probe: Probe) -> Iterable[Problem]:
    if probe.slow_after_ms is not None and probe.slow_after_ms >= probe.timeout_ms:
        text = f"SlowAfter= must be shorter than Timeout=, which is {show_span(probe.timeout_ms)}; change one of them"
        yield Problem(source=probe.sources["SlowAfter"], text=text)
    if probe.watched is not None and (refusal := name_refusal(probe.watched)):
        yield Problem(source=probe.sources["Unit"], text=f"Unit=: {refusal}")
    if probe.status_text is not None and not (probe.watched or probe.unit).endswith(".service"):
        text = "StatusText= is only known of a service; remove it, or name one by Unit="
        yield Problem(source=probe.sources["StatusText"], text=text)
    if probe.certificate_days is not None and not (probe.tls or probe.url.startswith("https:")):
        wanted = "an https URL=" if probe.type == "http" else "TLS=yes"
        text = f"CertificateDays= needs {wanted}, for there is no certificate without it"
        yield Problem(source=probe.sources["CertificateDays"], text=text)
