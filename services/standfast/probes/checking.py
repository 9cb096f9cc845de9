"""One try of a probe of any type; only the modules of types that are used are in memory.

A type's module has `subject(probe)`, what it looks at as people may see it, and `look(probe, seen)`: what it saw if
that is good, else BadAnswerError or CannotCheckError. What the other side sends goes to `seen` as it comes. One with
`BOUNDS_ITSELF` ends in the probe's time by itself; a TimeoutError of its own says in its words what did not answer.
"""

import asyncio
import errno
from functools import cache
from importlib import import_module
from typing import Any, Final

from standfast.configuration.model import Probe
from standfast.probes.verdict import BadAnswerError, CannotCheckError, Outcome, Try, excerpt

_LATE_S: Final = 0.25  # a time-out noticed so late tells about our own process, not about the service
_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL})


async def check(probe: Probe) -> Try:
    """One try; it ends within the probe's timeout. An error of our own is unknown: it says nothing about the unit."""
    try:
        return await _check(probe)
    except Exception as error:  # whatever it is, the verdict must not be "bad"
        text = f"{probe.label} itself failed: {type(error).__name__}: {error}"
        return Try(outcome=Outcome.UNKNOWN, text=text)


async def _check(probe: Probe) -> Try:
    checker = _checker(probe.type)
    loop = asyncio.get_running_loop()
    seen = bytearray()
    begin = loop.time()
    outcome = Outcome.BAD
    try:
        async with asyncio.timeout(None if hasattr(checker, "BOUNDS_ITSELF") else probe.timeout_ms / 1000):
            text = await checker.look(probe, seen)
        outcome, text = _in_time(probe, text, (loop.time() - begin) * 1000)
    except BadAnswerError as error:
        text = str(error)
    except CannotCheckError as error:
        outcome, text = Outcome.UNKNOWN, str(error)
    except TimeoutError as error:
        late = loop.time() - begin - probe.timeout_ms / 1000 > _LATE_S
        outcome = Outcome.UNKNOWN if late else Outcome.BAD
        text = "this process was not scheduled" if late else _too_late(probe, bytes(seen), error) + _condition(probe)
    except (OSError, EOFError) as error:
        outcome = Outcome.UNKNOWN if isinstance(error, OSError) and error.errno in _SHORTAGES else Outcome.BAD
        text = _why(error) + _condition(probe)
    latency_ms = round((loop.time() - begin) * 1000)
    return Try(outcome=outcome, text=f"{checker.subject(probe)}: {text}", seen=bytes(seen), latency_ms=latency_ms)


@cache
def _checker(type_: str) -> Any:
    return import_module(f"standfast.probes.{type_}")


def _in_time(probe: Probe, text: str, took_ms: float) -> tuple[Outcome, str]:
    if probe.slow_after_ms is None or took_ms <= probe.slow_after_ms:
        return Outcome.GOOD, text
    return Outcome.BAD, f"{text}, but it took {took_ms:.0f} ms, longer than {probe.slow_after_ms} ms"


def _too_late(probe: Probe, seen: bytes, error: TimeoutError) -> str:
    if error.errno is None and str(error):
        return str(error)
    within = f"within {probe.timeout_ms / 1000:g} s"
    return f"no whole answer {within}, only {excerpt(seen)}" if seen else f"no answer {within}"


def _condition(probe: Probe) -> str:
    from standfast.probes.processes import condition  # where all is well nobody needs it

    found = condition(probe.unit)
    return f"; {found}" if found else ""


def _why(error: OSError | EOFError) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | EOFError():
            return "the connection was reset"
        case _:
            unverified = getattr(error, "verify_message", "")  # of ssl, which is imported for TLS only
            return (f"its certificate is not good: {unverified}" if unverified else error.strerror) or repr(error)
