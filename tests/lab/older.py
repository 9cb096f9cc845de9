"""A node whose Standfast is older than the page: it answers less, and the console's own service is not there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from standfast_lab.lab import Lab

RESOURCED = "standfast-resourced.service"
FOLDER = "/run/standfast-older"
DROP_IN = f"/run/systemd/system/{RESOURCED}.d"
# Without -O resourced itself notices that its interface lacks what it serves.
ENVIRONMENT = f"[Service]\nEnvironment=STANDFAST_INTERFACES={FOLDER} PYTHONOPTIMIZE=1\n"
INTERFACES = "/usr/share/dbus-1/interfaces"
CONSOLE = "/usr/share/dbus-1/system-services/org.standfast.Console.service"
NEWER = ("Attention", "Explain", "MissingRights", "SimulateWish")  # of org.standfast.Groups1


@contextmanager
def older(lab: Lab, node: str) -> Iterator[None]:
    """Nobody on the node answers what came with the page, until the end."""
    lab.sh(node, "cp", "-r", INTERFACES, FOLDER)
    lab.sh(node, "tee", f"{FOLDER}/org.standfast.Groups.xml", text=_without_news(lab, node))
    lab.sh(node, "mkdir", "-p", DROP_IN)
    lab.sh(node, "tee", f"{DROP_IN}/older.conf", text=ENVIRONMENT)
    lab.sh(node, "mv", CONSOLE, FOLDER)
    try:
        _begin_anew(lab, node)
        yield
    finally:
        lab.sh(node, "mv", f"{FOLDER}/org.standfast.Console.service", CONSOLE)
        lab.sh(node, "rm", "-r", DROP_IN, FOLDER)
        _begin_anew(lab, node)


def _without_news(lab: Lab, node: str) -> str:
    text = lab.sh(node, "cat", f"{INTERFACES}/org.standfast.Groups.xml").stdout
    for name in NEWER:
        text, count = re.subn(rf'<method name="{name}">.*?</method>', "", text, flags=re.DOTALL)
        assert count == 1, name
    return text


def _begin_anew(lab: Lab, node: str) -> None:
    lab.sh(node, "systemctl", "daemon-reload")
    lab.sh(node, "systemctl", "reload", "dbus.service")
    lab.sh(node, "systemctl", "stop", "standfast-console.service")
    lab.sh(node, "systemctl", "restart", RESOURCED)
