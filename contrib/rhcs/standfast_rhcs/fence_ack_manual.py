"""fence_ack_manual: an operator vouches that a node is off."""

from collections.abc import Sequence
from typing import Final

from standfast_rhcs.cluster import EndedError, run
from standfast_rhcs.fencing import confirm

USAGE: Final = "usage: fence_ack_manual NODE"
WORD: Final = "absolutely"


def main(words: Sequence[str]) -> int:
    """The exit code."""
    names = [word for word in words if word != "-n"]
    if len(names) != 1 or names[0].startswith("-"):
        raise EndedError(1, USAGE)
    print(f"About to override fencing for {names[0]}.")
    print("Improper use of this command can cause severe file system damage.\n")
    try:
        answer = input("Continue [NO/absolutely]? ")
    except EOFError:
        answer = ""
    if answer.strip() != WORD:
        print("Aborted.")
        return 1
    run(confirm(names[0]))
    print("Done")
    return 0
