"""A wish about one group, and waiting until it came true."""

from collections.abc import Callable
from typing import Final

from standfast.bus import Bus, escape
from standfast.operations.problems import CommandError, Exit
from standfast.operations.wishes import ask, read_group, wait
from standfast.published import ROOT, Properties
from standfast.vocabulary import Phase

INTERFACE: Final = "org.standfast.Group1"

Goal = Callable[[Properties, Properties], bool]  # (before the wish, now): it came true


async def bring(
    bus: Bus, name: str, method: str, arguments: tuple[str, ...], goal: Goal, timeout_s: float
) -> Properties:
    """The group as it is when the goal is reached. Raises CommandError when it is not, BusError when it is refused."""
    path = f"{ROOT}/group/{escape(name)}"
    before = now = await read_group(bus, name, path)
    await ask(bus, path, INTERFACE, method, "s" * len(arguments), *arguments)

    async def look() -> str:
        nonlocal now
        now = await read_group(bus, name, path)
        if goal(before, now):
            return ""
        check_outlook(name, before, now, stops=method in ("Stop", "Disable"))
        return _sentence(name, now)

    await wait(bus, look, timeout_s)
    return now


def check_outlook(name: str, before: Properties, now: Properties, *, stops: bool) -> None:
    """The goal may still be reached; else CommandError: blocked, or settled on another node than asked for."""
    if now["Phase"] == Phase.BLOCKED:
        raise CommandError(Exit.REFUSED, f"{_sentence(name, now)} See `standfast timeline {name}`.")
    settled = now["Phase"] == Phase.STARTED and now["Since"] != before["Since"] and not now.get("WantedOn")
    if settled and not stops:
        raise CommandError(Exit.REFUSED, f"{_sentence(name, now)} See `standfast timeline {name}`.")


def _sentence(name: str, now: Properties) -> str:
    where = f" on {now['Owner']}" if now["Owner"] else ""
    reason = str(now["Reason"]).rstrip(".")
    return f"{name} is {now['Phase']}{where}" + (f": {reason}." if reason else ".")
