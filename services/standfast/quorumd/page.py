"""A heuristic that is a page: it is read as a probe reads one."""

from standfast.configuration.model import Heuristic, Probe
from standfast.probes.checking import check
from standfast.quorumd.health import Outcome, Seen


async def look_at_page(heuristic: Heuristic) -> Seen:
    """What was seen, within the heuristic's timeout."""
    assert heuristic.url is not None
    probe = Probe(
        name=heuristic.name,
        unit="",
        url=heuristic.url,
        status=heuristic.status,
        body=heuristic.body,
        timeout_ms=heuristic.timeout_ms,
    )
    seen = await check(probe)
    return Seen(outcome=Outcome(seen.outcome.value), text=seen.text)
