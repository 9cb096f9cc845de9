"""A client of a database that writes numbered rows, one transaction each, and notes every one that was acknowledged.

row_writer LOG COMMAND…: the command is the database's own client. It reads statements, and prints a row's number when
the row is committed.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path

EVERY_S = 0.01
ANSWER_WITHIN_S = 1.0  # else a new connection: a node without power says nothing
CONNECTED_WITHIN_S = 5.0  # and answered once; the client itself gives up earlier where nobody is
STATEMENTS = "insert into noted values ({0}); select {0};\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row that was sent; times are CLOCK_MONOTONIC seconds."""

    number: int
    sent: float
    acknowledged: float | None  # None: nobody said so, and it may be there or not


def read(log: Path) -> list[Row]:
    """All rows that were sent, but for one that is under way, in order."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [Row(**json.loads(line)) for line in lines if line.endswith("\n")]


def faults(rows: Sequence[Row], there: Set[int], last: int) -> list[str]:
    """What is wrong where those numbers are in the database, as sentences.

    `rows` were sent before it was asked, and by its answer no number above `last`.
    """
    lost = [row.number for row in rows if row.acknowledged is not None and row.number not in there]
    unsent = sorted(number for number in there if not 1 <= number <= last)
    return [f"row {number} was acknowledged, and is lost" for number in lost] + [
        f"row {number} is there, and was never sent" for number in unsent
    ]


def write_for_ever(log: Path, command: list[str]) -> None:
    """Never returns; a number is sent once only."""
    with log.open("a", buffering=1) as lines:
        number = 0
        while True:
            for row in _rows(number, command):
                number = row.number
                lines.write(json.dumps(asdict(row)) + "\n")
                time.sleep(EVERY_S)


def _rows(last: int, command: list[str]) -> Iterator[Row]:
    """The rows of one connection, up to the first one that is not acknowledged."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as client:
        acknowledged, within_s = True, CONNECTED_WITHIN_S
        while acknowledged:
            last += 1
            sent = time.monotonic()
            acknowledged = _is_committed(client, last, within_s)
            within_s = ANSWER_WITHIN_S
            yield Row(number=last, sent=sent, acknowledged=time.monotonic() if acknowledged else None)
        client.kill()


def _is_committed(client: subprocess.Popen[bytes], number: int, within_s: float) -> bool:
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        client.stdin.write(STATEMENTS.format(number).encode())
    except BrokenPipeError:
        return False
    until, answer = time.monotonic() + within_s, b""
    while not answer.endswith(b"\n"):
        ready, _, _ = select.select([client.stdout], [], [], max(0.0, until - time.monotonic()))
        more = os.read(client.stdout.fileno(), 100) if ready else b""
        if not more:
            return False
        answer += more
    return answer == b"%d\n" % number


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]), sys.argv[2:])
