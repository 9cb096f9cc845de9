"""The dashboard asks only for what there is, and each of its panels can be read."""

import json
import re
from collections.abc import Iterator
from typing import Any

from fakes.prometheus import dashboard_queries
from house.source import REPOSITORY
from standfast.metrics.families import FAMILIES

DASHBOARD = REPOSITORY / "contrib/metrics/standfast.dashboard.json"
OTHERS = {"standfast_incident_step_seconds_bucket", "standfast_incident_outage_seconds_sum"}
OTHERS |= {"standfast_incident_outage_seconds_count"}


def panels() -> list[dict[str, Any]]:
    document = json.loads(DASHBOARD.read_text())
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def test_it_asks_only_for_what_there_is() -> None:
    used = {name for query in dashboard_queries(DASHBOARD).values() for name in re.findall(r"standfast_\w+", query)}
    assert used - FAMILIES.keys() == OTHERS
    assert len(used) > 30


def test_every_panel_has_a_title_a_query_and_a_place_of_its_own() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles) > 25
    assert all(panel["targets"] and all(target["expr"] for target in panel["targets"]) for panel in panels())
    cells = [cell for panel in panels() for cell in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    return ((place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"]))


def test_every_query_is_for_the_cluster_that_was_chosen() -> None:
    for name, query in dashboard_queries(DASHBOARD, cluster="mine").items():
        selectors = re.findall(r"(?:standfast|process|ALERTS)\w*\{([^}]*)\}", query)
        assert all('cluster=~"mine"' in selector for selector in selectors), name


def test_what_is_wrong_comes_first_and_says_what_to_type() -> None:
    first = panels()[:8]
    assert all(panel["type"] == "stat" and panel["gridPos"]["y"] <= 1 for panel in first)
    assert all("Next: standfast " in panel["description"] for panel in first)
