"""Files that are whole or not there, and what the machine says about itself."""

import os
from pathlib import Path

import pytest

from standfast import files


def test_a_file_is_replaced_whole_and_has_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "record"
    files.write_atomic(path, b"one")
    files.write_atomic(path, b"two", 0o644)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_does_not_change_the_mode(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files.write_atomic(tmp_path / "open", b"", 0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_content_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record"
    files.write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_of_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".record.new").write_bytes(b"half")
    files.write_atomic(tmp_path / "record", b"whole")
    assert (tmp_path / "record").read_bytes() == b"whole"


def test_a_link_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"keep")
    (tmp_path / ".record.new").symlink_to(tmp_path / "victim")
    files.write_atomic(tmp_path / "record", b"new")
    assert (tmp_path / "victim").read_bytes() == b"keep"


def test_the_incarnation_is_the_boot_id_and_the_start_of_pid_1(tmp_path: Path) -> None:
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("1b4e28ba-2fa1-11d2-883f-0016d3cca427\n")
    (tmp_path / "1").mkdir()
    fields = " ".join(str(number) for number in range(4, 53))
    (tmp_path / "1/stat").write_text(f"1 (a (bad) name) S {fields}\n")
    assert files.incarnation(tmp_path) == "1b4e28ba-2fa1-11d2-883f-0016d3cca427/22"


def test_this_machine_has_an_incarnation_that_does_not_change() -> None:
    assert files.incarnation() == files.incarnation()
    assert len(files.incarnation().split("/")) == 2


def test_a_machine_without_identity_has_an_empty_one(tmp_path: Path) -> None:
    assert files.machine_id(tmp_path) == ""
    assert files.product_uuid(tmp_path) == ""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    assert files.machine_id(tmp_path) == "0123456789abcdef0123456789abcdef"


def test_boottime_goes_on() -> None:
    assert 0 < files.boottime_ms() <= files.boottime_ms()
