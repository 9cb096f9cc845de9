"""The versions of the configuration: as the record has them, as this node's disk has them, and as they are named."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from standfast.bus import GONE, Bus, BusError
from standfast.configuration import load, versions
from standfast.configuration.tree import Tree, read_tree
from standfast.operations.problems import CommandError, Exit
from standfast.operations.rights import call_with_rights
from standfast.published import GROUPS, MEMBERSHIP, ROOT, Properties

RECORD: Final = "org.standfast.Groups1"
CARRIER: Final = "org.standfast.Membership1"
FOLDER: Final = load.ROOT
DISK: Final = versions.FOLDER
FETCH_S: Final = 30.0
_DIGITS: Final = 12  # of a digest, where people read it
_PREFIX: Final = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version, and what the record knows about it."""

    number: int = 0  # 0 = it was not in force, as far as the record remembers
    digest: str
    base: str = ""  # digest of the version that it was made from, "" = none
    at: str = ""  # RFC 3339
    by: str = ""
    why: str = ""

    @property
    def label(self) -> str:
        """ "version 4", or the first digits of a digest that has no number."""
        return f"version {self.number or self.digest[:_DIGITS]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtNode:
    """What one node has of the versions."""

    installed: str
    prepared: str
    objections: tuple[str, ...]
    drifted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The record's word about the configuration, as this node has it."""

    in_force: str
    history: tuple[Version, ...]  # newest first
    nodes: Mapping[str, AtNode]
    unconfirmed: str
    left_ms: int
    term: int  # 0 = none is open
    members: tuple[str, ...]
    no_term: str

    def find(self, digest: str) -> Version:
        """The version of this digest, the newest of several."""
        return next((one for one in self.history if one.digest == digest), Version(digest=digest))

    def label(self, digest: str) -> str:
        return self.find(digest).label


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A tree, and what it is called in a diff."""

    label: str
    tree: Tree


NOTHING_KNOWN: Final = Known(
    in_force="",
    history=(),
    nodes={},
    unconfirmed="",
    left_ms=0,
    term=0,
    members=(),
    no_term="Standfast is not running here",
)


def has_terminal() -> bool:
    """Somebody can be asked."""
    return sys.stdin.isatty()


def known_from(properties: Properties) -> Known:
    """What resourced publishes, as data."""
    back, left_ms = properties["Unconfirmed"]
    return Known(
        in_force=properties["Configuration"],
        history=tuple(_version(*row) for row in properties["History"]),
        nodes={name: _at_node(*row) for name, row in properties["Versions"].items()},
        unconfirmed=back,
        left_ms=left_ms,
        term=properties["Term"],
        members=tuple(properties["Members"]),
        no_term=properties["NoTerm"],
    )


async def read_known(bus: Bus) -> Known:
    """The record's word now. Raises BusError."""
    return known_from(await bus.get_all(GROUPS, ROOT, RECORD))


def in_force_here() -> str:
    """The version in force on this node, as its disk says; "" = none, or one that only root may see."""
    with contextlib.suppress(PermissionError):
        return versions.in_force(DISK)
    return ""


def stored() -> tuple[str, ...]:
    """The digests of the versions on this node's disk, as far as the caller may know them."""
    with contextlib.suppress(PermissionError):
        return versions.stored(DISK)
    return ()


def pick(text: str, known: Known, digests: Iterable[str]) -> Version:
    """The version that somebody means; "" = the one in force. Raises CommandError: none, or several."""
    if not text:
        return known.find(_in_force(known))
    for one in known.history:
        if text == str(one.number):
            return one
    every = {*digests, *(one.digest for one in known.history)}
    found = sorted(digest for digest in every if _PREFIX.fullmatch(text) and digest.startswith(text))
    if len(found) == 1:
        return known.find(found[0])
    if found:
        raise CommandError(Exit.USAGE, f"{text} begins {len(found)} digests; write more of it.")
    numbers = ", ".join(str(one.number) for one in known.history) or "none"
    raise CommandError(
        Exit.USAGE, f"There is no version {text}. Known versions: {numbers}; or 6 digits or more of a digest."
    )


async def read_two(old: str, new: str) -> tuple[Named, Named]:
    """The versions called `old` ("" = the one in force) and `new` ("" = /etc/standfast)."""
    async with contextlib.AsyncExitStack() as stack:
        bus, known = await look(stack)
        first = pick(old, known, stored())
        before = Named(label=first.label, tree=await fetch(bus, first))
        if not new:
            return before, folder()
        second = pick(new, known, stored())
        return before, Named(label=second.label, tree=await fetch(bus, second))


def _in_force(known: Known) -> str:
    digest = known.in_force or in_force_here()
    if not digest:
        raise CommandError(Exit.UNKNOWN, "No version is in force yet, as far as this node knows.")
    return digest


async def look(stack: contextlib.AsyncExitStack) -> tuple[Bus | None, Known]:
    """A connection and the record's word, as far as there are any: the disk has versions too."""
    try:
        bus = await stack.enter_async_context(await Bus.connect())
        return bus, await read_known(bus)
    except BusError as error:
        if error.name not in GONE:
            raise
    return None, NOTHING_KNOWN


async def fetch(bus: Bus | None, version: Version) -> Tree:
    """The version's files, from this node's disk or from another node. Raises CommandError."""
    tree = on_disk(version.digest)
    if tree is None and os.geteuid() != 0:
        text = "Only root may read the files of a version: secrets are among them. Try again as root."
        raise CommandError(Exit.NO_RIGHTS, text)
    if tree is None and bus is not None:
        tree = await _want(bus, version.digest)
    if tree is None:
        text = f"This node does not have {version.label} whole, and nobody who has it answered: standfast status"
        raise CommandError(Exit.UNKNOWN, text)
    return tree


async def _want(bus: Bus, digest: str) -> Tree | None:
    there = asyncio.Event()

    def stored(signal: Any) -> None:
        if signal.arguments == (digest,):
            there.set()

    await bus.subscribe(MEMBERSHIP, stored, path=ROOT, interface=CARRIER, member="Stored")
    await call_with_rights(bus, MEMBERSHIP, ROOT, CARRIER, "Want", "s", digest, timeout_s=FETCH_S)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(there.wait(), FETCH_S)
    return on_disk(digest)


def on_disk(digest: str) -> Tree | None:
    """The version as this node has it; None: it does not, or the caller may not read it."""
    return versions.read(digest, DISK)


def folder() -> Named:
    """/etc/standfast, for a diff. Raises CommandError where a file cannot be read."""
    return Named(label=str(FOLDER), tree=read_folder())


def read_folder() -> Tree:
    """The files of /etc/standfast. Raises CommandError where one cannot be read."""
    tree = read_tree(FOLDER)
    if tree.problems:
        denied = any("ermission denied" in problem.text for problem in tree.problems)
        text = f"{tree.problems[0]}{' Try again as root.' if denied else ''}"
        raise CommandError(Exit.NO_RIGHTS if denied else Exit.REFUSED, text)
    return tree


def _version(number: int, digest: str, base: str, at: str, by: str, why: str) -> Version:
    return Version(number=number, digest=digest, base=base, at=at, by=by, why=why)


def _at_node(installed: str, prepared: str, objections: list[str], drifted: list[str]) -> AtNode:
    return AtNode(installed=installed, prepared=prepared, objections=tuple(objections), drifted=tuple(drifted))
