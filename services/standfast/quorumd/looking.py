"""Looks at each heuristic again and again, and tells when the node's health is another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from standfast import journal
from standfast.configuration.model import Configuration, Heuristic
from standfast.journal import Event, Level
from standfast.quorumd.health import Health, Outcome, Seen, Word, judge, looked, shown
from standfast.quorumd.page import look_at_page

NO_HEURISTICS: Final[dict[str, Any]] = {"Healthy": True, "HealthMinimum": 0, "Health": []}

Look = Callable[[Heuristic], Awaitable[Seen]]


class Looking:
    """`publish` gets the properties after every change."""

    def __init__(self, run_command: Look, publish: Callable[[dict[str, Any]], None]) -> None:
        self._run_command = run_command
        self._publish = publish
        self._heuristics: tuple[Heuristic, ...] = ()
        self._words: dict[str, Word] = {}
        self._healthy = True
        self._changed = asyncio.Event()

    def configure(self, configuration: Configuration | None) -> None:
        """These heuristics count from now on; what is believed of one stays while it is configured in the same way."""
        heuristics = configuration.heuristics if configuration else ()
        same = {one.name for one in heuristics if one in self._heuristics}
        self._words = {name: word for name, word in self._words.items() if name in same}
        self._heuristics = heuristics
        self._tell_health()
        self._changed.set()

    async def run(self) -> None:
        """Looks at them all; ends only by cancellation."""
        tasks: dict[Heuristic, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for old in tuple(tasks):
                    if old not in self._heuristics:
                        tasks.pop(old).cancel()
                for one in self._heuristics:
                    if one not in tasks:
                        tasks[one] = group.create_task(self._keep_looking(one))
                await self._changed.wait()

    async def _keep_looking(self, heuristic: Heuristic) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + heuristic.interval_ms / 1000
            look = self._run_command if heuristic.command else look_at_page
            self._seen(heuristic, await look(heuristic))
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _seen(self, heuristic: Heuristic, seen: Seen) -> None:
        if heuristic not in self._heuristics:
            return  # it was changed while it looked
        before = self._words.get(heuristic.name, Word())
        word = self._words[heuristic.name] = looked(before, heuristic, seen)
        if word.good != before.good:
            level = Level.NOTICE if word.good else Level.WARNING
            text = f"Heuristic {heuristic.name} is {'good' if word.good else 'bad'}: {seen.text}"
            journal.write(Event.HEURISTIC_CHANGED, level, text)
        if seen.outcome is Outcome.UNKNOWN and (before.last is None or before.last.outcome is not Outcome.UNKNOWN):
            text = (
                f"Heuristic {heuristic.name} cannot tell ({seen.text}); it counts as "
                f"{'good' if word.good else 'bad'}, as before"
            )
            journal.write(Event.HEURISTIC_UNKNOWN, Level.WARNING, text)
        self._tell_health()

    def _tell_health(self) -> None:
        health = judge(self._heuristics, self._words)
        known = shown(self._heuristics, self._words)
        self._publish({"Healthy": health.healthy, "HealthMinimum": health.minimum, "Health": known})
        if health.healthy != self._healthy:
            self._healthy = health.healthy
            self._write(health, known)

    def _write(self, health: Health, known: list[tuple[str, int, str]]) -> None:
        if health.healthy:
            text = f"This node is healthy again: score {health.score}, {health.minimum} needed"
            journal.write(Event.NODE_HEALTHY, Level.NOTICE, text)
            return
        bad = "; ".join(f"{name}: {seen}" for name, score, seen in known if score == 0)
        text = f"This node is not healthy, so it gives its groups away: score {health.score}, {health.minimum} needed"
        journal.write(Event.NODE_UNHEALTHY, Level.WARNING, f"{text} ({bad})")
