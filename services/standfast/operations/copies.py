"""A group with Copies=, asked for under its own name: one wish for all copies, done when enough of them are so."""

from collections.abc import Collection, Iterable
from typing import Final

from standfast.bus import Bus, BusError, ErrorName, escape
from standfast.operations.problems import CommandError, Exit
from standfast.operations.wishes import ask, read_group, wait
from standfast.published import GROUPS, ROOT, Properties
from standfast.vocabulary import Phase

INTERFACE: Final = "org.standfast.Copies1"
STOPS: Final = ("Stop", "Disable")

Outcome = tuple[str, list[Properties]]  # a sentence, and the groups that it is about


async def find_copies(bus: Bus, name: str) -> Properties | None:
    """The properties of a group with copies; None: there is none of that name."""
    try:
        return await bus.get_all(GROUPS, _path(name), INTERFACE)
    except BusError as error:
        if error.name not in (ErrorName.UNKNOWN_OBJECT, ErrorName.UNKNOWN_INTERFACE):
            raise
    return None


async def bring_all(bus: Bus, name: str, method: str, arguments: tuple[str, ...], timeout_s: float) -> Outcome:
    """One sentence how its copies are when the goal is reached, and each of them.

    Raises CommandError when it is not, or for a method that is none of all copies; BusError when it is refused.
    """
    if any(arguments):
        raise CommandError(Exit.REFUSED, f"Each copy has its own node: standfast group start {name}@{arguments[0]}")
    if method == "Relocate":
        raise CommandError(
            Exit.REFUSED, f"Each copy stays on its node; standfast group stop {name}@NODE lets another run."
        )
    await ask(bus, _path(name), INTERFACE, method)
    said = ""
    copies: list[Properties] = []

    async def look() -> str:
        nonlocal said, copies
        values = await find_copies(bus, name)
        if values is None:
            raise CommandError(Exit.REFUSED, f"There is no group {name} any more.")
        copies = [await read_group(bus, copy, _path(copy)) for copy in values["Copies"]]
        said = sentence(name, copies, int(values["Wanted"]))
        if _is_reached(method, copies, int(values["Wanted"])):
            return ""
        for copy in copies:
            if copy["Phase"] == Phase.BLOCKED:
                raise CommandError(Exit.REFUSED, f"{copy['Name']} is blocked: {copy['Reason']}.")
        return said

    await wait(bus, look, timeout_s)
    return said.rstrip("."), copies


def _is_reached(method: str, copies: list[Properties], wanted: int) -> bool:
    running = sum(copy["Phase"] == Phase.STARTED for copy in copies)
    if method in STOPS:
        return all(copy["Phase"] == Phase.STOPPED for copy in copies)
    if method in ("Freeze", "Thaw"):
        return all(("frozen" in copy["Flags"]) is (method == "Freeze") for copy in copies)
    return running >= wanted and not any("disabled" in copy["Flags"] for copy in copies)


def names_of_leaving(names: Iterable[str], kept: Collection[str]) -> tuple[str, ...]:
    """Which of these groups are not kept; where no copy is, the name that they were written under."""
    bases = {name.partition("@")[0] for name in kept if "@" in name}
    leaving = (name for name in names if name not in kept)
    return tuple(sorted({name if name.partition("@")[0] in bases else name.partition("@")[0] for name in leaving}))


def sentence(name: str, copies: list[Properties], wanted: int) -> str:
    """How many of its copies run, of how many that are to, and where."""
    nodes = [copy["Owner"] for copy in copies if copy["Phase"] == Phase.STARTED]
    if not nodes and not wanted:
        return f"{name} is stopped."
    where = f": {', '.join(nodes)}" if nodes else ""
    return f"{name}: {len(nodes)} of {wanted} copies run{where}."


def _path(name: str) -> str:
    return f"{ROOT}/group/{escape(name)}"
