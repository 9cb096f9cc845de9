"""The journals of the other nodes, read over ssh and put together with this one's."""

import os
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

import click

from standfast.configuration.load import load_in_force
from standfast.ctl import ssh
from standfast.ctl.problems import CommandError, Exit
from standfast.incidents import Entry
from standfast.incidents.clocks import merge
from standfast.incidents.reading import arguments, parse

_WITHIN_S: Final = 60.0
_FAR: Final = timedelta(minutes=10)  # another node's clock may be behind
_NOTICED_MS: Final = 50  # what two nodes may read an update apart when they are busy


def with_other_nodes(own: Sequence[Entry], since: datetime | None) -> list[Entry]:
    """`own` with what the other nodes' journals have; a node that does not answer is named on stderr and left out.

    Raises CommandError where the nodes are not known.
    """
    told = ask(other_nodes(), since)
    merged = merge(own, told)
    for name, ahead in merged.ahead.items():
        click.echo(clock(name, ahead), err=True)
    return [entry for entry in merged.entries if since is None or entry.at >= since]


def other_nodes() -> dict[str, str]:
    """The other nodes of the configuration in force, with the address that each is asked at."""
    configuration, problems = load_in_force(system=None)
    if configuration is None:
        why = problems[0].text if problems else "there is no configuration in force"
        raise CommandError(Exit.REFUSED, f"The other nodes are not known here: {why}.")
    host = os.uname().nodename
    me = (host, host.partition(".")[0])
    return {node.name: node.addresses[0] for node in configuration.nodes if node.name not in me}


def ask(nodes: Mapping[str, str], since: datetime | None) -> dict[str, list[Entry]]:
    """What each node's journal has, all asked at once."""
    if not nodes:
        return {}
    command = shlex.join(["journalctl", *arguments(since=since - _FAR if since is not None else None)])
    with ThreadPoolExecutor(len(nodes)) as pool:
        answers = pool.map(lambda target: ssh.run(target, command, within_s=_WITHIN_S), nodes.values())
        done = dict(zip(nodes, answers, strict=True))
    for name, answer in done.items():
        if answer.exit_code and not answer.output:
            why = answer.said or f"exit code {answer.exit_code}"
            click.echo(f"{name} is left out, its journal could not be read: {shown_why(why)}", err=True)
    return {name: parse(answer.output) for name, answer in done.items() if answer.output or not answer.exit_code}


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
