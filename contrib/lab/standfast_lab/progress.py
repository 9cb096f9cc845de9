"""What the lab is doing, told on standard error, so that a command's own output stays clean."""

import sys
import time
from collections.abc import Callable

from .place import LabError

_started = time.monotonic()


def say(text: str) -> None:
    """Tells one line with the seconds since this command began."""
    print(f"lab [{time.monotonic() - _started:5.1f} s] {text}", file=sys.stderr, flush=True)


def wait(
    predicate: Callable[[], object],
    timeout_s: float,
    what: str | Callable[[], str],
    *,
    interval_s: float = 0.05,
    tell_after_s: float = 5.0,
) -> float:
    """`predicate` has been true once; returns the seconds it took. LabError when it was not within `timeout_s`.

    After `tell_after_s` seconds, and again each time as many have passed, says that it still waits for `what`.
    """
    begun = time.monotonic()
    told = begun
    while not predicate():
        now = time.monotonic()
        if now - begun > timeout_s:
            raise LabError(f"waited {timeout_s:.0f} s in vain for: {_text(what)}")
        if now - told >= tell_after_s:
            told = now
            say(f"waiting for: {_text(what)} ({now - begun:.0f} s of at most {timeout_s:.0f} s)")
        time.sleep(interval_s)
    return time.monotonic() - begun


def _text(what: str | Callable[[], str]) -> str:
    return what if isinstance(what, str) else what()
