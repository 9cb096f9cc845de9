"""`standfast config push` in a node, and what came of it."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from lab.versions_seen import Files, write_working_copy
from standfast.operations.problems import Exit

STEP_S = 60  # of a push: no step of one that lost its peers takes longer
PATIENCE_S = 4 * STEP_S
OFF = 255  # as the lab's shell has it
# A version is refused for these reasons only while nodes come and go; each says what to do.
GOOD_REASONS = re.compile(
    "|".join(
        (
            r"No term is open: ",
            r"is lost and not proven off yet \(loss ",
            r"is not here, and neither left nor is proven off: ",
            r"speaks although it was proven off: wait until it has rebooted",
            r"has not prepared \S+ yet: push again in a moment",
            r"has another version prepared by now: push again",
            r"Push again when `standfast config show` says that this node has installed that",
            r"is based on \S+, but \S+ is in force",
            r"is not here to say that \S+ is neither enabled nor running there: boot it, or push with --without",
            r"has not put in place what is in force yet: push again later",
            r"is not stopped on \S+: standfast group stop",
            r"it cannot be checked now: ",
            r"`standfast status` shows which nodes are missing",
            r"Standfast is not running here: systemctl start standfast\.target",
            r"standfast-resourced does not run here: systemctl status",
        )
    )
)


class Result(Enum):
    ACKNOWLEDGED = auto()
    REFUSED = auto()
    UNKNOWN = auto()  # also: the node lost its power


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    result: Result
    said: str


def push(lab: Lab, node: str, files: Files, without: tuple[str, ...] = ()) -> Outcome:
    """The files are the node's /etc/standfast, and it was asked to bring them into force."""
    write_working_copy(lab, node, files)
    options = [word for name in without for word in ("--without", name)]
    command = ("standfast", "config", "push", "--yes", "--why", "a test", "--timeout", str(STEP_S), *options)
    try:
        done = lab.sh(node, *command, check=False, timeout_s=PATIENCE_S)
    except LabError as error:
        return Outcome(result=Result.UNKNOWN, said=str(error))
    said = f"{done.stdout}{done.stderr}".strip()
    if done.returncode == Exit.DONE:
        return Outcome(result=Result.ACKNOWLEDGED, said=said)
    if done.returncode in (Exit.REFUSED, Exit.NOT_RUNNING, Exit.NOT_QUORATE):
        return Outcome(result=Result.REFUSED, said=said)
    return Outcome(result=Result.UNKNOWN, said=f"exit {done.returncode}: {said}")


def good_reason(outcome: Outcome) -> str:
    """The known sentence that says why it was refused, as far as it is always the same; "" = none of those."""
    found = GOOD_REASONS.search(outcome.said)
    return found[0] if found else ""
