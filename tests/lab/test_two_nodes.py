"""Two nodes that lose each other: exactly one survives, the one with more groups (issue 4, line 2)."""

from collections.abc import Iterator

import pytest
from standfast_lab import normal, observe
from standfast_lab.lab import Lab

from lab.own import own_lab, trial_in
from lab.trial import GROUP, Trial

MORE = ("second", "third")
TARGET = "[X-Standfast]\nResources={group}.service\n"
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n"


@pytest.fixture(scope="module")
def two() -> Iterator[Lab]:
    """Two nodes and three groups."""
    with own_lab("two", 2) as lab:
        first, units = lab.nodes()[0], "/etc/standfast/units"
        for group in MORE:
            lab.sh(first, "tee", f"{units}/{group}.service", text=SERVICE)
            lab.sh(first, "tee", f"{units}/{group}.target", text=TARGET.format(group=group))
        lab.sh(first, "standfast", "config", "push", "--yes", timeout_s=90)
        lab.wait(lambda: set(owners(lab)) == {GROUP, *MORE}, 60, "all groups to be started")
        yield lab


def owners(lab: Lab) -> dict[str, str]:
    """Where each started group runs, as both nodes say alike; nothing while they differ."""
    found = observe.agreed(lab)
    groups = found.groups.items() if found is not None else ()
    return {name: group.owner for name, group in groups if group.phase == "started"}


def place(lab: Lab, wanted: dict[str, str]) -> None:
    """The groups run where they are wanted."""
    for group, node in wanted.items():
        if owners(lab).get(group) != node:
            lab.sh(node, "standfast", "group", "relocate", group, node)
    lab.wait(lambda: owners(lab) == wanted, 60, f"the groups to be placed as {wanted}")


@pytest.mark.rounds(20)
def test_of_two_nodes_that_do_not_hear_each_other_the_one_with_more_groups_survives(
    two: Lab, round_number: int
) -> None:
    normal.wait(two)
    winner, loser = two.nodes()[:: 1 if round_number % 2 else -1]
    place(two, {GROUP: winner, "second": winner, "third": loser})
    with trial_in(two) as trial:
        trial.wait(lambda: trial.term_age_s(winner) > 2, 20, "both to have stored who wins")
        trial.to_be_fenced.add(loser)
        boots = {node: two.boots(node) for node in two.nodes()}
        at = trial.fault(f"{winner} and {loser} do not hear each other")
        two.cut(winner, loser)
        trial.wait(lambda: owners_as(trial, winner).get("third") == winner, 60, f"{winner} to have all groups")
        check_third_waited(trial, winner, at)
        two.heal()
        trial.wait_until_normal()
        assert two.boots(winner) == boots[winner], "the winner was shot"
        assert two.boots(loser) == boots[loser] + 1
        shots = [one for one in trial.told(loser, "attempt", since=at) if one.fields["SUBJECT"] == winner]
        assert not shots, "the loser shot back"
        assert set(owners(two).values()) == {winner}
        assert trial.outage_s(at) < 1.0, "its groups ran on"


def owners_as(trial: Trial, node: str) -> dict[str, str]:
    """As this node says alone."""
    found = observe.seen(trial.lab, node)
    return {name: one.owner for name, one in found.groups.items() if one.phase == "started"} if found else {}


def check_third_waited(trial: Trial, winner: str, at: float) -> None:
    """What the loser had is ordered only after the loser was proven off."""
    (proven,) = trial.told(winner, "node-proven", since=at)
    ordered = [one for one in trial.told(winner, "order", since=at) if one.fields["GROUP"] == "third"]
    assert [one.fields["DECISION"] for one in ordered] == ["start"]
    assert ordered[0].at > proven.at
