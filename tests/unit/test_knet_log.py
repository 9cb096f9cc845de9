"""What knet logs of its links, in the lines that Corosync 3.1.7 writes."""

from pathlib import Path

import pytest

from standfast.corosync import knet_log
from standfast.corosync.knet_log import KnetLog, LinkChange

DOWN = "Nov 28 18:31:04 [124] node2 corosync info    [KNET  ] link: host: 1 link: 0 is down\n"
NOISE = "Nov 28 18:31:04 [124] node2 corosync warning [KNET  ] host: host: 1 has no active links\n"
UP = "Nov 28 18:31:09 [124] node2 corosync info    [KNET  ] rx: host: 1 link: 0 is up\n"
IS_DOWN, IS_UP = LinkChange(peer=1, link=0, up=False), LinkChange(peer=1, link=0, up=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "links.log"


def append(file: Path, text: str) -> None:
    with file.open("a") as log:
        log.write(text)


def test_changes_are_told_once_and_in_order(file: Path) -> None:
    append(file, UP)
    log = KnetLog(file)
    assert log.changes() == (), "what was there before is old news"
    append(file, DOWN + NOISE + UP)
    assert log.changes() == (IS_DOWN, IS_UP)
    assert log.changes() == ()


def test_half_a_line_waits_for_its_end(file: Path) -> None:
    log = KnetLog(file)
    assert log.changes() == (), "there is no file yet"
    append(file, DOWN[:-8])
    assert log.changes() == ()
    append(file, DOWN[-8:])
    assert log.changes() == (IS_DOWN,)


def test_a_large_file_is_emptied_and_read_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knet_log, "_LARGEST", 10)
    log = KnetLog(file)
    append(file, DOWN)
    assert log.changes() == (IS_DOWN,)
    assert file.stat().st_size == 0
    append(file, UP)
    assert log.changes() == (IS_UP,)


def test_a_file_that_somebody_else_emptied_is_read_from_its_beginning(file: Path) -> None:
    append(file, DOWN * 3)
    log = KnetLog(file)
    file.write_text(UP)
    assert log.changes() == (IS_UP,)
