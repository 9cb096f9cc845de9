"""`standfast explain`, word for word: a story of the cluster, and what is said of its groups and nodes then.

A file has the form of a golden case (case.py), with steps `explain NAME` whose outcome is the text that a person reads.
STANDFAST_REWRITE=1 writes the outcomes anew; they are then reviewed as a diff.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.case import parse_case, rewritten
from unit.explained_story import ExplainedStory

CASES = sorted((Path(__file__).parent / "explained").glob("*.case"))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal shows local times."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_person_reads_what_the_case_tells(path: Path) -> None:
    text = path.read_text()
    case = parse_case(text, path.name)
    told = rewritten(case, ExplainedStory(case.configuration).tell)
    if os.environ.get("STANDFAST_REWRITE"):
        path.write_text(told)
    else:
        assert told == text
