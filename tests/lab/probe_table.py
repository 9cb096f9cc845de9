"""What every type of probe says of six kinds of answers from real servers (issue 6, line 1)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

KINDS = ("good", "bad", "hung", "slow", "reset", "malformed")
SLOW = r", but it took \d+ ms, longer than 2500 ms$"
SILENT = "no answer within 6 s$"
STUCK = "the file system does not answer within 6 s$"
RESET = "the connection was reset$"
DATABASE = (
    'good: == "yes" holds$',
    'bad: == "yes" does not hold: it is “no”$',
    f"bad: {SILENT}",
    f'bad: == "yes" holds{SLOW}',
    f"bad: {RESET}",
)
NO_CONNECTION = "not asked: there is no connection that could be reset"
KERNEL = "not asked: the kernel of this machine answers at once, in one form"
# For each type and kind of answer, what the probe says: outcome, and an expression that its text matches.
TABLE: dict[str, tuple[str, ...]] = {
    "http": (
        "good: status 200$",
        "bad: status 503, expected 200$",
        f"bad: {SILENT}",
        f"bad: status 200{SLOW}",
        f"bad: {RESET}",
        "bad: the answer is not HTTP: “220 ",
    ),
    "https": (
        "good: status 200$",
        "bad: status 503, expected 200$",
        f"bad: {SILENT}",
        f"bad: status 200{SLOW}",
        f"bad: {RESET}",
        "bad: .*(?i:wrong version)",
    ),
    "tcp": (
        r"good: the answer matches \^",
        "bad: the answer does not match .*“-NOPERM ",
        f"bad: {SILENT}",
        f"bad: the answer matches .*{SLOW}",
        f"bad: {RESET}",
        "bad: the answer does not match .*“220 ",
    ),
    "tls": (
        r"good: the answer matches \^",
        "bad: the answer does not match .*503",
        f"bad: {SILENT}",
        f"bad: the answer matches .*{SLOW}",
        f"bad: {RESET}",
        "bad: .*(?i:wrong version)",
    ),
    "udp": (
        "good: the answer matches ",
        "bad: the answer does not match .*“4\ufffd",
        f"bad: {SILENT}",
        f"bad: the answer matches .*{SLOW}",
        "bad: connection refused$",
        "bad: the answer does not match .*“4 +www lab test”$",
    ),
    "dns": (
        "good: the answer matches ",
        "bad: the answer does not match .*192.0.2.99”$",
        f"bad: {SILENT}",
        f"bad: the answer matches .*{SLOW}",
        "bad: connection refused$",
        "bad: the answer is to another question$",
    ),
    "icmp": (
        "good: it answers$",
        "bad: No route to host$",
        f"bad: {SILENT}",
        f"bad: it answers{SLOW}",
        NO_CONNECTION,
        "not asked: what is no reply to this very request is left unread",
    ),
    "link": ("good: it is up and has its carrier$", "bad: it is down$", KERNEL, KERNEL, KERNEL, KERNEL),
    "address": ("good: it is on probed0$", "bad: no interface has it$", KERNEL, KERNEL, KERNEL, KERNEL),
    "exec": (
        "good: exit code 0, and what it wrote matches ",
        "bad: exit code 2: “three of four disks”$",
        "unknown: it did not end within 6 s$",
        f"bad: exit code 0, .*{SLOW}",
        "unknown: it was ended by signal 9$",
        "bad: exit code 0, but what it wrote does not match .*“Traceback",
    ),
    "file": (
        "good: it can be read, and matches ",
        "bad: it cannot be read: No such file or directory$",
        f"bad: {STUCK}",
        f"bad: it can be read, .*{SLOW}",
        "bad: it cannot be read: Transport endpoint is not connected$",
        "bad: what is in it does not match ",
    ),
    "mount": (
        "good: it answers and can be written$",
        "bad: nothing is mounted there$",
        f"bad: {STUCK}",
        f"bad: it answers and can be written{SLOW}",
        "bad: the file system does not work: Transport endpoint is not connected$",
        "not asked: what is in its files is looked at by Type=file",
    ),
    "smtp": (
        "good: it greets “node1 Python SMTP .*, and it takes mail for somebody@lab.test$",
        "bad: after RCPT TO:<somebody@lab.test> it says “550 5.1.1 nobody of that name”$",
        f"bad: {SILENT}",
        f"bad: it greets .*{SLOW}",
        f"bad: {RESET}",
        "bad: after connecting it says .*, which is not SMTP$",
    ),
    "mysql": (*DATABASE, "bad: its answer is not MySQL's$"),
    "pgsql": (*DATABASE, "bad: its answer is not PostgreSQL's$"),
    "redis": (*DATABASE, "bad: its answer is not Redis's$"),
    "probe": (  # of the http one
        "good: status 200$",
        "bad: status 503, expected 200$",
        f"bad: {SILENT}",
        f"bad: status 200{SLOW}",
        f"bad: {RESET}",
        "bad: the answer is not HTTP: “220 ",
    ),
    "unit": (
        "good: it is active, and its status matches ",
        "bad: it is inactive, expected active$",
        "unknown: systemd does not answer$",
        "not asked: SlowAfter= is the same for all types, and systemd cannot be made slow alone",
        NO_CONNECTION,
        "bad: its status does not match .*“on holiday”$",
    ),
}


def differences(seen: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Prints what was seen, by kind of answer and type, as a table; what is not as it must be."""
    for name, row in TABLE.items():
        told_apart = set()
        for kind, expected in zip(KINDS, row, strict=True):
            one = seen[kind][name]
            said = f"{one['outcome']}: {one['text'].partition(': ')[2]}"
            asked = not expected.startswith("not asked")
            print(f"{name:8} {kind:10} {said if asked else expected}")
            if asked and not re.match(expected, said):
                yield f"{name}, {kind}: {said}, expected {expected}"
            if asked and said in told_apart:
                yield f"{name}, {kind}: it says the same of another kind: {said}"
            told_apart.add(said)
