"""OCF resource agents as units: what they do is judged by their monitor, in real units (issue 7)."""

from standfast_lab import observe

from lab.conftest import full_only
from lab.examples import example, known_owner, owner_of, wait_until_fails, wait_until_started
from lab.trial import Trial
from lab.typed_pages import Step
from lab.typist import type_in, wait_until_shown

GROUP, UNIT = "page", "standfast-ocf@page.service"
REPORTS, DEBIANS = "reports", "standfast-ocf@reports.service"
AGENTS, AGENT = "/usr/lib/ocf/resource.d/example", "/usr/lib/ocf/resource.d/example/page"
URL = "http://192.0.2.102:8090/"
KILL = "pkill -9 -f '[h]ttp.server --directory /srv/page'"  # not itself
LEFT = (AGENTS, "/srv/page", "/run/page-page.pid", "/srv/reports", "/srv/shared/reports")


def lie(trial: Trial, node: str, action: str, then: str) -> None:
    """From now on the agent on this node does that for this action."""
    line = f'[ "$1" != {action} ] || {{ {then}; }}'
    trial.lab.sh(node, "sed", "-i", f"1a {line}", AGENT)


def test_what_an_agent_lost_is_found_by_its_monitor_and_the_group_recovers_and_moves(trial: Trial) -> None:
    with example(trial, "ocf", trial.others(trial.owner())[0], *LEFT) as (look, lose):
        lose_the_link(trial, look, lose)
        first = wait_until_started(trial, GROUP, URL)
        assert observe.processes(trial.lab, first, UNIT), "what the agent started is in the unit's control group"
        at = trial.fault(f"{KILL} on {first}, whose agent's stop fails then")
        lie(trial, first, "stop", "running || exit 1")
        trial.lab.sh(first, "sh", "-c", KILL)
        why = wait_until_fails(trial, GROUP, first, at)
        assert f"monitor of {UNIT}: not running" in why
        wait_until_started(trial, GROUP, URL, on=first)
        place = trial.others(first)[0]
        trial.fault(f"relocation of {GROUP} to {place}")
        trial.lab.sh(first, "standfast", "group", "relocate", GROUP, place, timeout_s=60)
        wait_until_started(trial, GROUP, URL, on=place)
        assert not observe.processes(trial.lab, first, UNIT)
        assert not (trial.lab.root(first) / "run/standfast/ocf/page").exists()


def lose_the_link(trial: Trial, look: Step, lose: Step) -> None:
    """The page's steps: the link that Debian's agent made is there, and back after it was removed."""
    first = known_owner(trial, REPORTS)
    wait_until_shown(trial.lab, look, first)
    at = trial.fault(f"{lose.commands.strip()} on {first}")
    type_in(trial.lab, lose, first)
    assert f"monitor of {DEBIANS}: not running" in wait_until_fails(trial, REPORTS, first, at)
    wait_until_shown(trial.lab, look, first)
    for node in trial.others(first):
        assert not (trial.lab.root(node) / "etc/cron.d/reports").is_symlink()


@full_only
def test_an_agent_that_hangs_or_lies_costs_its_group_a_node_to_run_on_and_no_more(trial: Trial) -> None:
    with example(trial, "ocf", trial.others(trial.owner())[0], *LEFT):
        first = wait_until_started(trial, GROUP, URL)
        at = trial.fault(f"the agent's start lies on {first}, and its monitor hangs once it was killed")
        lie(trial, first, "start", "exit 0")
        trial.lab.sh(first, "sh", "-c", KILL)
        wait_until_fails(trial, GROUP, first, at)
        trial.wait(lambda: owner_of(trial, GROUP) not in (None, first), 90, f"{GROUP} to leave {first}")
        second = wait_until_started(trial, GROUP, URL)
        trial.fault(f"the agent's monitor hangs on {second}")
        lie(trial, second, "monitor", "sleep 600")
        trial.lab.client("sleep", "25")
        assert known_owner(trial, GROUP) == second, "a monitor that hangs is unknown, not bad"
        trial.lab.sh(second, "sed", "-i", "2d", AGENT)  # it could not be stopped otherwise: nobody would say that it is


@full_only
def test_a_node_on_which_an_agent_cannot_stop_what_runs_is_fenced_before_it_starts_elsewhere(trial: Trial) -> None:
    with example(trial, "ocf", trial.others(trial.owner())[0], *LEFT):
        first = wait_until_started(trial, GROUP, URL)
        place = next(node for node in trial.others(trial.owner()) if node != first)
        lie(trial, first, "stop", "exit 1")
        lie(trial, first, "monitor", "exit 0")
        trial.to_be_fenced.add(first)
        trial.fault(f"relocation of {GROUP} from {first}, where its stop fails and its monitor says that it runs")
        trial.lab.sh(place, "standfast", "group", "relocate", GROUP, place, check=False, timeout_s=120)
        trial.wait(lambda: owner_of(trial, GROUP) not in (None, first), 120, f"{GROUP} to leave {first}")
        wait_until_started(trial, GROUP, URL)
        trial.wait_until_normal(120)
