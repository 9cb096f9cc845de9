"""How a BMC behaves, set by a test while it runs, and what it was asked."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from .place import NodePlace, Place


class Mode(StrEnum):
    """How a BMC behaves."""

    OK = "ok"
    SLOW = "slow"  # answers everything after a delay
    LYING = "lying"  # says that the power is off, and cut nothing
    STUCK = "stuck"  # takes the order, and the power stays on, as its status says
    REFUSING = "refusing"  # takes no password: somebody has changed it there
    BROKEN = "broken"  # hangs up without an answer: the agent fails at once
    DEAD = "dead"  # nobody answers at its address: the agent waits for a minute, or to its deadline


def set_mode(node: NodePlace, mode: Mode, delay_s: float = 0.0) -> None:
    """From the next request on, the node's BMC behaves like this (DEAD: network.set_bmc_reachable as well)."""
    temporary = node.folder / "bmc.mode.new"
    temporary.write_text(json.dumps({"mode": mode, "delay_s": delay_s}))
    temporary.replace(node.folder / "bmc.mode")


def mode_of(node: NodePlace) -> tuple[Mode, float]:
    """How the node's BMC behaves, and its delay in seconds."""
    try:
        wanted = json.loads((node.folder / "bmc.mode").read_text())
    except FileNotFoundError:
        return Mode.OK, 0.0
    return Mode(wanted["mode"]), float(wanted["delay_s"])


def note(lab: Place, request: Mapping[str, Any]) -> None:
    """The BMCs' log has the request."""
    with (lab.folder / "bmc.log").open("a") as log:
        log.write(json.dumps(dict(request)) + "\n")


def requests(lab: Place) -> list[dict[str, Any]]:
    """What the BMCs were asked, in the order of the answers; `begun` and `ended` are CLOCK_MONOTONIC seconds."""
    log = lab.folder / "bmc.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
