"""What a machine in no cluster answers of the files that would begin one."""

import asyncio

import pytest

from standfast.configuration.tree import Tree
from standfast.console import texts
from standfast.operations import newcomer

NOTHING = Tree(files={}, problems=())
FILES = {"cluster.conf": "[Cluster]\nName=webha\n"}


@pytest.mark.parametrize("fresh", [True, False])
def test_the_key_that_a_new_cluster_gets_is_not_missing_when_its_files_are_checked(
    monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    monkeypatch.setattr(texts, "_read", lambda: NOTHING)
    monkeypatch.setattr(texts, "is_fresh", lambda _: fresh)
    (rows,) = asyncio.run(texts.check(FILES))
    assert ([row[0] for row in rows].count(newcomer.KEY) == 0) is fresh


def test_a_key_that_is_there_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "is_fresh", lambda _: True)
    there = texts.whole_of(FILES, NOTHING)
    again = texts.whole_of({**FILES, newcomer.KEY: texts.HIDDEN}, there)
    assert again.files[newcomer.KEY].content == there.files[newcomer.KEY].content
    assert len(again.files) == len(FILES) + 1
