"""ccs_config_validate: whether a configuration could come into force."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from standfast_rhcs.cluster import EndedError
from standfast_rhcs.options import parse

USAGE: Final = "usage: ccs_config_validate [-f FILE] [-v] [-q]"
UNUSABLE: Final = 255
FOLDER: Final = Path("/etc/standfast")


def main(words: Sequence[str]) -> int:
    """The exit code."""
    options, rest = parse(words, "f:l:rC:vqtnoR:h", USAGE, code=UNUSABLE)
    if rest or not options.keys().isdisjoint(("-l", "-r", "-C", "-t", "-n", "-o", "-R")):
        raise EndedError(UNUSABLE, f"of RHCS's options only -f, -v and -q mean something here\n{USAGE}")
    if "-h" in options:
        print(USAGE)
        return 0
    path = Path(options.get("-f", FOLDER))
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise EndedError(UNUSABLE, f"{path}: there is no such file")
    checked = subprocess.run(
        ["standfast", "config", "check", str(folder)], check=False, capture_output="-q" in options, text=True
    )
    good = checked.returncode == 0
    if "-q" not in options:
        print("Configuration validates" if good else "Configuration fails to validate")
    return 0 if good else 1
