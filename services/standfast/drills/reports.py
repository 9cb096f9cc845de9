"""Reports of fire drills: files on the node that conducted them, for people and `standfast drill history`."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any, Final

from standfast import files

FOLDER: Final = Path("/var/lib/standfast/drills")
MOST: Final = 200  # that are kept
Report = dict[str, Any]


def save(report: Report, folder: Path = FOLDER) -> Path:
    """The report is on disk, named by when the drill began and what it was; the oldest go when there are too many.

    Raises OSError.
    """
    files.make_folders(folder)
    began = re.sub(r"[^0-9T]", "-", str(report["began"]).partition(".")[0].rstrip("Z"))
    path = folder / f"{began}Z-{report['kind']}-{report['node']}.json"
    files.write_atomic(path, json.dumps(report, indent=1, ensure_ascii=False).encode() + b"\n", 0o644)
    for old in sorted(folder.glob("*.json"))[:-MOST]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path


def load(folder: Path = FOLDER) -> list[Report]:
    """All reports here, the oldest first; a file that is none is passed over. Raises OSError where the folder cannot
    be read; one that is not there has none."""
    if not folder.exists():
        return []
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            report = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(report, dict) and {"id", "kind", "node", "began", "groups"} <= report.keys():
            found.append(report)
    return found
