"""A login to MySQL or MariaDB, one query, and the first value of its answer."""

from standfast.configuration.model import Probe
from standfast.probes import databases
from standfast.probes.libraries import client

subject = databases.subject


async def look(probe: Probe, seen: bytearray) -> str:
    """The query has a row, and its first value is as wanted. Raises as any checker does."""
    library = await client(probe)
    async with databases.session(probe) as session:
        row = await library.first_row(session, probe.query or "SELECT 1")
    return databases.judge(probe, row)
