"""held and lease: their order, their rights, what a later resourced reads."""

import os
from pathlib import Path

import pytest

from standfast.resourced.leases import Leases


def test_a_group_is_held_and_leased_until_both_are_taken_back(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.hold("webserv")
    leases.grant("webserv")
    assert (leases.held(), leases.leased()) == (("webserv",), ("webserv",))
    assert leases.path("webserv").exists()
    leases.revoke("webserv")
    leases.release("webserv")
    assert (leases.held(), leases.leased()) == ((), ())


def test_a_lease_without_held_is_a_broken_invariant(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    with pytest.raises(AssertionError):
        leases.grant("webserv")
    assert leases.leased() == ()


def test_held_is_not_taken_away_while_the_lease_is_here(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.hold("webserv")
    leases.grant("webserv")
    with pytest.raises(AssertionError):
        leases.release("webserv")
    assert leases.held() == ("webserv",)


def test_every_step_may_be_repeated(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    for step in (leases.hold, leases.grant, leases.revoke, leases.release):
        step("webserv")
        step("webserv")
    assert leases.held() == ()


def test_the_next_resourced_reads_what_this_one_held(tmp_path: Path) -> None:
    Leases(tmp_path).hold("webserv")
    Leases(tmp_path).hold("database")
    assert Leases(tmp_path).held() == ("database", "webserv")


def test_files_and_folders_can_be_read_by_all_and_written_by_root_only(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        leases = Leases(tmp_path / "run")
    finally:
        os.umask(before)
    leases.hold("webserv")
    assert (tmp_path / "run/held").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "run/held/webserv").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["", "../escape", ".hidden", "a/b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError):
        Leases(tmp_path).hold(name)


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "run")
    (tmp_path / "run/held/webserv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        leases.hold("webserv")
    assert not (tmp_path / "elsewhere").exists()
