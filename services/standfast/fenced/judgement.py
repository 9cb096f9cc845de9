"""Whether what a fence device says fits what the cluster knows; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from standfast.agents.running import Result
from standfast.agents.words import Answer
from standfast.configuration.model import Plug


class Power(StrEnum):
    """What a plug says of itself."""

    ON = "on"
    OFF = "off"
    SILENT = "silent"

    @classmethod
    def of(cls, answer: Answer) -> "Power":
        """What the answer to `status` means."""
        return {Answer.DONE: cls.ON, Answer.IS_OFF: cls.OFF, Answer.FAILED: cls.SILENT}[answer]


class Judgement(StrEnum):
    """What all plugs of a device together say."""

    GOOD = "good"
    SILENT = "silent"  # one did not answer
    WRONG = "wrong"  # all answered, and one cannot be right

    @classmethod
    def of(cls, rows: Iterable["Tested"]) -> "Judgement":
        bad = [row for row in rows if not row.ok]
        if any(row.power is Power.SILENT for row in bad):
            return cls.SILENT
        return cls.WRONG if bad else cls.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One plug's answer to a test."""

    node: str  # whose plug it is; "" = no node uses the device
    plug: Plug
    power: Power
    ok: bool  # it answered, and that can be right
    text: str  # for people
    last_answer: str = ""  # when its device last answered for all its plugs, RFC 3339 in UTC

    def with_answer(self, last_answer: str) -> "Tested":
        return replace(self, last_answer=last_answer)


def judge(results: Mapping[tuple[str, Plug], Result], online: frozenset[str]) -> list[Tested]:
    """A row for each node and plug; `online`: who was on for sure while the plugs were asked."""
    return [_judge(node, plug, result, node in online) for (node, plug), result in results.items()]


def _judge(node: str, plug: Plug, result: Result, online: bool) -> Tested:
    power = Power.of(result.answer)
    match power:
        case Power.SILENT:
            ok, text = False, result.text
        case Power.OFF if online:
            ok, text = False, f"off, but {node} is online: correct its Fence= or the device's options"
        case _:
            ok, text = True, power.value
    return Tested(node=node, plug=plug, power=power, ok=ok, text=text)
