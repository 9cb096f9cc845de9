"""`python3 -m standfast.resourced.drain`: ExecStop of standfast-drain.service; every group has left this node.

It asks resourced to leave and waits. A resourced that restarts meanwhile is asked again: the daemons never drain by
themselves, for they cannot tell a restart from a stop.
"""

import asyncio
import sys
import time
from typing import Final

from standfast.bus import Bus, BusError, ErrorName

NAME: Final = "org.standfast.Groups"
LONGEST_S: Final = 600.0
AWAY_S: Final = 10.0  # how long a resourced that is away is waited for
AGAIN_S: Final = 0.2


async def drain() -> int:
    """Exit code 0: this node left; 1: resourced is not there, so systemd stops what is left when the node goes down."""
    print("asking resourced to move every group away and to leave", flush=True)
    began = away_since = time.monotonic()
    while time.monotonic() - began < LONGEST_S:
        try:
            async with await Bus.connect() as bus:
                await bus.call(NAME, "/org/standfast", "org.standfast.Groups1", "Leave", timeout_s=LONGEST_S)
        except BusError as error:
            if error.name not in (ErrorName.SERVICE_UNKNOWN, ErrorName.NAME_HAS_NO_OWNER):
                away_since = time.monotonic()
            if time.monotonic() - away_since >= AWAY_S:
                print(f"resourced is not there ({error.text}): units that still run are stopped by systemd", flush=True)
                return 1
            await asyncio.sleep(AGAIN_S)
        else:
            print(f"this node has left, {time.monotonic() - began:.1f} s after it was asked", flush=True)
            return 0
    print(f"resourced could not leave within {LONGEST_S:.0f} s: see standfast status on another node", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(drain()))
