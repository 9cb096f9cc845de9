"""Entries as journald gets them, and what happens without it."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from standfast import journal
from standfast.journal import Event, Level


@pytest.fixture
def journald(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A journald that a test reads by hand."""
    monkeypatch.setattr(journal, "SOCKET", tmp_path / "socket")
    monkeypatch.setattr(journal, "_sender", journal._Sender())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.settimeout(2)
        yield listener


def parse(datagram: bytes) -> dict[str, str]:
    """journald's side of the native protocol."""
    entry = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            (length,) = struct.unpack("<Q", rest[:8])
            name, value, rest = line, rest[8 : 8 + length], rest[8 + length + 1 :]
        entry[name.decode()] = value.decode()
        datagram = rest
    return entry


def test_an_entry_has_sentence_id_level_and_fields(journald: socket.socket) -> None:
    journal.identify("fenced", "node2")
    journal.write(Event.FENCE_PROVEN, Level.NOTICE, "node1 is off", loss="8.1", cause="power = off\nreally")
    entry = parse(journald.recv(65536))
    assert entry == {
        "MESSAGE": "node1 is off",
        "MESSAGE_ID": journal.message_id(Event.FENCE_PROVEN),
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "standfast-fenced",
        "STANDFAST_EVENT": "fence-proven",
        "STANDFAST_NODE": "node2",
        "STANDFAST_LOSS": "8.1",
        "STANDFAST_CAUSE": "power = off\nreally",
    }


def test_an_entry_can_be_about_another_node(journald: socket.socket) -> None:
    journal.identify("fenced", "node2")
    journal.write(Event.FENCE_BEGUN, Level.WARNING, "…", node="node1")
    assert parse(journald.recv(65536))["STANDFAST_NODE"] == "node1"


def test_a_field_may_have_several_values(journald: socket.socket) -> None:
    journal.write(Event.NODE_LOST, Level.WARNING, "…", group=("db", "web"), cause=())
    data = journald.recv(65536)
    assert b"STANDFAST_GROUP=db\nSTANDFAST_GROUP=web\n" in data
    assert b"STANDFAST_CAUSE" not in data


def test_a_value_can_forge_no_field_and_is_bounded() -> None:
    entry = parse(journal.encode({"MESSAGE": "x\n_UID=0\nPRIORITY=0", "LONG": "y" * 100_000}))
    assert set(entry) == {"MESSAGE", "LONG"}
    assert len(entry["LONG"]) == journal.LONGEST_VALUE


def test_a_journald_that_does_not_read_delays_nobody_and_the_loss_is_told(journald: socket.socket) -> None:
    for number in range(2000):
        journal.write(Event.BUS_LOST, Level.INFO, f"entry {number} " + "x" * 500)
    read = len(journald.recv(65536)) and 1
    journald.setblocking(False)
    while True:
        try:
            journald.recv(65536)
        except BlockingIOError:
            break
        read += 1
    assert read < 2000
    journal.write(Event.BUS_LOST, Level.INFO, "after")
    assert int(parse(journald.recv(65536))["STANDFAST_DROPPED"]) == 2000 - read


def test_without_a_journal_the_sentence_goes_to_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journal, "SOCKET", tmp_path / "nowhere")
    monkeypatch.setattr(journal, "_sender", journal._Sender())
    journal.identify("quorumd")
    journal.write(Event.BUS_LOST, Level.ERROR, "the system bus is gone")
    assert capsys.readouterr().err == "<3>standfast-quorumd: the system bus is gone [bus-lost]\n"


def test_message_ids_are_distinct_and_never_change() -> None:
    assert len({journal.message_id(event) for event in Event}) == len(Event)
    assert journal.message_id(Event.DAEMON_FAILED) == "ffe20c19d3e45be7b0b14f2064d3813b"
