"""A node's power, asked of its supervisor."""

import json
import socket
from dataclasses import dataclass

from .place import LabError, NodePlace

TIMEOUT_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What a supervisor says of its node."""

    on: bool
    leader: int | None  # PID 1 of the node, as numbered here
    boots: int  # since the lab was made


def ask(node: NodePlace, command: str) -> Power:
    """`command` is done: status, on (there is a PID 1) or off (it is gone and its addresses are flushed)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(node.socket))
            connection.sendall(f"{command}\n".encode())
            answer = connection.makefile().readline()
        fields = json.loads(answer)
    except (OSError, ValueError) as error:
        text = f"{node.name}'s supervisor does not answer '{command}' ({error}); see {node.folder}/supervisor.out"
        raise LabError(text) from error
    return Power(on=fields["on"], leader=fields["leader"], boots=fields["boots"])


def leader(node: NodePlace) -> int:
    """The node's PID 1; LabError when it is off."""
    found = ask(node, "status").leader
    if found is None:
        raise LabError(f"{node.name} is off (lab boot {node.name})")
    return found
