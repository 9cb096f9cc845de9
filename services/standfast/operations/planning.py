"""What a version of the configuration would do, as resourced plans it: to be shown, and before a push."""

from typing import Any, Final

from standfast.bus import Bus
from standfast.published import GROUPS, ROOT
from standfast.status_report import Report

ANSWER_S: Final = 60.0  # of a large cluster
EMPTY: Final[Report] = {"source": "", "target": "", "resources": [], "interruption_ms": None, "measured": ""}


async def planned(bus: Bus, digest: str) -> list[Report]:
    """A row for each group and each other change (PlanConfiguration of org.standfast.Groups1), None for what is not
    known. Raises BusError: not prepared here, no term is open."""
    (rows,) = await bus.call(
        GROUPS, ROOT, "org.standfast.Groups1", "PlanConfiguration", "s", digest, timeout_s=ANSWER_S
    )
    return [{**EMPTY, **row} for row in rows]


def document(rows: list[Report]) -> dict[str, Any]:
    """For programs: groups by what becomes of them, and the other changes."""
    groups = [row for row in rows if row["about"] == "group"]
    others = [row for row in rows if row["about"] != "group"]
    return {
        "groups": [
            {"name": row["subject"], **{key: row[key] for key in ("kind", "reason", "setting", *EMPTY)}}
            for row in groups
        ],
        "changes": [{key: row[key] for key in ("about", "subject", "kind", "reason", "setting")} for row in others],
    }
