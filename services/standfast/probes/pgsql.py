"""A login to PostgreSQL, one query, and the first value of its answer."""

from standfast.configuration.model import Probe
from standfast.probes import databases
from standfast.probes.pgsql_wire import Wire

subject = databases.subject


async def look(probe: Probe, seen: bytearray) -> str:
    """The query has a row, and its first value is as wanted. Raises as any checker does."""
    async with databases.session(probe) as session:
        wire = Wire(session)
        await wire.log_in()
        row = await wire.first_row(probe.query or "SELECT 1")
    return databases.judge(probe, row)
