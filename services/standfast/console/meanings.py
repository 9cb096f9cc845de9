"""What each key does, for people: meanings.txt, of which standfast.conf(5) is made, too."""

from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("meanings.txt")


def meanings() -> dict[tuple[str, str], str]:
    """By heading, as configuration.keys.Scope has it, and key: one or more sentences."""
    found: dict[tuple[str, str], str] = {}
    heading = ""
    for line in _FILE.read_text().splitlines():
        if line.startswith("["):
            heading = line
        elif line and not line.startswith("#"):
            name, _, text = line.partition("= ")
            found[heading, name] = text
    return found
