"""Units that are not up, each for its own reason, on a real systemd: each is told in its own words."""

import json
from pathlib import Path

from lab.trial import Stage

SCRIPT = Path(__file__).parent / "odd_units.py"
TOLD = {
    "exit-code": ("failed", "exit-code", "exited with status 3"),
    "signal": ("failed", "signal", "was killed by signal 15 (SIGTERM)"),
    "watchdog": ("failed", "watchdog", "did not feed its watchdog in time"),
    "timeout": ("failed", "timeout", "did not start or stop within its time limit"),
    "protocol": ("failed", "protocol", "did not start as its Type= promises: look at Type= and PIDFile="),
    "resources": ("failed", "resources", "could not be run: systemd could not get something that it needs"),
    "start-limit-hit": ("failed", "start-limit-hit", "was started too often in a short time: a later drop-in"),
    "auto-restart": (
        "failed",
        "exit-code",
        "exited with status 4; systemd is about to start it again: a later drop-in",
    ),
    "dependency": ("inactive", "dependency", "was not started: a unit that it needs failed"),
    "condition": ("inactive", "condition", "was not started: ConditionPathExists=/nonexistent of its unit file"),
    "exec-condition": ("inactive", "exec-condition", "was not started: its ExecCondition= says no"),
    "assert": ("inactive", "assert", "was refused by systemd: an assertion failed"),
    "once": ("inactive", "gone", "ended at once, without error: what runs to its end needs RemainAfterExit=yes"),
    "slow": ("activating", "activating", "is still starting: its ExecStartPre= has not ended"),
    "bad-setting": ("inactive", "bad-setting", "has a setting that systemd refuses: systemd-analyze verify"),
    "masked": ("inactive", "masked", "is masked here: systemctl unmask"),
    "not-found": ("inactive", "not-found", "has no unit file here: install it"),
}


def test_each_way_of_not_being_up_is_told_in_its_own_words(stage: Stage) -> None:
    node = stage.lab.nodes()[-1]
    told = json.loads(stage.lab.sh(node, "python3", "-", text=SCRIPT.read_text(), timeout_s=90).stdout)
    assert {name: (active, kind) for name, (active, kind, _) in told.items()} == {
        name: (active, kind) for name, (active, kind, _) in TOLD.items()
    }
    for name, (_, _, text) in TOLD.items():
        assert f"standfast-odd-{name}.service {text}" in told[name][2]
    assert len({text.split(maxsplit=1)[1] for _, _, text in told.values()}) == len(TOLD)
