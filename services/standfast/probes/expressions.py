"""Regular expressions of probes, searched in what a stranger sent without blocking this process for long.

Python's `re` cannot be stopped: (a+)+$ in 64 KiB takes longer than anybody lives. python3-regex takes the same
expressions and stops; it is imported with the first one (1.6 MiB).
"""

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from standfast.probes.verdict import CannotCheckError

if TYPE_CHECKING:
    import regex

LONGEST_S: Final = 0.05  # of this process's CPU time that one search may take
_REST_S: Final = 60.0  # that an expression which took longer is left alone: many probes may have it
_MOST: Final = 256  # expressions that are compiled, or known to take longer

_resting: dict[str, float] = {}  # by expression: until when


def found(expression: str, text: str | bytes, *, multiline: bool = False) -> bool:
    """It is somewhere in `text`; `multiline`: ^ and $ are for each line. Raises CannotCheckError when it takes long."""
    import regex

    if _resting.get(expression, 0.0) > time.monotonic():
        raise _too_slow(expression)
    pattern = expression.encode() if isinstance(text, bytes) else expression
    try:
        return _compiled(pattern, multiline).search(text, timeout=LONGEST_S) is not None
    except TimeoutError as error:
        _rest(expression)
        raise _too_slow(expression) from error
    except (regex.error, MemoryError) as error:
        raise CannotCheckError(f"{expression} cannot be searched: {error}") from error


@lru_cache(maxsize=_MOST)
def _compiled(pattern: str | bytes, multiline: bool) -> "regex.Pattern[Any]":
    """python3-regex looks for it in its own cache with a dozen calls for each search."""
    import regex

    return regex.compile(pattern, regex.MULTILINE if multiline else 0)


def _rest(expression: str) -> None:
    _resting.pop(expression, None)
    while len(_resting) >= _MOST:
        del _resting[next(iter(_resting))]
    _resting[expression] = time.monotonic() + _REST_S


def _too_slow(expression: str) -> CannotCheckError:
    text = f"searching {expression} takes longer than {LONGEST_S * 1000:.0f} ms; write a simpler expression"
    return CannotCheckError(text)
