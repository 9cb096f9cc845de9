"""Which step of a fencing attempt comes next (pure: answers go in, steps and an outcome come out).

`off` goes through the node's levels in order. A level succeeds when every plug of it answered `off` with success
and then `status` with "off"; the first failure ends the level and the next one begins at once. `on` goes through
all plugs and switches on those whose status is "off".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from standfast.agents.words import Action, Answer
from standfast.configuration.model import Configuration, Plug

Levels = tuple[tuple[Plug, ...], ...]

BACKOFF_FIRST_MS: Final = 1_000
BACKOFF_LAST_MS: Final = 30_000


class Outcome(StrEnum):
    """How an attempt ended; the values are the states of the D-Bus interface."""

    PROVEN = "proven"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """What a round of `off` waits before its first step, and which setting says so, for people."""

    milliseconds: int
    setting: str

    def __str__(self) -> str:
        return f"waits {self.milliseconds / 1000:g} s: {self.setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of a fence agent."""

    level: int  # from 0
    index: int  # of the plug in its level
    plug: Plug
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class OffRound:
    """One round of `off` through all levels; `next` is the step to take, or how the round ended."""

    levels: Levels
    next: Step | Outcome

    def after(self, answer: Answer) -> "OffRound":
        """The round once the step was answered."""
        assert isinstance(self.next, Step), "the round has ended"
        level, index = self.next.level, self.next.index + 1
        match self.next.action, answer:
            case Action.OFF, Answer.DONE:
                return replace(self, next=replace(self.next, action=Action.STATUS))
            case Action.STATUS, Answer.IS_OFF if index == len(self.levels[level]):
                return replace(self, next=Outcome.PROVEN)
            case Action.STATUS, Answer.IS_OFF:
                plug = self.levels[level][index]
                return replace(self, next=Step(level=level, index=index, plug=plug, action=Action.OFF))
            case _:
                return replace(self, next=_first_off(self.levels, level + 1))

    @property
    def begins_further_level(self) -> bool:
        """The next step is the first one of a level after the first: only an open term may begin it."""
        return (
            isinstance(self.next, Step)
            and self.next.action is Action.OFF
            and self.next.level > 0
            and self.next.index == 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRound:
    """One round of `on` through all plugs of all levels; `next` as in OffRound.

    A plug whose status does not answer does not count against the round if another one was switched on: it may
    be the very device that failed before the next level cut the power.
    """

    steps: tuple[Step, ...]  # a status for each plug
    index: int = 0
    switching: bool = False  # the plug said "off": now it is switched on
    switched: bool = False  # at least one plug was switched on
    silent: bool = False  # at least one plug did not say what it is
    refused: bool = False  # at least one plug that is off did not go on

    @property
    def next(self) -> Step | Outcome:
        if self.index < len(self.steps):
            step = self.steps[self.index]
            return replace(step, action=Action.ON) if self.switching else step
        good = not self.refused and (self.switched or not self.silent) and bool(self.steps)
        return Outcome.DONE if good else Outcome.FAILED

    def after(self, answer: Answer) -> "OnRound":
        """The round once the step was answered."""
        assert isinstance(self.next, Step), "the round has ended"
        if not self.switching and answer is Answer.IS_OFF:
            return replace(self, switching=True)
        onward = replace(self, index=self.index + 1, switching=False)
        if self.switching:
            succeeded = answer is Answer.DONE
            return replace(onward, switched=self.switched or succeeded, refused=self.refused or not succeeded)
        return replace(onward, silent=self.silent or answer is Answer.FAILED)


Round = OffRound | OnRound


def begin(action: Action, levels: Levels) -> Round:
    """A new round of `off` or `on` through a node's levels; without a device it has failed."""
    if action is Action.OFF:
        return OffRound(levels=levels, next=_first_off(levels, 0))
    assert action is Action.ON, action
    return OnRound(steps=tuple(_statuses(levels)))


def backoff_ms(failed_rounds: int) -> int:
    """How long to wait before the next round: nothing before the first one, then 1, 2, 4 … 30 seconds."""
    if failed_rounds == 0:
        return 0
    return min(BACKOFF_FIRST_MS << min(failed_rounds - 1, 30), BACKOFF_LAST_MS)


def delay(configuration: Configuration, name: str) -> Delay | None:
    """The longest of FenceDelay= of the node and Delay= of all its devices: it is waited once in each round."""
    node = configuration.node(name)
    used = {plug.device for level in node.fence for plug in level}
    delays = [Delay(milliseconds=node.fence_delay_ms, setting=f"FenceDelay= of {name}")]
    delays += [
        Delay(milliseconds=device.delay_ms, setting=f"Delay= of fence device {device.name}")
        for device in configuration.devices
        if device.name in used
    ]
    longest = max(delays, key=lambda one: one.milliseconds)
    return longest if longest.milliseconds else None


def _first_off(levels: Levels, level: int) -> Step | Outcome:
    """The first step of the level, or of the next one that has a plug: an empty level proves nothing."""
    for index in range(level, len(levels)):
        if levels[index]:
            return Step(level=index, index=0, plug=levels[index][0], action=Action.OFF)
    return Outcome.FAILED


def _statuses(levels: Levels) -> Iterator[Step]:
    """A status step for each plug, once, in order."""
    seen = set()
    for level, plugs in enumerate(levels):
        for index, plug in enumerate(plugs):
            if plug not in seen:
                seen.add(plug)
                yield Step(level=level, index=index, plug=plug, action=Action.STATUS)
