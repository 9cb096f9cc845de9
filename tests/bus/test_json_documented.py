"""contrib/docs/json.md says of every command what --json prints, and that is what it prints."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from bus.desk import Desk
from bus.every_command import ROWS, leaves, obey
from bus.private import REPOSITORY
from bus.test_every_command import PLAIN, place, type_it, words_of
from fakes.daemons import ROOT

__all__ = ["place"]  # the fixture
PAGE = REPOSITORY / "contrib/docs/json.md"


def documented() -> dict[str, Any]:
    """The shape by the words of each command."""
    shapes = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        (block,) = re.findall(r"```json\n(.*?)```", part, re.DOTALL)
        for name in part.partition("\n")[0].split(", "):
            shapes[name] = json.loads(block)
    return shapes


def differences(shape: Any, made: Any, where: str) -> Iterator[str]:
    """What in `made` is not as `shape` says."""
    match shape:
        case str():
            if not any(_is_a(word, made) for word in shape.replace("yes or no", "truth").split(" or ")):
                yield f"{where} is {made!r}, documented as {shape}"
        case list():
            if made is None:
                return
            for index, one in enumerate(made):
                yield from differences(shape[0], one, f"{where}[{index}]")
        case {"*": inner}:
            for name, one in made.items():
                yield from differences(inner, one, f"{where}.{name}")
        case dict():
            if made is None:
                return
            yield from (f"{where}.{name} is not documented" for name in made.keys() - shape.keys())
            yield from (f"{where}.{name} is missing" for name in shape.keys() - made.keys())
            for name in shape.keys() & made.keys():
                yield from differences(shape[name], made[name], f"{where}.{name}")


def _is_a(word: str, made: Any) -> bool:
    match word:
        case "any":
            return True
        case "null":
            return made is None
        case "truth":
            return isinstance(made, bool)
        case "number":
            return isinstance(made, int | float) and not isinstance(made, bool)
        case "text":
            return isinstance(made, str)
        case "time":
            return isinstance(made, str) and made.endswith("Z") and datetime.fromisoformat(made) is not None
    raise AssertionError(f"“{word}” is no type of the page")


def test_every_command_is_documented_and_takes_the_option() -> None:
    commands = dict(leaves())
    assert sorted(documented()) == sorted(commands)
    without = [name for name, command in commands.items() if not any("--json" in one.opts for one in command.params)]
    assert not without


@pytest.mark.parametrize("name", [name for name in PLAIN if 0 in ROWS[name].codes])
def test_what_is_printed_is_what_is_documented(place: Desk, name: str) -> None:
    obey(place.cluster)
    place.cluster.publish(ROOT, "Groups1", Unconfirmed=("c0ffee", 60_000))
    place.cluster.publish(ROOT, "Groups1", Losses=[("8.1", "node2", 2, 4, "left the ring")])

    async def play() -> Any:
        async with place.cluster.running():
            return await asyncio.to_thread(type_it, (*words_of(name, ROWS[name]), "--json"))

    result = asyncio.run(play())
    assert result.exit_code in ROWS[name].codes, result.stderr
    wrong = list(differences(documented()[name], json.loads(result.stdout), name))
    assert not wrong, "\n".join(wrong)
