"""Rights on real nodes: everybody reads, a polkit rule lets a Unix group operate and neither fence nor configure."""

from collections.abc import Iterator

import pytest
from standfast_lab import observe

from lab.trial import GROUP, Trial
from lab.typed_pages import steps
from lab.typist import type_in

USER, UNIX_GROUP = "alice", "standfast-operators"
RULES = "/etc/polkit-1/rules.d"
COPY = "/var/tmp/cluster.conf"  # the original is root's alone to read
NO_RIGHTS = 5


@pytest.fixture
def node(trial: Trial) -> Iterator[str]:
    """A node, where the group is; on all of them there is an ordinary user, to whom no rule gives anything yet."""
    observe.each(trial.lab.nodes(), lambda one: trial.lab.sh(one, "useradd", USER))
    yield trial.owner()
    gone = f"rm -f {RULES}/50-standfast-operators.rules {COPY}; userdel {USER}; groupdel -f {UNIX_GROUP} || true"
    observe.each(trial.lab.nodes(), lambda one: trial.lab.sh(one, "sh", "-c", gone))


def give_rights(trial: Trial, node: str) -> None:
    """What the page of rights has typed."""
    (give,) = steps("rights")
    type_in(trial.lab, give, node)


def typed(trial: Trial, node: str, *words: str) -> tuple[int, str]:
    """Exit code and stderr of what the user typed, without a terminal to ask for a password on."""
    result = trial.lab.sh(node, "runuser", "-u", USER, "--", "standfast", *words, check=False, timeout_s=90)
    return result.returncode, result.stderr


def check_may_not_fence(trial: Trial, node: str, victim: str) -> None:
    """Whatever fences, vouches for a power cut or asks a device is refused, and by its action's name."""
    at = trial.fault(f"{USER} tries to fence {victim}")
    for words in (("now", victim), ("confirm", victim, "1.1"), ("test", victim)):
        code, text = typed(trial, node, "fence", *words)
        assert code == NO_RIGHTS, words
        assert "needs the polkit action org.standfast.fence" in text, words
    assert not trial.told(node, "node-lost", "attempt", since=at)


def test_an_ordinary_user_reads_and_changes_nothing_without_a_rule(trial: Trial, node: str) -> None:
    assert typed(trial, node, "status") == (0, "")
    assert typed(trial, node, "fence", "history") == (0, "")
    code, text = typed(trial, node, "group", "stop", GROUP)
    assert code == NO_RIGHTS
    assert "needs the polkit action org.standfast.operate" in text
    check_may_not_fence(trial, node, trial.others(node)[0])
    trial.wait_until_normal()


def test_a_rule_lets_a_unix_group_operate_and_neither_configure_nor_fence(trial: Trial, node: str) -> None:
    give_rights(trial, node)
    place = trial.others(node)[0]
    trial.fault(f"relocation from {node} to {place} by {USER}")
    code, text = typed(trial, node, "group", "relocate", GROUP, place)
    assert (code, text.count("polkit")) == (0, 0)
    trial.wait_until_started_on(place)
    check_may_not_fence(trial, node, place)
    trial.lab.sh(node, "install", "-m", "0644", "/etc/standfast/cluster.conf", COPY)
    code, text = typed(trial, node, "simulate", "configuration", COPY)
    assert code == NO_RIGHTS
    assert "needs the polkit action org.standfast.configure" in text
    begin = (
        "org.standfast.Fencing",
        "/org/standfast",
        "org.standfast.Fencing1",
        "Begin",
        "ssss",
        "1.1",
        place,
        "x",
        "off",
    )
    refused = trial.lab.sh(node, "runuser", "-u", USER, "--", "busctl", "call", *begin, check=False)
    assert refused.returncode != 0
    assert "Only root may call org.standfast.Fencing1.Begin." in refused.stderr
    trial.wait_until_normal()
    assert trial.owner() == place


def test_without_polkit_only_root_changes_anything(trial: Trial, node: str) -> None:
    give_rights(trial, node)
    trial.lab.sh(node, "systemctl", "mask", "--now", "--runtime", "polkit.service")
    try:
        code, text = typed(trial, node, "group", "stop", GROUP)
    finally:
        trial.lab.sh(node, "systemctl", "unmask", "--runtime", "polkit.service")
    assert code == NO_RIGHTS
    assert "is not installed or does not answer" in text
    trial.wait_until_normal()
