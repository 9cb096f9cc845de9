"""The command line while another node hangs, and while too few nodes are left: it answers, and no traceback shows."""

import json

from standfast_lab import observe

from lab.conftest import full_only
from lab.trial import GROUP, Trial

READ = ("status", "status --json", f"explain {GROUP}", "timeline", "quorum", "fence history", "config show")
CHANGE = (f"group relocate {GROUP}", "node standby node1", "maintenance on")
TYPED = 'for words in "$@"; do standfast $words; echo "=$?= $words"; done 2>&1'
NOT_QUORATE = 4


def typed(trial: Trial, node: str, *commands: str) -> tuple[dict[str, int], str]:
    """The exit code of each command, and all that they said."""
    said = trial.lab.sh(node, "bash", "-c", TYPED, "bash", *commands, timeout_s=120).stdout
    lines = [line.split("= ", 1) for line in said.splitlines() if line.startswith("=") and "= " in line]
    assert "Traceback" not in said and "fault of Standfast" not in said, said
    return {words: int(code[1:]) for code, words in lines}, said


def test_while_resourced_of_another_node_hangs_all_that_tells_goes_on_telling(trial: Trial) -> None:
    owner = trial.owner()
    hung = trial.others(owner)[0]
    trial.to_be_fenced.add(hung)  # only if systemd's watchdog is slower than the grace
    trial.fault(f"resourced of {hung} hangs")
    observe.signal_all(trial.lab, hung, "standfast-resourced.service", "STOP")
    codes, said = typed(trial, owner, *READ)
    assert codes == dict.fromkeys(READ, 0), said
    trial.wait_until_normal(90)


@full_only
def test_without_quorum_what_tells_tells_and_what_changes_is_refused_and_says_why(trial: Trial) -> None:
    owner = trial.owner()
    others = trial.others(owner)
    trial.fault(f"{' and '.join(others)} leave, one after the other")
    for node in others:
        trial.lab.sh(node, "systemctl", "stop", "standfast.target", timeout_s=120)

    def alone() -> bool:
        told = trial.lab.sh(owner, "standfast", "status", "--json", check=False).stdout
        status = json.loads(told or "{}")
        return status.get("quorate") is False and status["term"] is None

    trial.wait(alone, 30, f"{owner} not to be quorate")
    codes, said = typed(trial, owner, *READ)
    assert codes == dict.fromkeys(READ, 0), said
    assert f"standfast quorum start-alone {' '.join(others)}" in " ".join(said.split())
    codes, said = typed(trial, owner, *CHANGE)
    assert codes == dict.fromkeys(CHANGE, NOT_QUORATE), said
    for node in others:
        trial.lab.sh(node, "systemctl", "start", "standfast.target", timeout_s=60)
    trial.wait_until_normal(90)
