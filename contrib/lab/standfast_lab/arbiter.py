"""The arbiter that the lab's cluster uses: `standfast quorum arbiter add`, typed on the first node.

What it does on other machines it does over ssh. The nodes have a program of that name which hands the command to the
lab, as it stands and with its input and output: so there is no server, no key and no trust to set up.
"""

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from . import shell
from .place import LabError, NodePlace, Place
from .progress import say

SSH = Path("/usr/local/bin/ssh")  # in the nodes
SOCKET = Path("/srv/shared/ssh.sock")  # in the nodes too
_COMMAND_MAX = 64 * 1024
_SSH_FAILED = 255
_PROGRAM = f'''\
#!/usr/bin/python3
"""ssh -o OPTION root@ADDRESS COMMAND, as the lab understands it."""

import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
    connection.connect("{SOCKET}")
    socket.send_fds(connection, ["\\0".join(sys.argv[-2:]).encode()], [0, 1, 2])
    sys.exit(int(connection.recv(8)))
'''


def add(lab: Place) -> None:
    """The nodes and the arbiter have their certificates, corosync-qnetd runs, and every cluster.conf names it."""
    first, *others = lab.nodes()
    arbiter = lab.arbiter()
    assert arbiter is not None
    say(f"making {arbiter.name} the arbiter")
    with _ssh(lab, first):
        result = shell.run(first, "standfast", "quorum", "arbiter", "add", arbiter.name)
    (lab.folder / "arbiter.log").write_text(result.stdout + result.stderr)
    if result.returncode != 0:
        raise LabError(f"standfast quorum arbiter add: exit {result.returncode}: {result.stderr.strip()}")
    for node in others:
        shutil.copy(_configuration(first), _configuration(node))


def _configuration(node: NodePlace) -> Path:
    return node.root / "etc/standfast/cluster.conf"


@contextlib.contextmanager
def _ssh(lab: Place, node: NodePlace) -> Iterator[None]:
    """In `node`, ssh reaches every machine of the lab."""
    program = node.root / SSH.relative_to("/")
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    path = lab.shared / SOCKET.name
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_serve, args=(lab, listener), daemon=True).start()
        try:
            yield
        finally:
            path.unlink()
            listener.shutdown(socket.SHUT_RDWR)


def _serve(lab: Place, listener: socket.socket) -> None:
    """Until nobody listens any more; one command after the other."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            data, descriptors, _, _ = socket.recv_fds(connection, _COMMAND_MAX, 3)
            user_at_host, _, command = data.decode().partition("\0")
            code = _execute(lab, user_at_host.removeprefix("root@"), command, descriptors)
            connection.send(str(code).encode())


def _execute(lab: Place, host: str, command: str, descriptors: list[int]) -> int:
    """The command's exit status, run by a shell of that machine with these as its input and output; they are closed."""
    try:
        known = {name: place for place in lab.machines() for name in (place.name, *place.addresses)}
        if host not in known:
            return _SSH_FAILED
        return shell.run_with(known[host], descriptors, "sh", "-c", command)
    except LabError:
        return _SSH_FAILED
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
