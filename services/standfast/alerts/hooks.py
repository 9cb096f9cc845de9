"""Units that an administrator hooked into events: `systemctl enable` of one with WantedBy=standfast-event@….target."""

import re
from pathlib import Path
from typing import Final

_HOOK: Final = re.compile(r"standfast-event@([a-z-]+)\.target\.(?:wants|requires)")


def hooked(folder: Path) -> frozenset[str]:
    """The events that units wait for, by the folders that systemctl enable makes."""
    try:
        found = [(_HOOK.fullmatch(path.name), path) for path in folder.iterdir()]
        return frozenset(name[1] for name, path in found if name and any(path.iterdir()))
    except OSError:
        return frozenset()
