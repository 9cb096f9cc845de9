"""The pages that show a run: README.md has the table, contrib/docs/performance.md all of it, between two marks."""

import re
from pathlib import Path
from typing import Final

from standfast_lab.place import LabError

from standfast_bench import plots, table
from standfast_bench.rounds import REPOSITORY, Run, save

BEGIN: Final = "<!-- contrib/bench/bench --publish writes from here -->"
END: Final = "<!-- to here -->"
HEAD: Final = """## Beside Pacemaker

What a client misses, in seconds, of the same faults on the same machine:
[settings, and where the time goes](contrib/docs/performance.md)."""


def publish(run: Run, repository: Path = REPOSITORY) -> list[Path]:
    """The files that were written."""
    docs = repository / "contrib/docs"
    pictures = plots.draw(run, docs)
    stored = docs / "performance-bench.json"
    shown = [f"![{picture.stem}]({picture.name})" for picture in pictures]
    whole = "\n".join([table.markdown(run), *shown, f"\nEvery round: [{stored.name}]({stored.name})."])
    short = "\n".join([HEAD, "", *table.figures(run), "", table.circumstances(run)[0]])
    texts = {docs / "performance.md": whole, repository / "README.md": short}
    texts = {page: between(page.read_text(), text, page) for page, text in texts.items()}
    save(run, stored)
    for page, text in texts.items():
        page.write_text(text)
    return [*texts, stored, *pictures]


def between(page: str, text: str, name: Path) -> str:
    """The page with the text between its marks; LabError where it has none."""
    found = re.subn(
        f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", lambda it: f"{it[1]}\n{text}\n\n{it[2]}", page, flags=re.S
    )
    if found[1] != 1:
        raise LabError(f"{name} needs one line {BEGIN!r} and after it one {END!r}")
    return found[0]
