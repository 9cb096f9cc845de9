"""Two nodes that lose each other: exactly one survives, the one with the group (issue 4, line 2)."""

from collections.abc import Iterator

import pytest
from standfast_lab import normal
from standfast_lab.lab import Lab

from lab.own import own_lab, trial_in
from lab.trial import GROUP


@pytest.fixture(scope="module")
def two() -> Iterator[Lab]:
    with own_lab("two", 2) as lab:
        yield lab


@pytest.mark.rounds(20)
def test_of_two_nodes_that_do_not_hear_each_other_the_one_with_the_group_survives(two: Lab, round_number: int) -> None:
    normal.wait(two)
    winner = two.nodes()[round_number % 2]
    two.sh(winner, "standfast", "group", "relocate", GROUP, winner, check=False)
    with trial_in(two) as trial:
        assert trial.owner() == winner
        (loser,) = trial.others(winner)
        trial.wait(lambda: trial.term_age_s(winner) > 2, 20, "both to have stored who wins")
        trial.to_be_fenced.add(loser)
        boots = {node: two.boots(node) for node in two.nodes()}
        at = trial.fault(f"{winner} and {loser} do not hear each other")
        two.cut(winner, loser)
        trial.wait(lambda: trial.told(winner, "node-proven", since=at), 30, f"{winner} to prove {loser} off")
        two.heal()
        trial.wait_until_normal()
        assert two.boots(winner) == boots[winner], "the winner was shot"
        assert two.boots(loser) == boots[loser] + 1
        shots = [one for one in trial.told(loser, "attempt", since=at) if one.fields["SUBJECT"] == winner]
        assert not shots, "the loser shot back"
        assert trial.owner() == winner
        assert trial.outage_s(at) < 1.0, "the group ran on"
