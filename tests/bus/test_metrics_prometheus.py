"""A real Prometheus scrapes the endpoint: every query of the dashboard and every rule can be asked there."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.private import REPOSITORY, PrivateBus
from bus.test_metrics_endpoint import endpoint, rich
from fakes.daemons import ROOT, SINCE, Cluster
from fakes.journal_reader import Journal
from fakes.prometheus import Prometheus, dashboard_queries, running
from standfast.metrics import following, service

RULES = REPOSITORY / "contrib/metrics/standfast.rules.yml"
DASHBOARD = REPOSITORY / "contrib/metrics/standfast.dashboard.json"


def troubled(cluster: Cluster) -> None:
    """With what `rich` has, every panel has something to show."""
    path = f"{ROOT}/group/webserv/resource/apache2_2eservice"
    cluster.publish(path, "Resource1", Probe="degraded")
    cluster.group(Flags=["partial"], Phase="blocked", Drilled=("power", SINCE, 3200))
    cluster.publish(f"{ROOT}/node/node2", "Member1", Standby=True, Drifted=True, Edited=["cluster.conf"], Healthy=False)


def test_every_query_of_the_dashboard_and_every_rule_is_answered(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal()
    monkeypatch.setattr(following, "reader", journal.reader)
    monkeypatch.setattr(service, "FRESH_S", 0.0)
    journal.write(-86_400, "group-started", group="webserv")
    journal.power_cut(0, "webserv")

    def play(prometheus: Prometheus, spoil: Callable[[], object]) -> dict[str, list[dict[str, Any]]]:
        prometheus.wait_for('count_over_time(standfast_up{daemon="fenced"}[1m]) > 2')
        journal.power_cut(600, "webserv")  # what is counted increases
        prometheus.wait_for('standfast_group_outages_total{group="webserv"} == 2')
        spoil()  # only now: who is blocked did not serve, and has no outage
        prometheus.wait_for('ALERTS{alertname="StandfastNodeLost",alertstate="firing"}')
        prometheus.wait_for('standfast_group_phase{phase="blocked"} == 1')
        for rule in (one for group in yaml.safe_load(RULES.read_text())["groups"] for one in group["rules"]):
            prometheus.query(rule["expr"])
        assert {one["health"] for group in prometheus.ask("rules")["groups"] for one in group["rules"]} == {"ok"}
        return {name: prometheus.query(query) for name, query in dashboard_queries(DASHBOARD).items()}

    async def main() -> dict[str, list[dict[str, Any]]]:
        async with endpoint(tmp_path) as (found, cluster):
            rich(cluster)
            loop = asyncio.get_running_loop()
            spoil = partial(loop.call_soon_threadsafe, troubled, cluster)
            with running(tmp_path, free_port(), [f"127.0.0.1:{found.port}"], rules=RULES) as prometheus:
                return await asyncio.to_thread(play, prometheus, spoil)

    answers = asyncio.run(main())
    assert len(answers) > 40
    assert [name for name, samples in answers.items() if not samples] == []
    assert [sample["value"][1] for sample in answers["Groups blocked A"]] == ["1"]
    assert [sample["value"][1] for sample in answers["Groups A"]] == ["5"]
    assert [sample["value"][1] for sample in answers["Quorum A"]] == ["1"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
