"""In which order rgmanager starts the resources of a service; pure.

From the child types in the metadata of its agents (service.sh, fs.sh, clusterfs.sh, nfsserver.sh) and rgmanager's
restree.c: a parent before its children; children with a level before those without one, level by level, types of
one level as the agent declares them, one type in the order of the file; a child's own children before its next
sibling.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol, Self

# start level by the child's type, by the parent's type; a mapping's order is that of the agent's declarations
LEVELS: Final[Mapping[str, Mapping[str, int]]] = {
    "service": {
        "lvm": 1,
        "fs": 2,
        "clusterfs": 3,
        "netfs": 4,
        "nfsexport": 5,
        "nfsclient": 6,
        "ip": 7,
        "smb": 8,
        "script": 9,
    },
    "fs": {"fs": 1, "clusterfs": 1, "nfsexport": 3},
    "clusterfs": {"fs": 1, "clusterfs": 1, "nfsexport": 3},
    "nfsserver": {"nfsclient": 1, "ip": 2},
}
_NO_LEVEL: Final = 101  # after all: rgmanager knows levels 1 to 100


class Tree(Protocol):
    """Something typed that holds more of its kind."""

    @property
    def type(self) -> str: ...

    @property
    def children(self) -> Sequence[Self]: ...


def in_start_order(parent: Tree) -> Iterator[tuple[Tree, tuple[Tree, ...]]]:
    """Everything below `parent` as it starts, each with what it stands in, the outermost (not `parent`) first."""
    yield from _below(parent, ())


def _below(parent: Tree, path: tuple[Tree, ...]) -> Iterator[tuple[Tree, tuple[Tree, ...]]]:
    for child in siblings(parent):
        yield child, path
        yield from _below(child, (*path, child))


def siblings(parent: Tree) -> list[Tree]:
    """The children of `parent` alone, as they start."""
    levels = LEVELS.get(parent.type, {})
    declared = {name: (level, position) for position, (name, level) in enumerate(levels.items())}
    return sorted(parent.children, key=lambda child: declared.get(child.type, (_NO_LEVEL, 0)))
