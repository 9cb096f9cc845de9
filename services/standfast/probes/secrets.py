"""The password of a probe: a file beside cluster.conf, or a systemd credential of this node (systemd-creds(1)).

Each is read once, and again when its file changes. A disk or a TPM that hangs holds up one task for each file, not one
for each try.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from standfast.configuration.model import Probe
from standfast.configuration.programs import run_program
from standfast.configuration.system import IN_FORCE
from standfast.probes.verdict import CannotCheckError
from standfast.probes.waiting import settled

STORES: Final = (Path("/run/credstore"), Path("/etc/credstore"))
ENCRYPTED: Final = (Path("/run/credstore.encrypted"), Path("/etc/credstore.encrypted"))
_DECRYPT: Final = ("systemd-creds", "decrypt")
_DECRYPT_S: Final = 30.0  # a TPM may take seconds
_AGAIN_S: Final = 10.0  # what could not be read is read again after this
_LARGEST: Final = 65_536  # bytes of a file; one that is encrypted has its keys in it


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One file as it was when it was read; or why it could not be."""

    stamp: tuple[int, ...]
    task: asyncio.Task[str | CannotCheckError]
    begun: float = field(default_factory=time.monotonic)

    def is_over(self, stamp: tuple[int, ...]) -> bool:
        """It must be read anew."""
        if not self.task.done() or self.task.cancelled():
            return self.task.done()
        failed = isinstance(self.task.result(), CannotCheckError)
        return self.stamp != stamp or (failed and time.monotonic() - self.begun > _AGAIN_S)


# Where PasswordFile= is of a probe that is not pushed yet; else it is in the version in force.
folder: Final[ContextVar[Path | None]] = ContextVar("folder", default=None)

_readings: Final[dict[Path, _Reading]] = {}


async def password(probe: Probe) -> str | None:
    """What PasswordFile= or Credential= of the probe holds; None without them. Raises CannotCheckError.

    It is one line of UTF-8, and is never in the text of the error.
    """
    if probe.password_file is not None:
        path = (folder.get() or IN_FORCE) / probe.password_file
        label, name = f"PasswordFile={probe.password_file}", None
    elif probe.credential is not None:
        path, label, name = _credential(probe.credential)
    else:
        return None
    late = f"{label} could not be read in time; is the probe's Timeout= long enough for it?"
    return await settled(_reading(path, label, name), probe, late)


def find_credential(name: str) -> tuple[Path, bool] | None:
    """Where this node has the credential, and whether it is encrypted there; what systemd gave us counts first.

    Raises PermissionError for others than root.
    """
    return next(((path, encrypted) for path, encrypted in _places(name) if path.is_file()), None)


def no_credential(name: str) -> str:
    """What to say where it is missing."""
    return f"this node has no credential {name}: systemd-creds encrypt --name={name} - {ENCRYPTED[-1] / name}"


def _places(name: str) -> Iterator[tuple[Path, bool]]:
    if given := os.environ.get("CREDENTIALS_DIRECTORY"):
        yield Path(given) / name, False
    yield from ((folder / name, False) for folder in STORES)
    yield from ((folder / name, True) for folder in ENCRYPTED)


def _credential(name: str) -> tuple[Path, str, str | None]:
    try:
        found = find_credential(name)
    except OSError as error:
        raise CannotCheckError(f"Credential={name} cannot be read: {error.strerror}") from error
    if found is None:
        raise CannotCheckError(no_credential(name))
    path, encrypted = found
    return path, f"Credential={name}", name if encrypted else None


def _reading(path: Path, label: str, encrypted_name: str | None) -> asyncio.Task[str | CannotCheckError]:
    try:
        status = path.stat()
    except OSError as error:
        raise CannotCheckError(f"{label} cannot be read: {error.strerror}") from error
    stamp = (status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)
    kept = _readings.get(path)
    if kept is None or kept.is_over(stamp):
        task = asyncio.create_task(_read(path, label, encrypted_name), name=f"read {path}")
        kept = _readings[path] = _Reading(stamp=stamp, task=task)
    return kept.task


async def _read(path: Path, label: str, encrypted_name: str | None) -> str | CannotCheckError:
    """The error is given back, for perhaps nobody waits for it any more."""
    try:
        if encrypted_name is None:
            text = await asyncio.to_thread(_content, path)
        else:
            text = await _decrypt(path, encrypted_name)
    except OSError as error:
        return CannotCheckError(f"{label} cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return CannotCheckError(f"{label} is no UTF-8")
    except CannotCheckError as error:
        return CannotCheckError(f"{label} {error}")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or any(char in text for char in "\r\n\0�"):
        return CannotCheckError(f"{label} is not one line of text")
    return text


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST).decode()


async def _decrypt(path: Path, name: str) -> str:
    command = (*_DECRYPT, f"--name={name}", str(path), "-")
    try:
        exit_code, text, errors = await run_program(command, _DECRYPT_S)
    except TimeoutError as error:
        raise CannotCheckError(f"could not be decrypted within {_DECRYPT_S:g} s") from error
    if exit_code:
        said = next((line.strip().removesuffix(".") for line in reversed(errors.splitlines()) if line.strip()), "")
        raise CannotCheckError(f"cannot be decrypted: {said[:120] or f'exit code {exit_code}'}")
    return text
