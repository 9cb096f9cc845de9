"""Where a node stands with one of its groups, and whether it may go on."""

from enum import StrEnum

from standfast.vocabulary import Holding


class Gate(StrEnum):
    """May something that cannot be taken back be done now?"""

    OPEN = "open"
    WAIT = "wait"
    SHUT = "shut"


class Stage(StrEnum):
    IDLE = "idle"
    WAITING = "waiting"  # ordered to start, not begun
    STARTING = "starting"
    RUNNING = "running"
    KILLING = "killing"  # what hangs is killed before its restart
    SHORTENING = "shortening"  # a new version changes it: what differs is stopped, until that is in place
    STOPPING = "stopping"
    STOP_FAILED = "stop-failed"


BEGUN = (Stage.STARTING, Stage.RUNNING, Stage.KILLING, Stage.SHORTENING)  # it runs, or is about to

_HOLDING = {
    Stage.IDLE: Holding.NOTHING,
    Stage.WAITING: Holding.NOTHING,
    Stage.STARTING: Holding.QUEUED,
    Stage.STOPPING: Holding.STOPPING,
    Stage.STOP_FAILED: Holding.STOP_FAILED,
}


def holding(stage: Stage, *, again: bool) -> Holding:
    """As the others are told; `again`: it stops in order to start."""
    if stage is Stage.STOPPING and again:
        return Holding.QUEUED
    return _HOLDING.get(stage, Holding.RUNNING)
