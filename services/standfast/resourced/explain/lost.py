"""Why nodes are lost, and how far the proof is that they are off."""

from collections.abc import Iterable, Iterator

from standfast.resourced.absence import next_attempt_ms, under_way
from standfast.resourced.explain.facts import Fact, Part, Said, Stated, duration, stated
from standfast.resourced.explain.look import Look
from standfast.resourced.record import Attempt
from standfast.resourced.situation import Waits


def losses(look: Look, names: Iterable[str]) -> tuple[Part, ...]:
    """Why these nodes are lost, and how far their proof is."""
    return tuple(Part(name=name, said=tuple(loss(look, name))) for name in names if name in look.record.losses)


def loss(look: Look, name: str) -> Iterator[Said]:
    """Why the node is lost, and what is done about the proof."""
    record, known = look.record, look.record.losses[name]
    yield known.reason
    if known.proof:
        return
    attempts = (one for one in record.attempts if one.node == name and one.action == "off" and under_way(record, one))
    begun = next(attempts, None)
    if begun is not None:
        yield attempt(begun)
    if failed := record.failed_attempts.get(known.number, 0):
        yield stated(Fact.FAILED_ATTEMPTS, count=failed, node=name)
    waits = Waits(look.situation.waits, look.situation.now)
    wait = next_attempt_ms(known, record, look.configuration, look.situation, waits)
    if record.maintenance:
        yield stated(Fact.NOBODY_FENCED)
    elif begun is None and wait:
        yield stated(Fact.NEXT_ATTEMPT, node=name, time=duration(wait))
    if record.nodes[name].watchdog_ms:
        yield stated(Fact.WATCHDOG, node=name)
    elif not look.configuration.node(name).fence:
        yield stated(Fact.NO_DEVICE, node=name)


def attempt(begun: Attempt) -> Stated:
    """Who is at it."""
    return stated(Fact.FENCED_BY, fencer=begun.fencer, node=begun.node)
