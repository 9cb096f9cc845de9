"""What the shells ask when somebody presses TAB: contrib/completion has their side."""

import os
import shlex
from typing import Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

LINE: Final = "STANDFAST_LINE"  # as it is typed, up to the cursor


class WordsComplete(ShellComplete):
    """The same for every shell: the line comes in, a line for each proposal goes out."""

    name = "words"
    source_template = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being typed, and that one."""
        line = os.environ.get(LINE, "")
        words = _split(line)[1:]
        incomplete = "" if not words or line[-1:].isspace() else words.pop()
        return [word for word in words if word != "--no-color"], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{item.value}"


def offer() -> None:
    """The program answers shells that ask for `words`."""
    add_completion_class(WordsComplete)


def _split(line: str) -> list[str]:
    """As a shell does, also where a quotation is still open."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words
