"""The command line as a whole: its commands, loaded when they are wanted, and how it ends whatever happens."""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import click

from standfast.ctl import streams
from standfast.ctl.progress import Terminal
from standfast.ctl.words import Noun
from standfast.operations import telling
from standfast.operations.problems import CommandError, Exit, from_bus

NO_COLOUR: Final = "--no-color"
COMPLETE: Final = "_STANDFAST_COMPLETE"  # click's name for it
DEBUG: Final = "STANDFAST_DEBUG"
_ENDED: Final = "This command was ended before it was done; what it asked for so far goes on: standfast status"


class Program(Noun):
    """`standfast`: each word's module is imported when that word is typed, so that no command waits for another's."""

    def __init__(self, *args: Any, words: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._words = words  # "MODULE:OBJECT" by word

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their writing."""
        return list(self._words)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The word's command; None for an unknown one."""
        if cmd_name not in self._words:
            return None
        module, _, name = self._words[cmd_name].partition(":")
        command = getattr(importlib.import_module(f"standfast.ctl.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """The process ends with the command's exit code, and no traceback reached anybody."""
        streams.prepare()
        telling.listener.set(Terminal())
        words = _without_colour(list(sys.argv[1:] if args is None else args))
        sys.exit(int(self._end(words, prog_name or "standfast", complete_var, extra)))

    def _end(self, words: list[str], name: str, complete_var: str | None, extra: dict[str, Any]) -> int:
        try:
            if os.environ.get(COMPLETE):
                from standfast.ctl import completion  # only shells that propose words wait for it

                completion.offer()
            if not streams.may_colour():
                extra = {**extra, "color": False}
            code = super().main(words, name, complete_var, standalone_mode=False, **extra)
            streams.flush()
        except (click.ClickException, CommandError) as error:
            return _tell(error)
        except (click.Abort, KeyboardInterrupt):
            return _tell(CommandError(Exit.UNKNOWN, _ENDED))
        except Exception as error:  # what nobody foresaw is a sentence, too
            return _unforeseen(error)
        return int(code) if isinstance(code, int) else Exit.DONE


def _without_colour(words: list[str]) -> list[str]:
    """--no-color counts wherever it stands, up to a `--`."""
    end = words.index("--") if "--" in words else len(words)
    if NO_COLOUR not in words[:end]:
        return words
    streams.without_colours()
    return [word for word in words[:end] if word != NO_COLOUR] + words[end:]


def _tell(error: click.ClickException | CommandError) -> int:
    try:
        streams.flush()  # what was found comes before what is said about it
    except OSError as lost:
        return _unforeseen(lost)
    _show(error)
    return error.exit_code


def _show(error: click.ClickException | CommandError) -> None:
    if isinstance(error, CommandError):
        for line in error.told:
            click.echo(line, err=True)
        click.echo(f"standfast: {error.message}", err=True)
    else:
        error.show()


def _unforeseen(error: Exception) -> int:
    from standfast.bus import BusError

    if isinstance(error, OSError) and error.errno == errno.EPIPE:  # `| head` has seen enough
        streams.give_up()
        return Exit.REFUSED
    if os.environ.get(DEBUG):
        traceback.print_exception(error, file=sys.stderr)
    found = from_bus(error) if isinstance(error, BusError) else _of_system(error) or _fault(error)
    streams.give_up()
    _show(found)
    return found.exit_code


def _of_system(error: Exception) -> CommandError | None:
    """What the machine refuses."""
    if not isinstance(error, OSError) or not error.strerror:
        return None
    what = f"{error.filename}: {error.strerror}" if error.filename else f"This cannot be written: {error.strerror}"
    if isinstance(error, PermissionError):
        return CommandError(Exit.NO_RIGHTS, f"{what}. Try again as root.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CommandError(Exit.REFUSED, f"{what}. Make room there (df), then type it again.")
    return CommandError(Exit.REFUSED, f"{what}.")


def _fault(error: Exception) -> CommandError:
    text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    text = f"This is a fault of Standfast ({text}): `standfast report` makes a file of what its developers need."
    return CommandError(Exit.REFUSED, text)
