"""One journal entry for each transition, with a message id for the catalogue and fields for `timeline`.

It speaks journald's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL) on a socket that never
blocks: libsystemd's sd_journal_send waits when journald does not read, and a hung journald must not hang the
cluster.
"""

import contextlib
import socket
import struct
import sys
import uuid
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
LONGEST_VALUE = 16_384  # bytes of one field: an entry stays one datagram

_NAMESPACE = uuid.UUID("4f5d3c0a-6a55-4c0e-9d3c-5b8d6f0e7a21")


class Level(IntEnum):
    """Who must act (sd-daemon(3)): error = the operator, now."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class Event(StrEnum):
    """The transitions. Each daemon has a block; units/standfast.catalog explains every one."""

    # every daemon
    DAEMON_FAILED = "daemon-failed"
    BUS_LOST = "bus-lost"
    BUS_REGAINED = "bus-regained"
    METHOD_FAILED = "method-failed"
    # addresses: standfast.addresses.telling writes them
    ADDRESS_FAILED = "address-failed"
    ADDRESS_CLAIMED = "address-claimed"
    ADDRESS_FREE = "address-free"
    FRAME_LOST = "frame-lost"
    # standfast-ocf@
    OCF_FAILED = "ocf-failed"
    OCF_TAKEN_OVER = "ocf-taken-over"
    # metrics
    METRICS_REFUSED = "metrics-refused"
    # alerts
    ALERT_FAILED = "alert-failed"
    ALERT_SENT = "alert-sent"
    # the drain
    DRAIN_BEGUN = "drain-begun"
    DRAIN_WAITS = "drain-waits"
    DRAIN_DONE = "drain-done"
    DRAIN_FAILED = "drain-failed"
    # fenced
    FENCE_BEGUN = "fence-begun"
    FENCE_AGENT_FAILED = "fence-agent-failed"
    FENCE_PROVEN = "fence-proven"
    FENCE_FAILED = "fence-failed"
    FENCE_GIVEN_UP = "fence-given-up"
    FENCE_SWITCHED_ON = "fence-switched-on"
    FENCE_ON_FAILED = "fence-on-failed"
    FENCE_DEVICE_SILENT = "fence-device-silent"
    FENCE_DEVICE_ANSWERS = "fence-device-answers"
    FENCE_HISTORY_FAILED = "fence-history-failed"
    FENCE_DEVICE_WRONG = "fence-device-wrong"
    UNFENCED = "unfenced"
    UNFENCE_FAILED = "unfence-failed"
    FENCE_AGENT_LOOSE = "fence-agent-loose"
    FENCE_DEVICE_PROBLEM = "fence-device-problem"
    # membershipd
    VIEW_CHANGED = "view-changed"
    LINK_DOWN = "link-down"
    LINK_UP = "link-up"
    LINK_FLAPS = "link-flaps"
    LINK_STEADY = "link-steady"
    PRESENCE_REFUSED = "presence-refused"
    VERSION_REFUSED = "version-refused"
    VERSION_UNSTORED = "version-unstored"
    COROSYNC_LOST = "corosync-lost"
    COROSYNC_START_FAILED = "corosync-start-failed"
    COROSYNC_FOREIGN = "corosync-foreign"
    COROSYNC_HANGS = "corosync-hangs"
    COROSYNC_ANSWERS = "corosync-answers"
    COROSYNC_RELOADED = "corosync-reloaded"
    COROSYNC_REFUSED = "corosync-refused"
    COROSYNC_WAITS = "corosync-waits"
    COROSYNC_STAYS = "corosync-stays"
    RINGS_CHURN = "rings-churn"
    RINGS_STEADY = "rings-steady"
    WITHDRAWN = "withdrawn"
    WITHDRAWAL_OVER = "withdrawal-over"
    WITHDRAWAL_UNSTORED = "withdrawal-unstored"
    COROSYNC_RESTART_DUE = "corosync-restart-due"
    ARBITER_START_FAILED = "arbiter-start-failed"
    CONFIGURATION_PROBLEM = "configuration-problem"
    CONFIGURATION_MISSING = "configuration-missing"
    CONFIGURATION_GOOD = "configuration-good"
    CONFIGURATION_EDITED = "configuration-edited"
    # quorumd
    QUORUM_GAINED = "quorum-gained"
    QUORUM_LOST = "quorum-lost"
    WATCHDOG_ARMED = "watchdog-armed"
    WATCHDOG_DISARMED = "watchdog-disarmed"
    WATCHDOG_REFUSED = "watchdog-refused"
    WATCHDOG_TIMEOUT = "watchdog-timeout"
    WATCHDOG_STARVED = "watchdog-starved"
    WATCHDOG_FED = "watchdog-fed"
    WATCHDOG_CALLER = "watchdog-caller"
    SLEEP_POSSIBLE = "sleep-possible"
    ARBITER_VOTES = "arbiter-votes"
    ARBITER_SILENT = "arbiter-silent"
    NODE_HEALTHY = "node-healthy"
    NODE_UNHEALTHY = "node-unhealthy"
    HEURISTIC_CHANGED = "heuristic-changed"
    HEURISTIC_UNKNOWN = "heuristic-unknown"
    # metrics
    METRICS_RECOUNTED = "metrics-recounted"
    # resourced
    RECORD_DAMAGED = "record-damaged"
    RECORDER_STOPPED = "recorder-stopped"
    BAD_MESSAGE = "bad-message"
    PROTOCOL_RAISED = "protocol-raised"
    RELEASE_TOO_OLD = "release-too-old"
    DISK_GOOD = "disk-good"
    DISK_BAD = "disk-bad"
    PERMIT_FAILED = "permit-failed"
    TERM_OPENED = "term-opened"
    QUORUM_LOST_STOP = "quorum-lost-stop"
    ALONE_ASKED = "alone-asked"
    ALONE_ENDED = "alone-ended"
    ALONE_BEGUN = "alone-begun"
    ALONE_OVER = "alone-over"
    QUORUM_LOOSENED = "quorum-loosened"
    QUORUM_NOT_LOOSENED = "quorum-not-loosened"
    START_REFUSED = "start-refused"
    NODE_LOST = "node-lost"
    ATTEMPT = "attempt"
    ATTEMPT_FAILED = "attempt-failed"
    NODE_PROVEN = "node-proven"
    SWITCHED_ON = "switched-on"
    ORDER = "order"
    ORDER_REFUSED = "order-refused"
    GROUP_ACTIVE = "group-active"
    GROUP_SERVES = "group-serves"
    GROUP_FAILED = "group-failed"
    GROUP_DISABLED = "group-disabled"
    GROUP_KEPT = "group-kept"
    GROUP_BY_HAND = "group-by-hand"
    GROUP_HANDED_BACK = "group-handed-back"
    WISH = "wish"
    NODE_LEFT = "node-left"
    NODE_STAYS = "node-stays"
    NODE_BACK = "node-back"
    CONFIGURATION_IN_FORCE = "configuration-in-force"
    NODE_CONDEMNED = "node-condemned"
    NODE_DRIFTED = "node-drifted"
    GROUP_STOPPED = "group-stopped"
    GROUP_STARTING = "group-starting"
    GROUP_STARTED = "group-started"
    GROUP_STOPPING = "group-stopping"
    GROUP_BLOCKED = "group-blocked"
    PROBE_CHANGED = "probe-changed"
    PROBE_FLAPS = "probe-flaps"
    PROBE_STEADY = "probe-steady"
    UNIT_JOB_FAILED = "unit-job-failed"
    GUARD_MISSING = "guard-missing"
    MOUNT_BUSY = "mount-busy"
    MOUNT_FREED = "mount-freed"
    UNITS_UNREADABLE = "units-unreadable"
    DRILL_BEGUN = "drill-begun"
    DRILL_FAULT = "drill-fault"
    DRILL_ENDED = "drill-ended"
    DRILL_REPORT = "drill-report"


class _Sender:
    """Who this process is in every entry, and the socket it speaks on."""

    def __init__(self) -> None:
        self.identifier = "standfast"
        self.node = ""
        self.dropped = 0
        self.socket: socket.socket | None = None

    def send(self, datagram: bytes) -> bool:
        """journald has it, or it was dropped because journald does not read; False: there is no journald."""
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self.socket.setblocking(False)
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * 1024 * 1024)
        try:
            self.socket.sendto(datagram, str(SOCKET))
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            return False
        else:
            self.dropped = 0
        return True


_sender = _Sender()


def identify(daemon: str, node: str = "") -> None:
    """From now on entries say that they come from standfast-`daemon` on `node` ("" = not known yet)."""
    _sender.identifier = f"standfast-{daemon}"
    _sender.node = node


def message_id(event: Event) -> str:
    """The MESSAGE_ID of an event, 32 hex digits, the same for ever."""
    return uuid.uuid5(_NAMESPACE, event.value).hex


def write(event: Event, level: Level, text: str, **fields: str | tuple[str, ...]) -> None:
    """One entry is in the journal (without a journal: one line on stderr).

    `fields` become STANDFAST_NAME, one with several values several fields of that name; `node` names the node that
    the entry is about, by default this one.
    While journald does not read, entries are lost and the next one that gets through says how many.
    """
    entry: dict[str, str | tuple[str, ...]] = {
        "MESSAGE": text,
        "MESSAGE_ID": message_id(event),
        "PRIORITY": str(int(level)),
        "SYSLOG_IDENTIFIER": _sender.identifier,
        "STANDFAST_EVENT": event.value,
    }
    if _sender.node:
        entry["STANDFAST_NODE"] = _sender.node
    if _sender.dropped:
        entry["STANDFAST_DROPPED"] = str(_sender.dropped)
    entry |= {f"STANDFAST_{name.upper()}": value for name, value in fields.items()}
    if not _sender.send(encode(entry)):
        # sd-daemon(3): a line on stderr may begin with its level
        print(f"<{int(level)}>{_sender.identifier}: {text} [{event.value}]", file=sys.stderr, flush=True)


def encode(entry: Mapping[str, str | tuple[str, ...]]) -> bytes:
    """The entry as journald's native protocol wants it; a value with a newline goes with its length."""
    parts = []
    pairs = [(name, one) for name, value in entry.items() for one in ((value,) if isinstance(value, str) else value)]
    for name, value in pairs:
        data = value.encode(errors="replace")[:LONGEST_VALUE]
        if b"\n" in data:
            parts.append(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            parts.append(name.encode() + b"=" + data + b"\n")
    return b"".join(parts)
