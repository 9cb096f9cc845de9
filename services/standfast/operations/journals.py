"""The journals of the other nodes, read over ssh and put together with this one's."""

import os
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from standfast.configuration.load import load_in_force
from standfast.incidents import Entry
from standfast.incidents.clocks import merge
from standfast.incidents.reading import arguments, parse
from standfast.operations import ssh
from standfast.operations.problems import CommandError, Exit
from standfast.operations.telling import say

WITHIN_S: Final = 60.0
_FAR: Final = timedelta(minutes=10)  # another node's clock may be behind
_NOTICED_MS: Final = 50  # what two nodes may read an update apart when they are busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What the other nodes' journals have, and why some of them could not be read; by node."""

    entries: Mapping[str, list[Entry]]
    refused: Mapping[str, str]


def with_other_nodes(own: Sequence[Entry], since: datetime | None) -> list[Entry]:
    """`own` with what the other nodes' journals have; a node that does not answer is named and left out.

    Raises CommandError where the nodes are not known.
    """
    others = ask(other_nodes(), since)
    for name, why in others.refused.items():
        say(f"{name} is left out, its journal could not be read: {why}")
    entries, ahead = together(own, others, since)
    for name, by in ahead.items():
        say(clock(name, by))
    return entries


def together(
    own: Sequence[Entry], others: Others, since: datetime | None
) -> tuple[list[Entry], Mapping[str, timedelta | None]]:
    """The entries of all, the oldest first, and how far each other node's clock is ahead (None: nobody knows)."""
    merged = merge(own, others.entries)
    return [entry for entry in merged.entries if since is None or entry.at >= since], merged.ahead


def other_nodes() -> dict[str, str]:
    """The other nodes of the configuration in force, with the address that each is asked at."""
    configuration, problems = load_in_force(system=None)
    if configuration is None:
        why = problems[0].text if problems else "there is no configuration in force"
        raise CommandError(Exit.REFUSED, f"The other nodes are not known here: {why}.")
    host = os.uname().nodename
    me = (host, host.partition(".")[0])
    return {node.name: node.addresses[0] for node in configuration.nodes if node.name not in me}


def ask(nodes: Mapping[str, str], since: datetime | None, within_s: float = WITHIN_S) -> Others:
    """What each node's journal has, all asked at once."""
    if not nodes:
        return Others(entries={}, refused={})
    command = shlex.join(["journalctl", *arguments(since=since - _FAR if since is not None else None)])
    with ThreadPoolExecutor(len(nodes)) as pool:
        answers = pool.map(lambda target: ssh.run(target, command, within_s=within_s), nodes.values())
        done = dict(zip(nodes, answers, strict=True))
    return Others(
        entries={name: parse(answer.output) for name, answer in done.items() if answer.output or not answer.exit_code},
        refused={
            name: shown_why(answer.said or f"exit code {answer.exit_code}")
            for name, answer in done.items()
            if answer.exit_code and not answer.output
        },
    )


def shown_why(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def clock(name: str, ahead: timedelta | None) -> str:
    """How far another node's clock is off, for people."""
    if ahead is None:
        return f"{name}: nothing that this node's journal has too, so its clock could not be compared"
    ms = round(ahead / timedelta(milliseconds=1))
    if abs(ms) <= _NOTICED_MS:
        return f"{name}: its clock is as this node's"
    return f"{name}: its clock is {abs(ms) / 1000:.2f} s {'ahead' if ms > 0 else 'behind'}, corrected"
