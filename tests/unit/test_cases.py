"""Golden cases: what the plan makes of a story, word for word.

STANDFAST_REWRITE=1 writes the outcomes anew; they are then reviewed as a diff. Every rule and every reason has a case.
"""

import os
from pathlib import Path

import pytest

from unit.case import parse_case, rewritten
from unit.told import Story

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
