"""rgmanager's start order as a plain list."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.rhcs.order import LEVELS, in_start_order, siblings


@dataclass(frozen=True, eq=False)
class Node:
    type: str
    children: tuple["Node", ...] = ()
    name: str = ""


def names(root: Node) -> str:
    return " ".join(one.name or one.type for one, _ in in_start_order(root))  # type: ignore[attr-defined]


def service(*children: Node) -> Node:
    return Node("service", children)


def leaf(kind: str, *children: Node, name: str = "") -> Node:
    return Node(kind, children, name)


@pytest.mark.parametrize(
    ("root", "order"),
    [
        (service(leaf("ip"), leaf("netfs"), leaf("script")), "netfs ip script"),
        (service(leaf("script"), leaf("ip"), leaf("fs"), leaf("lvm")), "lvm fs ip script"),
        (service(leaf("netfs", leaf("ip", leaf("script")))), "netfs ip script"),
        (service(leaf("apache"), leaf("script"), leaf("mysql"), leaf("ip")), "ip script apache mysql"),
        (service(leaf("ip", name="2"), leaf("fs"), leaf("ip", name="1")), "fs 2 1"),
        (service(leaf("script", leaf("fs")), leaf("ip", leaf("lvm"))), "ip lvm script fs"),
        (service(leaf("smb"), leaf("nfsclient"), leaf("nfsexport"), leaf("netfs"), leaf("clusterfs")),
         "clusterfs netfs nfsexport nfsclient smb"),
        # only parents with levels of their own sort; in others the order of the file counts
        (service(leaf("ip", leaf("script"), leaf("fs"))), "ip script fs"),
        (service(leaf("fs", leaf("script"), leaf("nfsexport"), leaf("clusterfs"), leaf("fs", name="inner"))),
         "fs inner clusterfs nfsexport script"),
        (service(leaf("nfsserver", leaf("ip"), leaf("script"), leaf("nfsclient"))), "nfsserver nfsclient ip script"),
    ],
)  # fmt: skip
def test_start_order(root: Node, order: str) -> None:
    assert names(root) == order


def as_restree_does(parent: Node) -> Iterator[Node]:
    """The loops of rgmanager's restree.c, without a thought: levels, then types, then what has no level."""
    types = LEVELS.get(parent.type, {})
    for level in range(1, 101):
        for kind, start in types.items():
            if start != level:
                continue
            for child in parent.children:
                if child.type == kind:
                    yield child
                    yield from as_restree_does(child)
    for child in parent.children:
        if child.type not in types:
            yield child
            yield from as_restree_does(child)


TYPES = st.sampled_from(sorted({*LEVELS, *(kind for types in LEVELS.values() for kind in types), "apache", "vm"}))
TREES: st.SearchStrategy[Node] = st.recursive(
    st.builds(Node, TYPES),
    lambda below: st.builds(Node, TYPES, st.lists(below, max_size=5).map(tuple)),
    max_leaves=25,
)


@given(TREES)
def test_start_order_is_that_of_restree(root: Node) -> None:
    assert [one for one, _ in in_start_order(root)] == list(as_restree_does(root))


@given(TREES)
def test_everything_starts_once_after_what_it_stands_in(root: Node) -> None:
    seen: list[object] = []
    for one, path in in_start_order(root):
        assert one not in seen and all(outer in seen for outer in path)
        seen.append(one)
    assert len(seen) == sum(1 for _ in everything(root)) - 1


def everything(root: Node) -> Iterator[Node]:
    yield root
    for child in root.children:
        yield from everything(child)


def test_siblings_of_one_type_keep_their_order() -> None:
    first, second = leaf("ip"), leaf("ip")
    assert siblings(service(second, leaf("fs"), first))[1:] == [second, first]
