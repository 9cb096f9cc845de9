"""The arbiter that the lab's cluster uses: `standfast quorum arbiter add`, typed on the first node."""

from . import shell
from .place import LabError, Place
from .progress import say


def add(lab: Place) -> None:
    """The nodes and the arbiter have their certificates, corosync-qnetd runs, and the first node's files name it."""
    first, *_ = lab.nodes()
    arbiter = lab.arbiter()
    assert arbiter is not None
    say(f"making {arbiter.name} the arbiter")
    result = shell.run(first, "standfast", "quorum", "arbiter", "add", arbiter.name)
    (lab.folder / "arbiter.log").write_text(result.stdout + result.stderr)
    if result.returncode != 0:
        raise LabError(f"standfast quorum arbiter add: exit {result.returncode}: {result.stderr.strip()}")
