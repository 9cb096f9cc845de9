"""`python3 -m standfast.alerts`: the wiring."""

import sys
from pathlib import Path
from typing import Final

from standfast.alerts.following import Following
from standfast.alerts.running import Runner
from standfast.alerts.service import Places, Service
from standfast.daemon import Daemon, run

STATE: Final = Path("/var/lib/standfast-alerts/cursor")


async def main(daemon: Daemon) -> None:
    daemon.ready()
    runner = Runner()
    try:
        await daemon.until_stopped(Service(Following(STATE), runner, Places()).run())
    finally:
        await runner.close()


if __name__ == "__main__":
    sys.exit(run("alerts", main))
