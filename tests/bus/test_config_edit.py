"""`standfast config edit`, with an editor that does what the test says."""

from pathlib import Path

import pytest

from bus.desk import Desk
from fakes.pushing import CLUSTER
from standfast.operations import config_versions


def editor(desk: Desk, monkeypatch: pytest.MonkeyPatch, *steps: str) -> Path:
    """$EDITOR does one of these steps (of sh; $1 is the file) each time that it is run; the file that counts them."""
    count = desk.etc.parent / "count"
    cases = "".join(f"{number}) {step};;\n" for number, step in enumerate(steps, 1))
    script = desk.etc.parent / "editor"
    script.write_text(f"#!/bin/sh\necho x >>{count}\ncase $(wc -l <{count}) in\n{cases}esac\n")
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    return count


def test_a_file_is_edited_in_a_copy_and_written_when_it_is_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "false")
    editor(desk, monkeypatch, 'test "$(stat -c %a $(dirname $1))" = 700 && sed -i s/webha/shop/ $1')
    result = desk.invoke("edit")
    assert result.exit_code == 0, result.stderr
    assert (desk.etc / "cluster.conf").read_text() == CLUSTER.replace("webha", "shop")
    assert result.stdout == f"{desk.etc}/cluster.conf was written; to bring it into force: standfast config push\n"


def test_a_slip_is_told_and_edited_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_versions, "has_terminal", lambda: True)
    count = editor(desk, monkeypatch, "sed -i s/site/sight/ $1", "sed -i s/sight/site/2 $1; sed -i s/sight/site/ $1")
    result = desk.invoke("edit", "units/webserv.target", typed="edit\n")
    assert "units/webserv.target:" in result.stderr
    assert count.read_text().count("x") == 2


@pytest.mark.parametrize(("typed", "written"), [("write\n", True), ("drop\n", False), ("", False)])
def test_a_slip_is_written_only_if_the_administrator_insists(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, written: bool
) -> None:
    editor(desk, monkeypatch, "sed -i s/site.service/sight.service/ $1")
    monkeypatch.setattr(config_versions, "has_terminal", lambda: bool(typed))
    result = desk.invoke("edit", "units/webserv.target", typed=typed)
    assert result.exit_code == (0 if written else 1)
    assert ("sight" in (desk.etc / "units/webserv.target").read_text()) == written
    assert written or result.stderr.endswith("Nothing was changed.\n")


def test_a_new_unit_and_a_new_secret_get_their_modes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "sh -c 'echo \"[Service]\" >$0'")
    assert desk.invoke("edit", "units/site.service.d/more.conf").exit_code == 0
    assert (desk.etc / "units/site.service.d/more.conf").stat().st_mode & 0o777 == 0o644
    assert desk.invoke("edit", "pdu.secret").exit_code == 0
    assert (desk.etc / "pdu.secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_stays_secret_when_it_is_edited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(desk, monkeypatch, "echo other >$1")
    assert desk.invoke("edit", "bmc.secret").exit_code == 0
    assert (desk.etc / "bmc.secret").stat().st_mode & 0o777 == 0o600
    assert (desk.etc / "bmc.secret").read_text() == "other\n"


def test_what_was_not_changed_is_not_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(desk, monkeypatch, "true")
    before = (desk.etc / "cluster.conf").stat()
    result = desk.invoke("edit")
    assert (result.exit_code, result.stdout) == (0, "cluster.conf was not changed.\n")
    assert (desk.etc / "cluster.conf").stat() == before


def test_what_somebody_else_changed_meanwhile_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    other = CLUSTER.replace("webha", "theirs")
    editor(desk, monkeypatch, f"sed -i s/webha/ours/ $1; sed -i s/webha/theirs/ {desk.etc}/cluster.conf")
    result = desk.invoke("edit")
    assert result.exit_code == 1
    assert (desk.etc / "cluster.conf").read_text() == other
    assert (desk.etc / "cluster.conf.new").read_text() == CLUSTER.replace("webha", "ours")
    assert f"what you wrote is in {desk.etc}/cluster.conf.new" in result.stderr


@pytest.mark.parametrize("command", ["false", "/nowhere/editor", "'"])
def test_an_editor_that_fails_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("VISUAL", command)
    result = desk.invoke("edit")
    assert result.exit_code == 1
    assert result.stderr.endswith("Nothing was changed.\n")
    assert (desk.etc / "cluster.conf").read_text() == CLUSTER


@pytest.mark.parametrize("name", ["../passwd", "units", "units/webserv.target/x.conf", ".hidden.service"])
def test_a_name_that_no_file_can_have_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    count = editor(desk, monkeypatch, "true")
    assert desk.invoke("edit", name).exit_code in (1, 2)
    assert not count.exists()
