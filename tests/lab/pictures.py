"""Pictures of a terminal in contrib/docs/pictures: drawn with $STANDFAST_REWRITE, else compared with what is there."""

import io
import os
import re
from itertools import groupby, takewhile
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text
from standfast_lab import terminal
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab.typed_pages import DOCS, constant

FOLDER = DOCS / "pictures"
COLUMNS = 92
AS_PICTURED_WITHIN_S = 60.0
REWRITE = "STANDFAST_REWRITE"
_SVG = "{http://www.w3.org/2000/svg}"
_TIMES = (  # once every number is a 0
    (re.compile(r"0(?:[.:-]0)+"), "0"),
    (re.compile(r"0(?:ms|min|h|d)"), "0s"),
    (re.compile(r"sloweststep:[a-z]+,"), "sloweststep:,"),
)
# rich's own, without the fonts that it fetches
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def check(lab: Lab, node: str, name: str, command: str, *, when: str = "", until: str = "\0") -> None:
    """What the command prints has the form of the picture, once its text has `when` in it; LabError when it has not.

    The first line that has `until` in it, and what follows, is not in the picture.
    """
    file = FOLDER / f"{name}.svg"
    printed = ""

    def printed_so() -> bool:
        nonlocal printed
        place = lab.place.find(node)
        done = terminal.run(place, "bash", "-euc", command, answers={}, timeout_s=60, columns=COLUMNS)
        lines = done.stdout.splitlines(keepends=True)
        printed = "".join(takewhile(lambda line: until not in line, lines))
        text = Text.from_ansi(printed).plain
        return when in text and (bool(os.environ.get(REWRITE)) or form(text) == form(text_of(file.read_text())))

    try:
        lab.wait(printed_so, AS_PICTURED_WITHIN_S, f"{command} to print what {file} shows")
    except LabError as error:
        raise LabError(f"{error}; draw it anew with {REWRITE}=1 if this is right:\n{printed}") from error
    if os.environ.get(REWRITE):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(draw(printed, f"{node}: {command}", f"standfast-{name}"))


def draw(printed: str, title: str, identity: str) -> str:
    """The SVG of a terminal that shows this, colours and all."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi(printed.replace("\r\n", "\n").rstrip()), soft_wrap=True)
    drawn = console.export_svg(title=title, code_format=_FORMAT, unique_id=identity)
    return "".join(f"{line.strip()}\n" for line in drawn.splitlines() if line.strip())


def text_of(drawn: str) -> str:
    """The lines that the picture of a terminal shows."""
    spans = ElementTree.fromstring(drawn).iter(f"{_SVG}text")
    rows = groupby((one for one in spans if one.get("clip-path")), key=lambda one: one.get("y"))
    return "\n".join(" ".join(one.text or "" for one in row) for _, row in rows)


def form(text: str) -> str:
    """The text without times, numbers and names of nodes, wherever its columns and lines end."""
    found = constant("".join(text.split()))
    for pattern, instead in _TIMES:
        found = pattern.sub(instead, found)
    return found
