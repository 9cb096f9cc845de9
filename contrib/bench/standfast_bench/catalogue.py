"""All cases by name, in the order in which they are run."""

from collections.abc import Mapping
from typing import Final

from standfast_bench import outages, scale
from standfast_bench.cases import OURS, AnyCase, Row

CASES: Final[Mapping[str, AnyCase]] = {case.name: case for case in (*outages.CASES, *scale.CASES)}
SIDES: Final = tuple(dict.fromkeys(name for case in CASES.values() for name in case.sides))


def ours(row: Row) -> tuple[str, ...]:
    """The sides that are ours: what has a budget is, whatever its settings."""
    return tuple(dict.fromkeys((OURS, *row.budgets)))


def peers(case: AnyCase, row: Row) -> tuple[str, ...]:
    """The others."""
    return tuple(name for name in case.sides if name not in ours(row))
