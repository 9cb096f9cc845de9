"""The totals on disk: whole, with the journal's cursor that they belong to, so that a restart counts nothing twice."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from standfast.files import write_atomic
from standfast.incidents import Entry, Incident
from standfast.metrics.families import BUCKETS_S, STEPS
from standfast.metrics.totals import GroupTotals, Histogram, Totals

_FORMAT: Final = 1  # another one, other buckets or steps: everything is counted anew


def store(path: Path, totals: Totals) -> None:
    """The file has these totals. Raises OSError (a full disk): then it has those before."""
    entries = totals.open.entries if totals.open else []
    document = {name: value for name, value in asdict(totals).items() if name != "open"}
    document["open"] = [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries]
    document |= {"format": _FORMAT, "buckets": BUCKETS_S}
    write_atomic(path, json.dumps(document).encode())


def load(path: Path) -> Totals:
    """What `store` wrote; nothing counted yet where there is no file. Raises ValueError when it cannot be used."""
    try:
        document = json.loads(path.read_bytes())
        if document.pop("format") != _FORMAT or tuple(document.pop("buckets")) != BUCKETS_S:
            raise ValueError("it was written by another release")
        if tuple(document["steps"]) != STEPS:
            raise ValueError("it knows other steps")
        return _totals(document)
    except FileNotFoundError:
        return Totals()
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _totals(document: dict[str, Any]) -> Totals:
    document["steps"] = {step: Histogram(**found) for step, found in document["steps"].items()}
    document["outages"] = Histogram(**document["outages"])
    document["groups"] = {name: GroupTotals(**found) for name, found in document["groups"].items()}
    entries = [Entry(**found | {"at": datetime.fromisoformat(found["at"])}) for found in document.pop("open")]
    totals = Totals(**document)
    for entry in entries:
        totals.open = totals.open or Incident([])
        totals.open.add(entry)
    return totals
