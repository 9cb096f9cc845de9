"""Since when each link is up or down, and what of it is worth telling: pure. A link that flaps is told once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

FLAPS: Final = 4  # changes within WINDOW_MS
WINDOW_MS: Final = 60_000


class News(StrEnum):
    """What became of a link."""

    DOWN = "down"
    UP = "up"
    FLAPS = "flaps"  # its single changes are not told any more
    STEADY = "steady"  # it has not changed for a while, so they are again


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """One link to one peer."""

    number: int
    up: bool
    since: str  # RFC 3339: its last change, or when it was first looked at
    changes_ms: tuple[int, ...] = ()  # its last FLAPS changes
    flaps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """News of one link."""

    peer: int
    link: LinkState
    news: News


History = Mapping[int, tuple[LinkState, ...]]  # by peer


def look(
    history: History, links: Mapping[int, Mapping[int, bool]], at_ms: int, at: str
) -> tuple[History, tuple[Change, ...]]:
    """After a look at the links (by peer: number, up) at `at_ms`, which is `at` for people."""
    new: dict[int, tuple[LinkState, ...]] = {}
    told: list[Change] = []
    for peer, shown in links.items():
        known = {link.number: link for link in history.get(peer, ())}
        states = []
        for number, up in shown.items():
            first = LinkState(number=number, up=up, since=at)
            link, news = _look(known.get(number, first), up, at_ms, at)
            states.append(link)
            if news is not None:
                told.append(Change(peer=peer, link=link, news=news))
        new[peer] = tuple(states)
    return new, tuple(told)


def _look(link: LinkState, up: bool, at_ms: int, at: str) -> tuple[LinkState, News | None]:
    if up == link.up:
        if link.flaps and at_ms - link.changes_ms[-1] >= WINDOW_MS:
            return replace(link, flaps=False, changes_ms=()), News.STEADY
        return link, None
    changes_ms = (*link.changes_ms, at_ms)[-FLAPS:]
    link = replace(link, up=up, since=at, changes_ms=changes_ms)
    if link.flaps:
        return link, None
    if len(changes_ms) == FLAPS and at_ms - changes_ms[0] < WINDOW_MS:
        return replace(link, flaps=True), News.FLAPS
    return link, News.UP if up else News.DOWN
