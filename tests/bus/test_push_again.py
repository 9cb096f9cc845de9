"""A version that is pushed is sent again where its first sending is of no use any more."""

import asyncio

import pytest

from bus.desk import Desk
from standfast.configuration.tree import Tree
from standfast.operations import config_nodes


@pytest.mark.parametrize("comes", [True, False])
def test_who_comes_or_fetches_another_version_is_sent_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    monkeypatch.setattr(config_nodes, "_AGAIN_S", 0.1)
    desk.changed()
    pushing, store = desk.pushing, desk.pushing.store
    pushing.silent = {"node2"}

    def come() -> None:
        pushing.silent = set()
        pushing.nodes["node2"][1] = "" if comes else "another"
        pushing.publish(Term=8 if comes else 7)

    def send(tree: Tree) -> None:
        store(tree)
        if pushing.silent:
            asyncio.get_running_loop().call_later(0.3, come)

    pushing.store = send  # type: ignore[method-assign]
    assert desk.type("push", "--yes", "--timeout", "8").exit_code == 0
    assert [method for method, _ in desk.wishes] == ["Share", "Share", "PlanConfiguration", "PutInForce"]
