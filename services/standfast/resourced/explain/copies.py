"""Why so many copies of a group run, and each where it does."""

from standfast.configuration.model import Group
from standfast.resourced.explain.facts import Explanation, Fact, Part, Stated, stated
from standfast.resourced.explain.forecast import for_copies
from standfast.resourced.explain.groups import reasons, state
from standfast.resourced.explain.look import Look
from standfast.resourced.explain.ways import for_copies as ways_for_copies
from standfast.resourced.showing import copies_values
from standfast.vocabulary import Phase


def explain_copies(base: str, copies: tuple[Group, ...], look: Look) -> Explanation:
    """All copies of one group."""
    return Explanation(
        kind="copies",
        name=base,
        state=_count(base, copies, look),
        others=tuple(_copy(copy, look) for copy in copies),
        ways=ways_for_copies(base, copies, look),
        deaths=for_copies(copies, look),
    )


def _count(base: str, copies: tuple[Group, ...], look: Look) -> Stated:
    running = [copy.node for copy in copies if look.record.groups[copy.name].phase is Phase.STARTED]
    values = next(one for one in copies_values(look.record, look.configuration) if one["Name"] == base)
    facts = {"group": base, "count": len(running), "wanted": values["Wanted"], "nodes": ", ".join(running)}
    return stated(Fact.COPIES_RUN if running else Fact.NO_COPY_RUNS, copies[0].setting("Copies"), **facts)


def _copy(copy: Group, look: Look) -> Part:
    known = look.record.groups[copy.name]
    return Part(name=copy.name, said=(state(copy, known, look), *reasons(copy, look)[:1]))
