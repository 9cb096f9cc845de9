"""Why a unit is not up although nothing of it has failed: what its start waits for, or why that did nothing. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from standfast.vocabulary import Cause

LONG_US: Final = 5_000_000
AUTO_RESTART: Final = "auto-restart"

# systemd's sub-states of what is activating (src/basic/unit-def.c)
_WAITS: Final = {
    "condition": "its ExecCondition= has not ended",
    "start-pre": "its ExecStartPre= has not ended",
    "start": "its ExecStart= has not ended, or has not said that it is ready",
    "start-post": "its ExecStartPost= has not ended",
    "mounting": "what it mounts has not answered",
}


def still_starting(unit: str, sub: str) -> Cause:
    """Shown while it is waited for, and named by what waited too long."""
    why = _WAITS.get(sub, f"it is in state {sub}")
    return Cause(kind="activating", text=f"{unit} is still starting: {why} (systemctl status {unit})")


def not_started(unit: str, conditions: Sequence[Sequence[Any]], result: str = "success") -> Cause:
    """systemd calls the start done, and the unit is not active. `conditions`: name, trigger, negate, parameter, outcome
    (org.freedesktop.systemd1(5)); the outcome is negative where one is not met."""
    if result == "exec-condition":
        return Cause(kind=result, text=f"{unit} was not started: its ExecCondition= says no")
    failed = [one for one in conditions if one[4] < 0]
    if failed:
        name, _, negated, parameter, _ = failed[0]
        text = f"was not started: {name}={'!' if negated else ''}{parameter} of its unit file is not met here"
        return Cause(kind="condition", text=f"{unit} {text}")
    text = "ended at once, without error: what runs to its end needs RemainAfterExit=yes to be a resource"
    return Cause(kind="gone", text=f"{unit} {text}")
