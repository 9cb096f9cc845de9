"""What daemons publish that know nothing yet, for tests that need one property of many."""

from typing import Any

from standfast.resourced.showing import NO_DRILL

NO_RECORD: dict[str, Any] = {
    **dict.fromkeys(("Cluster", "Node", "Coordinator", "Position", "RecordDigest", "Configuration"), ""),
    "Quorate": "yes",
    "Term": 0,
    "NoTerm": "",
    "Members": [],
    "ConfigurationVersion": 1,
    "Versions": {},
    "History": [],
    "Unconfirmed": ("", 0),
    "Drill": NO_DRILL,
    "LastDrill": "",
    "Losses": [],
    "Safe": True,
    "Maintenance": False,
    "Without": [],
}
