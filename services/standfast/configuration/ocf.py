"""standfast-ocf@NAME.service: the agent and its parameters, as they are written."""

import re
from collections.abc import Sequence
from typing import Final

from standfast.configuration.keys import Scope, read
from standfast.configuration.model import Ocf, Problem, Source
from standfast.configuration.unitfile import Section, named
from standfast.configuration.values import parse_name

SECTION: Final = "X-Ocf"
_UNIT: Final = re.compile(r"standfast-ocf@(?P<name>.*)\.service")


def instance_of(unit: str) -> str | None:
    """NAME of standfast-ocf@NAME.service; None for another unit."""
    found = _UNIT.fullmatch(unit)
    return found["name"] if found else None


def read_ocf(unit: str, sections: Sequence[Section], named_at: Source, problems: list[Problem]) -> Ocf | None:
    """What its [X-Ocf] says; None: it is no such unit, or it is not whole. `named_at`: where a group names it."""
    begins = next((section.source for section in sections if section.name == SECTION), None)
    instance = instance_of(unit)
    if not instance:
        if instance is None and begins is not None:
            text = f"[{SECTION}] has no meaning for {unit}; it belongs to standfast-ocf@NAME.service"
            problems.append(Problem(source=begins, text=text))
        return None
    try:
        parse_name(instance)
    except ValueError as error:
        problems.append(Problem(source=named_at, text=f"the name in {unit}: {error}"))
        return None
    if begins is None:
        text = f"{unit} needs [{SECTION}] Agent=; write it in units/{unit}.d/NAME.conf"
        problems.append(Problem(source=named_at, text=text))
        return None
    values = read(Scope.OCF, named(sections, SECTION), begins, problems)
    return Ocf(sources=values.sources, **values.by_field) if values.complete else None
