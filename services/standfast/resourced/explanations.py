"""`standfast explain` on the bus, worked out beside the loop; nothing is changed by it."""

import asyncio
import difflib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from standfast.bus import BusError, Call, ErrorName, Server
from standfast.resourced.core import Core
from standfast.resourced.no_term import why_no_term
from standfast.resourced.term import Word
from standfast.vocabulary import Holding

if TYPE_CHECKING:
    from standfast.resourced.explain.blind import Blind
    from standfast.resourced.explain.look import Look

# An explanation is rare and memory is short: the modules that make one are imported when somebody asks.

INTERFACE: Final = "org.standfast.Groups1"
LONGEST_NAME: Final = 100
MOST_NAMES: Final = 12


class Explanations:
    """`one` is held while it thinks, as by everything that takes a processor for long."""

    def __init__(self, core: Core, server: Server, one: asyncio.Lock) -> None:
        self._core = core
        self._one = one
        server.handle(INTERFACE, "Explain", self._explain)

    async def _explain(self, call: Call) -> tuple[Any, ...]:
        (name,) = call.arguments
        async with self._one:
            seen = _seen(self._core)
            found = await asyncio.to_thread(_make, name, seen)
        if isinstance(found, str):
            raise BusError(ErrorName.REFUSED, found)
        term = self._core.terms.term
        head = {"node": self._core.me, "term": term.number if term else None}
        return (json.dumps(head | {"explanations": found}, ensure_ascii=False),)


def _seen(core: Core) -> "Callable[[], Look | Blind]":
    """How what this node knows now is looked at: of all of it nothing changes while somebody thinks about it."""
    from standfast.resourced.explain.blind import Blind
    from standfast.resourced.explain.look import Look

    terms, record, configuration = core.terms, core.record, core.configuration
    situation = core.coordinator.situation(core.knowledge)
    if record is not None and situation is not None and terms.term is not None and terms.term.position > 0:
        if configuration.digest == record.configuration:
            return lambda: Look(record, configuration, situation)
        why = ""
    else:
        why = why_no_term(terms) or "one was opened just now: ask again in a moment"
    blind = Blind(
        me=core.me,
        record=record,
        configuration=configuration,
        why=why,
        heard=frozenset(terms.ring_nodes),
        holds=frozenset(name for name, hand in core.hands.items() if hand.holding is not Holding.NOTHING),
        quorate=core.quorum() is Word.YES,
        absent={node: text for _, node, _, _, text in core.alone.losses(core.now)},
    )
    return lambda: blind


def _make(name: str, look: "Callable[[], Look | Blind]") -> list[dict[str, Any]] | str:
    """What is said of everything with this name; one sentence where there is nothing."""
    from standfast.resourced.explain.explaining import explain, group_of_unit, names
    from standfast.resourced.explain.facts import document

    seen = look()
    if found := [document(one) for one in explain(name, seen)]:
        return found
    if group := group_of_unit(name, seen):
        return f"there is no group or node {name}: it is a resource of {group}; see standfast explain {group}"
    return unknown(name, names(seen))


def unknown(name: str, names: tuple[str, ...]) -> str:
    """One sentence that there is nothing of that name, with the closest one that there is."""
    short = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]} …"
    close = difflib.get_close_matches(short.casefold(), names, n=1, cutoff=0.5)
    if close:
        return f"there is no group or node {short}: did you mean {close[0]}?"
    listed = ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else "")
    return f"there is no group or node {short}; there are: {listed}"
