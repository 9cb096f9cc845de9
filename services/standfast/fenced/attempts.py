"""Attempts: what was asked for a loss, what its agents did, how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Final

from standfast import files, journal
from standfast.agents.running import Result
from standfast.agents.words import Action, Answer
from standfast.configuration.model import Configuration
from standfast.fenced.history import History
from standfast.fenced.levels import Delay, Levels, OffRound, Outcome, Round, Step, begin, delay

SHOWN_AFTER_END_S: Final = 600.0
MOST_ATTEMPTS: Final = 256


class State(StrEnum):
    RUNNING = "running"
    PROVEN = "proven"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What resourced asks for: it binds the loss and the incarnation that the proof will be about."""

    loss: str
    node: str
    incarnation: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An order as it stands; one row of the property Attempts."""

    order: Order
    state: State
    device: str = ""
    text: str = ""
    failed_rounds: int = 0

    def row(self) -> tuple[str, str, str, str, str, str, str]:
        order = self.order
        return (
            order.loss,
            order.node,
            order.incarnation,
            order.action.value,
            self.state.value,
            self.device,
            self.text,
        )


@dataclass(slots=True)
class _Progress:
    """One round under way."""

    round: Round
    answers: list[str] = field(default_factory=list)  # "ipmi-node1: exit code 1: …"
    given_up: bool = False  # its loss was proven or ended meanwhile


class Attempts:
    """Begins, runs and remembers attempts; `changed` is called after each change of `rows`."""

    def __init__(
        self,
        act: Callable[[Step, Callable[[], bool]], Awaitable[Result | None]],
        term_open: Callable[[], Awaitable[bool]],
        history: History,
        changed: Callable[[], None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._act = act
        self._term_open = term_open
        self._history = history
        self._changed = changed
        self._tasks = tasks
        self._attempts: dict[Order, Attempt] = {}
        self._node_locks: dict[str, asyncio.Lock] = {}
        self._history_lock = asyncio.Lock()
        self._waiting: frozenset[str] = frozenset()  # losses without a proof, as resourced said last
        self._over: frozenset[str] = frozenset()  # losses of attempts that it named before, and does not any more
        self.slowest_off_ms = 0  # of those that proved something in this life, its delays included

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Attempts under way and those that ended in the last ten minutes, oldest first."""
        return tuple(attempt.row() for attempt in self._attempts.values())

    def begin(self, order: Order, configuration: Configuration) -> None:
        """The attempt runs. What runs already, or ended well, goes on as it is; a failed one begins anew: whoever asks
        waits between the rounds.

        Raises LookupError when there is no such node, OverflowError with too many attempts under way.
        """
        known = self._attempts.get(order)
        if known is not None and known.state is not State.FAILED:
            return
        levels = _levels(configuration, order.node)
        if known is None:
            self._make_room()
        failed_rounds = known.failed_rounds if known is not None else 0
        self._put(Attempt(order=order, state=State.RUNNING, failed_rounds=failed_rounds))
        waits = delay(configuration, order.node) if order.action is Action.OFF else None
        self._tasks.create_task(self._run(order, levels, waits, failed_rounds))

    def hear_losses(self, waiting: Collection[str]) -> None:
        """resourced says that just these losses wait for a proof: for one that no longer does no `off` is begun."""
        known = {order.loss for order in self._attempts}
        self._over = frozenset(((self._over | self._waiting) - set(waiting)) & known)
        self._waiting = frozenset(waiting)

    def _is_over(self, order: Order, step: Step) -> bool:
        """The step is the first `off` of a level, and would hit who is not lost any more. A level that has begun is
        not left half done: a node with two power supplies would be left with one."""
        return step.action is Action.OFF and step.index == 0 and order.loss in self._over

    def _make_room(self) -> None:
        """There is room for one more attempt: the oldest ended one goes if need be."""
        if len(self._attempts) < MOST_ATTEMPTS:
            return
        ended = (order for order, attempt in self._attempts.items() if attempt.state is not State.RUNNING)
        oldest = next(ended, None)
        if oldest is None:
            raise OverflowError(f"{MOST_ATTEMPTS} attempts are under way")
        del self._attempts[oldest]

    async def _run(self, order: Order, levels: Levels, waits: Delay | None, failed_rounds: int) -> None:
        progress = _Progress(round=begin(order.action, levels))
        # An `on` of an older loss must not cross an `off` of the same node.
        async with self._node_locks.setdefault(order.node, asyncio.Lock()):
            begun = asyncio.get_running_loop().time()
            self._tell_begun(order, failed_rounds, waits)
            if waits is not None:
                self._note(order, "", str(waits))
                await asyncio.sleep(waits.milliseconds / 1000)
            outcome = await self._play(order, progress)
        milliseconds = round((asyncio.get_running_loop().time() - begun) * 1000)
        ended = self._end(order, outcome, progress, failed_rounds, milliseconds)
        await self._remember(ended, milliseconds)

    async def _play(self, order: Order, progress: _Progress) -> Outcome:
        """Takes the round's steps until it has an outcome."""
        while isinstance(progress.round.next, Step):
            if (
                isinstance(progress.round, OffRound)
                and progress.round.begins_further_level
                and not await self._term_open()
            ):
                progress.answers.append("no term is open here, so no further level was begun")
                return Outcome.FAILED
            step = progress.round.next
            self._note(order, step.plug.device, f"{step.plug} is asked: {step.action}.")
            result = await self._act(step, partial(self._is_over, order, step))
            if result is None:
                progress.given_up = True
                return Outcome.FAILED
            self._hear(order, step, result, progress)
            progress.round = progress.round.after(result.answer)
        return progress.round.next

    def _hear(self, order: Order, step: Step, result: Result, progress: _Progress) -> None:
        """Remembers what the agent said and tells of a failure."""
        contradicts = step.action is Action.STATUS and order.action is Action.OFF and result.answer is Answer.DONE
        if result.answer is not Answer.FAILED and not contradicts:
            progress.answers.append(f"{step.plug}: {step.action}: {result.text or result.answer}")
            return
        what = "its status still says on after off" if contradicts else f"{step.action} failed: {result.text}"
        progress.answers.append(f"{step.plug}: {what}")
        self._write(
            journal.Event.FENCE_AGENT_FAILED,
            journal.Level.WARNING,
            f"Fencing {order.node}: fence device {step.plug}: {what}.",
            order,
            device=step.plug.device,
            cause=result.text,
            milliseconds=str(result.milliseconds),
        )

    def _tell_begun(self, order: Order, failed_rounds: int, waits: Delay | None) -> None:
        if order.action is Action.OFF:
            first = f"; it {waits}" if waits is not None else ""
            text = f"{order.node} is being fenced (loss {order.loss}, round {failed_rounds + 1}{first})."
            self._write(journal.Event.FENCE_BEGUN, journal.Level.NOTICE, text, order)

    def _end(
        self, order: Order, outcome: Outcome, progress: _Progress, failed_rounds: int, milliseconds: int
    ) -> Attempt:
        """The journal has the outcome, then the bus: who acts on a proof finds it told before."""
        device = self._attempts[order].device
        event, level, text = _ending(order, outcome, device, progress)
        self._write(event, level, text, order, device=device, milliseconds=str(milliseconds))
        failed = failed_rounds + 1 if outcome is Outcome.FAILED else 0
        if outcome is Outcome.PROVEN:
            self.slowest_off_ms = max(self.slowest_off_ms, milliseconds)
        ended = Attempt(order=order, state=State(outcome.value), device=device, text=text, failed_rounds=failed)
        self._put(ended)
        asyncio.get_running_loop().call_later(SHOWN_AFTER_END_S, self._forget, ended)
        return ended

    def _forget(self, ended: Attempt) -> None:
        if self._attempts.get(ended.order) is ended:
            del self._attempts[ended.order]
            self._changed()

    async def _remember(self, attempt: Attempt, milliseconds: int) -> None:
        order = attempt.order
        try:
            async with self._history_lock:
                await asyncio.to_thread(
                    self._history.append,
                    time=files.now_text(),
                    loss=order.loss,
                    node=order.node,
                    incarnation=order.incarnation,
                    action=order.action.value,
                    state=attempt.state.value,
                    device=attempt.device,
                    milliseconds=milliseconds,
                    text=attempt.text,
                )
        except OSError as error:
            text = f"The history of fencing cannot be written: {error}. Fencing itself does not need it."
            self._write(journal.Event.FENCE_HISTORY_FAILED, journal.Level.WARNING, text, order)

    def _note(self, order: Order, device: str, text: str) -> None:
        self._put(replace(self._attempts[order], device=device or self._attempts[order].device, text=text))

    def _put(self, attempt: Attempt) -> None:
        self._attempts[attempt.order] = attempt
        self._changed()

    def _write(self, event: journal.Event, level: journal.Level, text: str, order: Order, **fields: str) -> None:
        own = {"node": order.node, "incident": order.loss, "incarnation": order.incarnation}
        journal.write(event, level, text, **own, action=order.action.value, **fields)


def _levels(configuration: Configuration, name: str) -> Levels:
    for node in configuration.nodes:
        if node.name == name:
            return node.fence
    raise LookupError(name)


def _ending(
    order: Order, outcome: Outcome, device: str, progress: _Progress
) -> tuple[journal.Event, journal.Level, str]:
    """The entry that tells how an attempt ended. A failure is a notice: the record calls the operator, and once."""
    why = "; ".join(progress.answers) or "it has no fence device"
    if progress.given_up:
        text = f"{order.node} is not fenced any more: loss {order.loss} was proven or has ended meanwhile."
        return journal.Event.FENCE_GIVEN_UP, journal.Level.NOTICE, text
    match order.action, outcome:
        case Action.OFF, Outcome.PROVEN:
            text = f"{order.node} is off: {device} switched it off and says so (proof of loss {order.loss})."
            return journal.Event.FENCE_PROVEN, journal.Level.NOTICE, text
        case Action.OFF, _:
            text = f"{order.node} could not be fenced (loss {order.loss}): {why}."
            return journal.Event.FENCE_FAILED, journal.Level.NOTICE, text
        case _, Outcome.DONE:
            text = f"{order.node} is switched on again (loss {order.loss}): {why}."
            return journal.Event.FENCE_SWITCHED_ON, journal.Level.NOTICE, text
        case _:
            text = f"{order.node} could not be switched on again (loss {order.loss}): {why}."
            return journal.Event.FENCE_ON_FAILED, journal.Level.NOTICE, text
