"""Names that somebody mistyped, answered with the closest one."""

from collections.abc import Iterable, Sequence
from typing import Final

from standfast.operations.problems import CommandError, Exit

_SHOWN: Final = 12  # names in a sentence
_LONGEST: Final = 255  # characters of any name
_ALIKE: Final = 0.5  # of 1


def closest(name: str, known: Iterable[str]) -> str:
    """The one of `known` that was probably meant; "" = none is like it."""
    from difflib import SequenceMatcher  # only whoever mistyped waits for it

    every = sorted(known)
    alike = {one: SequenceMatcher(None, name.casefold(), one.casefold()).ratio() for one in every}
    best = max(every, key=alike.__getitem__, default="")
    if best and alike[best] >= _ALIKE:
        return best
    return next((one for one in every if name and (one.startswith(name) or name.startswith(one))), "")


def unknown(what: str, name: str, known: Sequence[str]) -> CommandError:
    """There is no such thing of that name; the closest is named, then those that there are."""
    if len(name) > _LONGEST:
        return CommandError(Exit.REFUSED, f"{name[:20]}… is too long to be a name of a {what}.")
    like = closest(name, known)
    hint = f" Did you mean {like}?" if like else ""
    names = sorted(known)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    kinds = " and ".join(f"{word}s" for word in what.split(" or ")).capitalize()
    there = f"{kinds}: {', '.join(names[:_SHOWN])}{more}." if names else "None is known here."
    return CommandError(Exit.REFUSED, f"There is no {what} {name}.{hint} {there}")
