"""How something ends that did not do what was asked: one sentence, and a command's exit code (DESIGN section 12)."""

from collections.abc import Coroutine
from enum import IntEnum
from typing import Any, Final, TypeVar

from standfast.bus import GONE, BusError, ErrorName
from standfast.operations.telling import say

Result = TypeVar("Result")


class Exit(IntEnum):
    """What the shell sees."""

    DONE = 0
    REFUSED = 1  # or failed
    USAGE = 2
    NOT_RUNNING = 3  # Standfast, on this node
    NOT_QUORATE = 4
    NO_RIGHTS = 5
    UNKNOWN = 6  # timed out, or it may or may not come true


_BUS_DENIED: Final = "org.freedesktop.DBus.Error.AccessDenied"


class CommandError(Exception):
    """Not done, as this sentence says; a command ends with it on stderr and with this exit code.

    told: lines that are shown before it, as it refers to them.
    """

    def __init__(self, code: Exit, text: str, told: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.message = text
        self.told = told
        self.exit_code = int(code)


def not_running() -> CommandError:
    return CommandError(Exit.NOT_RUNNING, "Standfast is not running here: systemctl start standfast.target")


def from_bus(error: BusError) -> CommandError:
    """What an error of the bus means to the one who typed the command."""
    text = _sentence(error.text)
    if error.name in GONE:
        return not_running()
    if error.name == ErrorName.ACCESS_DENIED:
        return CommandError(Exit.NO_RIGHTS, text)  # the daemon's sentence says how to get the right
    if error.name == _BUS_DENIED:
        return CommandError(Exit.NO_RIGHTS, f"{text} Try again as root.")
    if error.name == ErrorName.NOT_QUORATE:
        return CommandError(Exit.NOT_QUORATE, f"{text} `standfast status` shows which nodes are missing.")
    if error.name in (ErrorName.OUTCOME_UNKNOWN, ErrorName.TIMED_OUT):
        return CommandError(Exit.UNKNOWN, text)
    return CommandError(Exit.REFUSED, text)


def _sentence(text: str) -> str:
    """With a capital letter, unless it begins with a name such as node1, and a full stop."""
    words = text.split(" ", 1)
    if words[0].isalpha() and words[0].islower():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "`")) else f"{text}."


def run(main: Coroutine[Any, Any, Result], interrupted: str) -> Result:
    """What `main` returns. Ctrl-C ends the command, not what was asked for: `interrupted` says so."""
    import asyncio  # here, so that `standfast --help` need not wait for it

    try:
        return asyncio.run(main)
    except BusError as error:
        raise from_bus(error) from error
    except KeyboardInterrupt:
        say("")  # the terminal shows ^C
        raise CommandError(Exit.UNKNOWN, interrupted) from None
