"""A program of the administrator's: it ends with exit code 0, and what it writes matches."""

from typing import Final

from standfast.bus import Variant
from standfast.configuration.model import Probe
from standfast.probes.expressions import found
from standfast.probes.output import Output
from standfast.probes.place import LARGEST_SEEN
from standfast.probes.secrets import find_credential
from standfast.probes.transient import SUCCESS, End, HungError, run
from standfast.probes.verdict import BadAnswerError, CannotCheckError, excerpt

BOUNDS_ITSELF: Final = True  # it knows what hangs
_EXITED: Final = "exit-code"
_TASKS: Final = 64
_NOT_RUN: Final = {
    126: "it cannot be executed (exit code 126)",
    127: "a command in it is not found (exit code 127)",
    203: "it is missing, or it may not be executed there",
    216: "its user has no group",
    217: "its user does not exist",
    226: "its sandbox cannot be made (exit code 226)",
    243: "its credential cannot be read",
}  # systemd.exec(5), "Process Exit Codes", and what shells end with
# It sees the machine and its network, and changes nothing.
_SANDBOX: Final = {
    "ProtectSystem": Variant("s", "strict"),
    "ProtectHome": Variant("s", "yes"),
    "PrivateTmp": Variant("b", True),
    "RestrictSUIDSGID": Variant("b", True),
    "CapabilityBoundingSet": Variant("t", 0),
}
# A user that is nobody's has none of these to change, and they take longer than all the rest.
_FOR_A_USER: Final = {
    "PrivateDevices": Variant("b", True),
    "ProtectKernelTunables": Variant("b", True),
    "ProtectKernelModules": Variant("b", True),
    "ProtectControlGroups": Variant("b", True),
}
_SYSTEMDS: Final = range(200, 246)  # exit codes of what systemd does in the process before the program


def subject(probe: Probe) -> str:
    """The program, without its arguments: they may be secret."""
    return probe.command[0]


async def look(probe: Probe, seen: bytearray) -> str:
    """Its exit code is 0, and the first bytes that it wrote match. Raises as any checker does."""
    with Output(LARGEST_SEEN) as output:
        try:
            end = await run(probe, probe.command, _properties(probe), output)
        except HungError as error:
            raise CannotCheckError(_hung(probe, error, output)) from error
        finally:
            output.drain()
            seen += output.data
    assert end is not None
    return _judge(probe, end, bytes(output.data))


def _hung(probe: Probe, error: HungError, output: Output) -> str:
    if error.earlier is not None:
        return "it still runs since an earlier try"
    within = f"it did not end within {probe.timeout_ms / 1000:g} s"
    return f"{within}, for nobody reads as much as it writes" if output.too_long else within


def _judge(probe: Probe, end: End, output: bytes) -> str:
    said = f": {excerpt(output)}" if output else ""
    if end.result == SUCCESS:
        if probe.expect is None:
            return "exit code 0"
        if found(probe.expect, output):
            return f"exit code 0, and what it wrote matches {probe.expect}"
        raise BadAnswerError(f"exit code 0, but what it wrote does not match {probe.expect}{said}")
    if end.result == _EXITED and end.status not in _SYSTEMDS and end.status not in _NOT_RUN:
        raise BadAnswerError(f"exit code {end.status}{said}")
    raise CannotCheckError(_broken(end) + said)


def _broken(end: End) -> str:
    """Why its end says nothing of the service."""
    match end.result:
        case "exit-code":
            return _NOT_RUN.get(end.status, f"systemd could not start it (exit code {end.status})")
        case "signal" | "core-dump":
            return f"it was ended by signal {end.status}"
        case "oom-kill":
            return "it used more than MemoryMax="
        case other:
            return f"it did not end by itself ({other})"


def _properties(probe: Probe) -> dict[str, Variant]:
    properties = {
        "AddRef": Variant("b", True),  # its exit code is read when it has ended
        "MemoryMax": Variant("t", probe.memory_max),
        "TasksMax": Variant("t", _TASKS),
    }
    if probe.credential is not None:
        properties |= _credential(probe.credential)
    if probe.sandbox:
        properties |= _SANDBOX | ({"DynamicUser": Variant("b", True)} if probe.user is None else _FOR_A_USER)
    return properties if probe.user is None else properties | {"User": Variant("s", probe.user)}


def _credential(name: str) -> dict[str, Variant]:
    """systemd reads it, and decrypts it if need be."""
    try:
        place = find_credential(name)
    except OSError as error:
        raise CannotCheckError(f"Credential={name} cannot be read: {error.strerror}") from error
    if place is None:
        raise CannotCheckError(f"this node has no credential {name}")
    path, encrypted = place
    return {"LoadCredentialEncrypted" if encrypted else "LoadCredential": Variant("a(ss)", [[name, str(path)]])}
