"""A version comes into force on every node, or nothing is changed: the steps of a push and of a way back.

They are made in this order by whoever asks a person in between, or does not: `prepare`, `stop`, `put`, and then
config_nodes.wait_installed.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from standfast.bus import GONE, Bus, BusError
from standfast.configuration.bundle import pack
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import Tree
from standfast.operations import config_nodes, groups
from standfast.operations import config_versions as versions
from standfast.operations.config_versions import CARRIER, RECORD, Known, Named, Version
from standfast.operations.copies import bring_all, find_copies, names_of_leaving
from standfast.operations.differences import Difference, compare, summary
from standfast.operations.planning import planned
from standfast.operations.problems import CommandError, Exit
from standfast.operations.rights import call_with_rights
from standfast.operations.telling import say, waiting_for
from standfast.operations.wishes import ask, check_node, daemon_away, find_resourced
from standfast.published import GROUPS, MEMBERSHIP, ROOT
from standfast.status_report import Report
from standfast.vocabulary import Phase

NOTHING: Final = "Nothing was changed."
LONGEST_WHY: Final = 200  # characters
CONFIRM_MS: Final = (10_000, 86_400_000)
_SHARE_S: Final = 90.0  # membershipd itself answers sooner


class OldBaseError(CommandError):
    """Another version came into force since that which was edited; what it changed."""

    def __init__(self, text: str, since_then: tuple[Difference, ...]) -> None:
        super().__init__(Exit.REFUSED, text)
        self.since_then = since_then


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Every node that is here has prepared it; nothing is changed yet."""

    base: str
    leaving: tuple[str, ...]  # groups that the version does not have
    nodes: tuple[str, ...]
    plan: list[Report]


async def prepare(
    tree: Tree, configuration: Configuration, based_on: str, timeout_s: float, without: tuple[str, ...] = ()
) -> Ready | None:
    """Every node that is here has the version on its disk and could bring it into force; None: it is in force already.

    Raises CommandError, BusError.
    """
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await versions.read_known(bus)
        if not known.members:
            raise CommandError(Exit.NOT_QUORATE, f"No term is open: {known.no_term.rstrip('.')}. {NOTHING}")
        for name in without:
            await check_node(bus, name)
        if tree.digest == known.in_force:
            return None
        refuse_old_base(known, based_on)
        _tell_changes(known, tree)
        share = partial(_share, bus, tree)
        await share()
        say(f"{tree.digest[:12]} was sent to every node that is here.")
        now = await config_nodes.wait_prepared(bus, tree.digest, known, share, timeout_s)
        objects = await bus.managed_objects(GROUPS, ROOT)
        every = [found[groups.INTERFACE] for found in objects.values() if groups.INTERFACE in found]
        kept = {group.name for group in configuration.groups}
        return Ready(
            base=known.in_force,
            leaving=names_of_leaving((group["Name"] for group in every), kept),
            nodes=now.members,
            plan=await planned(bus, tree.digest),
        )


def refuse_old_base(known: Known, based_on: str) -> None:
    """Raises OldBaseError when what is pushed is not based on the version in force."""
    if based_on == known.in_force or not known.in_force:
        return
    old, new = versions.on_disk(based_on), versions.on_disk(known.in_force)
    since_then: tuple[Difference, ...] = ()
    if old is not None and new is not None:
        labels = known.label(based_on), known.label(known.in_force)
        since_then = compare(Named(label=labels[0], tree=old), Named(label=labels[1], tree=new))
    newest = known.find(known.in_force)
    since = f" since {newest.at}, pushed by {newest.by}" if newest.number else ""
    text = (
        f"What is pushed is based on {known.label(based_on) if based_on else 'no version'}; in force is "
        f"{newest.label}{since}. Push again when `standfast config show` says that this node has installed that. "
        f"{NOTHING}"
    )
    raise OldBaseError(text, since_then)


def _tell_changes(known: Known, tree: Tree) -> None:
    old = versions.on_disk(known.in_force)
    if old is not None:
        for line in summary(compare(Named(label="", tree=old), Named(label="", tree=tree))):
            say(line)


async def _share(bus: Bus, tree: Tree) -> None:
    """The version is on every node's disk, or on its way there."""
    try:
        async with waiting_for("it is sent to every node that is here"):
            await call_with_rights(bus, MEMBERSHIP, ROOT, CARRIER, "Share", "ay", pack(tree), timeout_s=_SHARE_S)
    except ConfigurationError as error:
        raise CommandError(Exit.REFUSED, f"{error.problems[0]}. {NOTHING}") from error
    except BusError as error:
        if error.name not in GONE or bus.closed.is_set():
            raise
        raise await daemon_away(bus, MEMBERSHIP) from error


async def stop(leaving: tuple[str, ...], timeout_s: float, asked: list[str]) -> None:
    """These groups are stopped, for the version does not have them; `asked` has those that were asked for it."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        for name in leaving:
            asked.append(name)
            if await find_copies(bus, name) is not None:
                await bring_all(bus, name, "Stop", (), timeout_s)
            else:
                await groups.bring(bus, name, "Stop", (), lambda _, now: bool(now["Phase"] == Phase.STOPPED), timeout_s)


async def put(digest: str, ready: Ready, *, without: tuple[str, ...], why: str, confirm_ms: int) -> None:
    """The version is in force as far as the record goes."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, RECORD, "PutInForce", "ssassu", digest, ready.base, list(without), why, confirm_ms)


async def keep() -> None:
    """The version in force is not taken back for want of a confirmation."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, RECORD, "KeepConfiguration")


async def go_back() -> None:
    """The version before an unconfirmed one comes back, as soon as that is safe."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        await ask(bus, ROOT, RECORD, "TakeBackConfiguration")


async def find_older(text: str) -> tuple[Version, Tree]:
    """The version to go back to, and its files."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        known = await versions.read_known(bus)
        base = known.find(known.in_force).base
        if not text and not base:
            raise CommandError(Exit.REFUSED, f"No version was in force before this one. {NOTHING}")
        older = versions.pick(text or base, known, versions.stored())
        tree = await versions.fetch(bus, older)
    _tell_drift(versions.on_disk(known.in_force))
    return older, tree


def _tell_drift(in_force: Tree | None) -> None:
    if in_force is not None:
        edited = [one.name for one in compare(Named(label="", tree=in_force), versions.folder())]
        if edited:
            say(f"Edited in {versions.FOLDER} and left as it is: {', '.join(edited)}")
