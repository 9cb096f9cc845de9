"""`python3 -m standfast.drills`: the fire drill that is under way from this node (standfast-drill.service)."""

import asyncio
import sys

from standfast import journal
from standfast.bus import Bus, BusError
from standfast.drills.conducting import Conductor, NoDrillError


async def conduct() -> int:
    try:
        async with await Bus.connect() as bus:
            await Conductor(bus).conduct()
    except (NoDrillError, BusError) as error:
        journal.write(
            journal.Event.DRILL_REPORT, journal.Level.WARNING, f"No fire drill is conducted from here: {error}"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(conduct()))
