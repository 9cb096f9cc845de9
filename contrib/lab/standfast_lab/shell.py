"""Commands in a node, and beside the nodes as a client."""

import os
import subprocess
import sys
from typing import NoReturn

from . import power
from .place import NodePlace, Place

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "SHELL": "/bin/bash",
    "USER": "root",
    "LOGNAME": "root",
}


def run(
    node: NodePlace, *command: str, text: str | None = None, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command as root in the node; its exit status is negative when a signal ended it, as a power cut does.

    Raises LabError when the node is off, subprocess.TimeoutExpired after `timeout_s`.
    """
    return subprocess.run(
        inside(node, command), input=text or "", capture_output=True, text=True, env=ENVIRONMENT, timeout=timeout_s
    )


def run_client(lab: Place, *command: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command of this machine on the bridge, as a client of the cluster would."""
    argv = _beside(lab, command)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s)


def become(node: NodePlace, *command: str) -> NoReturn:
    """This process is the command in the node: its output, its terminal and its exit status are the caller's."""
    _execute(inside(node, command or ("bash", "-l")), ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")})


def become_client(lab: Place, *command: str) -> NoReturn:
    """This process is the command on the bridge."""
    _execute(_beside(lab, command), dict(os.environ))


def inside(node: NodePlace, command: tuple[str, ...]) -> list[str]:
    """What runs the command in the node, when it is run on this machine."""
    return ["nsenter", f"--target={power.leader(node)}", "--all", "--", *command]


def _beside(lab: Place, command: tuple[str, ...]) -> list[str]:
    # nsenter, not `ip netns exec`, which hides /sys/fs/cgroup from the command
    return ["nsenter", f"--net=/run/netns/{lab.bridge_namespace}", "--", *command]


def _execute(argv: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(argv[0], argv, environment)
