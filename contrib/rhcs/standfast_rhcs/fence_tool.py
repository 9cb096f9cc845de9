"""fence_tool: the fence domain, which nobody joins or leaves by hand here."""

from collections.abc import Sequence
from typing import Final

from standfast.bus import Bus
from standfast_rhcs.cluster import EndedError, look, run, seen
from standfast_rhcs.fence_domain import listing
from standfast_rhcs.options import parse
from standfast_rhcs.waiting import until

USAGE: Final = """usage: fence_tool <ls|join|leave|dump> [options]
  ls [-n]           the fence domain; -n with all nodes
  join [-m SECONDS] wait until this node takes part
  dump              journalctl -u standfast-fenced"""
LONGEST_S: Final = 300.0


def main(words: Sequence[str]) -> int:
    """The exit code."""
    verb, *rest = words or ("",)
    options, _ = parse(rest, "t:qm:wNn", USAGE)
    match verb:
        case "ls":
            print("\n".join(listing(run(seen()), all_nodes="-n" in options)))
            return 0
        case "join":
            seconds = options.get("-m", options.get("-t", ""))
            return run(_until_inside(float(seconds) if seconds.isdigit() else LONGEST_S))
        case "leave":
            raise EndedError(1, "no node leaves the fence domain while it is a member: systemctl stop standfast.target")
        case "dump":
            raise EndedError(1, "fenced writes to the journal: journalctl -u standfast-fenced.service")
    raise EndedError(1, USAGE if not verb else f"there is no verb {verb!r}\n{USAGE}")


async def _until_inside(timeout_s: float) -> int:
    async with await Bus.connect() as bus:

        async def inside() -> bool | None:
            local = (await look(bus)).local
            return True if local and local.rgmanager else None

        if await until(bus, inside, timeout_s):
            return 0
    raise EndedError(1, "this node does not take part yet: standfast status says why")
