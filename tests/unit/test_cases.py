"""Golden cases: what the plan makes of a story, word for word.

STANDFAST_REWRITE=1 writes the outcomes anew; they are then reviewed as a diff. Every rule and every reason has a case.
"""

import os
from pathlib import Path

import pytest

from standfast.resourced.reasons import Rule
from unit.case import parse_case, rewritten
from unit.told import Story

NEVER_TOLD = {
    Rule.UNKNOWN_NODE,  # only of a record that does not fit its configuration
    Rule.MARKED_LEFT,  # who is here and marked is leaving, and that is said first
    Rule.START_GOES_ON,  # a start whose reasons are not known, as in a record of another release
    *(Rule.CHANGED, Rule.HOLDS_BACK, Rule.REMOVED),  # said of a version that is planned, never in the record
    Rule.NOT_ALLOWED,  # such a wish is refused before; it counts only when the domain is changed meanwhile
    Rule.CHANGED,  # what a version would do; nothing is ordered by it (test_changes_planned)
    Rule.REMOVED,
    Rule.HOLDS_BACK,
}
CASES = sorted((Path(__file__).parent / "cases").glob("*.case"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plan_is_as_the_case_tells_it(path: Path) -> None:
    text = path.read_text()
    case = parse_case(text, path.name)
    told = rewritten(case, Story(case.configuration).tell)
    if os.environ.get("STANDFAST_REWRITE"):
        path.write_text(told)
    else:
        assert told == text


def test_a_case_says_first_what_it_shows() -> None:
    assert [path.name for path in CASES if not path.read_text().startswith("# ")] == []
    assert CASES


def test_every_rule_has_a_case() -> None:
    followed: set[Rule] = set()
    for path in CASES:
        case = parse_case(path.read_text(), path.name)
        story = Story(case.configuration)
        rewritten(case, story.tell)
        followed |= story.rules
    assert sorted(set(Rule) - followed - NEVER_TOLD) == []
