"""What README and the pages of contrib/docs have typed, block by block.

Where a block is typed is said in the text above it, or in a comment right above it that readers do not see:
`<!-- typed: on node1 -->`. One that no test types has its reason there: `<!-- not typed: it needs a network -->`.
An `ini` block is the file whose path in /etc the text above names last. A block without a language that follows
commands is what they print.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "contrib/docs"
PAGES = {
    path.relative_to(DOCS).with_suffix("").as_posix() if DOCS in path.parents else "README": path
    for path in [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!-- (typed|not typed): (.+) -->")
_PLACE = re.compile(r"on every node|on one node|on the node that runs it|from a client|on (node\d+)")
_FILE = re.compile(r"`(/etc/[^`]+\w)`")
_VARIES = re.compile(r"node\d+|\d+")  # in what is printed: where it runs, addresses, times


class Where(StrEnum):
    """Where commands are typed, in the words of a page; "the node that runs it" is the group's owner."""

    EVERY_NODE = "on every node"
    ONE_NODE = "on one node"
    OWNER = "on the node that runs it"
    CLIENT = "from a client"
    NAMED = "on NODE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One block of commands, and the lines that the page shows of their output."""

    where: Where
    node: str = ""  # for NAMED
    commands: str
    shown: tuple[str, ...] = ()

    def is_shown_by(self, printed: str) -> bool:
        """It has every line that the page shows, or a longer one, but for numbers and names of nodes."""
        lines = [constant(line) for line in printed.splitlines()]
        return all(any(line.startswith(constant(wanted)) for line in lines) for wanted in self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untyped:
    """A block of commands that no test types, and why."""

    why: str
    commands: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that the page has written, on one node."""

    path: str
    content: str


class UnsaidError(ValueError):
    """A block of commands of which the page does not say where it is typed; the text says which one."""


def blocks(text: str) -> Iterator[Step | Untyped | Written]:
    """What the page has typed and written, in order. Raises UnsaidError."""
    end = 0
    found = list(_FENCE.finditer(text))
    for block, following in zip_longest(found, found[1:]):
        said = text[end : block.start()].rstrip("\n").rpartition("\n\n")[2]
        end = block.end()
        language, content = block.groups()
        if language == "ini" and (paths := _FILE.findall(said)):
            yield Written(path=paths[-1], content=content)
        elif language == "sh":
            shows = following and not following[1] and not text[end : following.start()].strip()
            yield _commands(said, content, following[2] if shows else "")


def _commands(said: str, content: str, shown: str) -> Step | Untyped:
    comment = _COMMENT.search(said)
    if comment and comment[1] == "not typed":
        return Untyped(why=comment[2], commands=content)
    places = list(_PLACE.finditer(" ".join((comment[2] if comment else said).lower().split())))
    if not places:
        raise UnsaidError(f"neither text nor comment above says where to type this, or why no test does:\n{content}")
    last = places[-1]
    where = Where.NAMED if last[1] else Where(last[0])
    return Step(where=where, node=last[1] or "", commands=content, shown=tuple(shown.splitlines()))


def page(name: str) -> tuple[Step | Written, ...]:
    """What is typed and written of the page README, first-cluster, examples/apache …, in order."""
    return tuple(one for one in blocks(PAGES[name].read_text()) if not isinstance(one, Untyped))


def steps(name: str) -> tuple[Step, ...]:
    """The page's commands alone."""
    return tuple(one for one in page(name) if isinstance(one, Step))


def constant(line: str) -> str:
    """The line without what differs from one time to the next."""
    return " ".join(_VARIES.sub("0", line).split())
