"""standfast-metrics: the metrics of this node for Prometheus, over HTTP."""

import os
import sys
from pathlib import Path
from typing import Final

from standfast import daemon, journal
from standfast.metrics import settings
from standfast.metrics.serving import Server

STATE: Final = Path("/var/lib/standfast-metrics")
UNUSABLE: Final = 78  # EX_CONFIG of sysexits.h: a restart would not help
FOLLOW_EVERY_S: Final = 15.0


def main() -> int:
    """Runs until it is stopped; the exit code."""
    try:
        from standfast.metrics.service import Service
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        return _tell("It needs the package python3-prometheus-client: apt install python3-prometheus-client")
    try:
        places = settings.places(os.environ.get("LISTEN", ""))
    except ValueError as error:
        return _tell(str(error))
    folder = Path(os.environ.get("STATE_DIRECTORY", str(STATE)))

    problems: list[str] = []

    async def serve(process: daemon.Daemon) -> None:
        service = Service(folder / "totals.json")
        server = Server(service.answer)
        for place in places:
            try:
                await server.listen(place.host, place.port)
            except OSError as error:
                problems.append(f"It cannot listen on {place} ({error.strerror}): change {settings.WHERE}.")
                return
        process.ready()
        process.status(f"listening on {', '.join(map(str, places))}")
        await process.until_stopped(service.follower.follow(FOLLOW_EVERY_S))

    code = daemon.run("metrics", serve)
    return _tell(problems[0], 1) if problems else code  # an address may come later: systemd tries again


def _tell(text: str, code: int = UNUSABLE) -> int:
    journal.identify("metrics")
    journal.write(journal.Event.METRICS_REFUSED, journal.Level.WARNING, text)
    return code


if __name__ == "__main__":
    sys.exit(main())
