"""What the states of a group's units say together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import takewhile

from standfast.resourced.presence import ResourceReport
from standfast.vocabulary import ProbeState, UnitState

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


def begun(states: Iterable[UnitState]) -> tuple[str, ...]:
    """Units of which something is there or under way; a queued job alone is nothing where no lease lets it begin."""
    still = ("inactive", "failed")
    return tuple(one.unit for one in states if one.active not in still or one.processes or one.traces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a group does not serve; nothing, when it does."""

    text: str = ""  # for people
    units: tuple[str, ...] = ()  # that failed
    probes: tuple[str, ...] = ()  # "UNIT/NAME", where nothing but probes speaks against it


SOUND = Fault()


def fault(states: Iterable[UnitState], *, probed: bool) -> Fault:
    """What is wrong with those that must serve."""
    broken = [state for state in states if is_broken(state, probed=probed)]
    probes = (f"{state.unit}/{name}" for state in broken for name in state.bad_probes)
    return Fault(
        text=_why(broken),
        units=tuple(state.unit for state in broken),
        probes=() if any(map(_is_down, broken)) else tuple(probes),
    )


def is_broken(state: UnitState, *, probed: bool) -> bool:
    return _is_down(state) or (probed and state.probe is ProbeState.BAD)


def unserving(states: Iterable[UnitState], critical: Collection[UnitState], *, probed: bool) -> tuple[str, ...]:
    """Units that do not serve and that the group goes on without (Critical=no), or for a new version."""
    others = (state for state in states if state not in critical and not state.by_hand)
    return tuple(state.unit for state in others if is_broken(state, probed=probed))


def _is_down(state: UnitState) -> bool:
    return state.active in ("inactive", "failed") and not state.job


def _why(states: Iterable[UnitState]) -> str:
    return "; ".join(state.cause.text if state.cause else f"{state.unit} is {state.active}" for state in states)


def named(state: UnitState) -> str:
    """It, with what is known against it."""
    return state.cause.text if state.cause else state.unit


def moving(states: Iterable[UnitState]) -> bool:
    """A job goes on that takes one of them down or up: what serves nothing meanwhile has not failed."""
    return any(state.job not in ("", "reload") for state in states)


def is_up(state: UnitState) -> bool:
    return state.active == "active" and not state.job


def kept(states: tuple[UnitState, ...]) -> int | None:
    """How many are up before those that were stopped, or are being stopped, while the group has its lease: so it looks
    while a new version changes it. None: it is whole, or something else happened to it."""
    up = len(list(takewhile(is_up, states)))
    rest = states[up:]
    ended = all(_was_ended(state) and not state.by_hand for state in rest)
    return up if rest and ended and all(state.job in ("", "stop") for state in rest) else None


def _was_ended(state: UnitState) -> bool:
    return state.cause is None and (state.active in _STOPPED or state.job == "stop")


def by_hand(states: Iterable[UnitState]) -> tuple[str, ...]:
    """The units that an administrator stopped."""
    return tuple(state.unit for state in states if state.by_hand)
