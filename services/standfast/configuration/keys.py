"""Every key that an administrator can write: what it takes, its default, who reads it.

The loader works from these declarations alone, and `python3 -m standfast.configuration.keys` prints the table in
contrib/docs/keys.md from them. A key without a `field` is promised by the design and not supported yet.
"""

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from standfast.configuration import probe_values
from standfast.configuration import values as kind
from standfast.configuration.copies import MOST, parse_copies
from standfast.configuration.model import Level, OnFail, Problem, QuorumLoss, Recovery, Source, StopFailure
from standfast.configuration.unitfile import Entry, effective
from standfast.configuration.values import Kind
from standfast.ocf.agent import parse_agent, parse_parameter


class Scope(StrEnum):
    """Where a key stands; the value is the heading in the table."""

    CLUSTER = "[Cluster]"
    NODE = "[Node]"
    DEVICE = "[FenceDevice]"
    DOMAIN = "[Domain]"
    HEURISTIC = "[Heuristic]"
    GROUP = "[X-Standfast] of a group's target"
    RESOURCE = "[X-Standfast] of a resource's unit"
    PROBE = "[X-Probe] of a resource's unit"
    ADDRESS = "[X-Address] of standfast-ip@ADDRESS.service"
    OCF = "[X-Ocf] of standfast-ocf@NAME.service"


CLUSTER_SCOPES = (Scope.CLUSTER, Scope.NODE, Scope.DEVICE, Scope.DOMAIN, Scope.HEURISTIC)


@dataclass(frozen=True, slots=True)
class Key:
    scope: Scope
    name: str
    kind: Kind
    default: str  # as an administrator would write it; "" where there is none
    readers: str
    field: str | None = None  # its name in the model; None: not supported yet
    required: bool = False
    types: tuple[str, ...] = ()  # of probes that have it; (): all


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What one record says, typed; what is not written is left to the model's default."""

    by_field: Mapping[str, Any] = field(default_factory=dict)
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)  # by key, only those that count
    wrong: frozenset[str] = frozenset()  # keys that were written with a value that is a problem
    complete: bool = True  # every required key is there and right

    @property
    def sources(self) -> dict[str, Source]:
        """By key as the administrator writes it: where its last value stands; and where each word of a list stands.

        The latter by "Option=ip" (or Parameter=), "Fence=pdu-a:7" and "Needs=page": later checks name the line.
        """
        options = {
            f"{key}={entry.value.partition('=')[0].strip()}": entry.source
            for key in ("Option", "Parameter")
            for entry in self.entries.get(key, ())
        }
        words = {
            f"{name}={word}": entry.source
            for name in ("Fence", "Needs")
            for entry in self.entries.get(name, ())
            for word in entry.value.split()
        }
        return options | words | {name: entries[-1].source for name, entries in self.entries.items()}

    def source_of(self, name: str, word: str = "") -> Source:
        """Where `word` stands in the values of key `name`; the key must have been written."""
        lines = self.entries[name]
        return next((entry.source for entry in lines if word in entry.value.split()), lines[-1].source)


_MEMBERSHIP, _QUORUM, _FENCED, _RESOURCED = "membershipd", "quorumd", "fenced", "resourced"
_ALL = "all daemons"
_VOTING = f"{_MEMBERSHIP}, {_RESOURCED}"

_CLUSTER_KEYS = (
    Key(Scope.CLUSTER, "Name", kind.NAME, "", _ALL, "name", required=True),
    Key(Scope.CLUSTER, "DetectWithin", kind.span("1.1s", "5min"), "2.2s", _MEMBERSHIP, "detect_within_ms"),
    Key(Scope.CLUSTER, "PostJoinDelay", kind.span(), "60s", _RESOURCED, "post_join_delay_ms"),
    Key(Scope.CLUSTER, "PostFailDelay", kind.span(), "0", _RESOURCED, "post_fail_delay_ms"),
    Key(Scope.CLUSTER, "DaemonGrace", kind.span("5s"), "30s", _RESOURCED, "daemon_grace_ms"),
    Key(Scope.CLUSTER, "StopDeadline", kind.span("1s"), "30s", _RESOURCED, "stop_deadline_ms"),
    Key(Scope.CLUSTER, "QuorumWait", kind.span("1s"), "5s", _RESOURCED, "quorum_wait_ms"),
    Key(Scope.CLUSTER, "TickMax", kind.span("2s"), "3s", _RESOURCED, "tick_max_ms"),
    Key(Scope.CLUSTER, "Unsafe", kind.BOOLEAN, "no", f"{_FENCED}, {_RESOURCED}", "unsafe"),
    Key(Scope.CLUSTER, "QuorumLoss", kind.member_of(QuorumLoss), "stop", _RESOURCED, "quorum_loss"),
    Key(Scope.CLUSTER, "TwoNode", kind.TWO_NODE, "", _VOTING, "two_node"),
    Key(Scope.CLUSTER, "AutoTieBreaker", kind.BOOLEAN, "no", _VOTING, "auto_tie_breaker"),
    Key(Scope.CLUSTER, "LastManStanding", kind.BOOLEAN, "no", _VOTING, "last_man_standing"),
    Key(Scope.CLUSTER, "Arbiter", kind.HOST, "", _VOTING, "arbiter"),
    Key(Scope.CLUSTER, "MaxStarts", kind.integer(1, 10_000), "", _RESOURCED, "max_starts"),
    Key(Scope.NODE, "Name", kind.NAME, "", _ALL, "name", required=True),
    Key(Scope.NODE, "Id", kind.integer(1, 16), "", _ALL, "id", required=True),
    Key(Scope.NODE, "Address", kind.ADDRESSES, "", _MEMBERSHIP, "addresses", required=True),
    Key(Scope.NODE, "Votes", kind.integer(0, 100), "1", f"{_MEMBERSHIP}, {_QUORUM}, {_RESOURCED}", "votes"),
    Key(Scope.NODE, "Fence", kind.FENCE, "", _FENCED, "fence"),
    Key(Scope.NODE, "FenceDelay", kind.span("0", "5min"), "0", _FENCED, "fence_delay_ms"),
    Key(Scope.NODE, "Watchdog", kind.WATCHDOG, "", _QUORUM, "watchdog"),
    Key(Scope.NODE, "WatchdogTimeout", kind.SECONDS, "", f"{_QUORUM}, {_RESOURCED}", "watchdog_timeout_ms"),
    Key(Scope.NODE, "WatchdogTrust", kind.BOOLEAN, "no", _QUORUM, "watchdog_trust"),
    Key(Scope.DEVICE, "Name", kind.NAME, "", _FENCED, "name", required=True),
    Key(Scope.DEVICE, "Agent", kind.PROGRAM, "", _FENCED, "agent", required=True),
    Key(Scope.DEVICE, "Option", kind.OPTIONS, "", _FENCED, "options"),
    Key(Scope.DEVICE, "PasswordFile", kind.FILE, "", _FENCED, "password_file"),
    Key(Scope.DEVICE, "Timeout", kind.span("1s", "1h"), "60s", _FENCED, "timeout_ms"),
    Key(Scope.DEVICE, "Delay", kind.span("0", "5min"), "0", _FENCED, "delay_ms"),
    Key(Scope.DOMAIN, "Name", kind.NAME, "", _RESOURCED, "name", required=True),
    Key(Scope.DOMAIN, "Nodes", kind.NAMES, "", _RESOURCED, "nodes", required=True),
    Key(Scope.DOMAIN, "Ordered", kind.BOOLEAN, "no", _RESOURCED, "ordered"),
    Key(Scope.DOMAIN, "Restricted", kind.BOOLEAN, "no", _RESOURCED, "restricted"),
    Key(Scope.DOMAIN, "Failback", kind.BOOLEAN, "no", _RESOURCED, "failback"),
    Key(Scope.HEURISTIC, "Name", kind.NAME, "", _QUORUM, "name", required=True),
    Key(Scope.HEURISTIC, "Exec", kind.COMMAND, "", _QUORUM, "command"),
    Key(Scope.HEURISTIC, "URL", kind.URL, "", _QUORUM, "url"),
    Key(Scope.HEURISTIC, "Status", kind.STATUSES, "200", _QUORUM, "status"),
    Key(Scope.HEURISTIC, "Body", kind.EXPRESSION, "", _QUORUM, "body"),
    Key(Scope.HEURISTIC, "Score", kind.integer(1, 1000), "1", _QUORUM, "score"),
    Key(Scope.HEURISTIC, "Interval", kind.span("1s", "1h"), "2s", _QUORUM, "interval_ms"),
    Key(Scope.HEURISTIC, "Timeout", kind.span("100ms", "10min"), "5s", _QUORUM, "timeout_ms"),
    Key(Scope.HEURISTIC, "FailAfter", kind.integer(1, 1000), "3", _QUORUM, "fail_after"),
    Key(Scope.HEURISTIC, "PassAfter", kind.integer(1, 1000), "3", _QUORUM, "pass_after"),
    Key(Scope.HEURISTIC, "Minimum", kind.MINIMUM, "", _QUORUM, "minimum"),
)

_HTTP, _TCP, _UDP = ("http",), ("tcp",), ("udp",)
_STREAMS, _PORTS = (*_HTTP, *_TCP), (*_TCP, *_UDP)
_UNIT, _EXEC, _FILE, _MOUNT, _DNS, _SMTP = ("unit",), ("exec",), ("file",), ("mount",), ("dns",), ("smtp",)
DATABASES = ("mysql", "pgsql", "redis")
_SERVERS = (*_PORTS, *_DNS, *_SMTP, *DATABASES)
_SOCKETS = (*_STREAMS, *DATABASES)
_SECURE = (*_STREAMS, *_SMTP, *DATABASES)  # can use TLS
_LOGINS = (*_HTTP, *_SMTP, *DATABASES)
_EXPECTING = (*_PORTS, *_DNS, *_EXEC, *_FILE, "redis")
_PROBE_TYPES = (
    *(*_STREAMS, *_UDP, *_DNS, *_SMTP, *DATABASES, *_UNIT, "icmp", "link", "address"),
    *(*_EXEC, *_FILE, *_MOUNT, "ocf", "probe"),
)
_ACTIVE_STATES = ("active", "reloading", "inactive", "failed", "activating", "deactivating")

COPIES = Kind(label=f"number, 1 to {MOST}, or all", parse=parse_copies)
OCF_AGENT = Kind(label="OCF agent, ocf:PROVIDER:TYPE", parse=parse_agent)
OCF_PARAMETERS = Kind(label="NAME=VALUE, one line for each", parse=parse_parameter, combine=dict)

_UNIT_KEYS = (
    Key(Scope.GROUP, "Resources", kind.UNITS, "", _RESOURCED, "resources", required=True),
    Key(Scope.GROUP, "Domain", kind.NAME, "", _RESOURCED, "domain"),
    Key(Scope.GROUP, "Recovery", kind.member_of(Recovery), "restart", _RESOURCED, "recovery"),
    Key(Scope.GROUP, "MaxRestarts", kind.integer(0, 1000), "2", _RESOURCED, "max_restarts"),
    Key(Scope.GROUP, "RestartWindow", kind.span("1s"), "10min", _RESOURCED, "restart_window_ms"),
    Key(Scope.GROUP, "StartTimeout", kind.span("1s"), "90s", _RESOURCED, "start_timeout_ms"),
    Key(Scope.GROUP, "StopTimeout", kind.span("1s"), "30s", _RESOURCED, "stop_timeout_ms"),
    Key(Scope.GROUP, "StopFailure", kind.member_of(StopFailure), "fence", _RESOURCED, "stop_failure"),
    Key(Scope.GROUP, "FailureExpire", kind.span("1s", "24h"), "10min", _RESOURCED, "failure_expire_ms"),
    Key(Scope.GROUP, "InPlace", kind.BOOLEAN, "no", _RESOURCED, "in_place"),
    Key(Scope.GROUP, "Priority", kind.integer(-1000, 1000), "0", _RESOURCED, "priority"),
    Key(Scope.GROUP, "Needs", kind.NAMES, "", _RESOURCED, "needs"),
    Key(Scope.GROUP, "After", kind.NAMES, "", _RESOURCED, "after"),
    Key(Scope.GROUP, "Apart", kind.NAMES, "", _RESOURCED, "apart"),
    Key(Scope.GROUP, "Exclusive", kind.BOOLEAN, "no", _RESOURCED, "exclusive"),
    Key(Scope.GROUP, "Copies", COPIES, "1", _RESOURCED, "copies"),
    Key(Scope.RESOURCE, "Critical", kind.BOOLEAN, "yes", _RESOURCED, "critical"),
    Key(Scope.PROBE, "Type", kind.one_of(*_PROBE_TYPES), "http", _RESOURCED, "type"),
    Key(Scope.PROBE, "URL", kind.URL, "", _RESOURCED, "url", types=_HTTP),
    Key(Scope.PROBE, "Status", kind.STATUSES, "200", _RESOURCED, "status", types=_HTTP),
    Key(Scope.PROBE, "Header", probe_values.HEADERS, "", _RESOURCED, "headers", types=_HTTP),
    Key(Scope.PROBE, "Body", kind.EXPRESSION, "", _RESOURCED, "body", types=_HTTP),
    Key(Scope.PROBE, "Json", probe_values.JSON_TESTS, "", _RESOURCED, "json", types=_HTTP),
    Key(Scope.PROBE, "Redirects", kind.integer(0, 20), "0", _RESOURCED, "redirects", types=_HTTP),
    Key(Scope.PROBE, "Socket", probe_values.SOCKET, "", _RESOURCED, "socket", types=_SOCKETS),
    Key(Scope.PROBE, "Connect", probe_values.ENDPOINT, "", _RESOURCED, "connect", types=_SERVERS),
    Key(Scope.PROBE, "Host", kind.HOST, "", _RESOURCED, "host", types=("icmp",)),
    Key(Scope.PROBE, "Interface", kind.INTERFACE, "", _RESOURCED, "interface", types=("link",)),
    Key(Scope.PROBE, "Address", kind.ADDRESS, "", _RESOURCED, "address", types=("address",)),
    Key(Scope.PROBE, "Unit", kind.TEXT, "", _RESOURCED, "watched", types=(*_UNIT, "probe")),
    Key(Scope.PROBE, "ActiveState", kind.one_of(*_ACTIVE_STATES), "active", _RESOURCED, "active_state", types=_UNIT),
    Key(Scope.PROBE, "StatusText", kind.EXPRESSION, "", _RESOURCED, "status_text", types=_UNIT),
    Key(Scope.PROBE, "Send", probe_values.BYTES, "", _RESOURCED, "send", types=_PORTS),
    Key(Scope.PROBE, "Expect", probe_values.BYTES_EXPRESSION, "", _RESOURCED, "expect", types=_EXPECTING),
    Key(Scope.PROBE, "TLS", kind.BOOLEAN, "no", _RESOURCED, "tls", types=(*_TCP, *_SMTP, *DATABASES)),
    Key(Scope.PROBE, "StartTLS", kind.BOOLEAN, "no", _RESOURCED, "start_tls", types=_SMTP),
    Key(Scope.PROBE, "CAFile", probe_values.PATH, "", _RESOURCED, "ca_file", types=_SECURE),
    Key(Scope.PROBE, "ClientCertificate", probe_values.PATH, "", _RESOURCED, "client_certificate", types=_SECURE),
    Key(Scope.PROBE, "ClientKey", probe_values.PATH, "", _RESOURCED, "client_key", types=_SECURE),
    Key(Scope.PROBE, "User", kind.TEXT, "", _RESOURCED, "user", types=(*_LOGINS, *_EXEC)),
    Key(Scope.PROBE, "PasswordFile", kind.FILE, "", _RESOURCED, "password_file", types=_LOGINS),
    Key(Scope.PROBE, "Credential", probe_values.CREDENTIAL, "", _RESOURCED, "credential", types=(*_LOGINS, *_EXEC)),
    Key(Scope.PROBE, "Database", kind.TEXT, "", _RESOURCED, "database", types=DATABASES),
    Key(Scope.PROBE, "Query", kind.TEXT, "", _RESOURCED, "query", types=DATABASES),
    Key(Scope.PROBE, "Value", probe_values.COMPARISON, "", _RESOURCED, "value", types=DATABASES),
    Key(Scope.PROBE, "Question", probe_values.QUESTION, "", _RESOURCED, "question", types=_DNS),
    Key(Scope.PROBE, "Recipient", probe_values.MAILBOX, "", _RESOURCED, "recipient", types=_SMTP),
    Key(Scope.PROBE, "Exec", kind.COMMAND, "", _RESOURCED, "command", types=_EXEC),
    Key(Scope.PROBE, "Sandbox", kind.BOOLEAN, "yes", _RESOURCED, "sandbox", types=_EXEC),
    Key(Scope.PROBE, "MemoryMax", probe_values.SIZE, "128M", _RESOURCED, "memory_max", types=_EXEC),
    Key(Scope.PROBE, "Path", probe_values.PATH, "", _RESOURCED, "path", types=(*_FILE, *_MOUNT)),
    Key(Scope.PROBE, "Write", kind.BOOLEAN, "no", _RESOURCED, "write", types=(*_FILE, *_MOUNT)),
    Key(Scope.PROBE, "MaxAge", kind.span("1s"), "", _RESOURCED, "max_age_ms", types=_FILE),
    Key(Scope.PROBE, "FreePercent", kind.integer(1, 99), "", _RESOURCED, "free_percent", types=_MOUNT),
    Key(Scope.PROBE, "Depth", kind.integer(0, 100), "0", _RESOURCED, "depth", types=("ocf",)),
    Key(Scope.PROBE, "Probe", kind.NAME, "", _RESOURCED, "other", types=("probe",)),
    Key(Scope.PROBE, "CertificateDays", kind.integer(1, 3650), "", _RESOURCED, "certificate_days", types=_SECURE),
    Key(Scope.PROBE, "SlowAfter", kind.span("1ms", "10min"), "", _RESOURCED, "slow_after_ms"),
    Key(Scope.PROBE, "Interval", kind.span("100ms", "1h"), "2s", _RESOURCED, "interval_ms"),
    Key(Scope.PROBE, "FastInterval", kind.span("100ms", "1h"), "", _RESOURCED, "fast_interval_ms"),
    Key(Scope.PROBE, "Timeout", kind.span("50ms", "10min"), "1s", _RESOURCED, "timeout_ms"),
    Key(Scope.PROBE, "StartTimeout", kind.span("100ms"), "60s", _RESOURCED, "start_timeout_ms"),
    Key(Scope.PROBE, "FailAfter", kind.integer(1, 1000), "3", _RESOURCED, "fail_after"),
    Key(Scope.PROBE, "PassAfter", kind.integer(1, 1000), "1", _RESOURCED, "pass_after"),
    Key(Scope.PROBE, "Outside", kind.BOOLEAN, "no", _RESOURCED, "outside"),
    Key(Scope.PROBE, "From", probe_values.FROM, "self", _RESOURCED, "peers"),
    Key(Scope.PROBE, "Needs", kind.NAMES, "", _RESOURCED, "needs"),
    Key(Scope.PROBE, "Level", kind.member_of(Level), "live", _RESOURCED, "level"),
    Key(Scope.PROBE, "OnFail", kind.member_of(OnFail), "recover", _RESOURCED, "on_fail"),
    Key(Scope.ADDRESS, "Prefix", kind.integer(0, 128), "", "standfast-ip", "prefix"),
    Key(Scope.ADDRESS, "Interface", kind.INTERFACE, "", "standfast-ip", "interface"),
    Key(Scope.ADDRESS, "Duplicate", kind.one_of("refuse", "defend"), "refuse", "standfast-ip", "duplicate"),
    Key(Scope.OCF, "Agent", OCF_AGENT, "", "standfast-ocf", "agent", required=True),
    Key(Scope.OCF, "Parameter", OCF_PARAMETERS, "", "standfast-ocf", "parameters"),
)

KEYS = _CLUSTER_KEYS + _UNIT_KEYS
_BY_SCOPE = {scope: {key.name: key for key in KEYS if key.scope is scope} for scope in Scope}


def read(scope: Scope, entries: Iterable[Entry], begins: Source, problems: list[Problem]) -> Values:
    """The typed values of one record; everything wrong in it is appended to `problems`.

    `begins` is where the record begins: the place of a required key that is missing.
    """
    found: dict[str, Any] = {}
    right: dict[str, tuple[Entry, ...]] = {}
    written = effective(entries)
    for name, lines in written.items():
        key = _BY_SCOPE[scope].get(name)
        if key is None:
            problems.append(_unknown(scope, lines[-1]))
        elif key.field is None:
            problems.append(Problem(source=lines[-1].source, text=f"{name}= in {_header(scope)} is not supported yet"))
        elif (parsed := _parse(key, lines, problems)) is not None:
            found[key.field] = key.kind.combine(parsed)
            right[name] = lines
    missing = [key.name for key in _BY_SCOPE[scope].values() if key.required and key.name not in right]
    wrong = frozenset(written) - set(right)
    which = " ".join((_header(scope), *((found["name"],) if "name" in found else ())))
    problems += [Problem(source=begins, text=f"{which} needs {name}=; add it") for name in missing if name not in wrong]
    return Values(by_field=found, entries=right, wrong=wrong, complete=not missing)


def did_you_mean(word: str, possible: Iterable[str], form: str = "{}") -> str:
    """ "; did you mean X?" for the closest of `possible`, or "" when none is close."""
    known = {name.lower(): name for name in possible}
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.65)
    return f"; did you mean {form.format(known[close[0]])}?" if close else ""


def table() -> str:
    """contrib/docs/keys.md as it must be."""
    lines = [
        "# All keys",
        "",
        "Made by `python3 -m standfast.configuration.keys > contrib/docs/keys.md`; do not edit it by hand.",
        "The sections of cluster.conf come first, then those of files in units/.",
        "A bare number as a time span is seconds.",
        "A *required* key has no default; *later* means: refused as not supported yet.",
    ]
    for scope in Scope:
        lines += ["", f"## {scope}", "", "| key | value | default | read by |", "|---|---|---|---|"]
        lines += [_row(key) for key in KEYS if key.scope is scope]
    return "\n".join(lines) + "\n"


def _row(key: Key) -> str:
    default = "*required*" if key.required else f"`{key.default}`" if key.default else ""
    readers = key.readers if key.field else f"*later*: {key.readers}"
    types = f" (Type={' and '.join(key.types)})" if key.types else ""
    return f"| {key.name}= | {key.kind.label}{types} | {default} | {readers} |"


def _parse(key: Key, lines: tuple[Entry, ...], problems: list[Problem]) -> tuple[Any, ...] | None:
    parsed = []
    good = True
    for entry in lines:
        try:
            parsed.append(key.kind.parse(entry.value))
        except ValueError as error:
            problems.append(Problem(source=entry.source, text=f"{key.name}=: {error}"))
            good = False
    return tuple(parsed) if good else None


def _unknown(scope: Scope, entry: Entry) -> Problem:
    header = _header(scope)
    hint = did_you_mean(entry.key, _BY_SCOPE[scope], "{}=")
    elsewhere = [str(other) for other in Scope if entry.key in _BY_SCOPE[other] and other is not scope]
    if not hint and elsewhere:
        hint = f"; it belongs in {' or '.join(elsewhere)}"
    return Problem(source=entry.source, text=f"unknown option {entry.key}= in {header}{hint}")


def _header(scope: Scope) -> str:
    return scope.partition("]")[0] + "]"


if __name__ == "__main__":
    sys.stdout.write(table())
