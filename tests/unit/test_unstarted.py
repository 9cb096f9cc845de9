"""Why a unit is not up although nothing of it has failed."""

import pytest

from standfast.resourced.unstarted import not_started, still_starting

APACHE = "apache2.service"


@pytest.mark.parametrize(
    ("sub", "why"),
    [
        ("start-pre", "its ExecStartPre= has not ended"),
        ("start", "its ExecStart= has not ended, or has not said that it is ready"),
        ("mounting", "what it mounts has not answered"),
        ("something-new", "it is in state something-new"),
    ],
)
def test_a_start_that_takes_long_says_what_it_waits_for(sub: str, why: str) -> None:
    assert still_starting(APACHE, sub).text == f"{APACHE} is still starting: {why} (systemctl status {APACHE})"


def test_the_condition_that_was_not_met_is_named() -> None:
    met, untested = ("ConditionPathExists", False, False, "/etc", 1), ("ConditionHost", False, False, "x", 0)
    failed = ("ConditionPathExists", False, True, "/etc/nologin", -1)
    cause = not_started(APACHE, [met, untested, failed])
    text = "was not started: ConditionPathExists=!/etc/nologin of its unit file is not met here"
    assert (cause.kind, cause.text) == ("condition", f"{APACHE} {text}")


def test_a_condition_that_is_a_command_is_named() -> None:
    assert not_started(APACHE, [], "exec-condition").text.endswith("its ExecCondition= says no")


def test_what_ran_to_its_end_is_told_how_it_becomes_a_resource() -> None:
    cause = not_started(APACHE, [])
    assert cause.kind == "gone"
    assert cause.text.endswith("what runs to its end needs RemainAfterExit=yes to be a resource")
