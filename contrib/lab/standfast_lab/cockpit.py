"""Cockpit on the nodes with our page, and somebody to log in: port 9090 of each."""

from pathlib import Path

from . import image, package, shell
from .place import LabError, NodePlace, Place
from .progress import say

PORT = 9090
FOLDER = "usr/share/cockpit/standfast"  # of the page
PASSWORD = "lab-and-nothing-else"
USERS = {"admin": "sudo", "guest": "users"}  # name: Unix group; `admin` may become root, `guest` may only look


def add(lab: Place) -> None:
    """Every node that is on serves Cockpit with the page of this work tree, now and after each boot."""
    if not all(image.has_cockpit(node.root) for node in lab.nodes()):
        raise LabError(f"lab {lab.name} runs without Cockpit; for nodes with it take it down first")
    if all((node.root / FOLDER).exists() for node in lab.nodes()):
        return
    if not _built(lab):
        package.build(lab, page=True)
    (page,) = _built(lab)
    package.install(lab.nodes(), page)
    for node in lab.nodes():
        _open(node)
    say(f"Cockpit: https://192.0.2.11:{PORT}/standfast as {' or '.join(USERS)}, password {PASSWORD}")


def _built(lab: Place) -> tuple[Path, ...]:
    """The page's package, if it was built for this lab."""
    return tuple((lab.folder / "package").glob("standfast-cockpit_*.deb"))


def _open(node: NodePlace) -> None:
    adds = [f"id {user} >/dev/null 2>&1 || useradd -m -s /bin/bash -G {group} {user}" for user, group in USERS.items()]
    _do(node, "sh", "-ec", "\n".join(adds))
    _do(node, "chpasswd", text="".join(f"{user}:{PASSWORD}\n" for user in USERS))
    _do(node, "systemctl", "enable", "--now", "cockpit.socket")


def _do(node: NodePlace, *command: str, text: str | None = None) -> None:
    result = shell.run(node, *command, text=text, timeout_s=60)
    if result.returncode != 0:
        raise LabError(f"{node.name}: {' '.join(command)}: exit {result.returncode}: {result.stderr.strip()}")
