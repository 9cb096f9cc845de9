"""What the pages of contrib/docs/examples have typed, block by block.

The text above a block says where it is typed (`Where`). The blocks up to the push put the files of contrib/examples in
place; what comes after is looked at and tried. A block whose output the page shows is repeated until it prints that, so
it must change nothing.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PAGES = Path(__file__).parents[2] / "contrib/docs/examples"
PUSH = "standfast config push"
_BLOCK = re.compile(r"((?:^.+\n)+)\n*```sh\n((?s:.*?))^```\n(?:\n```\n((?s:.*?))^```\n)?", re.MULTILINE)
_VARIES = re.compile(r"node\d+|\d+")  # in what is printed: where it runs, addresses, times


class Where(StrEnum):
    """Where commands are typed, in the words of a page; "the node that runs it" is the group's owner."""

    EVERY_NODE = "on every node"
    ONE_NODE = "on one node"
    OWNER = "on the node that runs it"
    CLIENT = "from a client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One block of commands, and the lines that the page shows of their output."""

    where: Where
    commands: str
    shown: tuple[str, ...] = ()

    def is_shown_by(self, printed: str) -> bool:
        """It has every line that the page shows, or a longer one, but for numbers and names of nodes."""
        lines = [_constant(line) for line in printed.splitlines()]
        return all(any(line.startswith(_constant(wanted)) for line in lines) for wanted in self.shown)


def steps(name: str) -> tuple[Step, ...]:
    """The page's blocks in order; ValueError where the text above one does not say where to type it."""
    found = []
    for said, commands, shown in _BLOCK.findall((PAGES / f"{name}.md").read_text()):
        text = " ".join(said.lower().split())
        where = max(Where, key=text.rfind)
        if where not in text:
            raise ValueError(f"{name}.md: one of “{'”, “'.join(Where)}” must be in the text above a block: {text}")
        found.append(Step(where=where, commands=commands, shown=tuple(shown.splitlines())))
    return tuple(found)


def _constant(line: str) -> str:
    return " ".join(_VARIES.sub("0", line).split())
