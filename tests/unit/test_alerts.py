"""Alerts: what their heads say, which events a node sends, what waits, and from where the journal is read."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.journal_reader import START, Journal
from standfast.alerts import following
from standfast.alerts.choosing import Choosing
from standfast.alerts.following import Following
from standfast.alerts.hooks import hooked
from standfast.alerts.outbox import MOST, Outbox, Waiting
from standfast.alerts.told import Told, as_json, environment, told_of
from standfast.configuration.alerts import NOTHING, Alert, read_alerts
from standfast.configuration.load import examine
from standfast.configuration.tree import File, Tree

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6


def tree(**files: str) -> Tree:
    """Scripts by their names, and webhook.secret beside them."""
    scripts = {f"alerts.d/{name}": File(content=text.encode(), mode=0o755) for name, text in files.items()}
    return Tree(files={**scripts, "webhook.secret": File(content=b"x\n", mode=0o600)}, problems=())


def problems(text: str, name: str = "mail") -> list[str]:
    return [str(problem) for problem in read_alerts(tree(**{name: text}))[1]]


def test_an_alert_says_at_its_head_what_it_is_run_for() -> None:
    text = """#!/usr/bin/env -S python3 -u
# A script of the house.
# Alert-Level: error
# Alert-Events: group-started node-*
# Alert-Events: wish
# Alert-Timeout: 2min
# Alert-Secret: webhook.secret

import sys
# Alert-Level: info
"""
    ((alert,), found) = read_alerts(tree(hook=text))
    assert not found
    assert alert == Alert(
        name="hook",
        content=text.encode(),
        interpreter=("/usr/bin/env", "-S python3 -u"),
        level=ERROR,
        events=("group-started", "node-*", "wish"),
        timeout_ms=120_000,
        secret="webhook.secret",
    )
    assert alert.is_for("node-lost", INFO) and alert.is_for("disk-bad", ERROR)
    assert not alert.is_for("group-failed", WARNING)


def test_without_a_word_it_is_run_for_warnings_and_errors_and_never_longer_than_half_a_minute() -> None:
    ((alert,), found) = read_alerts(tree(mail="#!/bin/sh\nexit\n"))
    assert (alert.level, alert.events, alert.timeout_ms, alert.secret) == (WARNING, (), 30_000, "")
    ((nothing,), _) = read_alerts(tree(mail="#!/bin/sh\n# Alert-Level: none\n# Alert-Events: wish\n"))
    assert nothing.level == NOTHING and not found
    assert nothing.is_for("wish", NOTICE) and not nothing.is_for("disk-bad", ERROR)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("echo\n", "alerts.d/mail:1: does not begin with #! and an interpreter's path; an alert is a script, for"),
        ("#!sh\n", "alerts.d/mail:1: does not begin with #!"),
        ("#!/bin/sh\n# Alert-Level: loud\n", "alerts.d/mail:2: “loud” is no level; write one of none, error, warning"),
        ("#!/bin/sh\n# Alert-Evens: wish\n", "alerts.d/mail:2: there is no Alert-Evens; did you mean Events?"),
        ("#!/bin/sh\n# Alert-Events: node-lots\n", "alerts.d/mail:2: there is no event node-lots; did you mean node-l"),
        ("#!/bin/sh\n# Alert-Timeout: 1h\n", "alerts.d/mail:2: 1h is longer than 5min"),
        ("#!/bin/sh\n# Alert-Secret: other\n", "alerts.d/mail:2: there is no file other; write it beside cluster.conf"),
        ("#!/bin/sh\n# Alert-Secret: corosync.key\n", "alerts.d/mail:2: “corosync.key” is no name of a file beside"),
    ],
)
def test_a_slip_is_named_with_its_line(text: str, wrong: str) -> None:
    (found,) = problems(text)
    assert found.startswith(wrong)


def test_there_is_a_bound_and_a_name_is_one_that_a_unit_can_have() -> None:
    alerts, found = read_alerts(tree(**{f"a{number}": "#!/bin/sh\n" for number in range(17)}))
    assert len(alerts) == 16
    assert [str(problem) for problem in found] == ["alerts.d: has 17 alerts; 16 at most can be run"]
    assert "is no name for an alert" in problems("#!/bin/sh\n", "a b")[0]
    assert "no folder, and not “events”" in problems("#!/bin/sh\n", "more/mail")[0]
    assert "is no name for an alert" in problems("#!/bin/sh\n", "events")[0]


def test_config_check_names_a_slip_in_an_alert() -> None:
    found = [str(problem) for problem in examine(tree(mail="#!/bin/sh\n# Alert-Level: loud\n"), None).problems]
    assert any(text.startswith("alerts.d/mail:2: “loud” is no level") for text in found)


def entries(*told: tuple[float, str, dict[str, Any]]) -> list[Told]:
    journal = Journal()
    for seconds, event, fields in told:
        journal.write(seconds, event, **fields)
    return [told_of(entry) for entry in journal.entries]


def term(seconds: float, coordinator: str, members: str, me: str = "n1") -> tuple[float, str, dict[str, Any]]:
    return seconds, "term-opened", {"node": me, "coordinator": coordinator, "members": members}


def ordered(seconds: float, event: str, position: str, **fields: Any) -> tuple[float, str, dict[str, Any]]:
    return seconds, event, {"position": position, **fields}


def sent(told: Iterable[Told], choosing: Choosing | None = None) -> list[str]:
    choosing = choosing or Choosing()
    return [chosen.told.event for one in told for chosen in choosing.hear(one) if chosen.told.event != "term-opened"]


def test_what_all_members_tell_the_coordinator_sends_and_what_one_tells_itself() -> None:
    story = [ordered(1, "node-lost", "7.1"), (1.5, "link-down", {}), ordered(2, "group-started", "7.2")]
    assert sent(entries(term(0, "n1", "n1 n2"), *story)) == ["node-lost", "link-down", "group-started"]
    assert sent(entries(term(0, "n1", "n1 n2", me="n2"), *story)) == ["link-down"]
    assert sent(entries(*story)) == ["node-lost", "link-down", "group-started"]  # nobody knows who coordinates


def test_the_successor_of_a_coordinator_that_is_gone_sends_once_more_what_it_may_not_have_sent() -> None:
    before = [term(0, "n1", "n1 n2 n3", me="n2"), ordered(1, "node-left", "7.1"), ordered(50, "group-failed", "7.2")]
    told = entries(*before, term(90, "n2", "n2 n3", me="n2"), ordered(91, "node-lost", "8.1"))
    assert sent(told) == ["group-failed", "node-lost"]
    assert sent(entries(*before, term(90, "n1", "n1 n2", me="n2"), ordered(91, "node-back", "8.1"))) == []
    assert sent(entries(*before, term(90, "n2", "n1 n2 n3", me="n2"))) == []  # the one before is here, and sends


def test_who_is_told_of_a_failure_is_told_of_its_end() -> None:
    choosing = Choosing()
    alert = Alert(name="mail", content=b"", interpreter=("/bin/sh",))
    story = entries(
        (1, "group-started", {"group": "web", "level": NOTICE}),
        (2, "node-lost", {"group": ["web", "db"], "level": WARNING}),
        (3, "group-started", {"group": "web", "level": NOTICE}),
        (4, "group-started", {"group": "web", "level": NOTICE}),
        (5, "group-started", {"group": "db", "level": NOTICE}),
    )
    chosen = [one for told in story for one in choosing.hear(told) if one.is_for(alert)]
    assert [(one.told.event, one.told.groups, one.recovers) for one in chosen] == [
        ("node-lost", ("web", "db"), False),
        ("group-started", ("web",), True),
        ("group-started", ("db",), True),
    ]


def test_an_alert_has_the_event_in_its_environment_and_as_json() -> None:
    fields = {"subject": "n1", "node": "n2", "group": ["web", "db"], "incident": "8.1", "level": WARNING}
    (told,) = entries((1, "node-lost", fields))
    assert environment(told, 2) == {
        "STANDFAST_EVENT": "node-lost",
        "STANDFAST_LEVEL": "warning",
        "STANDFAST_TIME": "2026-01-01T12:00:01.000Z",
        "STANDFAST_TEXT": "node-lost! (2 more events were not sent)",
        "STANDFAST_NODE": "n1",
        "STANDFAST_GROUP": "web db",
        "STANDFAST_RESOURCE": "",
        "STANDFAST_INCIDENT": "8.1",
        "STANDFAST_CAUSE": "",
        "STANDFAST_NOT_SENT": "2",
    }
    report = json.loads(as_json(told))
    assert (report["event"], report["group"], report["not_sent"]) == ("node-lost", ["web", "db"], 0)
    assert report["fields"]["SUBJECT"] == "n1"


def test_an_outbox_is_bounded_and_counts_what_it_lost() -> None:
    outbox = Outbox()
    told = entries(*[(number, "wish", {}) for number in range(MOST + 3)])
    kept = [outbox.put(Waiting(told=one, before=f"before {number}")) for number, one in enumerate(told)]
    assert kept == [True] * MOST + [False] * 3
    first = outbox.take()
    assert first is not None and (first.told, first.before) == (told[3], "before 3")
    assert (outbox.oldest, outbox.not_sent) == (first, 3)
    outbox.ended(sent=False)
    assert outbox.not_sent == 4
    assert outbox.take() is not None
    outbox.ended(sent=True)
    assert outbox.not_sent == 0
    while outbox.take():
        outbox.ended(sent=True)
    assert outbox.oldest is None


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    made = Journal()
    monkeypatch.setattr(following, "reader", made.reader)
    return made


def names(told: list[Told]) -> list[str]:
    return [one.event for one in told]


def test_at_first_nothing_old_is_read_and_then_each_entry_once(journal: Journal, tmp_path: Path) -> None:
    journal.write(0, "term-opened", node="n1", coordinator="n2", members="n1 n2")
    journal.write(1, "node-lost")
    first = Following(tmp_path / "cursor")
    term_of = first.begin(START)
    assert term_of is not None and term_of.one("COORDINATOR") == "n2"
    assert first.read() == []
    journal.write(2, "group-failed")
    journal.write(3, "group-started")
    assert names(first.read()) == ["group-failed", "group-started"]
    assert first.read() == []


def test_after_a_restart_it_goes_on_where_it_was(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    journal.write(0, "wish")
    first = Following(file)
    assert first.begin(START) is None
    journal.write(1, "node-lost")
    journal.write(2, "group-started")
    assert names(first.read()) == ["node-lost", "group-started"]
    first.store("c000002")
    again = Following(file)
    again.begin(START)
    assert names(again.read()) == ["group-started"]
    again.store(again.cursor)
    journal.write(3, "wish")
    journal.vacuum(1)  # what it stood at is gone
    third = Following(file)
    third.begin(START)
    assert names(third.read()) == ["wish"]


def test_what_is_older_than_an_hour_and_a_damaged_file_are_nobodys_alarm(journal: Journal, tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    for number in range(3):
        journal.write(number * 3600, "node-lost")
    first = Following(file)
    first.store("c000001")
    late = Following(file)
    late.begin(START + timedelta(hours=2, minutes=30))
    assert names(late.read()) == ["node-lost"]
    assert late.cursor == "c000003"
    for broken in (b"", b"{}", b'{"cursor": "?"}'):
        file.write_bytes(broken)
        new = Following(file)
        new.begin(START)
        assert (new.read(), new.cursor) == ([], "c000003")


def test_a_unit_is_hooked_into_an_event_by_systemctl_enable(tmp_path: Path) -> None:
    assert hooked(tmp_path / "not there") == frozenset()
    for name in ("standfast-event@group-blocked.target.wants", "standfast-event@wish.target.requires", "x.wants"):
        (tmp_path / name).mkdir()
    (tmp_path / "standfast-event@group-blocked.target.wants/siren.service").symlink_to("/dev/null")
    assert hooked(tmp_path) == {"group-blocked"}
