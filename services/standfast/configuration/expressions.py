"""Regular expressions that an administrator may write.

They are what Python's `re` takes, which costs the daemons nothing; but `regex` searches (probes.expressions): it knows
more, and writes counted repeats out in memory.
"""

import re
from typing import Final

_LARGEST: Final = 10_000  # characters with all repeats written out; `regex` takes up to 700 bytes for one
_TOKEN: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)(?:,\d*)?\}|.", re.DOTALL)
# for `regex` (foo){e<=1} is found in anything that is like foo, and ok{e} in everything
_FUZZY: Final = re.compile(r"(?<!\\)\{\s*(?:\d+\s*<=?\s*)?\d*[eisd]\b")


def check_expression(text: str, *, over_bytes: bool = False) -> str:
    """The expression as it is. Raises ValueError with what to write."""
    try:
        re.compile(text.encode() if over_bytes else text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"“{text}” is no regular expression: {error}") from None
    if _FUZZY.search(text):
        raise ValueError(f"“{text}” would be found in what is only alike; write \\{{ for the brace itself")
    if _size(text) > _LARGEST:
        raise ValueError(f"“{text}” repeats so often that it would fill the memory; write a simpler expression")
    return text


def _size(text: str) -> int:
    """How many characters it has with what must be there several times written so often."""
    groups, last = [0], 0
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            groups.append(0)
        elif token[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif token[1]:
            more = last * (max(int(token[1]), 1) - 1)
            groups[-1] += more
            last += more
        else:
            groups[-1] += 1
            last = 1
    return sum(groups)
