"""`standfast quorum start-alone`: go on without the absent nodes, on the operator's word."""

from typing import Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.options import timeout_option
from standfast.ctl.streams import agreed, json_option, tell_done
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.wishes import GOES_ON, ask, find_resourced, names, wait
from standfast.published import GROUPS, ROOT, Properties

INTERFACE: Final = "org.standfast.Groups1"
_NOTHING: Final = "Nothing was asked for."


@click.command()
@click.argument("absent", metavar="NODE...", nargs=-1, required=True, shell_complete=completing.nodes)
@click.option("--yes", is_flag=True, help="You promise what is asked, without being asked.")
@json_option
@timeout_option
def start_alone(absent: tuple[str, ...], yes: bool, as_json: bool, timeout_s: float) -> None:
    """Go on without every absent NODE, when too few are here to act: after a cold start, or a fire.

    Each NODE is proven off first: by its fence devices, or by `fence confirm`. Ctrl-C ends this command only.
    """
    named = tuple(sorted(set(absent)))
    nodes = run(_check(named), _NOTHING)
    if not yes and not agreed(promise(named, nodes)):
        raise CommandError(Exit.REFUSED, _NOTHING)
    term = run(_start_alone(named, timeout_s), GOES_ON)
    sentence = f"This cluster goes on without {', '.join(named)} (term {term}): standfast status"
    tell_done(sentence, as_json=as_json, without=list(named), term=term)


def promise(absent: tuple[str, ...], nodes: int) -> str:
    """What the operator answers for (DESIGN section 5); `nodes` are configured."""
    them, they_stay = ("it", "it stays") if len(absent) == 1 else ("them", "they stay")
    text = (
        f"Without {', '.join(absent)} this cluster goes on as soon as each is proven off, with the record on this\n"
        f"node's disk: what only {them} knew is lost."
    )
    until = f"until this cluster goes on without {them}"
    if nodes > 2:
        text += " Until more than half of all votes are here again every wish is answered with “unknown”."
        until = "until more than half of all votes are together again here"
    return f"{text}\nDo you promise that {they_stay} off, and nobody switches anything of that on, {until}?"


async def _check(absent: tuple[str, ...]) -> int:
    """How many nodes there are. Raises CommandError for a name that cannot be absent."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await names(bus, "org.standfast.Member1")
        here = await bus.get(GROUPS, ROOT, INTERFACE, "Node")
    for name in absent:
        if name not in known:
            raise unknown("node", name, known)
        if name == here:
            raise CommandError(Exit.REFUSED, f"{name} is this node: name those that are absent.")
    return len(known)


async def _start_alone(absent: tuple[str, ...], timeout_s: float) -> int:
    """The number of the term that was opened. Raises CommandError when it was given up."""
    term = 0
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, INTERFACE, "StartAlone", "as", list(absent))

        async def look() -> str:
            nonlocal term
            now = await bus.get_all(GROUPS, ROOT, INTERFACE)
            term = now["Term"]
            if not term and not now["Without"]:
                text = f"It was given up, or standfast-resourced began anew and forgot it: {_AGAIN}"
                raise CommandError(Exit.REFUSED, text)
            if back := [name for name in absent if name in now["Members"]]:
                raise CommandError(Exit.REFUSED, f"{back[0]} is here again: term {term} was opened with it.")
            return "; ".join(_pending(now, absent)) or now["NoTerm"]

        await wait(bus, look, timeout_s)
    return term


_AGAIN: Final = "journalctl -u standfast-resourced says why; type it again."


def _pending(now: Properties, absent: tuple[str, ...]) -> list[str]:
    """A sentence for each of the nodes that is not proven off yet."""
    return [
        f"{node} waits for proof that it is off (loss {loss}): {reason}" + (f"; {failed} failed" if failed else "")
        for loss, node, failed, _, reason in now["Losses"]
        if node in absent
    ]
