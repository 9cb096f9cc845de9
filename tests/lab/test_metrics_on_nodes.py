"""standfast-metrics on real nodes: who runs it, what it answers, and a real Prometheus with our rules and dashboard."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standfast_lab import observe

from fakes.prometheus import dashboard_queries, promtool, running
from house.source import REPOSITORY
from lab.trial import GROUP, Trial
from lab.typed_pages import steps
from lab.typist import type_in
from standfast.incidents.gathering import PAUSE

PORT = 10664
UNIT = "standfast-metrics.service"
RULES = REPOSITORY / "contrib/metrics/standfast.rules.yml"
DASHBOARD = REPOSITORY / "contrib/metrics/standfast.dashboard.json"
# Nothing is there to be shown where no node was lost, nobody made a drill, and nothing is wrong.
QUIET = {
    *("Alerts that fire A", "Set by people A", "Last fire drill A", "Last fire drill B", "Losses and attempts C"),
    *(f"Not as it should be {letter}" for letter in "ABCD"),
}


@pytest.fixture
def endpoints(trial: Trial) -> Iterator[list[str]]:
    """ADDRESS:PORT of each node, as an administrator turns it on."""
    for node in trial.lab.nodes():
        assert observe.unit_property(trial.lab, node, UNIT, "ActiveState") == "inactive"  # nobody started it
    (turn_on,) = steps("metrics")
    assert "standfast_quorate 1" in type_in(trial.lab, turn_on, trial.lab.nodes()[0])
    listen = f"echo 'LISTEN=:{PORT}' >/etc/default/standfast-metrics; systemctl restart {UNIT}"
    observe.each(trial.lab.nodes(), lambda node: trial.lab.sh(node, "sh", "-euc", listen))
    yield [f"{trial.lab.place.find(node).addresses[0]}:{PORT}" for node in trial.lab.nodes()]
    observe.each(trial.lab.nodes(), lambda node: trial.lab.sh(node, "systemctl", "disable", "--now", UNIT))


def ask(trial: Trial, endpoint: str) -> str:
    """What a client of the cluster's is answered."""
    return trial.lab.client("curl", "-sf", "-m", "10", f"http://{endpoint}/metrics").stdout


def counted(trial: Trial, endpoint: str, name: str) -> float:
    """The metric of the group."""
    (line,) = (line for line in ask(trial, endpoint).splitlines() if line.startswith(f'{name}{{group="{GROUP}"}}'))
    return float(line.split()[-1])


def is_quiet(trial: Trial) -> bool:
    """No node's journal has anything of ours from the time in which it would be the same incident."""
    since = time.time() - 1 - PAUSE.total_seconds()
    return not any(observe.told(trial.lab, node, since=since) for node in trial.lab.nodes())


def test_prometheus_reads_every_node_and_what_was_done_is_counted_once(
    trial: Trial, endpoints: list[str], tmp_path: Path
) -> None:
    owner, first = trial.owner(), trial.lab.nodes()[0]
    checked = promtool("check", "metrics", text=ask(trial, endpoints[0]).encode())
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    pid = observe.unit_property(trial.lab, first, UNIT, "MainPID")
    assert trial.lab.sh(first, "ps", "-o", "user:32=", "-p", pid).stdout.strip() == "standfast-metrics"
    namespace = ("nsenter", f"--net=/run/netns/{trial.lab.place.bridge_namespace}", "--")
    with running(tmp_path, 19090, endpoints, rules=RULES, prefix=namespace) as prometheus:
        prometheus.wait_for("count(standfast_term > 0) == 3")
        trial.wait(lambda: is_quiet(trial), 60, "what was before to be over: the restart is an incident of its own")
        outages = {endpoint: counted(trial, endpoint, "standfast_group_outages_total") for endpoint in endpoints}
        trial.fault(f"restart of {GROUP}")
        trial.lab.sh(owner, "standfast", "group", "restart", GROUP, timeout_s=60)
        trial.lab.sh(first, "systemctl", "restart", UNIT)  # in the middle of the incident
        for endpoint, before in outages.items():  # an incident is over after ten quiet seconds, and every node tells it
            labels = f'group="{GROUP}",instance="{endpoint}"'
            prometheus.wait_for(f"standfast_group_outages_total{{{labels}}} == {before + 1:g}", 60)
        for group in prometheus.ask("rules")["groups"]:
            assert {rule["health"] for rule in group["rules"]} == {"ok"}, group["name"]
        answers = {name: prometheus.query(query) for name, query in dashboard_queries(DASHBOARD).items()}
    assert [name for name, samples in answers.items() if not samples and name not in QUIET] == []
    assert [one["value"][1] for one in answers["Nodes not online A"]] == ["0"]
    assert [one["metric"]["node"] for one in answers["Where they run A"]] == [owner]
    trial.lab.sh(first, "systemctl", "restart", UNIT)
    trial.wait(lambda: ask(trial, endpoints[0]), 10, "the endpoint to answer again")
    for endpoint, before in outages.items():
        assert counted(trial, endpoint, "standfast_group_outages_total") == before + 1, endpoint
