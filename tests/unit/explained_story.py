"""A story of the cluster with questions in it: `explain NAME` yields what a person reads."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from standfast.ctl.explain_text import show
from standfast.resourced.explain.blind import Blind
from standfast.resourced.explain.explaining import explain
from standfast.resourced.explain.facts import Explanation, document
from standfast.resourced.explain.look import Look
from standfast.resourced.record import Record, durable
from unit.told import Story

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WIDTH = 80
BLINDLY = re.compile(r"explain ([\w@]+) on (\w+)(, which has it,)?(?: without (\w+) and)? without a term: (.*)")


class ExplainedStory(Story):
    """Steps other than `explain NAME` are done without a word."""

    def tell(self, step: str) -> Iterator[str]:
        if not step.startswith("explain "):
            list(super().tell(step))
            return
        if found := BLINDLY.fullmatch(step):
            yield from shown(self.explain_blindly(*found.groups()), self.now)
        else:
            yield from shown(self.explain(step.removeprefix("explain ")), self.now)

    def look(self) -> Look:
        return Look(with_times(self.record), self.configuration, self._situation())

    def explain(self, name: str) -> tuple[Explanation, ...]:
        return explain(name, self.look())

    def explain_blindly(
        self, name: str, node: str, has: str | None, without: str | None, why: str
    ) -> tuple[Explanation, ...]:
        """As a node answers that is in no open term."""
        blind = Blind(
            me=node,
            record=durable(self.record),
            configuration=self.configuration,
            why=why,
            heard=frozenset({node}),
            holds=frozenset({name} if has else ()),
            quorate=False,
            absent={without: "an operator goes on without it, and it is fenced first"} if without else {},
        )
        return explain(name, blind)


def with_times(record: Record) -> Record:
    """The story counts milliseconds, the record has times."""
    groups = {
        name: replace(group, since=at(int(group.since)).isoformat()) if group.since else group
        for name, group in record.groups.items()
    }
    return replace(record, groups=groups)


def at(now: int) -> datetime:
    return BEGAN + timedelta(milliseconds=now)


def shown(explanations: tuple[Explanation, ...], now: int) -> list[str]:
    """The lines on a terminal of 80 columns, without the empty ones' spaces."""
    out = io.StringIO()
    made: dict[str, Any] = {"explanations": [document(one) for one in explanations]}
    show(made, at(now), out, WIDTH)
    return [line.rstrip() for line in out.getvalue().splitlines()]
