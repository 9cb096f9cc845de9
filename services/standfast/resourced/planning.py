"""`standfast config plan` on the bus: what a version that is prepared here would do; nothing is changed by it."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from standfast.bus import BusError, Call, ErrorName, Server
from standfast.bus.values import Variant, outgoing
from standfast.configuration.model import Configuration
from standfast.resourced import durations_file
from standfast.resourced.core import Core
from standfast.resourced.durations import Durations, Measuring
from standfast.resourced.simulations import present

if TYPE_CHECKING:
    from standfast.resourced.changes_planned import Change, Effect

INTERFACE: Final = "org.standfast.Groups1"


class Planning:
    """Answers PlanConfiguration; `one` is held while it thinks, as by everything that takes a processor for long."""

    def __init__(self, core: Core, server: Server, durations: Durations, one: asyncio.Lock) -> None:
        self._core = core
        self._one = one
        self.measuring = Measuring(durations)
        self._kept = durations
        self.look()
        server.handle(INTERFACE, "PlanConfiguration", self._plan)

    def look(self) -> None:
        """After each step of the core: what it tells of durations is measured."""
        term = self._core.terms.term
        self.measuring.look(self._core.record, term.nonce if term else "", self._core.now)

    async def keep(self) -> None:
        """What was measured since the last time is on disk, unless the disk is full: then the next time."""
        found = self.measuring.durations
        if found is not self._kept and await asyncio.to_thread(durations_file.write, found):
            self._kept = found

    async def _plan(self, call: Call) -> tuple[Any, ...]:
        from standfast.resourced.changes_planned import changes, effects, refused  # a plan is rare, memory is short

        (digest,) = call.arguments
        async with self._one:
            record, in_force, situation = present(self._core)
            new = self._version(digest)
            found = await asyncio.to_thread(effects, record, in_force, new, situation, self.measuring.durations)
        beside = (*refused(record, in_force, new, situation), *changes(in_force, new))
        return ([*map(_effect_row, found), *map(_change_row, beside)],)

    def _version(self, digest: str) -> Configuration:
        for known in (self._core.configuration, self._core.offered):
            if known is not None and known.digest == digest:
                return known
        text = f"the version {digest[:12]} is not prepared on {self._core.me}: standfast config push or plan first"
        raise BusError(ErrorName.REFUSED, text)


def _effect_row(effect: "Effect") -> dict[str, Variant]:
    row = _row(
        about="group",
        subject=effect.group,
        kind=effect.kind.value,
        source=effect.source,
        target=effect.target,
        reason=effect.reason,
        setting=effect.setting,
        measured=effect.measured,
    )
    row["resources"] = Variant("as", outgoing(effect.resources))
    if effect.interruption_ms is not None:
        row["interruption_ms"] = Variant("x", effect.interruption_ms)
    return row


def _change_row(change: "Change") -> dict[str, Variant]:
    about = "node" if change.subject else "cluster"
    return _row(about=about, subject=change.subject, kind=change.kind.value, reason=change.text, setting=change.setting)


def _row(**texts: str) -> dict[str, Variant]:
    return {name: Variant("s", outgoing(text)) for name, text in texts.items()}
