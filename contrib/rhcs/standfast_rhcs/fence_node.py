"""fence_node: a node is fenced, with proof."""

from collections.abc import Sequence
from typing import Final

from standfast_rhcs.cluster import EndedError, run
from standfast_rhcs.fencing import fence
from standfast_rhcs.options import parse

USAGE: Final = "usage: fence_node [-v] NODE"
_UNFENCE: Final = "a node is let in at its fence devices by itself, when it starts: standfast status"


def main(words: Sequence[str]) -> int:
    """The exit code."""
    options, names = parse(words, "Uv", USAGE)
    if "-U" in options:
        raise EndedError(1, _UNFENCE)
    if len(names) != 1:
        raise EndedError(1, USAGE)
    try:
        run(fence(names[0]))
    except EndedError:
        print(f"fence {names[0]} failed")
        raise
    print(f"fence {names[0]} success")
    return 0
