"""Two HAProxys at work: an address leaves the one that hangs, a lost node's copy starts elsewhere (issue 7)."""

from lab.conftest import full_only
from lab.examples import example, owner_of
from lab.trial import Trial
from lab.typed_pages import Step
from lab.typist import type_in, wait_until_shown

LEFT = ("/etc/haproxy/haproxy.cfg", "/etc/nginx/conf.d/pages.conf")


def wait_until_apart(trial: Trial, look: Step, get: Step, node: str) -> tuple[str, str]:
    """Both addresses are started, on two nodes, as the page shows it, and served; those nodes."""
    wait_until_shown(trial.lab, look, node)
    trial.wait(lambda: len(set(owners(trial)) - {None}) == 2, 60, lambda: f"two owners, not {owners(trial)}")
    wait_until_shown(trial.lab, get, node)
    first, second = owners(trial)
    assert first is not None
    assert second is not None
    return first, second


def owners(trial: Trial) -> tuple[str | None, str | None]:
    return owner_of(trial, "front-a"), owner_of(trial, "front-b")


def test_an_address_leaves_a_balancer_that_hangs_for_the_one_that_serves(trial: Trial) -> None:
    node = trial.others(trial.owner())[0]
    with example(trial, "haproxy", node, *LEFT) as (look, get, hang):
        first, second = wait_until_apart(trial, look, get, node)
        at = trial.fault(f"{hang.commands.strip()} on {first}")
        type_in(trial.lab, hang, first)
        trial.wait(lambda: owners(trial)[0] == second, 60, lambda: f"front-a to leave {first}; {owners(trial)}")
        told = trial.told(first, "group-failed", since=at)
        assert next(one.fields["GROUP"] for one in told) == "front-a", "the address went before HAProxy was restarted"
        wait_until_shown(trial.lab, get, node)


@full_only
def test_the_third_node_starts_a_balancer_when_one_is_lost_and_both_addresses_are_served(trial: Trial) -> None:
    node = "node3"
    with example(trial, "haproxy", node, *LEFT) as (look, get, _):
        first, _ = wait_until_apart(trial, look, get, node)
        trial.to_be_fenced.add(first)
        trial.cut_power(first)
        others = trial.others(first)
        trial.wait(lambda: owner_of(trial, f"balancer@{node}", others), 60, f"{node} to start HAProxy")
        trial.wait(lambda: owner_of(trial, "front-a", others) in others, 60, f"front-a to leave {first}")
        wait_until_shown(trial.lab, get, node)
        trial.wait_until_normal(120)
