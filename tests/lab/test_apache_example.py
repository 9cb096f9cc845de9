"""The first example that anybody reads: what its page shows is there, and what it has tried goes well (issue 7)."""

from lab.conftest import full_only
from lab.examples import example, known_owner, owner_of, wait_until_fails
from lab.trial import APACHE, GROUP, Trial
from lab.typed_pages import Step
from lab.typist import type_in, wait_until_shown

PAGES = "/srv/shared/www"


def test_apache_shows_what_the_page_shows_moves_and_is_started_again_when_it_is_killed(trial: Trial) -> None:
    node = trial.others(trial.owner())[0]
    with example(trial, "apache", node, PAGES) as (look, get, relocate, kill, look_again, _):
        wait_until_shown(trial.lab, look, node)
        wait_until_shown(trial.lab, get, node)
        first = trial.owner()
        trial.fault(f"relocation of {GROUP} from {first}")
        type_in(trial.lab, relocate, node)
        second = trial.owner()
        assert second != first
        do(trial, kill, second)
        wait_until_shown(trial.lab, look_again, node)
        assert known_owner(trial, GROUP) == second
        wait_until_shown(trial.lab, get, node)


@full_only
def test_apache_is_started_again_when_it_hangs_and_elsewhere_when_its_node_loses_power(trial: Trial) -> None:
    node = trial.others(trial.owner())[0]
    with example(trial, "apache", node, PAGES) as (look, get, *_, hang):
        wait_until_shown(trial.lab, look, node)
        first = trial.owner()
        at = do(trial, hang, first)
        assert "no answer within" in wait_until_fails(trial, GROUP, first, at)
        trial.wait_until_started_on(first)
        trial.to_be_fenced.add(first)
        trial.cut_power(first)
        others = trial.others(first)
        trial.wait(lambda: owner_of(trial, GROUP, others) not in (None, first), 60, f"{GROUP} to start elsewhere")
        wait_until_shown(trial.lab, get, node)
        trial.wait_until_normal(120)


def do(trial: Trial, step: Step, owner: str) -> float:
    """The page's fault is there; when."""
    at = trial.fault(f"{step.commands.strip()} on {owner}, {APACHE}")
    type_in(trial.lab, step, owner)
    return at
