"""`python3 -m standfast.console`: the wiring."""

import sys

from standfast.console.service import Service
from standfast.daemon import Daemon, run


async def main(daemon: Daemon) -> None:
    await daemon.until_stopped(Service(daemon.ready).run())


if __name__ == "__main__":
    sys.exit(run("console", main))
