"""What a failed test leaves: everything that tells what happened, copied before the lab is gone."""

import re
import shutil
from pathlib import Path

from standfast_lab import processes
from standfast_lab.lab import Lab

FAILURES = Path("/var/tmp/standfast-failures")


def gather(lab: Lab, name: str) -> Path:
    """The folder that has everything that tells what happened."""
    folder = FAILURES / f"{lab.place.name}-{re.sub('[^A-Za-z0-9-]+', '-', name)}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for node in lab.place.machines():
        journal = f"--directory={node.root}/var/log/journal"
        text = processes.run("journalctl", journal, "--output=short-monotonic", "--no-pager", check=False).stdout
        (folder / f"{node.name}.journal").write_text(text)
        for log in (node.folder / "supervisor.out", node.addresses_log, node.folder / "console.log"):
            if log.exists():
                shutil.copy(log, folder / f"{node.name}.{log.name}")
    for log in (lab.place.folder / "bmc.log", lab.place.folder / "client.log"):
        if log.exists():
            shutil.copy(log, folder / log.name)
    return folder
