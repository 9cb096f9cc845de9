"""The [X-Probe NAME] sections of a unit."""

import ipaddress
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from standfast.configuration.keys import DATABASES, KEYS, Scope, Values, read
from standfast.configuration.model import Level, OnFail, Probe, Problem, Source
from standfast.configuration.ocf import instance_of
from standfast.configuration.system import name_refusal
from standfast.configuration.unitfile import Entry, Section
from standfast.configuration.values import parse_name, show_span

SHORTEST_MS: Final = 250  # for a process to start, look and end on a machine that has work
_PROCESSES: Final = ("exec", "file", "mount")  # types whose look is a process of its own
_OWN: Final = ("unit", "link", "address", "mount", "probe")  # types that look at what only the group's node has
_HIDDEN: Final = re.compile(r"/(home|root|tmp|var/tmp|run/user)(/|$)")  # from a program in the sandbox
_LOOPBACK: Final = re.compile(r"localhost|127\..*|::1")
PROBE_SECTION: Final = re.compile(r"X-Probe(?:\s+(?P<name>.*))?")
_TIMES: Final = (
    "Interval",
    "FastInterval",
    "Timeout",
    "StartTimeout",
    "SlowAfter",
    "FailAfter",
    "PassAfter",
    "From",
)  # of the other probe count
_FAILING: Final = (Level.STARTUP, Level.LIVE)
_TYPES: Final = {key.name: key.types for key in KEYS if key.scope is Scope.PROBE and key.types}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("URL",),
    "tcp": ("Connect",),
    "udp": ("Connect", "Send", "Expect"),
    "dns": ("Connect", "Question"),
    "smtp": ("Connect",),
    "unit": (),
    "probe": (),
    "icmp": ("Host",),
    "link": ("Interface",),
    "address": ("Address",),
    "mysql": ("User",),
    "pgsql": ("User",),
    "redis": (),
    "exec": ("Exec",),
    "ocf": (),
    "file": ("Path",),
    "mount": ("Path",),
}  # by type: without these it cannot look
# where a type's own defaults are others than the table of keys has: an agent's monitor starts dozens of programs
_USUAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "ocf": {"interval_ms": 10_000, "fast_interval_ms": 1_000, "timeout_ms": 20_000, "fail_after": 2}
}

_OF_TLS: Final = ("CAFile", "ClientCertificate", "ClientKey", "CertificateDays")
_PASSWORD_SAID: Final = ("http", "smtp")  # types that say the password itself


def probe_names(sections: Iterable[Section]) -> set[str]:
    """Those of all probes that are written, right or wrong."""
    return {matched["name"] or "" for one in sections if (matched := PROBE_SECTION.fullmatch(one.name))}


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
    if kind == "probe" and not {"Unit", "Probe"} & values.entries.keys():
        problems.append(Problem(source=begins, text="Type=probe needs Probe=, or Unit= of another resource; add one"))
        return None
    fields: dict[str, Any] = {**_USUAL.get(kind, {}), **values.by_field}
    probe = Probe(name=name, unit=unit, sources=values.sources, **fields)
    problems += _contradictions(probe)
    return probe


def usual_probe(unit: str) -> Probe:
    """Of a resource agent for which none is written: its monitor is asked."""
    return Probe(name="", unit=unit, type="ocf", **_USUAL["ocf"])


def _contradictions(probe: Probe) -> Iterable[Problem]:
    if probe.type == "ocf" and instance_of(probe.unit) is None:
        text = f"Type=ocf is for standfast-ocf@NAME.service, not for {probe.unit}; remove it, or correct Type="
        yield Problem(source=probe.sources["Type"], text=text)
    if probe.type == "probe":
        for key in (key for key in _TIMES if key in probe.sources):
            text = f"{key}= means nothing for Type=probe, which says what the other probe says; remove it"
            yield Problem(source=probe.sources[key], text=text)
    if probe.slow_after_ms is not None and probe.slow_after_ms >= probe.timeout_ms:
        text = f"SlowAfter= must be shorter than Timeout=, which is {show_span(probe.timeout_ms)}; change one of them"
        yield Problem(source=probe.sources["SlowAfter"], text=text)
    if "OnFail" in probe.sources and probe.on_fail is not OnFail.ALERT and probe.level not in _FAILING:
        text = f"OnFail={probe.on_fail} means nothing with Level={probe.level}, which is no failure; remove one of them"
        yield Problem(source=probe.sources["OnFail"], text=text)
    if probe.outside and (why := _never_outside(probe)):
        yield Problem(source=probe.sources["Outside"], text=f"Outside=yes means nothing with {why}; remove it")
    if probe.peers and (why := _never_of_peers(probe)):
        yield Problem(source=probe.sources["From"], text=f"From=peers means nothing with {why}; remove it")
    if probe.watched is not None and (refusal := name_refusal(probe.watched)):
        yield Problem(source=probe.sources["Unit"], text=f"Unit=: {refusal}")
    if probe.status_text is not None and not (probe.watched or probe.unit).endswith(".service"):
        text = "StatusText= is only known of a service; remove it, or name one by Unit="
        yield Problem(source=probe.sources["StatusText"], text=text)
    yield from _contradictions_of_tls(probe)
    yield from _contradictions_of_logins(probe)
    if probe.type in DATABASES:
        yield from _contradictions_of_databases(probe)
    yield from _contradictions_of_processes(probe)


def _never_outside(probe: Probe) -> str:
    """Why the other nodes cannot make it, or nothing is done by what they see; "" = they can."""
    if probe.type in _OWN:
        return f"Type={probe.type}, which asks the group's own node"
    if probe.peers:
        return "From=peers, by which the other nodes make it"
    return "" if probe.level is Level.LIVE and probe.decides else "what is no failure of a group that runs"


def _never_of_peers(probe: Probe) -> str:
    """Why other nodes would look at something else; "" = they can make it."""
    if probe.type in _OWN:
        return f"Type={probe.type}, which asks the group's own node"
    if probe.socket is not None:
        return "Socket=, which is on the group's own node"
    host = probe.connect.host if probe.connect else probe.host or urlsplit(probe.url).hostname or ""
    return f"{host}, which is another machine on each node" if _LOOPBACK.fullmatch(host) else ""


def _contradictions_of_tls(probe: Probe) -> Iterable[Problem]:
    if not _is_secure(probe):
        for key in _OF_TLS:
            if key in probe.sources:
                text = f"{key}= needs {_way_to_tls(probe)}, for there is no certificate without it"
                yield Problem(source=probe.sources[key], text=text)
    if probe.tls and probe.start_tls:
        text = "StartTLS= begins without TLS and TLS= with it; remove one of them"
        yield Problem(source=probe.sources["StartTLS"], text=text)
    if probe.client_key and not probe.client_certificate:
        text = "ClientKey= belongs to ClientCertificate=, which is missing; add it, or remove the key"
        yield Problem(source=probe.sources["ClientKey"], text=text)


def _contradictions_of_logins(probe: Probe) -> Iterable[Problem]:
    secret = "PasswordFile" if probe.password_file else "Credential" if probe.credential else None
    if probe.password_file and probe.credential:
        text = "Credential= and PasswordFile= are two passwords; remove one of them"
        yield Problem(source=probe.sources["Credential"], text=text)
    if secret and probe.user is None and probe.type not in ("redis", "exec"):
        text = f"{secret}= needs User=, whose password it is; add it"
        yield Problem(source=probe.sources[secret], text=text)
    if probe.type == "http" and ":" in (probe.user or ""):
        text = "User= of a page can have no “:”, which ends the name there; correct it"
        yield Problem(source=probe.sources["User"], text=text)
    if probe.user is not None and probe.type in _PASSWORD_SAID:
        if secret is None:
            text = "User= needs PasswordFile= or Credential=, which has the password; add one of them"
            yield Problem(source=probe.sources["User"], text=text)
        elif not _is_secure(probe) and not _stays_here(probe):
            text = f"User= would send its password for everybody on the way to read; write {_way_to_tls(probe)}"
            yield Problem(source=probe.sources["User"], text=text)


def _is_secure(probe: Probe) -> bool:
    return probe.tls or probe.start_tls or probe.url.startswith("https:")


def _way_to_tls(probe: Probe) -> str:
    return {"http": "an https URL=", "smtp": "TLS=yes or StartTLS=yes"}.get(probe.type, "TLS=yes")


def _stays_here(probe: Probe) -> bool:
    """What is said does not leave this machine."""
    host = (urlsplit(probe.url).hostname or "") if probe.connect is None else probe.connect.host
    if probe.socket is not None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _contradictions_of_databases(probe: Probe) -> Iterable[Problem]:
    place = next(iter(probe.sources.values()))
    if probe.connect is None and probe.socket is None:
        yield Problem(source=place, text=f"Type={probe.type} needs Connect= or Socket=; add one of them")
    if probe.connect is not None and probe.socket is not None:
        text = "Socket= and Connect= are two places; remove one of them"
        yield Problem(source=probe.sources["Socket"], text=text)
    if probe.tls and probe.socket is not None:
        text = "TLS= means nothing on a Unix socket, where nobody listens; remove it"
        yield Problem(source=probe.sources["TLS"], text=text)
    if probe.type != "redis":
        return
    if probe.database is not None and not re.fullmatch("[0-9]{1,5}", probe.database):
        text = f"Database=: “{probe.database}” is no number, and Redis has no names for databases"
        yield Problem(source=probe.sources["Database"], text=text)
    if probe.query is not None:
        try:
            words = shlex.split(probe.query)
        except ValueError:
            words = []
        if not words:
            text = f"Query=: “{probe.query}” is no command; write for example INFO replication"
            yield Problem(source=probe.sources["Query"], text=text)


def _contradictions_of_processes(probe: Probe) -> Iterable[Problem]:
    if probe.type in _PROCESSES and probe.timeout_ms < SHORTEST_MS:
        text = f"Timeout= of Type={probe.type} starts a process: it must be at least {show_span(SHORTEST_MS)}"
        yield Problem(source=probe.sources["Timeout"], text=text)
    if probe.command and probe.sandbox and (found := _HIDDEN.match(probe.command[0])):
        text = f"Exec=: with Sandbox=yes there is no /{found[1]}; put the program elsewhere, or write Sandbox=no"
        yield Problem(source=probe.sources["Exec"], text=text)
    if probe.type == "file" and probe.path is not None and probe.path.endswith("/"):
        yield Problem(source=probe.sources["Path"], text="Path= of Type=file names a folder; name a file in it")
