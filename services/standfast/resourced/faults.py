"""The fault of a fire drill, on the node where it belongs: by systemd, and only for the drill that the record has.

What would not end by itself is ended by a unit that was started before: whatever becomes of us, a process that was
stopped goes on, and a network that was cut is whole again. Of the cut the kernel itself forgets its addresses.
"""

import asyncio
import ipaddress
import signal
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol

from standfast import files
from standfast.bus import BusError
from standfast.configuration.model import Configuration
from standfast.jobs import JobResult
from standfast.manager import DOWN
from standfast.resourced.core import Core
from standfast.resourced.questions import FaultAct, FaultAsked
from standfast.vocabulary import DrillKind

RULES: Final = Path("/run/standfast/drill.nft")
NFT: Final = Path("/usr/sbin/nft")
CONDUCTOR: Final = "standfast-drill.service"
CUT_UNIT: Final = "standfast-drill-cut.service"
CUT_S: Final = 30  # as in that unit
RECORD_S: Final = 3.0  # until this node has read of a drill that began
ACTIVE: Final = "active"


class Systemd(Protocol):
    async def start(self, unit: str) -> JobResult: ...

    async def stop(self, unit: str) -> JobResult: ...

    async def ask(self, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]: ...


class Faults:
    """Does what is asked of this node for a drill."""

    def __init__(self, core: Core, systemd: Systemd, rules: Path = RULES, nft: Path = NFT) -> None:
        self._core = core
        self._systemd = systemd
        self._rules = rules
        self._nft = nft
        self._injected = ""  # the drill whose fault was injected here
        self.beginning = 0  # drills whose conductor is about to be started here

    async def carry_out(self, asked: FaultAsked) -> str:
        """A sentence why it was not done, "" = it was."""
        try:
            match asked.act:
                case FaultAct.CHECK:
                    return await self._check(asked)
                case FaultAct.INJECT:
                    return await self._inject(asked)
                case FaultAct.UNDO:
                    return await self._undo(asked)
                case FaultAct.ABANDONED:
                    return await self._conducted()
        except (BusError, OSError) as error:
            return f"the fault could not be injected: {error}"

    async def _conducted(self) -> str:
        ((row,),) = await self._systemd.ask("ListUnitsByNames", "as", [CONDUCTOR])
        return f"{CONDUCTOR} is at work" if self.beginning or row[3] not in DOWN or row[8] else ""

    async def _check(self, asked: FaultAsked) -> str:
        if asked.kind is DrillKind.CUT:
            return self._refuse_cut()
        if asked.kind in (DrillKind.KILL, DrillKind.HANG):
            ((row,),) = await self._systemd.ask("ListUnitsByNames", "as", [asked.unit])
            if row[3] != ACTIVE:
                return f"{asked.unit} is {row[3]}: nothing of it can be hit"
            (processes,) = await self._systemd.ask("GetUnitProcesses", "s", asked.unit)
            if not processes:
                return f"{asked.unit} has no process that could be hit: standfast drill power, or cut"
        return ""

    def _refuse_cut(self) -> str:
        if not self._nft.exists():
            return "nft is not there, which cuts the network: apt install nftables"
        detect_ms = self._core.configuration.cluster.detect_within_ms
        if 3 * detect_ms > CUT_S * 1000:
            return f"DetectWithin= is {detect_ms / 1000:g} s: a network that is cut for {CUT_S} s proves nothing"
        return ""

    async def _inject(self, asked: FaultAsked) -> str:
        if not await self._has(asked):
            return "the record that it has knows nothing of this drill"
        if self._injected == asked.drill:
            return "the fault of this drill was injected before"
        self._injected = asked.drill
        inject: dict[DrillKind, Callable[[str], Awaitable[str]]] = {
            DrillKind.KILL: self._kill,
            DrillKind.HANG: self._hang,
            DrillKind.CUT: self._cut,
        }
        return await inject[asked.kind](asked.unit) if asked.kind in inject else "it cannot cut its own power"

    async def _has(self, asked: FaultAsked) -> bool:
        """The record names exactly this drill, here."""
        try:
            async with asyncio.timeout(RECORD_S):
                while not self._matches(asked):  # noqa: ASYNC110 - the core has no event for it, and it is soon
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True

    def _matches(self, asked: FaultAsked) -> bool:
        drill = self._core.record.drill if self._core.record is not None else None
        wanted = (asked.drill, asked.kind, self._core.me, asked.unit)
        return drill is not None and (drill.id, drill.kind, drill.node, drill.unit) == wanted

    async def _kill(self, unit: str) -> str:
        await self._systemd.ask("KillUnit", "ssi", unit, "main", int(signal.SIGKILL))
        return ""

    async def _hang(self, unit: str) -> str:
        waker = hang_unit(unit)
        if await self._systemd.start(waker) is not JobResult.DONE:
            return f"{waker} does not start, which lets {unit} go on after a while: systemctl status {waker}"
        await self._systemd.ask("KillUnit", "ssi", unit, "all", int(signal.SIGSTOP))
        return ""

    async def _cut(self, _: str) -> str:
        text = rules_of(self._core.configuration, self._core.me)
        await asyncio.to_thread(files.write_atomic, self._rules, text.encode())
        if await self._systemd.start(CUT_UNIT) is not JobResult.DONE:
            return f"{CUT_UNIT} does not start: systemctl status {CUT_UNIT}"
        return ""

    async def _undo(self, asked: FaultAsked) -> str:
        unit = {DrillKind.HANG: hang_unit(asked.unit), DrillKind.CUT: CUT_UNIT}.get(asked.kind)
        if unit is not None:
            await self._systemd.stop(unit)
        return ""


def hang_unit(unit: str) -> str:
    """The unit that lets this one go on (systemd.unit(5) says how an instance is written)."""
    plain = "".join(
        char
        if char.isascii() and (char.isalnum() or char in ":_.")
        else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in unit
    )
    return f"standfast-drill-hang@{plain}.service"


def rules_of(configuration: Configuration, me: str) -> str:
    """What nft reads: nothing comes from or goes to the other nodes' addresses, until the kernel forgets them."""
    others = [address for node in configuration.nodes if node.name != me for address in node.addresses]
    made = [(4, "ipv4_addr", "ip"), (6, "ipv6_addr", "ip6")]
    sets = "".join(_set(version, kind, others) for version, kind, _ in made)
    chains = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority -300;\n"
        + "".join(f"    {word} {side} @others{version} drop\n" for version, _, word in made)
        + "  }\n"
        for hook, side in (("input", "saddr"), ("output", "daddr"))
    )
    table = "table inet standfast_drill"
    return f"{table}\ndelete {table}\n{table} {{\n{sets}{chains}}}\n"


def _set(version: int, kind: str, addresses: Iterable[str]) -> str:
    mine = [f"{address} timeout {CUT_S}s" for address in addresses if ipaddress.ip_address(address).version == version]
    elements = f" elements = {{ {', '.join(mine)} }};" if mine else ""
    return f"  set others{version} {{ type {kind}; flags timeout;{elements} }}\n"
