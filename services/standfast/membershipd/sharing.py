"""Versions of the configuration on the bus: they are shared and wanted, and it is told which are here."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from standfast.bus import Bus, BusError, Call, ErrorName, Server
from standfast.configuration.model import ConfigurationError
from standfast.membershipd.carrier import SHOWN, Carrier, UndeliveredError, why
from standfast.membershipd.publication import ROOT

INTERFACE: Final = "org.standfast.Membership1"
SHARED_WITHIN_S: Final = 60.0  # the disk's part included
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Sharing:
    """Share, Want and Stored of Membership1. `name_of`: the name of a node id."""

    def __init__(self, server: Server, folder: Path, name_of: Callable[[int], str]) -> None:
        self.carrier = Carrier(folder, name_of, self._tell_stored)
        self._folder = folder
        self._bus: Bus | None = None
        server.handle(INTERFACE, "Share", self._share)
        server.handle(INTERFACE, "Want", self._want)

    def on_bus(self, bus: Bus) -> None:
        self._bus = bus

    def _tell_stored(self, digest: str) -> None:
        if self._bus is not None:
            self._bus.emit(ROOT, INTERFACE, "Stored", "s", digest)

    async def _share(self, call: Call) -> tuple[Any, ...]:
        (bundle,) = call.arguments
        self._check_group()
        try:
            async with asyncio.timeout(SHARED_WITHIN_S):
                return (await self._sent(bundle),)
        except TimeoutError:
            text = (
                f"The version did not come back from the group within {SHARED_WITHIN_S:g} s; others may have it, but "
                "nothing is in force by that: look at 'standfast status', then share it again."
            )
            raise BusError(ErrorName.OUTCOME_UNKNOWN, text) from None
        except UndeliveredError as error:
            raise BusError(ErrorName.OUTCOME_UNKNOWN, str(error)) from error

    async def _sent(self, bundle: bytes) -> str:
        """The digest, when all members were sent the version. Raises BusError, UndeliveredError."""
        try:
            digest = await self.carrier.take(bundle)
        except ConfigurationError as error:
            raise BusError(ErrorName.INVALID_ARGUMENTS, f"These bytes are no version: {error}.") from error
        except OSError as error:  # or the disk does not answer
            where = f"{self._folder} ({why(error)})"
            text = f"The version cannot be stored in {where}, and nobody was sent it: make room there."
            raise BusError(ErrorName.FAILED, text) from error
        self._check_group()
        if not self.carrier.has_room:
            text = "Too many versions are being sent by this node: wait for their answers."
            raise BusError(ErrorName.TOO_MANY_CALLS, text)
        await self.carrier.send(digest, bundle)
        return digest

    async def _want(self, call: Call) -> tuple[Any, ...]:
        (digest,) = call.arguments
        if not _DIGEST.fullmatch(digest):
            text = f"{digest[:SHOWN]!a} is no digest of a version: give its 64 hexadecimal digits."
            raise BusError(ErrorName.INVALID_ARGUMENTS, text)
        try:
            here = await self.carrier.is_here(digest)
        except TimeoutError:
            text = f"The disk with {self._folder} does not answer: look at its health in the journal (journalctl -k)."
            raise BusError(ErrorName.FAILED, text) from None
        if here:
            self._tell_stored(digest)
        else:
            self._check_group()
            self.carrier.ask(digest)
        return ()

    def _check_group(self) -> None:
        if not self.carrier.in_group:
            text = (
                "Corosync does not run on this node, or has only just started, so the other nodes cannot be reached: "
                "look at 'standfast status', then try again."
            )
            raise BusError(ErrorName.REFUSED, text)
