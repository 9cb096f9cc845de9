"""A run as Markdown: what was measured beside what section 14 allows, where the time went, and on what: pure."""

import statistics
from collections.abc import Iterator, Sequence

from standfast_bench.cases import OURS, AnyCase, Row
from standfast_bench.catalogue import CASES, ours, peers
from standfast_bench.rounds import FENCED, Run, Sample

NAMES = {OURS: "Standfast", "pacemaker": "Pacemaker, defaults", "tuned": "Pacemaker, tuned"}


def markdown(run: Run) -> str:
    """All of it."""
    return "\n".join([*figures(run), "", *times(run), "", *circumstances(run)]) + "\n"


def figures(run: Run) -> list[str]:
    """The table of section 14: min / median / max (rounds) of each side."""
    found = [(case, row) for case in CASES.values() if run.of(case.name) for row in case.rows]
    columns = list(dict.fromkeys(name for case, row in found for name in peers(case, row)))
    heads = ["case", "Standfast", "at most", "met", *(NAMES.get(name, name) for name in columns), "ratio"]
    lines = [_line(heads), "|" + "---|" * len(heads)]
    return lines + [_line(cells) for case, row in found for cells in _rows(run, case, row, columns)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(run: Run, case: AnyCase, row: Row, columns: Sequence[str]) -> Iterator[Sequence[str]]:
    theirs = {name: run.samples(row.what, name) for name in peers(case, row)}
    for side in ours(row):
        samples = run.samples(row.what, side)
        if not samples and side != OURS:
            continue
        title = row.title if side == OURS else f"… `{side}`"
        title += "" if row.unit == "s" else f", {row.unit}"
        yield (
            title,
            _cell(row, samples),
            _limits(row, side),
            _met(row, side, samples, theirs),
            *(_cell(row, theirs.get(name, [])) for name in columns),
            _ratios(samples, theirs),
        )


def _limits(row: Row, side: str) -> str:
    limit = row.budgets.get(side)
    texts = [] if limit is None else [f"{limit:g}"]
    if row.share is not None and side == OURS:
        texts.append(f"{row.share:g} of each peer's")
    return ", ".join(texts) or "-"


def _known(samples: Sequence[Sample]) -> list[float]:
    return [one.value for one in samples if one.value is not None]


def _median(samples: Sequence[Sample]) -> float | None:
    """None also where most were not over in time."""
    known = _known(samples)
    return statistics.median(known) if len(known) * 2 > len(samples) else None


def _cell(row: Row, samples: Sequence[Sample]) -> str:
    if not samples:
        return "-"
    known, fenced = _known(samples), sum(FENCED in one.note for one in samples)
    texts = []
    if known:
        three = (min(known), statistics.median(known), max(known))
        texts.append(f"{' / '.join(f'{value:.{row.digits}f}' for value in three)} ({len(known)})")
    if len(known) < len(samples):
        texts.append(f"not over in time ({len(samples) - len(known)})")
    if fenced:
        texts.append(f"a node {FENCED} ({fenced})")
    return "; ".join(texts)


def _met(row: Row, side: str, samples: Sequence[Sample], theirs: dict[str, list[Sample]]) -> str:
    """Whether every round was within the budget, or the median only."""
    median, limit = _median(samples), row.budgets.get(side)
    if not samples or (limit is None and row.share is None):
        return "-"
    if median is None or any(_beyond(row, median, _median(other)) for other in theirs.values()):
        return "no"
    if limit is None or all(one.value is not None and one.value <= limit for one in samples):
        return "yes"
    return "median" if median <= limit else "no"


def _beyond(row: Row, median: float, their_median: float | None) -> bool:
    return row.share is not None and their_median is not None and median > row.share * their_median


def _ratios(samples: Sequence[Sample], theirs: dict[str, list[Sample]]) -> str:
    """Our median to that of each peer."""
    mine = _median(samples)
    medians = {name: _median(other) for name, other in theirs.items()}
    known = {name: value for name, value in medians.items() if value}
    if mine is None or not known:
        return "-"
    return ", ".join(
        f"{mine / value:.2f}" if len(known) == 1 else f"{mine / value:.2f} of {name}" for name, value in known.items()
    )


def times(run: Run) -> list[str]:
    """Where our time went, by `standfast timeline`: the median of each step, and which was the longest."""
    lines = [_line(["where the time went", "milliseconds of each step, median", "longest"]), "|---|---|---|"]
    for case in CASES.values():
        for row in case.rows:
            for side in ours(row):
                steps = _steps(run.samples(row.what, side))
                if steps:
                    each = ", ".join(f"{name} {ms:.0f}" for name, ms in steps.items())
                    name = row.what if side == OURS else f"{row.what}, `{side}`"
                    lines.append(_line([name, each, max(steps, key=lambda step: steps[step])]))
    return lines if len(lines) > 2 else []


def _steps(samples: Sequence[Sample]) -> dict[str, float]:
    names = dict.fromkeys(name for one in samples for name in one.steps)
    return {name: statistics.median(one.steps[name] for one in samples if name in one.steps) for name in names}


def circumstances(run: Run) -> list[str]:
    """Machine, load, commit, and each side's versions and settings."""
    loads = [one.load for one in run.rounds]
    days = sorted({one.at[:10] for one in run.rounds})
    lines = [f"min / median / max (rounds); commit {run.commit}; {run.machine}"]
    if loads:
        load = f"load before a round {min(loads):.1f} / {statistics.median(loads):.1f} / {max(loads):.1f}"
        lines = [f"{lines[0]}; {' to '.join(dict.fromkeys((days[0], days[-1])))}; {load}."]
    abouts = dict.fromkeys((one.side, one.about) for one in run.rounds)
    return [*lines, "", *(f"- `{side}`: {about}" for side, about in abouts)]
