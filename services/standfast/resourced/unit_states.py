"""What the states of a group's units say together."""

from collections.abc import Iterable
from itertools import takewhile

from standfast.resourced.messages import ResourceReport
from standfast.vocabulary import UnitState

_STOPPED = ("inactive", "deactivating")


def reports(states: Iterable[UnitState]) -> tuple[ResourceReport, ...]:
    """As the others are told of them."""
    return tuple(
        ResourceReport(
            unit=state.unit,
            active=state.active,
            probe=state.probe.value,
            cause=state.cause.text if state.cause else "",
        )
        for state in states
    )


def why(states: Iterable[UnitState]) -> str:
    """What is wrong with them, for people."""
    return "; ".join(state.cause.text if state.cause else f"{state.unit} is {state.active}" for state in states)


def is_up(state: UnitState) -> bool:
    return state.active == "active" and not state.job


def kept(states: tuple[UnitState, ...]) -> int | None:
    """How many are up before those that were stopped, or are being stopped, while the group has its lease: so it looks
    while a new version changes it. None: it is whole, or something else happened to it."""
    up = len(list(takewhile(is_up, states)))
    rest = states[up:]
    ended = all(state.cause is None and (state.active in _STOPPED or state.job == "stop") for state in rest)
    return up if rest and ended and all(state.job in ("", "stop") for state in rest) else None
