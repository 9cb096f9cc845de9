"""A file system in a node that stops answering when it is told to (stuckfs.c)."""

from .fuse import compiled
from .lab import Lab
from .processes import run

PROGRAM = "/usr/local/sbin/stuckfs"  # in the node: stuckfs FOLDER POINT STUCK
STUCK = "/run/stuck"  # in the node: while it is there nothing is answered
_STATIC = ("-l:libfuse3.a", "-lpthread", "-ldl")  # nodes have no libfuse


def install(lab: Lab, node: str) -> None:
    """The node has the program, and /dev/fuse until its next boot."""
    place = lab.root(node) / PROGRAM.lstrip("/")
    place.write_bytes(compiled("stuckfs", libraries=_STATIC).read_bytes())
    place.chmod(0o755)
    into = ("nsenter", f"--target={lab.leader_pid(node)}", "--mount", "--")
    run(*into, "mknod", "/dev/fuse", "c", "10", "229", check=False)  # its boot may have made one


def stick(lab: Lab, node: str) -> None:
    """From now on nobody gets an answer from the node's stuckfs."""
    lab.sh(node, "touch", STUCK)


def release(lab: Lab, node: str) -> None:
    """It answers again, also who waited."""
    lab.sh(node, "rm", "-f", STUCK)
