"""Gates in Apache's start and stop: while one is shut, whoever comes to it waits, so that a fault surely strikes there.

A gate is a lock on a file in /srv/shared. A test that dies lets everybody through.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from standfast_lab import observe
from standfast_lab.lab import Lab
from standfast_lab.place import Place

# On the disk, not in /run: a node that was switched off and on again has its gates too.
DROP_IN = "etc/systemd/system/apache2.service.d/gates.conf"


class Gate(StrEnum):
    """Where Apache waits; the value is its ActiveState meanwhile."""

    START = "activating"  # before Apache is started; the address is there
    STOP = "deactivating"  # before Apache is stopped: it still serves


GATES = f"""[Service]
ExecStartPre=/usr/bin/flock --shared /srv/shared/{Gate.START} /bin/true
ExecStop=
ExecStop=/usr/bin/flock --shared /srv/shared/{Gate.STOP} /bin/true
ExecStop=/usr/sbin/apachectl graceful-stop
"""


def install(lab: Lab) -> None:
    """Apache has open gates on every node."""
    missing = tuple(node for node in lab.nodes() if not (lab.root(node) / DROP_IN).exists())
    for node in missing:
        (lab.root(node) / DROP_IN).write_text(GATES)
    _reload(lab, missing)


def remove(lab: Lab) -> None:
    """No node has gates."""
    having = tuple(node for node in lab.nodes() if (lab.root(node) / DROP_IN).exists())
    for node in having:
        (lab.root(node) / DROP_IN).unlink()
    _reload(lab, tuple(node for node in having if lab.is_on(node)))


def _reload(lab: Lab, nodes: tuple[str, ...]) -> None:
    if nodes:
        observe.each(nodes, lambda node: lab.sh(node, "systemctl", "daemon-reload"))


@contextmanager
def shut(place: Place, gate: Gate) -> Iterator[Callable[[], None]]:
    """Nobody gets through the gate until what this yields was called, or this ends."""
    with (place.shared / gate).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)
