"""Debian's Prometheus and promtool, which contrib/install-packages unpacks and nobody installs."""

import contextlib
import json
import subprocess
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PROGRAMS = Path("/var/lib/standfast-tools/prometheus/usr/bin")


def program(name: str) -> str:
    """Its path."""
    path = PROGRAMS / name
    assert path.exists(), f"{path} is missing: contrib/install-packages test"
    return str(path)


def promtool(*words: str, text: bytes = b"") -> subprocess.CompletedProcess[str]:
    """What promtool said."""
    return subprocess.run([program("promtool"), *words], input=text.decode(), capture_output=True, text=True)


def dashboard_queries(path: Path, *, cluster: str = ".*", range_: str = "1h") -> dict[str, str]:
    """By panel and letter: each query as Grafana sends it."""
    document = json.loads(path.read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in document["panels"]
        for target in panel.get("targets", ())
    }
    found |= {one["name"]: one["expr"] for one in document["annotations"]["list"]}
    return {
        name: query.replace("$cluster", cluster).replace("$__range", range_).replace("$__rate_interval", "1m")
        for name, query in found.items()
    }


class Prometheus:
    """One that runs, and scrapes every half a second; `ask` gets a URL and returns what it answers."""

    def __init__(self, port: int, prefix: tuple[str, ...]) -> None:
        self.port = port
        self._prefix = prefix

    def wait_until_ready(self, timeout_s: float = 30.0) -> None:
        """Until it answers questions: it listens some time before that, and answers 503."""
        command = [*self._prefix, "curl", "-sf", f"http://127.0.0.1:{self.port}/-/ready"]
        until = time.monotonic() + timeout_s
        while subprocess.run(command, capture_output=True).returncode != 0:
            assert time.monotonic() < until, f"Prometheus is not ready after {timeout_s:g} s"
            time.sleep(0.1)

    def ask(self, path: str, **parameters: str) -> Any:
        """The data that its API answers; an error is one of the test's."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        result = subprocess.run([*self._prefix, "curl", "-s", url], capture_output=True, text=True, check=True)
        answer = json.loads(result.stdout)
        assert answer["status"] == "success", (parameters, answer.get("error"))
        return answer["data"]

    def query(self, query: str) -> list[dict[str, Any]]:
        """The samples of a query now. The query is wrong when this fails."""
        found: list[dict[str, Any]] = self.ask("query", query=query)["result"]
        return found

    def wait_for(self, query: str, timeout_s: float = 30.0) -> list[dict[str, Any]]:
        """The samples of this query, as soon as there are any."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if found := self.query(query):
                return found
            time.sleep(0.2)
        raise AssertionError(f"no data in {timeout_s:g} s for {query}; {self.ask('targets')['activeTargets']}")


@contextlib.contextmanager
def running(
    folder: Path, port: int, targets: Iterable[str], *, rules: Path, prefix: tuple[str, ...] = ()
) -> Iterator[Prometheus]:
    """Prometheus scrapes these targets as the page about metrics says; `prefix` runs a command where it is to run."""
    scrape = {"job_name": "standfast", "static_configs": [{"targets": list(targets), "labels": {"cluster": "webha"}}]}
    times = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    document = {"global": times, "rule_files": [str(rules)], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(document))
    options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", "--log.level=warn")
    place = f"--web.listen-address=127.0.0.1:{port}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*prefix, program("prometheus"), *options, place], stdout=log, stderr=log)
        try:
            prometheus = Prometheus(port, prefix)
            prometheus.wait_until_ready()
            yield prometheus
        finally:
            process.kill()
            process.wait()
