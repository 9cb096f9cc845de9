"""What may be written where: the one place that knows of encodings, colours and full disks."""

import codecs
import contextlib
import json
import os
import sys
from typing import IO, Any, Final

import click

_HANDLER: Final = "standfast-plain"
_SEVEN_BITS: Final = "standfast_ascii"
_PLAIN: Final = {  # left and right quotation marks, dashes, …
    "\u201c": '"',
    "\u201d": '"',
    "\u2018": "'",
    "\u2019": "'",
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u2192": "->",
    "\u00d7": "x",
    "\u00a0": " ",
}
_UTF_8: Final = ("utf-8", "utf8")


def prepare() -> None:
    """No character that is to be written ends the command: what a stream cannot show is shown by what is like it.

    Python writes UTF-8 also where LANG=C, as a pipe has it; a terminal there gets ASCII, as it may know nothing else.
    """
    codecs.register_error(_HANDLER, _plainly)
    codecs.register(_seven_bits)
    for stream in (sys.stdout, sys.stderr):
        if stream is None or not hasattr(stream, "reconfigure"):
            continue
        in_c = sys.flags.utf8_mode and not os.environ.get("PYTHONUTF8")
        if (in_c and stream.isatty()) or codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding=_SEVEN_BITS, errors=_HANDLER)
        else:
            stream.reconfigure(errors=_HANDLER)


def _seven_bits(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name: click takes a stream of that one for a mistake, and writes UTF-8 to it."""
    if name != _SEVEN_BITS:
        return None
    it = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=name,
        encode=it.encode,
        decode=it.decode,
        incrementalencoder=it.incrementalencoder,
        incrementaldecoder=it.incrementaldecoder,
        streamreader=it.streamreader,
        streamwriter=it.streamwriter,
    )


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end


def without_colours() -> None:
    """This command, and what it starts, writes no escape sequence for a colour (no-color.org)."""
    os.environ["NO_COLOR"] = "1"


def may_colour() -> bool:
    """Neither --no-color nor NO_COLOR was given."""
    return not os.environ.get("NO_COLOR")


def print_json(made: Any) -> None:
    """On stdout, for programs; in ASCII where stdout is no UTF-8."""
    ascii_only = (getattr(sys.stdout, "encoding", None) or "utf-8").lower() not in _UTF_8
    click.echo(json.dumps(made, indent=1, ensure_ascii=ascii_only))


def tell_done(sentence: str, *, as_json: bool, **made: Any) -> None:
    """What came of a command: for people the sentence, for programs that and the same in fields."""
    if as_json:
        print_json({"done": sentence, **made})
    else:
        click.echo(sentence)


json_option = click.option("--json", "as_json", is_flag=True, help="For programs: what came of it, on stdout alone.")


def flush() -> None:
    """All that was printed has been written. Raises OSError: the disk is full, nobody reads any more."""
    sys.stdout.flush()


def give_up() -> None:
    """What stdout still has in memory is dropped: Python would try once more at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def is_terminal(stream: IO[str]) -> bool:
    """Somebody may be looking, so a line may be rewritten."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def agreed(question: str) -> bool:
    """Whoever typed the command said yes; the end of the input, and ctrl-C, are a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
