"""An incident of the lab once more, on this machine, where nothing of Standfast runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.trial import GROUP, Trial
from standfast import archive
from standfast.configuration.model import Group
from standfast.resourced import replaying
from standfast.resourced.outlook import Outlook

SERVICES = Path(__file__).parents[2] / "services"
REPORT = "/root/incident.tar.gz"


def check_replay(trial: Trial, victim: str, place: str) -> None:
    """A survivor's report has no secret, and replays to the same decisions: with another rule it does not."""
    node = trial.others(victim)[0]  # who coordinated without the victim
    trial.lab.sh(node, "standfast", "report", "-o", REPORT, "--since", "10min")
    file = trial.lab.root(node) / REPORT.lstrip("/")
    secret = (trial.lab.root(node) / "etc/standfast/bmc.secret").read_bytes().strip()
    with file.open("rb") as report:
        assert not [name for name, data in archive.read(report).items() if secret in data]
    decided = _decided(_replay(file))
    assert [text for text in decided if text.startswith(f"{victim} is lost")]
    assert [text for text in decided if text.startswith(f"{GROUP}: start on {place}: {victim} is proven off")]
    _check_with_another_rule(file, place)


def _replay(file: Path) -> Any:
    command = [sys.executable, "-m", "standfast.ctl", "simulate", "--replay", str(file), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(SERVICES)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr
    (node,) = json.loads(done.stdout)["nodes"]
    assert (node["result"], node["differences"]) == ("same", [])
    assert node["digests"] > 2, "both ends of the term without the victim"
    return node


def _decided(node: Any) -> list[str]:
    return [step["text"] for step in node["steps"] if step["kind"] == "decided"]


def _check_with_another_rule(file: Path, place: str) -> None:
    allowed: Callable[[Outlook, Group], tuple[str, ...]] = Outlook.allowed
    with pytest.MonkeyPatch.context() as planted:
        planted.setattr(Outlook, "allowed", lambda outlook, group: allowed(outlook, group)[::-1])
        (node,) = replaying.replay_file(file)
    assert node["result"] == "different"
    told = [(one["recorded"], one["replayed"]) for one in node["differences"]]
    assert [one for one in told if any(f"start on {place}" in text for text in one[0]) and one[0] != one[1]], told
