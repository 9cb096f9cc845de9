"""The score that makes a node healthy (qdiskd's min_score). Pure."""

from collections.abc import Sequence

from standfast.configuration.model import Heuristic, Problem

_OF_A_PAGE = frozenset({"Status", "Body"})


def health_minimum(heuristics: Sequence[Heuristic]) -> int:
    """The score that a node needs: Minimum=, else half of all scores, rounded up; 0 without heuristics."""
    written = next((one.minimum for one in heuristics if one.minimum is not None), None)
    return (sum(one.score for one in heuristics) + 1) // 2 if written is None else written


def health_problems(heuristics: Sequence[Heuristic]) -> list[Problem]:
    """What is wrong with these heuristics as a whole."""
    written = [one for one in heuristics if one.minimum is not None]
    all_scores = sum(one.score for one in heuristics)
    problems = []
    for one in heuristics:
        if bool(one.command) == (one.url is not None):
            text = f"[Heuristic] {one.name} needs Exec= or URL=, and not both"
            problems.append(Problem(source=one.sources["Name"], text=text))
        for key in sorted(_OF_A_PAGE & set(one.sources)) if one.url is None else ():
            text = f"{key}= of [Heuristic] {one.name} means nothing without URL=; remove it"
            problems.append(Problem(source=one.sources[key], text=text))
    for one in written:
        first, source = written[0], one.sources["Minimum"]
        if one.minimum != first.minimum:
            text = (
                f"Minimum={one.minimum} is {first.minimum} at {first.setting('Minimum')}, "
                "and a node has one minimum; remove one of them"
            )
            problems.append(Problem(source=source, text=text))
        elif one.minimum is not None and one.minimum > all_scores:
            text = f"Minimum={one.minimum} cannot be reached: all scores together are {all_scores}; lower it"
            problems.append(Problem(source=source, text=text))
    return problems
