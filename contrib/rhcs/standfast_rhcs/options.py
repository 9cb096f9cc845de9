"""Options as getopt(3) reads them, for RHCS's commands."""

import getopt
from collections.abc import Sequence

from standfast_rhcs.cluster import EndedError


def parse(words: Sequence[str], letters: str, usage: str, *, code: int = 1) -> tuple[dict[str, str], list[str]]:
    """Each option with its value, and the other words. Raises EndedError with this exit code."""
    try:
        found, rest = getopt.gnu_getopt(list(words), letters)
    except getopt.GetoptError as error:
        raise EndedError(code, f"{error}\n{usage}") from error
    return dict(found), rest


def parse_alone(words: Sequence[str], letters: str, usage: str) -> dict[str, str]:
    """Each option with its value; there are no other words. Raises EndedError."""
    found, rest = parse(words, letters, usage)
    if rest:
        raise EndedError(1, f"there is no argument {rest[0]!r}\n{usage}")
    return found
