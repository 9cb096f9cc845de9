"""Machines that are to become nodes, seen from the one where the command is typed: asked and sent to over ssh."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from standfast.configuration.bundle import pack
from standfast.configuration.tree import Tree
from standfast.configuration.values import parse_address, parse_name
from standfast.operations import ssh
from standfast.operations.newcomer import release
from standfast.operations.problems import CommandError, Exit
from standfast.operations.ssh import Done

Run = Callable[[str, str, bytes], Done]  # where ssh goes to, a POSIX shell script, its stdin
Tell = Callable[[str], None]

_STEP_S: Final = 180.0  # somebody may have to type a password; the start of the daemons takes seconds
_CLOCK_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A node that is not one yet; `target` is what ssh takes."""

    name: str
    addresses: tuple[str, ...]
    target: str


def parse(text: str, target: str = "") -> Newcomer:
    """NAME=ADDRESS[,ADDRESS2...]; ssh goes to `target`, or to the first address. Raises CommandError (usage)."""
    name, equals, rest = text.partition("=")
    try:
        if not equals:
            raise ValueError(f"{text!r} is no NAME=ADDRESS")
        addresses = tuple(map(parse_address, rest.split(",")))
        return Newcomer(name=parse_name(name), addresses=addresses, target=target or addresses[0])
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{text}: {error}.") from error


def over_ssh(target: str, script: str, data: bytes) -> Done:
    """As ssh.run(), with the time that such a step may take."""
    return ssh.run(target, script, data, within_s=_STEP_S)


def examine(newcomers: Sequence[Newcomer], tree: Tree, run: Run, tell: Tell) -> None:
    """Each of these machines can become a node by `tree`; what is odd is told. Raises CommandError; nothing changed."""
    data = pack(tree)
    for newcomer, done, at in _each(newcomers, run, "standfast join --examine", data):
        _judge(newcomer, done, at, tell)


def send(newcomers: Sequence[Newcomer], tree: Tree, run: Run, *, first: bool = False) -> None:
    """Each of these machines has `tree` in force and starts its daemons. Raises CommandError at the first failure."""
    script = "standfast join --receive" + (" --first" if first else "")
    for newcomer, done, _ in _each(newcomers, run, script, pack(tree)):
        if done.exit_code:
            raise CommandError(Exit.REFUSED, _sentence(newcomer, done))


def _each(
    newcomers: Sequence[Newcomer], run: Run, script: str, data: bytes
) -> list[tuple[Newcomer, Done, tuple[float, float]]]:
    """All at once; with each answer when it was asked for and when it came (time.time())."""

    def ask(newcomer: Newcomer) -> tuple[Newcomer, Done, tuple[float, float]]:
        asked = time.time()
        return newcomer, run(newcomer.target, script, data), (asked, time.time())

    with ThreadPoolExecutor(max(len(newcomers), 1)) as pool:
        return list(pool.map(ask, newcomers))


def _judge(newcomer: Newcomer, done: Done, at: tuple[float, float], tell: Tell) -> None:
    if done.exit_code:
        raise CommandError(Exit.REFUSED, _sentence(newcomer, done))
    try:
        answer = json.loads(done.output)
        theirs, clock = str(answer["release"]), float(answer["clock"])
        host, objections = str(answer["host"]), [str(one) for one in answer["objections"]]
    except (ValueError, TypeError, KeyError) as error:
        text = f"{newcomer.target} does not answer as Standfast does: is `standfast` there another program?"
        raise CommandError(Exit.REFUSED, text) from error
    if theirs != (ours := release()):
        both = f"{theirs or '?'} of Standfast, this node has {ours or '?'}"
        text = f"{newcomer.name} has release {both}: install the same one there."
        raise CommandError(Exit.REFUSED, text)
    if newcomer.name not in (host, host.partition(".")[0]):
        objections = [f"it is called {host}: hostnamectl hostname {newcomer.name}, there, or name another machine"]
    if objections:
        for objection in objections[:-1]:
            tell(f"{newcomer.name}: {objection}")
        raise CommandError(Exit.REFUSED, f"{newcomer.name} cannot become a node: {objections[-1]}.")
    asked, answered = at
    if not asked - _CLOCK_S < clock < answered + _CLOCK_S:
        ahead = clock - (asked + answered) / 2
        words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'}"
        tell(f"{newcomer.name}: its clock is {words} this node's; only who compares journals will mind")


def _sentence(newcomer: Newcomer, done: Done) -> str:
    said = done.said.removeprefix("standfast: ").rstrip(".")
    if done.exit_code == ssh.FAILED:
        return f"ssh {shlex.quote(newcomer.target)} failed: {said or 'it says nothing'}."
    if done.exit_code == ssh.NOT_FOUND:
        return f"{newcomer.name} has no Standfast: install the package there, then type this again."
    if done.exit_code == Exit.USAGE:
        return f"{newcomer.name} has another release of Standfast: install the same one there."
    return f"{newcomer.name}: {said or f'exit code {done.exit_code}'}."
